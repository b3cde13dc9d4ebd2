"""The audit report: what recorded decisions come to over a period, as a page, as tables, and on paper.

`reading` opens what a replay or a daemon left, `gathering` adds it up (pure), `people` withholds what would
single persons out, and `page`, `charts` and `files` show the same facts.
"""
