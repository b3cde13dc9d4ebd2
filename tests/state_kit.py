"""A daemon's folders, with findings that came of a capture some days ago, and its recorder in a process."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import structlog
from click.testing import CliRunner, Result

from monitor import app
from monitor.cli import group
from monitor.daemon.opening import open_recorder
from monitor.daemon.telling import standing
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.ledger.tenants import Ledgers
from monitor.outbox.reading import OutboxReader
from monitor.outbox.store import Outbox
from monitor.recording.core import Recording
from monitor.recording.items import Item
from monitor.recording.records import Filing
from monitor.settings import Settings, load_settings
from monitor.types import Decision
from monitor.windows import Window
from tests.ledger_kit import decided

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "pcaps/demo/traffic.pcap"
POLICY = ROOT / "policies/eu-crm.yaml"
DAY_NS = 86_400 * 1_000_000_000
AGO_NS = 10 * DAY_NS  # silence has to last a week
_CONFIG = """\
version: 1
capture: {{watch: captures}}
sensor: edge
policy: {policy}
ledger: {{folder: ledger, key: keys/ledger.key}}
state: state
"""


def made(folder: Path) -> Path:
    """Make a daemon's folders as it leaves them when it ends; return its configuration."""
    config = folder / "residency.yaml"
    config.write_text(_CONFIG.format(policy=POLICY), "utf-8")
    (folder / "captures").mkdir()
    settings, now_ns = load_settings(config), time.time_ns()
    with recording_of(settings) as (recording, filing):
        recording.begin(now_ns)
        items = [
            Item(filing.decision(each, None, now_ns), each.connection.subject.tenant, decision=each)
            for each in _lately(decided(DEMO, POLICY), now_ns)
        ]
        assert not recording.record(items, now_ns).left
        recording.settle(now_ns)
    return config


@contextmanager
def recording_of(settings: Settings) -> Iterator[tuple[Recording, Filing]]:
    """Open the folders as the daemon's recorder does; nothing is to be caught up with."""
    now_ns = time.time_ns()
    knowledge = app.load_knowledge(settings.policy)
    filing = Filing(settings.sensor, settings.config.ledger.retention_days)
    with ExitStack() as stack:
        outbox = Outbox(settings.state, settings.config.outbox.max_events, settings.sensor, now_ns)
        stack.callback(outbox.close)
        ledgers = Ledgers(settings.ledger, settings.ledger_key, settings.sensor, now_ns)
        stack.callback(ledgers.close)
        recording = Recording(ledgers, outbox, Book(knowledge.policy, outbox.load()[0]), filing)
        recording.use(standing(settings, knowledge, now_ns), knowledge.policy)
        yield recording, filing


def _lately(decisions: list[Decision], now_ns: int) -> list[Decision]:
    """Return decisions as of some days ago."""
    shift_ns = now_ns - AGO_NS - max(each.ts_ns for each in decisions)
    replace = msgspec.structs.replace
    return [
        replace(
            each,
            ts_ns=each.ts_ns + shift_ns,
            connection=replace(each.connection, ts_ns=each.connection.ts_ns + shift_ns),
        )
        for each in decisions
    ]


def seen(settings: Settings, since_ns: int, until_ns: int) -> None:
    """Have every ledger say that all could be seen in a time."""
    window = Window(since_ns, until_ns, settings.sensor, "all", 100, 1_000, {"sni": 100}, 10_000, {})
    filing = Filing(settings.sensor, settings.config.ledger.retention_days)
    ledgers = Ledgers(settings.ledger, settings.ledger_key, settings.sensor, until_ns)
    assert not ledgers.append_everywhere([filing.window(window, until_ns)])
    ledgers.close()


def found(settings: Settings) -> list[Finding]:
    """Return the findings of a state folder."""
    reader = OutboxReader(settings.state)
    findings = list(reader.findings())
    reader.close()
    return findings


def _record(config: Path, told: Connection) -> None:
    settings = load_settings(config)
    knowledge = app.load_knowledge(settings.policy)
    with ExitStack() as stack:
        recorder = open_recorder(settings, knowledge, structlog.get_logger(), stack)
        recorder.start()
        told.send(None)
        told.recv()
        recorder.close(5)


@contextmanager
def recording_daemon(config: Path) -> Iterator[None]:
    """Run the daemon's recorder in a process of its own, until the end."""
    forked = multiprocessing.get_context("fork")
    here, there = forked.Pipe()
    process = forked.Process(target=_record, args=(config, there))
    process.start()
    there.close()
    here.recv()
    try:
        yield
    finally:
        here.send(None)
        process.join(10)
        if process.exitcode is None:
            process.kill()
    assert process.exitcode == 0


def run_findings(*arguments: str | Path) -> Result:
    """Run `residency findings` in this process, on a terminal of 80 columns."""
    words = ["findings", *map(str, arguments)]
    return CliRunner().invoke(group, words, env={"COLUMNS": "80"}, prog_name="residency")
