"""What clients learnt from DNS, as of any moment: which names an address had, and whether they still counted.

A flow is judged when it ends, with the answers that were live when it began: so lifetimes are kept, not
only the latest answer. Bounded at every level; what is forgotten is counted.
"""

from collections import OrderedDict
from typing import Any

import msgspec

from sensors.observations import NameResolved

SECOND_NS = 1_000_000_000
GRACE_NS = 60 * SECOND_NS  # clients go on using an answer for a while after its TTL (browsers: one minute)
MAX_TTL_SECONDS = 7 * 86_400  # RFC 8767 section 4: a longer TTL is not believed
MAX_CLIENTS = 65_536
MAX_ADDRESSES = 4_096  # of one client
MAX_NAMES = 32  # of one address in one view
MAX_LIFETIMES = 8  # of one name at one address


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
    """One asker's answers: names by address, and alias chains by name."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.ech_public_names: OrderedDict[str, None] = OrderedDict()
        self._names: OrderedDict[str, OrderedDict[str, list[Lifetime]]] = OrderedDict()

    def add(self, answer: NameResolved) -> None:
        """Remember an answer. A name without addresses is remembered for its alias chain."""
        for public_name in answer.ech_public_names:
            self.ech_public_names[public_name] = None
            self._bound(self.ech_public_names, MAX_NAMES)
        for address in answer.addresses:
            names = self._names.get(address)
            if names is None:
                names = self._names[address] = OrderedDict()
                self._bound(self._names, MAX_ADDRESSES)
            lifetimes = names.setdefault(answer.qname, [])
            names.move_to_end(answer.qname)
            self._bound(names, MAX_NAMES)
            _extend(lifetimes, answer)

    def names_of(self, address: str, at_ns: int) -> list[Resolved]:
        """Return the names that the address had at that moment: live ones first, the latest first."""
        found: list[tuple[bool, int, Resolved]] = []
        for name, lifetimes in self._names.get(address, {}).items():
            known = [life for life in lifetimes if life.since_ns <= at_ns]
            if known:
                life = known[-1]
                live = at_ns <= life.until_ns + GRACE_NS
                found.append((live, life.since_ns, Resolved(name, life.cnames, live)))
        found.sort(key=lambda row: (not row[0], -row[1], row[2].name))
        return [resolved for _, _, resolved in found]

    def _bound(self, items: OrderedDict[str, Any], limit: int) -> None:
        while len(items) > limit:
            items.popitem(last=False)
            self.forgotten += 1


class Resolutions:
    """The views of all clients, and one of everybody for marking what another client was told."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, View] = OrderedDict()
        self._everybody = View()
        self._forgotten = 0

    @property
    def forgotten(self) -> int:
        """How many names, addresses and clients the bounds made us forget."""
        return self._forgotten + self._everybody.forgotten + sum(v.forgotten for v in self._clients.values())

    def add(self, answer: NameResolved) -> None:
        """Remember an answer for its client."""
        view = self._clients.get(answer.client)
        if view is None:
            view = self._clients[answer.client] = View()
            if len(self._clients) > MAX_CLIENTS:
                self._forgotten += 1 + self._clients.popitem(last=False)[1].forgotten
        self._clients.move_to_end(answer.client)
        view.add(answer)
        self._everybody.add(answer)

    def own(self, client: str, address: str, at_ns: int) -> list[Resolved]:
        """Return the names that the client itself was told for the address."""
        view = self._clients.get(client)
        return view.names_of(address, at_ns) if view else []

    def foreign(self, client: str, address: str, at_ns: int) -> list[Resolved]:
        """Return the live names that only other clients were told for the address."""
        own = {resolved.name for resolved in self.own(client, address, at_ns)}
        names = self._everybody.names_of(address, at_ns)
        return [resolved for resolved in names if resolved.live and resolved.name not in own]

    def is_ech_public_name(self, client: str, name: str) -> bool:
        """Tell whether the client was told to use this name on the outside of an ECH hello."""
        view = self._clients.get(client)
        return view is not None and name in view.ech_public_names


def _extend(lifetimes: list[Lifetime], answer: NameResolved) -> None:
    until_ns = answer.ts_ns + min(answer.ttl, MAX_TTL_SECONDS) * SECOND_NS
    last = lifetimes[-1] if lifetimes else None
    if last is not None and last.cnames == answer.cnames and answer.ts_ns <= last.until_ns + GRACE_NS:
        last.until_ns = max(last.until_ns, until_ns)
        return
    lifetimes.append(Lifetime(answer.ts_ns, until_ns, answer.cnames))
    del lifetimes[:-MAX_LIFETIMES]
