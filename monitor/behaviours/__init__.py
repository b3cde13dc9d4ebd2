"""Behaviours across connections: what several decisions show together. Pure, in packet time, bounded.

One module for each kind. Decisions come in the order in which connections end, which is not that of their
first packets; the same ones in any order give the same behaviours.
"""

from monitor.behaviours.latency import LatencyReport
from monitor.behaviours.types import Behaviour, BehaviourKind
from monitor.behaviours.watch import Behaviours, rank

__all__ = ["Behaviour", "BehaviourKind", "Behaviours", "LatencyReport", "rank"]
