"""The two processes of the line, forked and killed at random moments by a third that has all imported.

One is the real recorder, on decisions that follow from their number; the other is the courier's real runner.
Whoever forks them has one thread, and notes what the ledgers acknowledged.
"""

import json
import os
import signal
import struct
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from random import Random
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from monitor.app import Knowledge, load_knowledge
from monitor.courier.runner import Mission, run
from monitor.daemon.opening import open_recorder
from monitor.exitstatus import Exit
from monitor.findings import finding_id
from monitor.findings.actions import Comment
from monitor.ledger import writer as writer_module
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record
from monitor.logs import start_logging
from monitor.outbox import actions
from monitor.outbox import spool as spool_module
from monitor.recording import opening
from monitor.recording.records import sensor_said
from monitor.settings import load_settings
from monitor.types import Attribution, Decision, Subject, Totals
from sensors.observations import FlowKey
from tests.courier_kit import configured
from tests.findings_kit import decide

TENANTS = ("acme", "globex")
A_LIFE = 10_000  # numbers of decisions that one process may use
LASTS = 600  # decisions that it makes at the most
NUMBER = struct.Struct("<q")
DAY_NS = 86_400_000_000_000
WORKING_SECONDS = 0.04  # up to which a process is left alone once it is at work
STARTING_SECONDS = 0.08  # in which it opens, and catches up
POLICY = """\
version: 1
id: small
owner: dpo
issued: 2026-03-01
data_classes: [{name: crm}]
tenants:
  - {name: acme, groups: [{name: a, sources: [10.20.0.0/16], data_class: crm}]}
  - {name: globex, groups: [{name: g, sources: [10.30.0.0/16], data_class: crm}]}
rules:
- {id: R, when: {data_classes: [crm]}, allow_in: [EEA], cure: 10d}
findings:
  cure: 20d
  reminders:
    - {name: early, after: 24h, severities: [high], says: Decide it.}
"""


class World:
    """The files of a line, and what is loaded of them. ``base_ns`` is when packets begin."""

    def __init__(self, folder: Path, *sinks: dict[str, object], base_ns: int) -> None:
        self.folder, self.base_ns = folder, base_ns
        self.file = folder / "file.jsonl"
        (folder / "policy.yaml").write_text(POLICY, "utf-8")
        self.config = configured(folder, *sinks, policy=str(folder / "policy.yaml"))
        self.settings = load_settings(self.config)
        self.knowledge: Knowledge = load_knowledge(folder / "policy.yaml")
        for name in ("jsonl", "webhook"):  # not by each child anew
            import_module(f"monitor.sinks.{name}")

    def decision(self, number: int) -> Decision:
        """Return the decision of a number. Half of them belong to few findings, half to those of its time."""
        chance = Random(number)
        tenant = chance.choice(TENANTS)
        age = number // A_LIFE // 4 % 60
        region = f"r-{chance.randrange(8)}" if chance.random() < 0.5 else f"r-{age}-{chance.randrange(8)}"
        attribution = Attribution("openai", (), "API", "region", region, (), "observed")
        client = f"10.20.{chance.randrange(4)}.{chance.randrange(1, 200)}"
        made = decide(
            attribution=attribution,
            severity=chance.choice(("low", "medium", "medium", "medium", "high")),
            subject=Subject(tenant, "backend", "crm"),
            totals=Totals(bytes_up=chance.randrange(9_000), bytes_down=7, duration_ns=1_000_000),
        )
        at_ns = self.base_ns + number * 1_000
        flow = FlowKey(client, chance.randrange(1_024, 65_536), "203.0.113.9", 443, "tcp")
        return replace(made, ts_ns=at_ns, connection=replace(made.connection, ts_ns=at_ns, flow=flow))

    def number(self, at_ns: int) -> int:
        """Return the number of the decision of that time."""
        return (at_ns - self.base_ns) // 1_000


class Telling(Ledgers):
    """Ledgers that tell through a pipe which decisions they acknowledged."""

    pipe = -1

    def append(self, tenant: str | None, records: Sequence[Record]) -> int:
        first = super().append(tenant, records)
        told = b"".join(NUMBER.pack(each.at_ns) for each in records if each.kind == "decision")
        if told:
            os.write(self.pipe, told)
        return first


def produce(world: World, life: int, pipe: int, *, last: bool = False) -> int:
    """Record decisions as the daemon does, until killed; or a few, and end, and note what was counted."""
    chance = Random(life)
    Telling.pipe = pipe
    writer_module.JOURNAL_BYTES = chance.choice((40_000, 33_554_432))
    log = start_logging("error", "json", 2, time.monotonic_ns, "").log
    with ExitStack() as stack:
        with patch.object(opening, "Ledgers", Telling):
            recorder = open_recorder(world.settings, world.knowledge, log, stack)
        before = _entries(recorder._recording.ledgers)  # noqa: SLF001
        recorder.note("sensor-start", sensor_said("edge", "dpkt"), time.time_ns())
        recorder.start()
        number = life * A_LIFE
        end = number + (20 if last else LASTS)
        while number < end:
            for _ in range(chance.randint(1, 14)):
                recorder.decided(world.decision(number), None, time.time_ns())
                number += 1
            time.sleep(chance.uniform(0.0, 0.025))
        if not last:
            time.sleep(60)  # it is killed
        recorder.drain(30)
        recorder.close(30)
        after = _entries(recorder._recording.ledgers)  # noqa: SLF001
        counted = sum(recorder.recorded().entries.values())
        said = {"grown": after - before, "counted": counted, "problem": recorder.look().problem}
        (world.folder / "last.json").write_text(json.dumps(said))
    return 0


def deliver(world: World, *, last: bool = False) -> int:
    """Deliver as the courier does, until killed; or until all is delivered."""
    log = os.open(world.folder / "deliver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    seconds = 60.0 if last else None
    status: Exit = run(Mission(world.settings, lambda: load_settings(world.config), drain_seconds=seconds))
    return int(status)


class Warden:
    """Forks both, kills both, and notes what was acknowledged."""

    def __init__(self, world: World, seed: int) -> None:
        self.acknowledged: list[int] = []  # numbers of decisions
        self.kills = {"producer": 0, "courier": 0}
        self._world, self._chance = world, Random(seed)
        self._lives = 0
        self._producer = self._courier = 0  # processes
        self._pipe = -1

    def round(self) -> None:
        """Have both at work, and kill one or both of them at a random moment."""
        chance = self._chance
        fresh = not self._producer
        if fresh:
            self._begin_producer()
        if not self._courier:
            self._courier = _forked(lambda: deliver(self._world))
        if fresh and chance.random() < 0.3:
            time.sleep(chance.uniform(0, STARTING_SECONDS))
        else:
            os.set_blocking(self._pipe, True)
            if fresh:
                self._read()
            time.sleep(chance.uniform(0, WORKING_SECONDS))
        if self.acknowledged and chance.random() < 0.2:
            self._operate()
        victims = chance.choice(("both", "both", "both", "producer", "courier"))
        if victims != "courier":
            self._kill_producer()
            time.sleep(chance.uniform(0, 0.01))
        if victims != "producer":
            self._kill_courier()

    def end(self) -> None:
        """Have both work undisturbed until all is done."""
        if self._producer:
            self._kill_producer()
        if self._courier:
            self._kill_courier()
        self._begin_producer(last=True)
        _ended(self._producer, 0)
        self._producer = 0
        self._collect()
        _ended(_forked(lambda: deliver(self._world, last=True)), 0)

    def abandon(self) -> None:
        """Leave no process behind."""
        for process in (self._producer, self._courier):
            if process:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def _begin_producer(self, *, last: bool = False) -> None:
        life, self._lives = self._lives, self._lives + 1
        self._pipe, theirs = os.pipe()
        self._producer = _forked(lambda: produce(self._world, life, theirs, last=last))
        os.close(theirs)

    def _operate(self) -> None:
        """Ask for something, as `residency findings` does, without waiting for it."""
        finding = finding_id(self._world.decision(self._chance.choice(self.acknowledged[-200:])))
        assert finding is not None
        request = actions.new_request(Comment(finding=finding, by="kim", text="seen"), time.time_ns())
        asked = actions._Asked(request.at_ns, request.action)  # noqa: SLF001
        spool = self._world.settings.state / actions.SPOOL
        spool_module._place(spool, f"{request.name}.json", msgspec.json.encode(asked))  # noqa: SLF001

    def _kill_producer(self) -> None:
        _killed(self._producer)
        self._producer = 0
        self.kills["producer"] += 1
        self._collect()

    def _kill_courier(self) -> None:
        _killed(self._courier)
        self._courier = 0
        self.kills["courier"] += 1

    def _collect(self) -> None:
        while self._read():
            pass
        os.close(self._pipe)

    def _read(self) -> bool:
        found = os.read(self._pipe, NUMBER.size * 4_096)
        self.acknowledged += [self._world.number(at_ns) for (at_ns,) in NUMBER.iter_unpack(found)]
        return bool(found)


def _entries(ledgers: Ledgers) -> int:
    return sum(writer.size for writer in ledgers.all())


def _forked(work: Callable[[], int]) -> int:
    child = os.fork()
    if not child:
        status = 70
        try:
            status = work()
        except BaseException:  # noqa: BLE001  it is told, and this process ends
            traceback.print_exc()
        os._exit(status)
    return child


def _killed(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    _ended(process, -signal.SIGKILL)


def _ended(process: int, status: int) -> None:
    _, found = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(found) == status, f"a process ended with {found}"
