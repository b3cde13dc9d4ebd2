"""The ready questions: an SQL file each, whose first comment lines say what it is, and what it may be given.

All are written in what DuckDB and ClickHouse both understand. Parameters are named, and bound by the engine.
"""
