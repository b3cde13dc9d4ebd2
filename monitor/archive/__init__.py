"""The archive: decisions of ledgers and replays as Parquet files, and ready questions over them.

What is in it says one manifest, which is replaced whole: so a reader finds each row once, whenever it comes.
"""
