"""DNS responses, from the message to what its asker learned (RFC 1035, RFC 2181, RFC 9460).

Only what hangs on the question is believed: the alias chain from the name asked for, and the addresses of the
names on it. Messages that are no answers are None, broken ones Malformed.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec

from sensors.dns_names import ROOT, NameReader, PastEnd
from sensors.dns_records import CLASS_IN, SERVICE_TYPES, Record, RecordReader
from sensors.svcb import Service
from sensors.wire import Malformed, address_text

MAX_CHAIN = 16  # aliases followed; resolvers give up around there
MAX_ADDRESSES = 64
MAX_PUBLIC_NAMES = 16

_HEADER = struct.Struct(">6H")
_QUESTION = struct.Struct(">HH")
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_LENGTH_BYTES = 2  # before each message on TCP, which so has 65,535 bytes at most


class Answer(msgspec.Struct, frozen=True):
    """What one response says about the name that was asked for.

    ``cnames`` is the alias chain in order from ``qname`` (CNAME, and AliasMode of HTTPS and SVCB).
    ``addresses`` are canonical text in the order of the message: of A and AAAA records on the chain or at the
    target of a service on it, and the hints of HTTPS and SVCB. ``ttl`` is the smallest of all these records',
    in seconds, 0 if there are none. ``unrelated`` counts their like in the answer section for other names.
    ``truncated``: the message says so (TC) or was cut. ``clipped``: it holds more than the bounds allow.
    """

    transaction: int
    qname: str
    qtype: int
    rcode: int
    cnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    ech_public_names: tuple[str, ...] = ()
    ech_malformed: bool = False
    truncated: bool = False
    clipped: bool = False
    unrelated: int = 0


class _Reply(msgspec.Struct):
    """A response on its way to an answer: the question, and the records of interest by section."""

    transaction: int
    rcode: int
    qname: str
    qtype: int
    truncated: bool
    answers: list[Record] = []
    additional: list[Record] = []
    clipped: bool = False


def parse_response(message: bytes, *, complete: bool = True) -> Answer | None:
    """Return what a DNS message answers, or None if it is not the response to one standard query.

    ``complete`` is false when the capture cut the message; then, and with the TC bit, the records that are
    whole count. Raises Malformed.
    """
    if len(message) < _HEADER.size:
        if complete:
            raise Malformed("dns-header-past-end")
        return None
    _, flags, questions, *_ = _HEADER.unpack_from(message)
    if not flags & _RESPONSE or flags & _OPCODE or questions != 1:
        return None
    may_end_early = not complete or flags & _TRUNCATED != 0
    try:
        reply = _read(message, may_end_early=may_end_early)
    except PastEnd:  # not even the question is whole
        if may_end_early:
            return None
        raise
    return _answer(reply) if reply else None


class TcpMessages:
    """Cuts one direction of a TCP stream into DNS messages (RFC 1035 section 4.2.2, RFC 7766 section 8).

    Keeps one unfinished message at most, which is less than 65,537 bytes.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def unfinished_bytes(self) -> int:
        """How much is kept of a message that is not whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream, split in any way; return the messages that became whole.

        A length too small for a DNS message gives that short message, for its parser to refuse.
        """
        buffer = self._buffer
        buffer += data
        messages = []
        at = 0
        while (start := at + _LENGTH_BYTES) <= len(buffer):
            end = start + int.from_bytes(buffer[at:start])
            if end > len(buffer):
                break
            messages.append(bytes(buffer[start:end]))
            at = end
        del buffer[:at]
        return messages


def _read(message: bytes, *, may_end_early: bool) -> _Reply | None:
    """Read the question, then the records; None if the question is not of class IN. Raises Malformed."""
    transaction, flags, _, answers, authorities, additional = _HEADER.unpack_from(message)
    names = NameReader(message)
    qname, at = names.read(_HEADER.size)
    if at + _QUESTION.size > len(message):
        raise PastEnd("dns-question-past-end")
    qtype, qclass = _QUESTION.unpack_from(message, at)
    if qclass != CLASS_IN:
        return None
    reply = _Reply(transaction, flags & _RCODE, qname, qtype, truncated=flags & _TRUNCATED != 0)
    records = RecordReader(message, at + _QUESTION.size, names)
    try:
        records.read(answers, reply.answers)
        if qtype in SERVICE_TYPES:  # addresses of their targets stand further on (RFC 9460 section 4.2)
            records.read(authorities + additional, reply.additional)
    except PastEnd:
        if not may_end_early:
            raise
        reply.truncated = True
    reply.clipped = records.clipped
    return reply


def _answer(reply: _Reply) -> Answer:
    records = [*reply.answers, *reply.additional]
    cnames, chain_clipped = _chain(reply.qname, records)
    places = _places({reply.qname, *cnames}, records)
    used = [record for record in reply.answers if record.owner in places]
    unrelated = len(reply.answers) - len(used)
    used += [record for record in reply.additional if record.owner in places]
    services = [record.value for record in used if isinstance(record.value, Service)]
    addresses = tuple(dict.fromkeys(_addresses(used)))
    public_names = tuple(dict.fromkeys(name for service in services for name in service.ech_public_names))
    return Answer(
        transaction=reply.transaction,
        qname=reply.qname,
        qtype=reply.qtype,
        rcode=reply.rcode,
        cnames=cnames,
        addresses=tuple(map(address_text, addresses[:MAX_ADDRESSES])),
        ttl=min((record.ttl for record in used), default=0),
        ech_public_names=public_names[:MAX_PUBLIC_NAMES],
        ech_malformed=any(service.ech_malformed for service in services),
        truncated=reply.truncated,
        clipped=reply.clipped
        or chain_clipped
        or len(addresses) > MAX_ADDRESSES
        or len(public_names) > MAX_PUBLIC_NAMES,
        unrelated=unrelated,
    )


def _chain(qname: str, records: Sequence[Record]) -> tuple[tuple[str, ...], bool]:
    """Follow the aliases from ``qname``, in whatever order they stand; return them, and if there were more.

    The first alias of a name counts, CNAME before AliasMode; the chain ends before a name that it has held.
    """
    aliases: dict[str, str] = {}
    alias_modes: dict[str, str] = {}
    for owner, _, value in records:
        if isinstance(value, str):
            aliases.setdefault(owner, value)
        elif isinstance(value, Service) and value.is_alias and value.target != ROOT:
            alias_modes.setdefault(owner, value.target)  # a target of "." means: no such service
    aliases = alias_modes | aliases
    chain: list[str] = []
    seen = {qname}
    target = aliases.get(qname)
    while target is not None and target not in seen:
        if len(chain) == MAX_CHAIN:
            return tuple(chain), True
        chain.append(target)
        seen.add(target)
        target = aliases.get(target)
    return tuple(chain), False


def _places(chain: set[str], records: Sequence[Record]) -> set[str]:
    """Return the names whose records count: those of the chain, and the targets of the services on it."""
    targets = {
        value.target
        for owner, _, value in records
        if isinstance(value, Service) and not value.is_alias and owner in chain
    }
    return chain | targets


def _addresses(records: Sequence[Record]) -> Iterator[bytes]:
    for _, _, value in records:
        if isinstance(value, bytes):
            yield value
        elif isinstance(value, Service):
            yield from value.addresses
