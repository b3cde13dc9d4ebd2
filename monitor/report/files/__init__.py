"""The forms of a report beside its page: the facts as JSON, tables for other programs, and paper.

`tables` lays the facts out as flat tables (pure); `csv_files`, `xlsx` and `parquet` write these, `pdf` has a
browser print the page, and `writing` puts what was asked for into a folder. The same facts give the same
bytes.
"""
