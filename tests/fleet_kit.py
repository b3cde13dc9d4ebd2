"""A fleet's decisions for the tests of recording: what a replay decides, as correlators say it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from monitor import app
from monitor.app import Knowledge
from monitor.config import Retention
from monitor.findings.types import Finding
from monitor.fleet.folders import folder_of, partitions_in
from monitor.fleet.parcels import Covered, Judged, Origin, Said
from monitor.fleet.recording.partition import Partition
from monitor.fleet.recording.plan import Plan
from monitor.ledger.reader import Entry, ledgers_in, open_ledger
from monitor.outbox.reading import OutboxReader
from monitor.types import Decision
from monitor.windows import Window
from tests.ledger_kit import NOW_NS, decided

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "pcaps/demo/traffic.pcap"
POLICY = ROOT / "policies/eu-crm.yaml"
SENSORS = ("paris", "oslo", "rome")
A_PARCEL = 3  # decisions


def knowledge(policy: Path = POLICY) -> Knowledge:
    """Return what a policy's decisions rest on."""
    return app.load_knowledge(policy)


def plan(root: Path, **other: Any) -> Plan:
    """Return a plan that records below a folder."""
    known: dict[str, Any] = {
        "name": "fleet",
        "kafka": {},
        "topic": "decisions",
        "group": "record",
        "root": root / "partitions",
        "key": root / "keys/ledger.key",
        "retention": Retention(),
        "max_events": 10_000,
    }
    return Plan(**(known | other))


def configured(root: Path, folder: Path, **other: Any) -> str:
    """Return a configuration of correlators who record there."""
    said = {
        "version": 1,
        "fleet": "fleet",
        "kafka": {"options": {"bootstrap.servers": "127.0.0.1:9"}},
        "policy": str(POLICY),
        "root": str(root),
        "ledger": {"key": str(folder / "keys/ledger.key")},
    }
    return yaml.safe_dump(said | other)


def judged(decisions: Sequence[Decision], run: str = "r1", partition: int = 0) -> list[Said]:
    """Return decisions as correlators say them: of several sensors, several to a parcel."""
    said: list[Said] = []
    for at, decision in enumerate(decisions):
        parcel, index = divmod(at // len(SENSORS), A_PARCEL)
        origin = Origin(partition, SENSORS[at % len(SENSORS)], run, parcel, index)
        said.append(Judged(origin, decision.ts_ns, decision))
    return said


def covered(sensor: str, number: int, until_ns: int = NOW_NS) -> Covered:
    """Return what a sensor could see in five minutes."""
    window = Window(until_ns - 300 * 10**9, until_ns, sensor, "all", 10, 1_000, {"sni": 10}, 100, {})
    return Covered(Origin(0, sensor, "r1", number, 0), until_ns, window)


def demo() -> list[Decision]:
    """Return what a replay of the demo decides."""
    return decided(DEMO, POLICY)


@contextmanager
def opened(
    what: Plan, known: Knowledge, number: int = 0, of: int = 1, now_ns: int = NOW_NS
) -> Iterator[Partition]:
    """Open a partition, as a start does; let it go at the end as a crash does, with nothing finished."""
    partition = Partition(what, number, of, known, now_ns)
    try:
        for _ in range(2):
            assert partition.turn(now_ns) == ()
        yield partition
    finally:
        partition.close()


def entries(root: Path) -> list[tuple[str, Entry]]:
    """Return what all ledgers of all partitions hold, each with its tenant's folder."""
    found: list[tuple[str, Entry]] = []
    for number in partitions_in(root):
        folder = folder_of(root, number) / "ledger"
        for ledger in ledgers_in(folder) if list(folder.glob("*/checkpoint")) else ():
            found += [(ledger.name, entry) for entry in open_ledger(ledger).entries()]
    return found


def recorded(root: Path) -> list[dict[str, Any]]:
    """Return the payloads of all decisions that are recorded."""
    return [
        msgspec.json.decode(entry.payload)
        for _, entry in entries(root)
        if entry.leaf.kind == "decision" and entry.payload is not None
    ]


def lines(decisions: Sequence[Decision]) -> list[bytes]:
    """Return decisions as sorted lines, to compare sets of them where one may not stand there twice."""
    return sorted(map(msgspec.json.encode, decisions))


def recorded_lines(root: Path) -> list[bytes]:
    """Return the same of what is recorded."""
    return lines([msgspec.convert(each["decision"], Decision) for each in recorded(root)])


def found(root: Path) -> list[Finding]:
    """Return the findings of all partitions, by identifier."""
    findings: list[Finding] = []
    for number in partitions_in(root):
        reader = OutboxReader(folder_of(root, number) / "state")
        findings += reader.findings()
        reader.close()
    return sorted(findings, key=lambda each: each.id)


def figures(findings: Sequence[Finding]) -> list[tuple[object, ...]]:
    """Return of findings what does not depend on the clock or on the order in which decisions came."""
    return sorted(
        (each.id, each.kind, each.rule, each.severity, each.count, each.first_ns, each.last_ns, each.bytes_up)
        for each in findings
    )


SAID = judged(demo())
