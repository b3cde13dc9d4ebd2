"""Pseudonyms of client addresses: HMAC-SHA-256 under a key that rotates, other ones for each tenant. Pure.

One client of one tenant has one pseudonym within a period of packet time. Across tenants or periods nobody
can link two without the keys, and nobody at all once the keys are deleted. Whoever has a key can try all
addresses: pseudonymous is not anonymous.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.types import Decision
from sensors.observations import FlowKey

KEY_BYTES = 32
TEXT = "client-"
CACHE = 65_536  # pseudonyms that are kept
_DIGEST_BYTES = 16
_DAY_NS = 86_400 * 1_000_000_000
# The ends on the wire of a connection that a proxy passed on: proxy_tunnel in sensors/proxy_header.py.
_PROXY = re.compile(r"proxy:(\[[^\]]*\]|[^:]*):\d+-")
# What an address is not a part of: a longer one. In names `\x00` stands for a byte, which is no digit of it.
_BYTE = r"(?<=\\x[0-9a-f]{2})"
_AROUND_4 = rf"(?:(?<!\d)|{_BYTE})", r"(?!\d)"
_AROUND_6 = rf"(?:(?<![0-9a-f])(?<![0-9a-f:]:)|{_BYTE})", r"(?![0-9a-f]|:[0-9a-f:])"

_encode = msgspec.json.Encoder().encode
T = TypeVar("T", Decision, Behaviour)


def period_of(ts_ns: int, rotate_days: int) -> int:
    """Return the number of the period that a moment is in."""
    return ts_ns // (rotate_days * _DAY_NS)


class Pseudonyms:
    """Replaces client addresses by the keys of some periods, in periods of ``rotate_days`` of packet time.

    A packet of another period gets a pseudonym of its own period under the nearest key: the same for as long
    as that key is here.
    """

    def __init__(self, keys: Mapping[int, bytes], rotate_days: int) -> None:
        self._rotate_days = rotate_days
        self._of = lru_cache(CACHE)(self._made)
        self._tenant_key = lru_cache(CACHE)(self._derived)
        self.use(keys)

    def use(self, keys: Mapping[int, bytes]) -> None:
        """Use these keys, at least one, from now on: each of KEY_BYTES, by the number of its period."""
        self._keys = dict(keys)
        self._of.cache_clear()
        self._tenant_key.cache_clear()

    def pseudonym(self, address: str, tenant: str | None, ts_ns: int) -> str:
        """Return what stands for a client's address: `client-` and 32 hexadecimal digits."""
        return self._of(address, tenant, period_of(ts_ns, self._rotate_days))

    def pseudonymised(self, decision: Decision) -> Decision:
        """Return the decision without the address and port of its client, wherever they stand in it.

        The port goes (it is 0) because, with the time, it finds the client in other systems' logs. So do
        both of the client's end on the wire where a proxy passed the connection on. What else there is of the
        server stays; its address too, unless that is the client's own.
        """
        connection = decision.connection
        tenant = connection.subject.tenant
        stands = {
            address: self.pseudonym(address, tenant, decision.ts_ns)
            for address in clients_of(connection.flow)
        }
        flow = flow_without(connection.flow, stands)
        hidden = replace(decision, connection=replace(connection, flow=flow))
        return _rewritten(hidden, stands)

    def pseudonymised_behaviour(self, behaviour: Behaviour) -> Behaviour:
        """Return the behaviour without the addresses and ports of clients, wherever they stand in it.

        Its period is that of its last connection; connections of other periods go from ``rests_on``, as
        they would link the pseudonyms of two. So does its identifier, which could be found by trying all
        addresses: another one takes its place, made with the key, the same within a period.
        """
        tenant, ts_ns = behaviour.subject.tenant, behaviour.last_ns
        period = period_of(ts_ns, self._rotate_days)
        rests = [rest for rest in behaviour.rests_on if period_of(rest.ts_ns, self._rotate_days) == period]
        clients = {client for rest in rests for client in clients_of(rest.flow)}
        clients |= {behaviour.source} if behaviour.source is not None else set()
        stands = {client: self.pseudonym(client, tenant, ts_ns) for client in sorted(clients)}
        digest = hmac.digest(self._tenant_key(tenant, period), behaviour.id.encode(), hashlib.sha256)
        hidden = replace(
            behaviour,
            id=digest.hex()[: len(behaviour.id)],
            rests_on=tuple(replace(rest, flow=flow_without(rest.flow, stands)) for rest in rests),
        )
        return _rewritten(hidden, stands)

    def _made(self, address: str, tenant: str | None, period: int) -> str:
        digest = hmac.digest(self._tenant_key(tenant, period), address.encode(), hashlib.sha256)
        return f"{TEXT}{digest[:_DIGEST_BYTES].hex()}"

    def _derived(self, tenant: str | None, period: int) -> bytes:
        nearest = min(self._keys, key=lambda each: (abs(each - period), each))
        return hmac.digest(self._keys[nearest], _encode((period, tenant)), hashlib.sha256)


def clients_of(flow: FlowKey) -> set[str]:
    """Return the addresses of a flow's client: as it is reported, and on the wire behind proxies."""
    ends = _PROXY.findall(flow.tunnel) if flow.tunnel is not None else ()
    return {flow.client, *(end.strip("[]") for end in ends)}


def flow_without(flow: FlowKey, stands: Mapping[str, str]) -> FlowKey:
    """Return a flow with other text for its client (`clients_of`), and without its ports there."""
    tunnel = flow.tunnel
    if tunnel is not None:
        tunnel = _PROXY.sub(lambda end: f"proxy:{stands[end[1].strip('[]')]}:0-", tunnel)
    return replace(flow, client=stands[flow.client], client_port=0, tunnel=tunnel)


def _rewritten(value: T, stands: Mapping[str, str]) -> T:
    """Return the value with addresses replaced in all of its text: reasons, evidence, names."""
    text = was = _encode(value).decode()
    for address, pseudonym in stands.items():
        before, after = _AROUND_6 if ":" in address else _AROUND_4
        for form in _forms(address):
            if form in text:
                text = re.sub(before + re.escape(form) + after, pseudonym, text)
    return value if text is was else msgspec.json.decode(text, type=type(value))


def _forms(address: str) -> dict[str, None]:
    """Return how an address may be written: as it is, at length, in a host's name, in a reverse name."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return {address: None}
    plain = address, parsed.exploded
    return dict.fromkeys((parsed.reverse_pointer, *plain, *(re.sub(r"[.:]", "-", form) for form in plain)))
