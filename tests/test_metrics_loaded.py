"""What is in use: when exceptions end, and which reloads changed something."""

import calendar
import datetime as dt
from pathlib import Path

import msgspec
import pytest

from monitor.app import Knowledge, load_knowledge
from monitor.metrics import Metrics
from monitor.metrics.expected import CHANGE_REASONS
from tests.metrics_kit import EXAMPLE, NAME, ROOMY, example, exposed, loaded, row, value

TEXT = EXAMPLE.read_text("utf-8")
CATALOG = """\
providers: [{id: own, name: Our own, operator_country: DE}]
defaults: {provider: own, service: API, scope: unknown, source: test, date: 2026-01-01, verified: full}
endpoints: [{host: llm.own.example}]
"""


def changed(folder: Path, text: str) -> Knowledge:
    """Return what the example needs, with another policy."""
    path = folder / "policy.yaml"
    path.write_text(text, "utf-8")
    return load_knowledge(path)


def changes(metrics: Metrics) -> dict[str, float]:
    return {
        reason: value(metrics, "residency_loaded_changes_total", reason=reason) for reason in CHANGE_REASONS
    }


def expiries(metrics: Metrics) -> dict[str, float]:
    series = exposed(metrics).get("residency_exception_expiry_timestamp_seconds", {})
    return {dict(key)["policy"]: number for key, number in series.items()}


def test_an_exception_s_last_day_is_included() -> None:
    end = calendar.timegm((2026, 10, 1, 0, 0, 0))
    assert expiries(loaded()) == {"EXC-2026-004": end}
    assert dt.datetime.fromtimestamp(end - 1, dt.UTC).isoformat() == "2026-09-30T23:59:59+00:00"


def test_exceptions_are_those_of_the_policy_in_use(tmp_path: Path) -> None:
    metrics = loaded()
    text = TEXT.replace("EXC-2026-004", "EXC-1").replace("expires: 2026-09-30", "expires: 9999-12-31")
    metrics.load(changed(tmp_path, text))
    assert expiries(metrics) == {"EXC-1": 253_402_300_800}  # the year 10000, which has no date
    metrics.load(load_knowledge())
    assert expiries(metrics) == {}


def test_the_exceptions_that_end_next_keep_their_series(tmp_path: Path) -> None:
    head, _, rest = TEXT.partition("exceptions:\n")
    item, _, rest = rest.partition("\n\n")
    items = "".join(
        item.replace("EXC-2026-004", f"EXC-{year}").replace("2026-09-30", f"{year}-09-30") + "\n"
        for year in range(2200, 2100, -1)
    )
    metrics = Metrics(NAME, 150)
    metrics.load(changed(tmp_path, f"{head}exceptions:\n{items}\n{rest}"))
    kept = sorted(set(expiries(metrics)) - {"other"})
    assert "other" in expiries(metrics)
    assert kept == [f"EXC-{year}" for year in range(2101, 2101 + len(kept))] != []


def test_what_differs_after_a_reload_is_counted_by_what_it_is(tmp_path: Path) -> None:
    known = example()
    other = changed(tmp_path, TEXT.replace("EXC-2026-004", "EXC-1"))
    newer = msgspec.structs.replace(known, datasets=("aws-ip-ranges 2026-05-01 (sha256 0123)",))
    own = tmp_path / "own.yaml"
    own.write_text(CATALOG, "utf-8")
    metrics = Metrics(NAME, ROOMY)
    assert changes(metrics) == {"policy": 0, "catalogue": 0, "datasets": 0}
    steps = [
        (known, (0, 0, 0)),  # the first load
        (known, (0, 0, 0)),
        (load_knowledge(EXAMPLE), (0, 0, 0)),  # the same files, read again
        (other, (1, 0, 0)),
        (known, (2, 0, 0)),
        (newer, (2, 0, 1)),
        (load_knowledge(EXAMPLE, catalogs=[own]), (2, 1, 2)),
        (load_knowledge(catalogs=[own]), (3, 1, 2)),
        (known, (4, 2, 2)),
    ]
    for knowledge, wanted in steps:
        metrics.load(knowledge)
        assert tuple(changes(metrics).values()) == wanted


@pytest.mark.parametrize("reason", CHANGE_REASONS)
def test_changes_begin_at_0(reason: str) -> None:
    assert exposed(loaded())["residency_loaded_changes_total"][row({"reason": reason})] == 0
