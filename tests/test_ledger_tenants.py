"""The ledgers of all tenants: opened at first use, bounded, and told what is for all."""

from pathlib import Path

import msgspec
import pytest

from monitor.files import InputError
from monitor.ledger import tenants as tenants_module
from monitor.ledger.days import DAY_NS
from monitor.ledger.failures import LedgerUnusableError
from monitor.ledger.reader import ledgers_in, open_ledger
from monitor.ledger.tenants import Ledgers
from monitor.ledger.types import Record, RecordKind
from tests.ledger_faults import failing
from tests.records_kit import NOW_NS, TODAY, check, numbers, record


def opened(tmp_path: Path, max_open: int = 3) -> Ledgers:
    return Ledgers(tmp_path / "ledgers", tmp_path / "key", "edge", NOW_NS, max_open)


def said(kind: RecordKind, text: str) -> Record:
    return Record(kind, NOW_NS, "record", TODAY, msgspec.json.encode({"said": text}))


def kinds(folder: Path) -> list[str]:
    return [entry.leaf.kind for entry in open_ledger(folder).entries()]


def test_each_tenant_has_a_ledger(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    assert ledgers.append("acme", [record(0), record(1)]) == 0
    assert ledgers.append(None, [record(0)]) == 0
    assert ledgers.append("acme", [record(2)]) == 2
    assert [each.tenant for each in ledgers.all()] == [None, "acme"]
    ledgers.close()
    root = tmp_path / "ledgers"
    assert [path.name for path in ledgers_in(root)] == ["_unassigned", "acme"]
    assert ledgers_in(root / "acme") == [root / "acme"]
    assert open_ledger(root / "_unassigned").tenant is None
    assert open_ledger(root / "acme").origin == "residency/edge/acme"
    assert numbers(root / "acme") == [0, 1, 2]


def test_few_are_open_at_once(tmp_path: Path) -> None:
    ledgers = opened(tmp_path, max_open=3)
    for round_number in range(3):
        for tenant in "abcdefgh":
            assert ledgers.append(tenant, [record(round_number)]) == round_number
            assert len(ledgers._open) <= 3  # noqa: SLF001
    ledgers.close()
    for tenant in "abcdefgh":
        assert numbers(tmp_path / "ledgers" / tenant) == [0, 1, 2]


def test_a_second_daemon_is_kept_out(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    with pytest.raises(InputError, match=r"another daemon \(process \d+\) writes there"):
        opened(tmp_path)
    ledgers.close()
    opened(tmp_path).close()


def test_what_is_for_all_goes_to_those_that_are_there(tmp_path: Path) -> None:
    ledgers = opened(tmp_path, max_open=1)
    for tenant in ("a", "b"):
        ledgers.append(tenant, [record(0)])
    assert ledgers.append_everywhere([said("policy-loaded", "1"), said("gap", "g")]) == []
    ledgers.append_everywhere([said("policy-loaded", "2"), said("sensor-start", "s")])
    assert ledgers.append("c", [record(0)]) == 2  # behind the policy and the start, which hold on
    assert ledgers.append("c", [record(1)]) == 3
    ledgers.close()
    for tenant in ("a", "b"):
        assert kinds(tmp_path / "ledgers" / tenant) == [
            "decision", "policy-loaded", "gap", "policy-loaded", "sensor-start",
        ]  # fmt: skip
    assert kinds(tmp_path / "ledgers/c") == ["policy-loaded", "sensor-start", "decision", "decision"]
    policy = next(open_ledger(tmp_path / "ledgers/c").entries())
    assert policy.payload == b'{"said":"2"}'


def test_what_a_ledger_could_not_take_it_gets_later(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    ledgers.append("a", [record(0)])
    with failing(lambda _: OSError(28, "full")):
        failures = ledgers.append_everywhere([said("policy-loaded", "1")])
        assert [str(each) for each in failures] == [
            "[Errno 28] full: '" + str(tmp_path / "ledgers/a/journal") + "'"
        ]
        with pytest.raises(OSError, match="full"):
            ledgers.append("a", [record(1)])
    assert ledgers.append("a", [record(1)]) == 2
    assert ledgers.appended.total() == 3
    assert ledgers.appended["record"] == 1
    ledgers.close()
    assert kinds(tmp_path / "ledgers/a") == ["decision", "policy-loaded", "decision"]


def test_what_a_ledger_is_owed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants_module, "MAX_OWED", 5)
    ledgers = opened(tmp_path)
    ledgers.append("a", [record(0)])
    with failing(lambda _: OSError(28, "full")):
        for _ in range(7):
            ledgers.append_everywhere([said("gap", "g")])
    assert ledgers.unwritten.total() == 2
    assert ledgers.append("a", [record(1)]) == 6
    ledgers.close()


def test_a_ledger_that_cannot_be_opened_is_an_oserror(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    (tmp_path / "ledgers/a").write_text("a file")
    with pytest.raises(LedgerUnusableError, match="file exists") as caught:
        ledgers.append("a", [record(0)])
    assert str(caught.value.cause).startswith(str(tmp_path / "ledgers/a"))
    (tmp_path / "ledgers/a").unlink()
    assert ledgers.append("a", [record(0)]) == 0
    ledgers.close()


def test_a_name_that_can_have_no_folder(tmp_path: Path) -> None:
    ledgers = opened(tmp_path)
    with pytest.raises(InputError, match="give it a shorter name"):
        ledgers.of("x" * 300)
    ledgers.close()


def test_retention_in_all_ledgers(tmp_path: Path) -> None:
    ledgers = opened(tmp_path, max_open=1)
    for tenant in ("a", "b", "c"):
        ledgers.append(tenant, [record(0, "allow", "2026-01-01"), record(1)])
    (tmp_path / "ledgers/b/ledger.json").write_text("{}")
    swept = ledgers.expire(NOW_NS, lambda _: 30)
    assert sorted(map(str, swept.expired)) == ["a", "c"]
    assert ["ledger.json" in str(each) for each in swept.failures] == [True]
    assert ledgers.appended["record"] == 2
    stepped = ledgers.expire(NOW_NS + 90 * DAY_NS, lambda _: 30)
    assert not stepped.expired
    ledgers.close()
    for tenant in ("a", "c"):
        assert numbers(tmp_path / "ledgers" / tenant) == [None, 1, -1]
        check(tmp_path / "ledgers" / tenant)
