"""Observations for those who correlate elsewhere: encoded, and parted by whose they are. Pure.

What is gathered for one slot is cut into a parcel when it is much, or when packet time went on by the linger.
In each slot observations keep their order. Names that others' flows may need are cut ahead of what came after
them, and may come to stand ahead of what came before within the linger: they count from their own time on.
What there is no room for is shed, and counted. This is the specification of `publishing.rs`.
"""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from sensors.interest import Interest
from sensors.names import AddressSet, NameSet
from sensors.observations import Gap, NameResolved, Observation
from sensors.slots import SLOTS, slot_of

CUT_BYTES = 524_288  # what one parcel holds at the most, but for its last observation
MAX_OBSERVATIONS = 4_096  # in one parcel
BOUND_BYTES = 67_108_864  # that may wait to be fetched
LINGER_NS = 200_000_000
CLIENTS_REMEMBERED = NAMES_REMEMBERED = 65_536

_NAMES, _NOBODY = SLOTS, SLOTS + 1  # gathered apart, behind the slots

_encode = msgspec.msgpack.Encoder().encode


class Publishing(msgspec.Struct, frozen=True):
    """How to publish. Without ``judge`` it is all that is done with observations.

    ``key`` is what slots follow from. ``linger_ns`` is how far packet time goes on before what was gathered
    is cut, ``bound_bytes`` how much may wait to be fetched.
    """

    key: bytes
    judge: bool = True
    linger_ns: int = LINGER_NS
    bound_bytes: int = BOUND_BYTES


class Cut(msgspec.Struct, frozen=True):
    """Observations, as a msgpack array of so many. ``names``: they are everybody's; else they are a slot's.

    Without a slot they are no client's. ``clock_ns`` is the latest time of any observation by then.
    """

    names: bool
    slot: int | None
    clock_ns: int
    count: int
    data: bytes


class Published(msgspec.Struct, frozen=True):
    """What is to be published now, in order, and how many observations were shed."""

    cuts: tuple[Cut, ...] = ()
    shed: int = 0


class _Open(msgspec.Struct):
    """What is gathered for one parcel."""

    encoded: list[bytes]
    size_bytes: int = 0


class Publisher:
    """Takes observations; gives parcels."""

    def __init__(self, publishing: Publishing, interest: Interest) -> None:
        self._publishing = publishing
        self._slot_of = lru_cache(CLIENTS_REMEMBERED)(lambda client: slot_of(client, publishing.key))
        self._open: dict[int, _Open] = {}  # in the order in which they were begun
        self._cuts: list[Cut] = []
        self._clock_ns = self._since_ns = -(2**63)
        self._waiting_bytes = self._shed = 0
        self.retarget(interest)

    def retarget(self, interest: Interest) -> None:
        """Have other names go to everybody from now on. Raises ValueError, and then nothing changes."""
        self._resolvers = AddressSet(interest.resolvers)
        self._is_wanted = lru_cache(NAMES_REMEMBERED)(NameSet(interest.names).fits)

    def take(self, observations: Iterable[Observation]) -> None:
        """Take observations in order."""
        for observation in observations:
            self._pass(observation.ts_ns)
            if self._waiting_bytes >= self._publishing.bound_bytes:
                self._shed += 1
            else:
                self._gather(observation)

    def published(self, *, cut: bool) -> Published:
        """Return what was cut, in order. ``cut``: all that is still gathered is cut before."""
        if cut:
            self._cut()
        published = Published(tuple(self._cuts), self._shed)
        self._cuts, self._shed = [], 0
        self._waiting_bytes = sum(each.size_bytes for each in self._open.values())
        return published

    def _pass(self, ts_ns: int) -> None:
        """Let packet time go on."""
        if ts_ns > self._clock_ns:
            if self._open and ts_ns - self._since_ns >= self._publishing.linger_ns:
                self._cut()
            self._clock_ns = ts_ns

    def _gather(self, observation: Observation) -> None:
        whose = self._whose(observation)
        if not self._open:
            self._since_ns = self._clock_ns
        encoded = _encode(observation)
        gathered = self._open.setdefault(whose, _Open([]))
        gathered.encoded.append(encoded)
        gathered.size_bytes += len(encoded)
        self._waiting_bytes += len(encoded)
        if len(gathered.encoded) >= MAX_OBSERVATIONS or gathered.size_bytes >= CUT_BYTES:
            self._cut_one(_NAMES)
            self._cut_one(whose)

    def _whose(self, observation: Observation) -> int:
        if isinstance(observation, Gap):
            return _NOBODY
        if not isinstance(observation, NameResolved):
            return self._slot_of(observation.flow.client)
        if not self._is_everybodys(observation):
            return self._slot_of(observation.client)
        if observation.ech_public_names:
            self._cut()  # they count whenever they were told, so that order matters
        return _NAMES

    def _is_everybodys(self, answer: NameResolved) -> bool:
        """Whether flows of other clients may be named by it."""
        names = answer.qname, *answer.cnames
        return any(map(self._is_wanted, names)) or self._resolvers.fits(answer.client)

    def _cut(self) -> None:
        """Cut all that is gathered, names first."""
        self._cut_one(_NAMES)
        for whose in list(self._open):
            self._cut_one(whose)

    def _cut_one(self, whose: int) -> None:
        gathered = self._open.pop(whose, None)
        if gathered is None:
            return
        slot = whose if whose < SLOTS else None
        data = _encode([msgspec.Raw(each) for each in gathered.encoded])
        self._cuts.append(Cut(whose == _NAMES, slot, self._clock_ns, len(gathered.encoded), data))
