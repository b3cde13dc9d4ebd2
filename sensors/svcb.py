"""HTTPS and SVCB records (RFC 9460), and the ECH configurations that they carry (RFC 9848, RFC 9849)."""

import msgspec

from sensors.dns_names import NameReader
from sensors.wire import Malformed, name_text

_ECH, _IPV4_HINT, _IPV6_HINT = 5, 4, 6
_HINT_BYTES = {_IPV4_HINT: 4, _IPV6_HINT: 16}
_ECH_VERSION = 0xFE0D  # RFC 9849 section 4; other versions are skipped


class Service(msgspec.Struct, frozen=True):
    """One record. ``priority`` 0 is AliasMode: ``target`` is then the next name, and nothing else is set.

    In ServiceMode a ``target`` of "." is the owner itself. ``addresses`` are the hints, 4 or 16 bytes each.
    """

    priority: int
    target: str
    addresses: tuple[bytes, ...] = ()
    ech_public_names: tuple[str, ...] = ()
    ech_malformed: bool = False

    @property
    def is_alias(self) -> bool:
        """Whether the record is in AliasMode."""
        return self.priority == 0


def parse_service(rdata: bytes, at: int, names: NameReader) -> Service:
    """Parse the RDATA of one record, which stands at ``at`` in the message of ``names``. Raises Malformed.

    A broken ECHConfigList spoils itself alone: clients go on without ECH (RFC 9848 section 5.1).
    """
    if len(rdata) < 3:
        raise Malformed("dns-svcb-past-end")
    priority = int.from_bytes(rdata[:2])
    target, after = names.read(at + 2)
    if after > at + len(rdata):
        raise Malformed("dns-svcb-past-end")
    if priority == 0:
        return Service(priority, target)
    addresses: list[bytes] = []
    public_names: tuple[str, ...] = ()
    ech_malformed = False
    for key, value in _parameters(rdata, after - at):
        if key in _HINT_BYTES:
            addresses += _hints(value, _HINT_BYTES[key])
        elif key == _ECH:
            try:
                public_names = ech_public_names(value)
            except Malformed:
                ech_malformed = True
    return Service(priority, target, tuple(addresses), public_names, ech_malformed)


def ech_public_names(configs: bytes) -> tuple[str, ...]:
    """Return the public_name of every configuration of a known version in an ECHConfigList.

    Raises Malformed.
    """
    listed, end = _vector(configs, 0, 2)
    if not listed or end != len(configs):
        raise Malformed("ech-list-length")
    public_names = []
    at = 0
    while at < len(listed):
        version = int.from_bytes(listed[at : at + 2])
        contents, at = _vector(listed, at + 2, 2)
        if version == _ECH_VERSION:
            public_names.append(_public_name(contents))
    return tuple(public_names)


def _public_name(contents: bytes) -> str:
    """Walk an ECHConfigContents (RFC 9849 section 4) to its public_name, and on to its end."""
    _, at = _vector(contents, 3, 2)  # after config_id and kem_id: the public key
    _, at = _vector(contents, at, 2)  # cipher suites
    name, at = _vector(contents, at + 1, 1)  # after maximum_name_length
    _, at = _vector(contents, at, 2)  # extensions
    if not name or at != len(contents):
        raise Malformed("ech-config-length")
    return name_text(name)


def _vector(data: bytes, at: int, length_bytes: int) -> tuple[bytes, int]:
    """Return the bytes whose length stands at ``at``, and the offset after them."""
    start = at + length_bytes
    end = start + int.from_bytes(data[at:start])
    if end > len(data):
        raise Malformed("ech-past-end")
    return data[start:end], end


def _parameters(rdata: bytes, at: int) -> list[tuple[int, bytes]]:
    """Return the SvcParams from ``at`` on; their keys have to rise (RFC 9460 section 2.2)."""
    parameters: list[tuple[int, bytes]] = []
    last = -1
    while at < len(rdata):
        key = int.from_bytes(rdata[at : at + 2])
        end = at + 4 + int.from_bytes(rdata[at + 2 : at + 4])
        if at + 4 > len(rdata) or end > len(rdata):
            raise Malformed("dns-svcb-past-end")
        if key <= last:
            raise Malformed("dns-svcb-key-order")
        parameters.append((key, rdata[at + 4 : end]))
        last, at = key, end
    return parameters


def _hints(value: bytes, size: int) -> list[bytes]:
    """Split the value of ipv4hint or ipv6hint (RFC 9460 section 7.3)."""
    if not value or len(value) % size:
        raise Malformed("dns-svcb-hint-length")
    return [value[at : at + size] for at in range(0, len(value), size)]
