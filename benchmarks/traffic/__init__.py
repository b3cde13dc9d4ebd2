"""The parts of ``make_traffic.py``: a plan of flows, their packets in windows of time, and frames from both.

All columns are numpy arrays, so that the work a packet is a few array operations; only first messages are
made one by one. Nothing depends on anything but the arguments and the seed.
"""
