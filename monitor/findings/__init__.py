"""Findings: what decisions and behaviours come to, grouped, with a life of their own. Pure."""

from monitor.findings.book import Book
from monitor.findings.keys import finding_id

__all__ = ["Book", "finding_id"]
