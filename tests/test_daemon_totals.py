"""The accounts of all capture threads as one."""

from monitor.daemon.totals import accounting
from sensors.live import SourceStatus, Status
from sensors.observations import Accounting, Count, Fault

FAULT = Fault("a.pcap", 24, "truncated", "cut", "copy it")


def test_nothing_is_nothing() -> None:
    assert accounting(Status(0, ())) == Accounting(Count(), {}, {}, {})


def test_counts_add_up_and_the_span_is_the_widest() -> None:
    one = Accounting(
        Count(3, 300), {"tcp": Count(2, 200)}, {"malformed-tcp": Count(1, 100)}, {"a": 1}, (), 5, 9
    )
    other = Accounting(
        Count(2, 50), {"tcp": Count(1, 20), "arp": Count(1, 30)}, {}, {"a": 2, "b": 1}, (FAULT,), 3, 7
    )
    unused = Accounting(Count(), {}, {}, {})
    sources = tuple(SourceStatus("eth0", "up", each) for each in (one, other, unused))
    assert accounting(Status(0, sources)) == Accounting(
        Count(5, 350),
        {"tcp": Count(3, 220), "arp": Count(1, 30)},
        {"malformed-tcp": Count(1, 100)},
        {"a": 3, "b": 1},
        (FAULT,),
        3,
        9,
    )
