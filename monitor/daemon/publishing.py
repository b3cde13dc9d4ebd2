"""What is observed goes into the spool, for those who correlate elsewhere: parcels, beats, accounts, an end.

Nothing here waits: the spool is written through the system's cache. What it has no room for is counted, and
the next account says so. Parcels of one run are numbered in the order in which they were cut.
"""

import secrets
import time
from typing import Protocol

import msgspec

from monitor.fleet.parcels import TO_ALL, Account, Parcel, ParcelKind, encode, slot_of
from monitor.fleet.segments import ALL
from monitor.fleet.spool import SpoolWriter
from monitor.metrics.spooled import Told
from monitor.windows import OF_CAPTURES
from sensors.live import Status
from sensors.observations import Count, Gap
from sensors.publishing import Published

BEAT_SECONDS = 2.0
ACCOUNT_SECONDS = 60.0
QUIET_NS = 2_000_000_000  # that the clock of a quiet network is behind the host's
_RUN_BYTES = 8

_gaps = msgspec.msgpack.Decoder(list[Gap]).decode
_encode = msgspec.msgpack.Encoder().encode


class Publishes(Protocol):
    """A sensor, as far as it publishes."""

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""


class Publishing:
    """The line to the spool. ``linger_seconds`` is how long observations may be gathered."""

    def __init__(
        self, sensor: str, writer: SpoolWriter, key: bytes, linger_seconds: float, *, live: bool
    ) -> None:
        self._unpublished = 0  # observations that were given up
        self._parcels = 0
        self._sensor = sensor
        self._run = secrets.token_hex(_RUN_BYTES)
        self._writer = writer
        self._own_slot = slot_of(sensor, key)
        self._linger_seconds = linger_seconds
        self._live = live
        self._clock_ns = self._since_ns = 0
        self._next_cut = self._next_beat = self._next_account = 0.0
        self._packets = self._packets_told = self._shed = 0
        self._lost: dict[str, Count] = {}
        self._blind: set[str] = set() if live else {OF_CAPTURES}

    def has_room(self) -> bool:
        """Whether the spool is half empty: only who can wait need ask.

        What never finds room as a whole, since it takes half of the spool alone, goes out in pieces.
        """
        if self._writer.has_room():
            return True
        if self._writer.is_held_much and self._writer.release(self._writer.whole):
            self._writer.hold()
        return False

    @property
    def last(self) -> str | None:
        """What went out last as a whole."""
        return self._writer.whole

    def begin(self) -> bool:
        """Have what follows go out as a whole, or not at all. Tell whether that is possible now."""
        return self._writer.hold()

    def end(self, mark: str) -> bool:
        """Have it go out, after ``pump``. Tell whether that is possible now."""
        return self._writer.release(mark)

    def pump(self, sensor: Publishes, *, now: bool = False) -> list[Gap]:
        """Take what the sensor cut, and where it is time, or ``now``, what it gathers; return the gaps."""
        moment = time.monotonic()
        is_due = now or moment >= self._next_cut
        if is_due:
            self._next_cut = moment + self._linger_seconds
        published = sensor.published(cut=is_due)
        self._give_up(published.shed)
        gaps: list[Gap] = []
        for cut in published.cuts:
            self._clock_ns = max(self._clock_ns, cut.clock_ns)
            if cut.slot is None and not cut.names:
                gaps += _gaps(cut.data)
            kind: ParcelKind = "names" if cut.names else "observations"
            if not self._put(kind, cut.slot, cut.data, cut.count):
                self._give_up(cut.count)
        self._give_up(self._writer.flush())
        return gaps

    def lost(self, reason: str, packets: int, wire_bytes: int) -> None:
        """Note what could not be observed."""
        old = self._lost.get(reason, Count())
        self._lost[reason] = Count(old.packets + packets, old.bytes + wire_bytes)

    def turn(self, sensor: Publishes, status: Status, now_ns: int) -> list[Gap]:
        """Give a sign of life, and an account, where it is time; return gaps as ``pump`` does.

        ``status`` is of before. A sign of life says that all until then is published, and so it is.
        """
        moment = time.monotonic()
        self._look(status)
        gaps: list[Gap] = []
        if moment >= self._next_beat:
            self._next_beat = moment + BEAT_SECONDS
            gaps = self.pump(sensor, now=True)
            self._pass(status, now_ns)
            if self._clock_ns:  # else there was no packet yet
                self._put("beat", None, b"")
        if moment >= self._next_account and self._clock_ns:
            self._account()
            self._next_account = moment + ACCOUNT_SECONDS
        self._give_up(self._writer.flush())
        return gaps

    def finish(self, status: Status) -> None:
        """Give the last account, and say that this is the end, if there was a packet; after ``pump``."""
        self._look(status)
        self._pass(status, 0)
        if self._clock_ns:
            self._account()
            self._put("end", None, b"")
            self._give_up(self._writer.flush())

    def told(self) -> Told:
        """Return how it stands, for metrics and the log."""
        writer = self._writer
        return Told(writer.bytes, writer.limit_bytes, self._parcels, self._unpublished, writer.problem)

    def _look(self, status: Status) -> None:
        self._packets = sum(source.accounting.read.packets for source in status.sources)
        self._blind |= {f"{source.name} was not up" for source in status.sources if source.state != "up"}
        if not self._since_ns:
            firsts = (source.accounting.first_ns for source in status.sources)
            self._since_ns = min((each for each in firsts if each is not None), default=0)

    def _pass(self, status: Status, now_ns: int) -> None:
        """Let the clock go to the latest packet; where none comes, and capture is live, to the host's."""
        lasts = (source.accounting.last_ns for source in status.sources)
        last_ns = max((each for each in lasts if each is not None), default=0)
        if self._live and not status.waiting and now_ns - last_ns > QUIET_NS:
            last_ns = now_ns - QUIET_NS
        self._clock_ns = max(self._clock_ns, last_ns)

    def _account(self) -> None:
        """Say what was read, and what not. What the spool does not take is in the next one."""
        self._give_up(self._writer.flush())
        since_ns = self._since_ns or self._clock_ns
        account = Account(
            since_ns,
            max(self._clock_ns, since_ns),
            self._packets - self._packets_told,
            self._lost,
            self._shed,
            tuple(sorted(self._blind)),
        )
        if self._put("account", None, _encode(account), 1) and not self._writer.flush():
            self._since_ns, self._packets_told = account.until_ns, self._packets
            self._lost, self._shed = {}, 0
            self._blind = set() if self._live else {OF_CAPTURES}

    def _put(self, kind: ParcelKind, slot: int | None, data: bytes, count: int = 0) -> bool:
        """Number a parcel, and have it written; tell whether there is room."""
        to_all = kind in TO_ALL
        owner = None if to_all else self._own_slot if slot is None else slot
        parcel = Parcel(self._sensor, self._run, self._parcels, self._clock_ns, kind, owner, data)
        self._parcels += 1
        return self._writer.put(ALL if owner is None else owner, encode(parcel), count)

    def _give_up(self, observations: int) -> None:
        self._shed += observations
        self._unpublished += observations
