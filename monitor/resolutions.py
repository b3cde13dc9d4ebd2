"""What clients learnt from DNS, as of any moment: which names an address had, and whether they still counted.

A flow is judged when it ends, with the answers that were live when it began: so lifetimes are kept, not
only the latest answer. All that is remembered shares one budget of bytes; where it is used up, what was
longest out of use is forgotten, and counted.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from sensors.limits import NameLimits
from sensors.observations import NameResolved

SECOND_NS = 1_000_000_000
GRACE_NS = 60 * SECOND_NS  # clients go on using an answer for a while after its TTL (browsers: one minute)
MAX_TTL_SECONDS = 7 * 86_400  # RFC 8767 section 4: a longer TTL is not believed

EVERYBODY = ""  # the asker that stands for all clients
RESOLVERS = "."  # and the one that stands for those that ask in others' place

# What CPython needs, measured; the texts come on top.
_ADDRESS_BYTES = 500
_LIFETIME_BYTES = 300
_ALIAS_BYTES = 60


class Lifetime(msgspec.Struct):
    """One span in which an answer counted, its TTL included, and the alias chain that led to it."""

    since_ns: int
    until_ns: int
    cnames: tuple[str, ...]


class Resolved(msgspec.Struct, frozen=True):
    """A name that an address had, and whether it still counted at the moment asked for."""

    name: str
    cnames: tuple[str, ...]
    live: bool


class View:
    """The names that one asker was told for one address, the latest last.

    ``held_bytes`` is what they take; ``forgotten`` counts what the bounds dropped here.
    """

    __slots__ = ("_limits", "forgotten", "held_bytes", "names")

    def __init__(self, limits: NameLimits) -> None:
        self._limits = limits
        self.held_bytes = _ADDRESS_BYTES
        self.forgotten = 0
        self.names: dict[str, list[Lifetime]] = {}

    def add(self, answer: NameResolved) -> None:
        """Remember an answer."""
        name = answer.qname
        lifetimes = self.names[name] = self.names.pop(name, [])
        until_ns = answer.ts_ns + min(answer.ttl, MAX_TTL_SECONDS) * SECOND_NS
        for last in lifetimes[-1:]:
            same = last.cnames == answer.cnames
            if same and last.since_ns <= answer.ts_ns <= last.until_ns + GRACE_NS:
                last.until_ns = max(last.until_ns, until_ns)
                return
        lifetimes.append(Lifetime(answer.ts_ns, until_ns, answer.cnames))
        self.held_bytes += _size(name, answer.cnames)
        if len(lifetimes) > self._limits.lifetimes:
            self._forget(name, [lifetimes.pop(0)])
        if len(self.names) > self._limits.names:
            oldest = next(iter(self.names))
            self._forget(oldest, self.names.pop(oldest))

    def at(self, ts_ns: int) -> list[Resolved]:
        """Return the names that the address had at that moment: live ones first, the latest first."""
        found: list[tuple[bool, int, Resolved]] = []
        for name, lifetimes in self.names.items():
            known = [life for life in lifetimes if life.since_ns <= ts_ns]
            if known:
                life = max(known, key=lambda life: (life.since_ns, life.cnames))
                live = ts_ns <= life.until_ns + GRACE_NS
                found.append((live, life.since_ns, Resolved(name, life.cnames, live)))
        found.sort(key=lambda row: (not row[0], -row[1], row[2].name))
        return [resolved for _, _, resolved in found]

    def _forget(self, name: str, lifetimes: list[Lifetime]) -> None:
        self.forgotten += 1
        self.held_bytes -= sum(_size(name, life.cnames) for life in lifetimes)


class Resolutions:
    """What every client was told, and what of it others know too, for marking what only others were told.

    ``is_resolver`` tells who asks in others' place. What those are told is everybody's, and so are answers
    with a name that ``is_known``: of other clients' names, attribution reads no others.
    """

    def __init__(
        self,
        limits: NameLimits | None = None,
        is_resolver: Callable[[str], bool] = lambda _: False,
        is_known: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._limits = limits or NameLimits()
        self.is_resolver = is_resolver
        self.is_known = is_known
        self.forgotten = 0  # names that the bounds made us forget
        self._views: OrderedDict[tuple[str, str], View] = OrderedDict()  # by asker and address
        self._public_names: OrderedDict[tuple[str, str], None] = OrderedDict()  # by client and name
        self._held_bytes = 0

    def add(self, answer: NameResolved) -> None:
        """Remember an answer for its client, and for everybody where it is everybody's."""
        asks_for_others = self.is_resolver(answer.client)
        is_everybodys = asks_for_others or any(map(self.is_known, (answer.qname, *answer.cnames)))
        for address in answer.addresses:
            self._remember((answer.client, address), answer)
            if is_everybodys:
                self._remember((EVERYBODY, address), answer)
            if asks_for_others:
                self._remember((RESOLVERS, address), answer)
        for name in answer.ech_public_names:
            self._public_names[answer.client, name] = None
            self._public_names.move_to_end((answer.client, name))
            if len(self._public_names) > self._limits.public_names:
                self._public_names.popitem(last=False)
                self.forgotten += 1

    def own(self, client: str, address: str, at_ns: int) -> list[Resolved]:
        """Return the names that the client itself was told for the address."""
        view = self._views.get((client, address))
        if view is None:
            return []
        self._views.move_to_end((client, address))
        return view.at(at_ns)

    def foreign(self, client: str, address: str, at_ns: int) -> list[Resolved]:
        """Return the live names that only other clients were told for the address."""
        own = {resolved.name for resolved in self.own(client, address, at_ns)}
        names = self.own(EVERYBODY, address, at_ns)
        return [resolved for resolved in names if resolved.live and resolved.name not in own]

    def by_resolvers(self, address: str, at_ns: int) -> set[str]:
        """Return the live names that resolvers were told for the address."""
        return {resolved.name for resolved in self.own(RESOLVERS, address, at_ns) if resolved.live}

    def is_ech_public_name(self, client: str, name: str) -> bool:
        """Tell whether the client was told to use this name on the outside of an ECH hello."""
        return (client, name) in self._public_names

    def _remember(self, key: tuple[str, str], answer: NameResolved) -> None:
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(self._limits)
            self._held_bytes += view.held_bytes
        self._views.move_to_end(key)
        held_bytes, forgotten = view.held_bytes, view.forgotten
        view.add(answer)
        self._held_bytes += view.held_bytes - held_bytes
        self.forgotten += view.forgotten - forgotten
        while self._held_bytes > self._limits.answer_bytes:
            _, idle = self._views.popitem(last=False)
            self._held_bytes -= idle.held_bytes
            self.forgotten += len(idle.names)


def _size(name: str, cnames: tuple[str, ...]) -> int:
    """About how many bytes a lifetime of a name takes."""
    return _LIFETIME_BYTES + len(name) + sum(_ALIAS_BYTES + len(alias) for alias in cnames)
