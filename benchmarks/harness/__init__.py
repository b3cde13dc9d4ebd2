"""The parts of ``run.py``: child processes and their cost, names against the truth, and the table."""
