"""`residency outbox` with a fleet's configuration: all partitions together, each acted on where it is."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.courier.deliveries import Deliveries, Taken
from monitor.courier.letters import DeadLetter, LaneState
from monitor.outbox.reading import OutboxReader
from monitor.sinks.protocol import Parcel
from tests.fleet_kit import configured, plan
from tests.ledger_kit import NOW_NS
from tests.rejudge_kit import run
from tests.test_fleet_delivering import delivered, fill

SINKS = [
    {"type": "jsonl", "name": name, "path": f"{name}.jsonl", "checkpoints": True}
    for name in ("events", "late")
]
AFTER = 1  # event that the sink "events" had in each partition


def residency(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, ["outbox", *map(str, arguments)])


class Fleet:
    """Two partitions: each put the first event aside for a sink."""

    def __init__(self, folder: Path) -> None:
        self.plan = plan(folder, sinks=("events", "late"))
        self.keys = {number: fill(self.plan, number) for number in (0, 3)}
        self.config = folder / "correlator.yaml"
        self.config.write_text(configured(self.plan.root, folder, sinks=SINKS), "utf-8")
        for number in self.keys:
            self._deliver(number)

    def state(self, number: int) -> Path:
        return self.plan.root / f"p{number}/state"

    def parcels(self, number: int) -> list[Parcel]:
        with closing(OutboxReader(self.state(number))) as queue:
            return list(queue.peek(0, 1_000))

    def _deliver(self, number: int) -> None:
        first, *_ = self.parcels(number)
        letter = DeadLetter("events", first.seq, first.event, "answered 400", NOW_NS + number, 1)
        lane = LaneState(first.seq, attempts=number, next_try_ns=2**62 + number, delivered=1)
        with closing(Deliveries(self.state(number))) as deliveries:
            deliveries.save("events", lane, Taken(aside=[letter]))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_status_adds_up(fleet: Fleet) -> None:
    events, late = (
        json.loads(line)
        for line in residency("status", "--config", fleet.config, "--json").stdout.splitlines()
    )
    total = sum(map(len, fleet.keys.values()))
    assert (events["sink"], events["waiting"], events["dead"]) == ("events", total - 2 * AFTER, 2)
    assert (events["delivered"], events["attempts"], events["next_try_ns"]) == (2, 3, 2**62 + 3)
    assert (late["sink"], late["waiting"], late["dead"], late["configured"]) == ("late", total, 0, True)
    assert late["oldest_ns"] == min(fleet.parcels(number)[0].event.at_ns for number in fleet.keys)
    shown = residency("status", "--config", fleet.config).stdout.splitlines()
    assert shown[1].split()[:2] == ["events", str(total - 2 * AFTER)]


def test_what_waits_and_what_was_put_aside_is_listed_by_partition(fleet: Fleet) -> None:
    lines = residency("list", "--config", fleet.config).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        f"p{number}" for number in fleet.keys for _ in fleet.keys[number]
    ]
    few = residency("list", "--config", fleet.config, "--limit", "1").stdout.splitlines()
    assert few == [lines[0], f"... and {len(lines) - 1} events more (--limit)"]
    found = [
        json.loads(line)
        for line in residency(
            "list", "--config", fleet.config, "--sink", "events", "--json"
        ).stdout.splitlines()
    ]
    assert [(each["partition"], each["key"]) for each in found] == [
        (number, key) for number, keys in fleet.keys.items() for key in keys[AFTER:]
    ]
    dead = [
        json.loads(line)
        for line in residency("list", "--config", fleet.config, "--dead", "--json").stdout.splitlines()
    ]
    assert [(each["partition"], each["key"]) for each in dead] == [
        (number, keys[0]) for number, keys in fleet.keys.items()
    ]


def test_what_is_done_is_done_where_the_event_is(fleet: Fleet) -> None:
    only = next(key for key in fleet.keys[0][AFTER:] if key not in fleet.keys[3])
    drop = "drop", "--config", fleet.config, "--sink", "events", "--key"
    assert residency(*drop, only).stdout == "1 event dropped for events\n"
    assert residency(*drop, "nothing").exit_code == 4
    assert residency("retry", "--config", fleet.config).stdout == "2 events back in line\n"
    assert residency("retry", "--config", fleet.config).exit_code == 4
    assert residency("drop", "--config", fleet.config, "--sink", "none", "--all", "--yes").exit_code == 2
    assert residency("drain", "--config", fleet.config, "--sink", "events").exit_code == 0
    assert sorted(delivered(fleet.plan, 0)) == sorted(set(fleet.keys[0]) - {only})
    assert sorted(delivered(fleet.plan, 3)) == sorted(fleet.keys[3])


def test_drain_delivers_all_of_all_partitions(fleet: Fleet) -> None:
    assert residency("drain", "--config", fleet.config, "--sink", "late").exit_code == 0
    for number, keys in fleet.keys.items():
        path = fleet.plan.root / f"p{number}/late.jsonl"
        assert [json.loads(line)["key"] for line in path.read_bytes().splitlines()] == keys
        assert delivered(fleet.plan, number) == []
    assert residency("drain", "--config", fleet.config).exit_code == 0
    for number, keys in fleet.keys.items():
        assert delivered(fleet.plan, number) == keys[AFTER:]


def test_what_another_courier_has_is_not_drained(fleet: Fleet) -> None:
    with closing(Deliveries(fleet.state(3))):
        ran = residency("drain", "--config", fleet.config, "--wait", "0.3")
    assert ran.exit_code == 2
    assert str(fleet.state(3)) in ran.stderr


def test_a_fleet_that_recorded_nothing_yet_has_nothing(tmp_path: Path) -> None:
    config = tmp_path / "correlator.yaml"
    config.write_text(configured(tmp_path / "root", tmp_path, sinks=SINKS), "utf-8")
    for command in (["status"], ["list"], ["retry"]):
        ran = residency(*command, "--config", config)
        assert (ran.exit_code, "nothing is recorded yet" in ran.stderr) == (3, True), ran
    ran = run("findings", "list", "--config", config)
    mend = "start `residency correlate`, or see `root:`"
    line = f"residency: {tmp_path / 'root'}: nothing is recorded yet; {mend}\n"
    assert (ran.exit_code, ran.stderr) == (3, line)
