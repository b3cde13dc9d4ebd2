"""Judging again: what another policy, or other knowledge, says of the flows that a ledger recorded.

What was recorded is read and never altered. The core is pure: `records` reads, `files` writes.
"""
