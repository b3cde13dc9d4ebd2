"""The committed dashboards are those of the boards, and Grafana can lay them out and tell them apart."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana import make
from grafana.layout import band
from grafana.panels import About, draw
from tests.grafana_kit import HERE, UIDS, asking, boards, panels

COLUMNS = 24


def cells(placed: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """Return the cells that panels take; fail where two take the same, or one stands outside."""
    taken: set[tuple[int, int]] = set()
    for panel in placed:
        at = panel["gridPos"]
        assert at["x"] >= 0
        assert at["x"] + at["w"] <= COLUMNS
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert mine
        assert not taken & mine, panel["title"]
        taken |= mine
    return taken


def test_what_is_committed_is_current() -> None:
    committed = {
        str(path.relative_to(HERE)): path.read_bytes()
        for path in [*(HERE / "dashboards").iterdir(), HERE / "must_have_data.json"]
    }
    assert committed == make.files(), "not current: run python -m grafana.make"


def test_the_same_boards_give_the_same_bytes_in_order_and_with_an_end_of_line() -> None:
    made = make.files()
    assert made == make.files()
    for content in made.values():
        assert content.endswith(b"}\n")
        value = json.loads(content)
        assert [*value] == sorted(value)


def test_make_says_what_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "HERE", tmp_path)
    make.main()
    written = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert written == make.files()
    assert len(capsys.readouterr().out.splitlines()) == len(UIDS) + 1


def test_the_boards_are_those_that_are_known_by_their_uids() -> None:
    assert set(boards()) == set(UIDS)
    assert {path.stem for path in (HERE / "dashboards").iterdir()} == set(UIDS)


@pytest.mark.parametrize("uid", UIDS)
def test_ids_are_unique_and_targets_are_lettered(uid: str) -> None:
    ids = [panel["id"] for panel in panels(boards()[uid])]
    assert len(ids) == len(set(ids))
    assert all(isinstance(each, int) and each > 0 for each in ids)
    for panel in asking(boards()[uid]):
        refs = [target["refId"] for target in panel["targets"]]
        assert refs == [chr(ord("A") + place) for place in range(len(refs))]


@pytest.mark.parametrize("uid", UIDS)
def test_panels_fill_all_columns_and_do_not_overlap(uid: str) -> None:
    board = boards()[uid]
    taken = cells(board["panels"])
    bottom = max(y for _, y in taken) + 1
    assert len(taken) == COLUMNS * bottom
    for row in [each for each in board["panels"] if each["type"] == "row" and each["collapsed"]]:
        inside = cells(row["panels"])
        tops = {y for _, y in inside}
        assert min(tops) == row["gridPos"]["y"] + 1
        assert len(inside) == COLUMNS * len(tops)


def test_only_folded_rows_hold_panels() -> None:
    rows = [panel for board in boards().values() for panel in panels(board) if panel["type"] == "row"]
    assert {row["collapsed"] for row in rows} == {True, False}
    for row in rows:
        assert bool(row["panels"]) == row["collapsed"]


def test_a_band_that_does_not_fill_the_columns_is_refused() -> None:
    drawn = draw(stat.Panel(), About("a", "b"))
    with pytest.raises(ValueError, match="a band is 23 columns wide, not 24"):
        band(4, (drawn, 12), (drawn, 11))


@pytest.mark.parametrize("uid", UIDS)
def test_what_must_have_data_is_a_target(uid: str) -> None:
    must = json.loads((HERE / "must_have_data.json").read_bytes())
    assert set(must) == set(UIDS)
    there = {(panel["id"], each["refId"]) for panel in asking(boards()[uid]) for each in panel["targets"]}
    marked = [(number, ref) for number, ref in must[uid]]
    assert marked
    assert set(marked) <= there
    assert len(set(marked)) == len(marked)


@pytest.mark.parametrize("uid", UIDS)
def test_the_model_reads_it_back(uid: str) -> None:
    board = json.loads(json.dumps(boards()[uid]))
    again = json.loads(json.dumps(model.Dashboard.from_json(board), cls=JSONEncoder))
    for each in (board, again):
        del each["annotations"]  # they have texts that the library has no place for
    assert again == board


def test_provisioning_is_what_grafana_reads() -> None:
    providers = yaml.safe_load((HERE / "provisioning/dashboards/residency.yaml").read_text())
    sources = yaml.safe_load((HERE / "provisioning/datasources/residency.yaml").read_text())
    assert providers["apiVersion"] == sources["apiVersion"] == 1
    assert providers["providers"][0]["type"] == "file"
    assert providers["providers"][0]["options"]["path"] in (HERE / "README.md").read_text()
    assert sources["datasources"][0]["type"] == "prometheus"


def test_the_readme_names_every_board_and_the_release_it_was_made_with() -> None:
    text = (HERE / "README.md").read_text()
    for uid, board in boards().items():
        assert f"| {board['title']} | " in text
        assert f"`dashboards/{uid}.json` |" in text
    pinned = (HERE.parent / "pyproject.toml").read_text()
    release = text.rsplit("`", 2)[1]
    assert f"grafana-foundation-sdk=={release}" in pinned
