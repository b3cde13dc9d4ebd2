"""What lies in a period, and what touches it. Pure."""

from monitor.report.types import Period


def holds(period: Period, ts_ns: int) -> bool:
    """Tell whether a moment is in a period."""
    return (period.since_ns is None or ts_ns >= period.since_ns) and (
        period.until_ns is None or ts_ns < period.until_ns
    )


def touches(period: Period, first_ns: int, last_ns: int | None) -> bool:
    """Tell whether what went on from one moment to another, both included, touches a period; None is on."""
    begins = period.until_ns is None or first_ns < period.until_ns
    return begins and (period.since_ns is None or last_ns is None or last_ns >= period.since_ns)


def overlaps(period: Period, first_ns: int, last_ns: int) -> bool:
    """Tell whether a stretch of time has any part in a period; its end is not in it."""
    return (period.since_ns is None or last_ns > period.since_ns) and (
        period.until_ns is None or first_ns < period.until_ns
    )


def is_bounded(period: Period) -> bool:
    """Tell whether a period has any bound."""
    return period != Period()
