"""The daemon at work in the live world: a process of its own on the egress host, and what it says and writes.

Waits are for what the daemon writes, or for the value of a metric, and have an end.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from monitor.types import Decision, Owner
from monitor.windows import Window
from tests.live_network import INSIDE
from tests.live_places import Program
from tests.live_world import POLICY, World

SENSOR = "edge"
USER = "nobody"
PORT = 9_477
KINDS = ("violation", "indeterminate", "unassigned", "excepted", "allow")
_PATIENCE_SECONDS = 30.0  # more than a flow lingers after its end


class Written(Decision, frozen=True, kw_only=True):
    """What the ledger holds of a decision."""

    sensor: str
    owner: Owner | None

    @property
    def client(self) -> str:
        return self.connection.flow.client


class Samples:
    """All series of one scrape."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _rows(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        rows: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(self._text):
            for sample in family.samples:
                rows.setdefault(sample.name, []).append((sample.labels, sample.value))
        return rows

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the series that have these labels."""
        rows = self._rows.get(f"residency_{name}", ())
        return sum(value for row, value in rows if labels.items() <= row.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Return the sums by one label, without those that are 0."""
        sums: dict[str, float] = {}
        for row, value in self._rows.get(f"residency_{name}", ()):
            sums[row[label]] = sums.get(row[label], 0) + value
        return {key: value for key, value in sums.items() if value}


class Daemon:
    """A daemon that runs, and the folder that it writes to."""

    def __init__(self, world: World, program: Program, folder: Path, port: int) -> None:
        self.program, self.folder = program, folder
        self._world, self._port = world, port

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of an event."""
        said = self.program.said()
        lines = [json.loads(line) for line in said[: said.rfind("\n") + 1].splitlines()]
        return [line for line in lines if line["event"] == event]

    def scrape(self) -> Samples:
        """Return its metrics as they are now."""
        assert self.program.status is None, self.program.said()
        url = f"http://127.0.0.1:{self._port}/metrics"
        return Samples(self._world.egress.run("curl", "-sSfm", "10", url))

    def wait_for(self, reached: Callable[[Samples], bool], what: str) -> Samples:
        """Wait until the metrics are so; return them."""
        scraped = self.scrape()

        def look() -> bool:
            nonlocal scraped
            scraped = self.scrape()
            return reached(scraped)

        if not reached(scraped):
            self.program.wait_for(look, what, _PATIENCE_SECONDS)
        return scraped

    def lines(self, *kinds: str) -> list[Written]:
        """Return what was decided, by default of every outcome."""
        found = [msgspec.json.decode(line)["payload"] for line in self._lines(kinds or KINDS)]
        return [msgspec.convert(each | each["decision"], Written) for each in found if "decision" in each]

    def ended(self) -> list[Written]:
        """Return the decisions on connections that ended."""
        return [line for line in self.lines() if not line.is_open]

    def windows(self) -> list[Window]:
        """Return the statements of how much could be seen."""
        found = [msgspec.json.decode(line)["payload"] for line in self._lines(("coverage",))]
        windows = [msgspec.convert(each, Window) for each in found if each["type"] == "coverage"]
        return list({each.until_ns: each for each in windows}.values())  # every tenant's ledger has them

    def _lines(self, kinds: tuple[str, ...]) -> Iterator[bytes]:
        for kind in kinds:
            for path in sorted(self.folder.glob(f"ledger/*/payloads/{kind}/*.jsonl")):
                written = path.read_bytes()
                whole = written[: written.rfind(b"\n") + 1]
                assert whole == written or self.program.status is None  # it may be writing
                yield from whole.splitlines()


class Ask(NamedTuple):
    """What differs in a configuration: keys of `capture`, and whole other keys."""

    capture: Mapping[str, Any] = MappingProxyType({})
    others: Mapping[str, Any] = MappingProxyType({})


@contextmanager
def daemon(world: World, name: str, ask: Ask = Ask(), port: int = PORT) -> Iterator[Daemon]:  # noqa: B008  immutable
    """Run a daemon on the egress host; it captures when the block begins, and is ended behind it."""
    folder = Path(tempfile.mkdtemp(prefix="residency-", dir="/tmp"))  # pytest's own is root's alone
    folder.chmod(0o755)  # the daemon gives its rights up
    try:
        shutil.copy(POLICY, folder / "policy.yaml")
        config = folder / "residency.yaml"
        config.write_bytes(msgspec.yaml.encode(_configuration(folder, ask, port)))
        command = (sys.executable, "-m", "monitor", "run", "--config", config)
        program = world.start(world.egress, f"daemon-{name}", *command)
        made = Daemon(world, program, folder, port)
        program.wait_for(lambda: bool(made.log("started")), "the daemon to start")
        yield made
        assert program.stop() == 0, program.said()
    finally:
        program.stop()
        shutil.rmtree(folder)


def _configuration(folder: Path, ask: Ask, port: int) -> dict[str, Any]:
    return {
        "version": 1,
        "sensor": SENSOR,
        "capture": {"interfaces": [INSIDE], "ring_bytes": "64MiB", **ask.capture},
        "policy": "policy.yaml",
        "ledger": {"folder": str(folder / "ledger"), "key": str(folder / "keys/ledger.key")},
        "state": str(folder / "state"),
        "metrics": {"port": port},
        "security": {"user": USER},
        **ask.others,
    }
