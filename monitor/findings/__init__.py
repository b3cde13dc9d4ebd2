"""Findings: what decisions and behaviours come to, grouped, with a life of their own. Pure, in packet time.

`Book` holds them; `types` is what comes out, `actions` what a person may ask for, `silence` what a cure rests
on.
"""

from monitor.findings.book import Book, rank
from monitor.findings.keys import excused_finding, finding_id

__all__ = ["Book", "excused_finding", "finding_id", "rank"]
