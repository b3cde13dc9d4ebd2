"""`residency findings` over a fleet: all partitions together, and each action where its finding is."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.findings.types import Finding
from monitor.fleet.parcels import Judged, Said
from monitor.fleet.recording.plan import Plan
from monitor.fleet.tenants import partition_of
from monitor.types import Subject
from tests.findings_kit import decide
from tests.fleet_kit import configured, found, judged, knowledge, opened, plan
from tests.ledger_kit import NOW_NS
from tests.state_kit import run_findings

KNOWN = knowledge()
OF = 4
TENANTS = ("acme", "beta")
SAID = judged(
    [
        decide(at, port=1_024 + at, subject=Subject(TENANTS[at % 2], "backend", "crm"), rule=f"R{at % 3}")
        for at in range(12)
    ]
)


def tenant_of(said: Said) -> str | None:
    assert isinstance(said, Judged)
    return said.decision.connection.subject.tenant


@pytest.fixture
def what(tmp_path: Path) -> Plan:
    """A fleet's partitions, as recorders left them."""
    made = plan(tmp_path)
    for number in range(OF):
        with opened(made, KNOWN, number, OF) as partition:
            partition.take([each for each in SAID if partition_of(tenant_of(each), OF) == number], 1, NOW_NS)
            assert partition.turn(NOW_NS) == ()
            assert partition.finish(NOW_NS) is None
    return made


@contextmanager
def recording(what: Plan, number: int) -> Iterator[None]:
    """Have a partition recorded meanwhile."""
    begun, ended = threading.Event(), threading.Event()

    def record() -> None:
        with opened(what, KNOWN, number, OF) as partition:
            begun.set()
            while not ended.wait(0.02):
                partition.turn(NOW_NS)

    thread = threading.Thread(target=record)
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        ended.set()
        thread.join()


def one(what: Plan, tenant: str | None) -> Finding:
    return next(each for each in found(what.root) if each.subject.tenant == tenant)


def test_all_partitions_are_listed_together(what: Plan) -> None:
    assert len({partition_of(each, OF) for each in TENANTS}) == 2
    ran = run_findings("list", "--state", what.root, "--all", "--json")
    listed = [json.loads(line)["id"] for line in ran.stdout.splitlines()]
    assert sorted(listed) == [each.id for each in found(what.root)]
    assert {each.subject.tenant for each in found(what.root)} == set(TENANTS)
    shown = run_findings("list", "--state", what.root, "--all")
    assert "is in the partitions' ledgers, by sensor" in shown.stderr


def test_the_configuration_names_them_all(what: Plan, tmp_path: Path) -> None:
    config = tmp_path / "correlator.yaml"
    config.write_text(configured(what.root, tmp_path), "utf-8")
    ran = run_findings("list", "--config", config, "--all", "--json")
    assert [json.loads(each)["id"] for each in ran.stdout.splitlines()] == [
        json.loads(each)["id"]
        for each in run_findings("list", "--state", what.root, "--all", "--json").stdout.splitlines()
    ]
    config.write_text(configured(tmp_path / "elsewhere", tmp_path), "utf-8")
    assert run_findings("list", "--config", config).exit_code == 3


@pytest.mark.parametrize("tenant", TENANTS)
def test_one_is_shown_with_its_history(what: Plan, tenant: str | None) -> None:
    finding = one(what, tenant)
    ran = run_findings("show", finding.id[:8], "--state", what.root)
    assert ran.exit_code == 0
    assert finding.id in ran.stdout
    assert "opened" in ran.stdout


def test_an_action_is_done_where_the_finding_is(what: Plan) -> None:
    finding = one(what, "acme")
    with recording(what, partition_of("acme", OF)):
        ran = run_findings("ack", finding.id, "--state", what.root, "--note", "seen")
    assert ran.exit_code == 0, ran.stderr
    assert one(what, "acme").id == finding.id
    assert {each.state for each in found(what.root) if each.id == finding.id} == {"acknowledged"}


def test_an_action_needs_a_recorder(what: Plan) -> None:
    ran = run_findings("ack", one(what, "acme").id, "--state", what.root)
    assert ran.exit_code == 2
    assert "no correlator records this partition now" in ran.stderr


def test_all_are_exported_with_what_they_rest_on(what: Plan) -> None:
    ran = run_findings("export", "--state", what.root, "--format", "native")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert sorted(each["change"]["finding"]["id"] for each in events) == [
        each.id for each in found(what.root)
    ]
    assert {each["basis"]["sensor"] for each in events} == {
        f"fleet-p{partition_of(tenant, OF)}" for tenant in TENANTS
    }
