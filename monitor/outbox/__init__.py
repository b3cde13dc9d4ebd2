"""Findings' state and the events that wait for the sinks, durable in one SQLite file.

`store` is the one owner that writes, `reading` is for everybody else, `actions` carries what operators ask of
a running daemon.
"""
