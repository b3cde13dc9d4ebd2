"""What has to hold of a line when all is done, whatever happened to it: ledgers, findings, sinks."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from monitor.courier.progress import dead_letters, lane_states
from monitor.events.native import read_native
from monitor.events.types import CheckpointEvent, FindingEvent
from monitor.findings import Book
from monitor.findings.types import Change, Finding
from monitor.ledger.reader import ledgers_in, open_ledger
from monitor.ledger.verify import verify_ledger
from monitor.merkle.checkpoint import parse_checkpoint
from monitor.merkle.note import Verifier, open_note
from monitor.merkle.tree import Frontier, leaf_hash
from monitor.outbox.reading import OutboxReader
from monitor.types import Decision
from tests.line_children import World

FIGURES = ("count", "bytes_up", "bytes_down", "first_ns", "last_ns", "clients", "client_count", "severity")


class Ledgers:
    """What stands in the ledgers of a line, each of which holds what was signed."""

    def __init__(self, world: World, *, is_at_work: bool = False) -> None:
        self.decisions: dict[str | None, list[Decision]] = {}
        self.changes: dict[str, Change] = {}
        self.roots: dict[tuple[str, int], bytes] = {}  # by origin and size
        self.vkeys: dict[str, str] = {}
        for folder in ledgers_in(world.settings.ledger):
            verified = verify_ledger(folder)
            assert verified.holds, verified.faults
            assert is_at_work or verified.unsigned_tail is None
            reader = open_ledger(folder)
            self.vkeys[reader.origin] = reader.vkey
            tree = Frontier()
            decisions = self.decisions.setdefault(reader.tenant, [])
            for entry in reader.entries():
                tree.append(leaf_hash(entry.raw))
                self.roots[reader.origin, tree.size] = tree.root()
                assert entry.payload is not None
                if entry.leaf.kind == "decision":
                    said = json.loads(entry.payload)["decision"]
                    decisions.append(msgspec.convert(said, Decision))
                elif entry.leaf.kind == "finding":
                    self._change(msgspec.json.decode(entry.payload, type=Change))

    def _change(self, change: Change) -> None:
        """Note a change: of one finding they follow each other, and none stands there twice."""
        finding = change.finding
        assert change.key not in self.changes, change.key
        assert finding.revision == 1 or f"{finding.id}-{finding.revision - 1}" in self.changes, change.key
        self.changes[change.key] = change


def judge(world: World, acknowledged: Sequence[int], hook: Sequence[bytes]) -> dict[str, int]:
    """Say what it came to. ``hook`` is each body that the webhook was sent, in order."""
    ledgers = Ledgers(world)
    _decisions_are_there(world, ledgers, acknowledged)
    _findings_are_as_without_crashes(world, ledgers)
    files = world.file.read_bytes()
    assert files.endswith(b"\n")
    figures = {
        "acknowledged": len(acknowledged),
        "recorded": sum(map(len, ledgers.decisions.values())),
        "changes": len(ledgers.changes),
        "findings": len({each.finding.id for each in ledgers.changes.values()}),
        "file": _sink_is_whole(ledgers, files.splitlines()),
        "hook": _sink_is_whole(ledgers, hook),
    }
    state = world.settings.state
    for lane in lane_states(state):
        assert (lane.waiting, lane.dead, lane.state.shed) == (0, 0, 0), lane
        # An event may have come, and been killed ahead of being counted; it was counted once at the most
        assert len(ledgers.changes) <= lane.state.delivered, lane
    assert list(dead_letters(state)) == []
    return figures


def _decisions_are_there(world: World, ledgers: Ledgers, acknowledged: Sequence[int]) -> None:
    """What was acknowledged is in its ledger, once, in order; what is there was decided."""
    there = set()
    for tenant, decisions in ledgers.decisions.items():
        numbers = [world.number(each.ts_ns) for each in decisions]
        assert all(one < other for one, other in pairwise(numbers)), tenant
        for number, decision in zip(numbers, decisions, strict=True):
            assert decision == world.decision(number)
            assert decision.connection.subject.tenant == tenant
        there |= set(numbers)
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= there


def _findings_are_as_without_crashes(world: World, ledgers: Ledgers) -> None:
    book = Book(world.knowledge.policy)
    for decisions in ledgers.decisions.values():
        for decision in decisions:
            book.offer(decision)
    outbox = OutboxReader(world.settings.state)
    found = {each.id: each for each in outbox.findings()}
    outbox.close()
    wanted = {each.id: _figures(each) for each in book.findings()}
    assert set(found) == set(wanted)
    for id_, finding in found.items():
        assert _figures(finding) == wanted[id_], (id_, finding.revision, _figures(finding), wanted[id_])
    latest = {each.finding.id: each.finding.revision for each in ledgers.changes.values()}
    assert {id_: each.revision for id_, each in found.items()} == latest


def _figures(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in FIGURES}


def _sink_is_whole(ledgers: Ledgers, bodies: Iterable[bytes]) -> int:
    """Every change came, with one body for a key, in its finding's order, and nothing else did.

    Returns how many events came again.
    """
    seen: dict[str, bytes] = {}
    repeated = 0
    for body in bodies:
        event = read_native(body)
        if event.key in seen:
            assert seen[event.key] == body, event.key
            repeated += 1
            continue
        seen[event.key] = body
        if isinstance(event, FindingEvent):
            change = event.change
            assert change == ledgers.changes.get(event.key), event.key
            before = f"{change.finding.id}-{change.finding.revision - 1}"
            assert change.finding.revision == 1 or before in seen, event.key
        else:
            assert isinstance(event, CheckpointEvent)
            _is_signed(ledgers, event)
    assert set(ledgers.changes) <= set(seen)
    return repeated


def _is_signed(ledgers: Ledgers, event: CheckpointEvent) -> None:
    """A checkpoint is of a tree that the ledger has grown on from."""
    origin = event.checkpoint.partition("\n")[0]
    checkpoint = parse_checkpoint(open_note(event.checkpoint, [Verifier(ledgers.vkeys[origin])]).text)
    assert ledgers.roots[origin, checkpoint.size] == checkpoint.root
