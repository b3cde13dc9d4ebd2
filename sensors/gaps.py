"""Gaps: what was on the wire and could not be observed, gathered by reason over a while of packet time."""

from collections.abc import Mapping

from sensors.observations import Count, Gap, GapReason

GAP_INTERVAL_NS = 60 * 1_000_000_000  # of a replay


def gap_reason(undecoded: str) -> GapReason | None:
    """The gap that an undecoded packet means; None for what carries no flow of ours anyway."""
    if undecoded.startswith("truncated"):
        return "snaplen"
    if undecoded.startswith("fragment"):
        return "fragment"
    if undecoded.startswith("malformed") or undecoded in ("unknown-linktype", "too-deep-nesting"):
        return "decode"
    return None


class GapLog:
    """Turns growing totals into gaps. The totals stay the owner's; here is only what was reported."""

    def __init__(self, interval_ns: int = GAP_INTERVAL_NS) -> None:
        self._interval_ns = interval_ns
        self._since_ns: int | None = None
        self._reported: dict[GapReason, Count] = {}
        self._evicted = Count()
        self._lost_packets = 0

    def lost(self, packets: int) -> None:
        """Note packets that the kernel dropped."""
        self._lost_packets += packets

    def evicted(self, packets: int, bytes_: int) -> None:
        """Note a flow that the full table gave up."""
        self._evicted = Count(self._evicted.packets + packets, self._evicted.bytes + bytes_)

    def due(self, now_ns: int) -> bool:
        """Tell whether it is time to report; the first call starts the clock."""
        if self._since_ns is None:
            self._since_ns = now_ns
        return abs(now_ns - self._since_ns) >= self._interval_ns  # the clock may be set back

    def flush(self, now_ns: int, undecoded: Mapping[str, Count]) -> list[Gap]:
        """Return what was lost since the last call, by reason."""
        totals: dict[GapReason, Count] = {"ring": Count(self._lost_packets), "table": self._evicted}
        for name, count in undecoded.items():
            reason = gap_reason(name)
            if reason is not None:
                before = totals.get(reason, Count())
                totals[reason] = Count(before.packets + count.packets, before.bytes + count.bytes)
        since_ns = now_ns if self._since_ns is None else min(self._since_ns, now_ns)
        gaps = []
        for reason in sorted(totals):
            old = self._reported.get(reason, Count())
            packets, bytes_ = totals[reason].packets - old.packets, totals[reason].bytes - old.bytes
            if packets:
                gaps.append(Gap(now_ns, since_ns, packets, bytes_, reason))
        self._reported = totals
        self._since_ns = now_ns
        return gaps
