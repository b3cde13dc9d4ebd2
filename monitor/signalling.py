"""Which clients were connected to where voice and video are arranged, and when. Pure and bounded.

An assistant's media (WebRTC) goes to an address of its own and names nobody: all that tells whose it may be
is that its client was connected to the assistant's signalling host when it began.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from sensors.observations import HelloSeen

GRACE_NS = 300 * 1_000_000_000  # media goes on, and begins anew, for so long after signalling ended
MAX_HOSTS = 8  # of one client


class _Call(msgspec.Struct):
    """The connections of one client to one host."""

    since_ns: int
    until_ns: int
    open: int = 0

    def covers(self, ts_ns: int) -> bool:
        """Tell whether there was one at that moment, or shortly before."""
        return self.since_ns <= ts_ns and (self.open > 0 or ts_ns <= self.until_ns + GRACE_NS)


class Signalling:
    """Remembers the latest ``callers`` clients; ``is_signalling`` tells such a host by its name."""

    def __init__(self, is_signalling: Callable[[str], bool], callers: int) -> None:
        self.is_signalling = is_signalling
        self._limit = callers
        self._clients: OrderedDict[str, OrderedDict[str, _Call]] = OrderedDict()

    def begun(self, hello: HelloSeen) -> None:
        """Take note of a hello."""
        host = hello.server_name
        if host is None or not self.is_signalling(host):
            return
        client, ts_ns = hello.flow.client, hello.ts_ns
        calls = self._clients.setdefault(client, OrderedDict())
        self._clients.move_to_end(client)
        call = calls.pop(host, None)
        if call is None or not call.covers(ts_ns):
            call = _Call(ts_ns, ts_ns)
        call.open += 1
        calls[host] = call
        if len(calls) > MAX_HOSTS:
            calls.popitem(last=False)
        if len(self._clients) > self._limit:
            self._clients.popitem(last=False)

    def ended(self, hello: HelloSeen, ts_ns: int) -> None:
        """Take note of the end of the connection that a hello began."""
        calls = self._clients.get(hello.flow.client)
        call = calls.get(hello.server_name or "") if calls is not None else None
        if call is not None:
            call.open = max(call.open - 1, 0)
            call.until_ns = max(call.until_ns, ts_ns)

    def hosts(self, client: str, ts_ns: int) -> list[str]:
        """Return the hosts that a client was connected to at a moment, the latest first."""
        calls = self._clients.get(client, OrderedDict())
        return [host for host, call in reversed(calls.items()) if call.covers(ts_ns)]
