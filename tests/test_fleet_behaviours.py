"""Behaviours and retention where a fleet records: what restarts must not forget, and what has to go."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.findings.types import Finding
from monitor.fleet.parcels import Said
from monitor.fleet.recording import recalling
from monitor.fleet.recording.plan import behaviours_of
from monitor.policy import Policy
from monitor.types import Decision, Totals
from tests.behaviours_kit import decide, policy
from tests.catalog_help import built_in
from tests.fleet_kit import entries, found, judged, knowledge, opened, plan, recorded
from tests.ledger_kit import DAY_NS, NOW_NS

UPLOADS = "upload_limits: [{data_class: crm, bytes: 10 kB}]"
ALL = """\
dual_exposure: {window: 1h}
relay: {crm_ranges: [198.51.100.0/24], window: 60s, ports: [443]}
gateways: [{name: gate, addresses: [10.30.0.1], for: [backend]}]
consoles: {permitted: [office]}
upload_limits: [{data_class: crm, bytes: 10 kB}]
"""
COUNT = 12


def owned(decision: Decision, of: Policy) -> Decision:
    """Return a decision as its policy has it: whose it is."""
    connection = decision.connection
    return replace(decision, connection=replace(connection, subject=of.subject(connection.flow.client)))


def uploads(of: Policy) -> list[Said]:
    """Return decisions each of which is on an upload that is too large."""
    big = Totals(bytes_up=11_000)
    return judged([owned(decide(at, port=1_024 + at, totals=big), of) for at in range(COUNT)])


def behaved(folder: Path, step: int, of: Policy) -> list[Finding]:
    """Record uploads with a crash after each so many; return what was found."""
    what, known, said = plan(folder), replace(knowledge(), policy=of), uploads(of)
    for at in range(0, COUNT, step):
        with opened(what, known) as partition:
            partition.take(said[at : at + step], at + step, NOW_NS)
            assert partition.turn(NOW_NS) == ()
            assert partition.turn(NOW_NS) == ()
            assert partition.offset == at + step
    return [each for each in found(what.root) if each.kind == "unusual-upload"]


@pytest.mark.parametrize("step", [1, 5, COUNT])
def test_behaviours_are_found_across_crashes(tmp_path: Path, step: int) -> None:
    (upload,) = behaved(tmp_path, step, policy(UPLOADS))
    assert upload.rule == "unusual-upload"
    assert upload.count == 8  # told at each power of two


def test_what_is_recalled_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalling, "RECALLED_ENTRIES", 3)
    (upload,) = behaved(tmp_path, 1, policy(UPLOADS))
    assert upload.count < 8


def test_what_needs_more_than_decisions_is_not_looked_for() -> None:
    of = policy(ALL)
    plain = behaviours_of(of, built_in(), pseudonyms=False).kinds()
    assert sorted(plain) == ["console-access", "dual-exposure", "gateway-bypass", "unusual-upload"]
    assert sorted(behaviours_of(of, built_in(), pseudonyms=True).kinds()) == [
        "dual-exposure",
        "unusual-upload",
    ]
    assert behaviours_of(None, built_in(), pseudonyms=False).kinds() == ()


def test_what_was_kept_long_enough_goes_and_does_not_come_back(tmp_path: Path) -> None:
    what, known = plan(tmp_path), knowledge()
    said = judged(
        [replace(each, outcome="allow") for each in (decide(at, port=1_024 + at) for at in range(9))]
    )
    with opened(what, known) as partition:
        partition.take(said, 9, NOW_NS)
        assert partition.turn(NOW_NS) == ()
        assert partition.finish(NOW_NS) is None
    assert len(recorded(what.root)) == 9
    later_ns = NOW_NS + 10 * DAY_NS
    with opened(what, known, now_ns=later_ns) as partition:
        assert recorded(what.root) == []
        assert [each.event for each in partition.said()].count("deleted") == 1
        partition.take(said, 9, later_ns)
        assert partition.counts.again == 9
        assert partition.turn(later_ns) == ()
    assert recorded(what.root) == []
    kinds = [entry.leaf.kind for _, entry in entries(what.root)]
    assert kinds.count("decision") == 9  # as hashes
    assert kinds.count("retention") == 1
