"""Builds small captures frame by frame, for ``pcaps/make.py``. All of it is a function of its arguments.

No clock, no random source: what has to look random is derived from a label, so that a rebuild on any
machine gives the same bytes.
"""
