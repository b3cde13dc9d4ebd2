"""The resource records of a DNS message that say where a name leads: A, AAAA, CNAME, HTTPS and SVCB.

Records of other types and classes are passed over. A message costs a bounded number of steps, whatever its
counts and pointers claim.
"""

import struct
from typing import NamedTuple

from sensors.dns_names import NameReader, PastEnd
from sensors.svcb import Service, parse_service
from sensors.wire import Malformed

MAX_STEPS = 8_192  # labels and pointers followed in one message; a usual answer takes about 10
CLASS_IN = 1
SERVICE_TYPES = frozenset({64, 65})  # SVCB and HTTPS

_A, _CNAME, _AAAA = 1, 5, 28
_KEPT_TYPES = SERVICE_TYPES | {_A, _CNAME, _AAAA}
_ADDRESS_BYTES = {_A: 4, _AAAA: 16}
_FIXED_PART = struct.Struct(">HHIH")  # type, class, TTL, RDLENGTH
_MAX_TTL_SECONDS = 0x7FFF_FFFF


class Record(NamedTuple):
    """One record. ``value`` is an address (4 or 16 bytes), the target of a CNAME, or a service."""

    owner: str
    ttl: int
    value: bytes | str | Service


class RecordReader:
    """Reads the records of one message, section after section, from ``at`` on.

    ``clipped`` tells that MAX_STEPS was reached, so that the rest of the message was left unread.
    """

    __slots__ = ("_at", "_message", "_names", "clipped")

    def __init__(self, message: bytes, at: int, names: NameReader) -> None:
        self.clipped = False
        self._message = message
        self._at = at
        self._names = names

    def read(self, count: int, kept: list[Record]) -> None:
        """Append those of the next ``count`` records that matter to ``kept``.

        Raises Malformed, or PastEnd where the message ends inside a record; ``kept`` then holds those before.
        """
        message, names = self._message, self._names
        for _ in range(count):
            if names.steps > MAX_STEPS:
                self.clipped = True
                return
            owner, at = names.read(self._at)
            start = at + _FIXED_PART.size
            if start > len(message):
                raise PastEnd("dns-record-past-end")
            kind, class_, ttl, length = _FIXED_PART.unpack_from(message, at)
            end = start + length
            if end > len(message):
                raise PastEnd("dns-record-past-end")
            if kind in _KEPT_TYPES and class_ == CLASS_IN:
                seconds = ttl if ttl <= _MAX_TTL_SECONDS else 0  # RFC 2181 section 8
                kept.append(Record(owner, seconds, self._value(kind, start, end)))
            self._at = end

    def _value(self, kind: int, start: int, end: int) -> bytes | str | Service:
        if kind == _CNAME:
            target, after = self._names.read(start)
            if after != end:
                raise Malformed("dns-rdata-length")
            return target
        rdata = self._message[start:end]
        if kind in SERVICE_TYPES:
            return parse_service(rdata, start, self._names)
        if len(rdata) != _ADDRESS_BYTES[kind]:
            raise Malformed("dns-rdata-length")
        return rdata
