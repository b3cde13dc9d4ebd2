"""DNS answers from tshark's fields, with the rule of the other engines: what hangs on the question counts.

tshark prints all records of a frame in one row for each field. They are told apart by the sections' counts,
and by the record types that have such a field. The address hints of several HTTPS or SVCB records in one
message cannot be told apart: they go to the first of them.
"""

from binascii import unhexlify
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from sensors.svcb import ech_public_names
from sensors.tshark_facts import Facts, Values, is_set, name, number
from sensors.wire import Malformed

MAX_CHAIN: Final = 16  # as in dns.py
MAX_ADDRESSES: Final = 64
_A, _CNAME, _AAAA, _SRV, _OPT = 1, 5, 28, 33, 41
_SERVICES: Final = frozenset({64, 65})
_CLASS_IN: Final = 1
_MAX_TTL_SECONDS: Final = 0x7FFF_FFFF


class Answer(msgspec.Struct, frozen=True):
    """What one response says about the name that was asked for; see ``NameResolved``."""

    qname: str
    qtype: int
    rcode: int
    cnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    ech_public_names: tuple[str, ...] = ()


class _Record(NamedTuple):
    owner: str
    kind: int
    ttl: int
    target: str | None = None  # of CNAME, and of HTTPS and SVCB
    is_alias: bool = False
    addresses: tuple[str, ...] = ()
    public_names: tuple[str, ...] = ()


def answers(facts: Facts) -> list[Answer | None]:
    """Return what each DNS message in a frame answers; None for one that is no answer to one question.

    Raises Malformed where the fields do not fit each other.
    """
    fields = _Fields(facts)
    found: list[Answer | None] = []
    for index in range(len(facts.dns_response)):
        questions = number(facts.dns_questions, index)
        asked = [fields.question() for _ in range(questions)] if questions <= len(facts.dns_qname) else []
        records = fields.records(number(facts.dns_answers, index))
        rest = number(facts.dns_authorities, index) + number(facts.dns_additional, index)
        others = fields.records(rest)
        plain = is_set(facts.dns_response[index:]) and number(facts.dns_opcode, index) == 0
        if not plain or len(asked) != 1 or asked[0] is None:
            found.append(None)
            continue
        qname, qtype = asked[0]
        further = others if qtype in _SERVICES else []
        found.append(_answer(Answer(qname, qtype, number(facts.dns_rcode, index)), records, further))
    return found


class _Fields:
    """The rows of values, each read up to where the messages before ended."""

    def __init__(self, facts: Facts) -> None:
        self._short = is_set(facts.dns_truncated) or bool(facts.malformed)
        self._short = self._short or number(facts.captured_bytes) < number(facts.wire_bytes)
        self._left = {
            row: iter(getattr(facts, f"dns_{row}"))
            for row in (
                "qname", "qtype", "qclass", "owner", "type", "class", "ttl", "a", "aaaa", "cname", "priority",
                "target", "ech",
            )
        }  # fmt: skip
        # Owners of SRV records are shown in fields of their own.
        self._is_srv_apart = len(facts.dns_owner) < len(facts.dns_type)
        self._hints: Values = facts.dns_hint + facts.dns_hint_6

    def question(self) -> tuple[str, int] | None:
        """Return the next question's name and type; None if its class is not IN."""
        qname, qtype, qclass = (self._next(row) for row in ("qname", "qtype", "qclass"))
        if qname is None or qtype is None or qclass is None:
            raise Malformed("dns-fields")
        return (name(qname), _int(qtype)) if _int(qclass) == _CLASS_IN else None

    def records(self, count: int) -> list[_Record]:
        """Return those of the next records that matter; all that are whole, where the message is cut."""
        found = []
        for _ in range(count):
            record = self._record()
            if record is None:
                if self._short:
                    break
                raise Malformed("dns-fields")
            found.append(record)
        return [record for record in found if record.kind in (_A, _AAAA, _CNAME) or record.kind in _SERVICES]

    def _record(self) -> _Record | None:
        kind_text = self._next("type")
        if kind_text is None:
            return None
        kind = _int(kind_text)
        owner = "" if kind == _SRV and self._is_srv_apart else self._next("owner")
        if owner is None:
            return None
        if kind == _OPT:
            return _Record(owner, kind, 0)
        class_text, ttl_text = self._next("class"), self._next("ttl")
        if class_text is None or ttl_text is None:
            return None
        record = self._value(_Record(name(owner), kind, _ttl(ttl_text)))
        if record is None or _int(class_text) == _CLASS_IN:
            return record
        return record._replace(kind=0)

    def _value(self, record: _Record) -> _Record | None:
        """Add what the record's own fields hold; None where they are missing."""
        if record.kind in (_A, _AAAA):
            address = self._next("a" if record.kind == _A else "aaaa")
            return None if address is None else record._replace(addresses=(address,))
        if record.kind == _CNAME:
            target = self._next("cname")
            return None if target is None else record._replace(target=name(target), is_alias=True)
        if record.kind not in _SERVICES:
            return record
        priority, target = self._next("priority"), self._next("target")
        if priority is None or target is None:
            return None
        if _int(priority) == 0:
            return record._replace(target=None if target == "<Root>" else name(target), is_alias=True)
        hints, self._hints = self._hints, ()
        return record._replace(target=name(target), addresses=hints, public_names=self._public_names())

    def _public_names(self) -> tuple[str, ...]:
        configs = self._next("ech")
        if configs is None:
            return ()
        try:
            return ech_public_names(unhexlify(configs.replace(":", "")))
        except (Malformed, ValueError):
            return ()

    def _next(self, row: str) -> str | None:
        return next(self._left[row], None)


def _int(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise Malformed("dns-fields") from None


def _ttl(text: str) -> int:
    seconds = _int(text)
    return seconds if seconds <= _MAX_TTL_SECONDS else 0


def _answer(question: Answer, records: list[_Record], further: list[_Record]) -> Answer:
    cnames = _chain(question.qname, records + further)
    places = {question.qname, *cnames}
    places |= {
        record.target
        for record in records + further
        if record.kind in _SERVICES and not record.is_alias and record.owner in places and record.target
    }
    used = [record for record in records + further if record.owner in places]
    addresses = tuple(dict.fromkeys(address for record in used for address in record.addresses))
    public_names = tuple(dict.fromkeys(public for record in used for public in record.public_names))
    return msgspec.structs.replace(
        question,
        cnames=cnames,
        addresses=addresses[:MAX_ADDRESSES],
        ttl=min((record.ttl for record in used), default=0),
        ech_public_names=public_names,
    )


def _chain(qname: str, records: list[_Record]) -> tuple[str, ...]:
    """Follow the aliases from ``qname``: the first of a name counts, CNAME before AliasMode."""
    aliases: dict[str, str] = {}
    for record in sorted(records, key=lambda record: record.kind != _CNAME):
        if record.is_alias and record.target is not None:
            aliases.setdefault(record.owner, record.target)
    return tuple(_follow(qname, aliases))


def _follow(qname: str, aliases: dict[str, str]) -> Iterator[str]:
    seen = {qname}
    target = aliases.get(qname)
    while target is not None and target not in seen and len(seen) <= MAX_CHAIN:
        yield target
        seen.add(target)
        target = aliases.get(target)
