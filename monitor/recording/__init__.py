"""What is decided becomes durable: ledgers first, then findings and the outbox. Without threads.

The daemon and whoever records for a fleet share it: each hands over what it has, and says what time it is.
"""
