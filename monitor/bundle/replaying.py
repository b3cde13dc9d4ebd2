"""Compares a bundle with the capture that it is of: the same file, and replayed the same decisions."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from monitor.bundle import members
from monitor.bundle.archive import Archive
from monitor.bundle.members import PSEUDONYM, Captures, decided
from monitor.documents import Source
from monitor.files import unreadable
from monitor.ledger.verify_types import Fault
from monitor.types import Decision
from sensors.observations import FlowKey

_captures = msgspec.json.Decoder(Captures)
_encode = msgspec.json.Encoder().encode


class _Totals(msgspec.Struct):
    reason: str


class _Connection(msgspec.Struct):
    totals: _Totals


class _Ended(msgspec.Struct):
    connection: _Connection


_ended = msgspec.json.Decoder(_Ended)


class Recorded(msgspec.Struct):
    """What a replay is compared with: the policy, and each ended connection's decision, with its line.

    ``hidden`` counts those whose client is a pseudonym, which no replay gives: they cannot be compared.
    """

    policy: Source | None
    datasets: bytes
    lines: dict[tuple[int, FlowKey], tuple[int, bytes]]  # its number, and its SHA-256
    hidden: int


def recorded(bundle: Path) -> Recorded:
    """Return what a verified bundle says. Raises ArchiveError, InputError."""
    with Archive(bundle) as archive:
        datasets = archive.small(members.DATASETS) if members.DATASETS in archive else b""
        found = Recorded(_policy(archive), datasets, {}, 0)
        for number, line in enumerate(archive.lines(members.DECISIONS), 1):
            if _ended.decode(line).connection.totals.reason == "active":
                continue
            at = decided(line)
            if at[1].client.startswith(PSEUDONYM):
                found.hidden += 1
            else:
                found.lines[at] = number, hashlib.sha256(line).digest()
    return found


def _policy(archive: Archive) -> Source | None:
    if members.POLICY not in archive:
        return None
    return Source(members.POLICY, archive.small(members.POLICY).decode("utf-8", "surrogatepass"))


def same_captures(bundle: Path, captures: Sequence[Path]) -> tuple[Fault, ...]:
    """Check that captures are those that the bundle names. Raises ArchiveError, InputError."""
    with Archive(bundle) as archive:
        if members.CAPTURES not in archive:
            return (Fault(members.CAPTURES, "the bundle names no capture"),)
        named = {each.sha256 for each in _captures.decode(archive.small(members.CAPTURES)).captures}
    return tuple(_strangers(captures, named))


def _strangers(captures: Iterable[Path], named: set[str]) -> Iterator[Fault]:
    for path in captures:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(path, error) from None
        if digest not in named:
            yield Fault(str(path), f"none of the bundle's captures has its SHA-256, {digest}")


class Comparison:
    """Compares the decisions of a replay with those recorded, in any order."""

    def __init__(self, recorded: Recorded) -> None:
        self._waiting = dict(recorded.lines)
        self._faults: list[Fault] = []

    def offer(self, decision: Decision) -> None:
        """Take a decision of the replay."""
        waiting = self._waiting.pop((decision.ts_ns, decision.connection.flow), None)
        if waiting is not None and waiting[1] != hashlib.sha256(_encode(decision)).digest():
            self._faults.append(_at(waiting[0], "the replay decides otherwise"))

    def faults(self) -> tuple[Fault, ...]:
        """Return what differs, when all was offered."""
        missing = [_at(number, "the replay has no such connection") for number, _ in self._waiting.values()]
        return tuple(sorted([*self._faults, *missing], key=lambda fault: fault.place))


def _at(line: int, problem: str) -> Fault:
    return Fault(f"{members.DECISIONS}, line {line}", problem)
