"""The rules of Grafana's dashboard linter, and a few of our own, over the committed dashboards."""

import json
import re
from typing import Any

import pytest

from tests.grafana_kit import PROMETHEUS, UIDS, all_queries, asked, asking, boards, groupings, panels

ALL = {"text": ["All"], "value": ["$__all"], "selected": True}
ON_TIME_RANGE = 2
UNITS = {
    "none", "short", "percentunit", "s", "dtdurations", "bytes", "decbytes", "Bps", "pps", "cps",
}  # fmt: skip
KINDS = {"stat", "table", "timeseries", "bargauge", "geomap", "heatmap", "state-timeline"}
CLAIMS = re.compile(r"complian|GDPR|breach|was sent to|illegal|data left|leak", re.IGNORECASE)

each_board = pytest.mark.parametrize("uid", UIDS)


def variables(uid: str) -> dict[str, dict[str, Any]]:
    """Return a board's variables by name, in order."""
    return {each["name"]: each for each in boards()[uid]["templating"]["list"]}


@each_board
def test_template_datasource(uid: str) -> None:
    first = next(iter(variables(uid).values()))
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert first["label"] == "Data source"


@each_board
@pytest.mark.parametrize("name", ["sensor", "tenant"])
def test_template_sensor_and_tenant(uid: str, name: str) -> None:
    variable = variables(uid)[name]
    assert variable["type"] == "query"
    assert variable["multi"] is variable["includeAll"] is True
    assert (variable["allValue"], variable["current"]) == (".+", ALL)


@each_board
def test_template_label_promql_and_reload(uid: str) -> None:
    for variable in variables(uid).values():
        assert variable["description"]
        if variable["type"] == "query":
            assert variable["datasource"] == PROMETHEUS
            assert variable["refresh"] == ON_TIME_RANGE
            query = variable["query"]["query"]
            assert re.fullmatch(rf"label_values\(residency_\w+(\{{.*\}})?, {variable['name']}\)", query)
            earlier = [*variables(uid)][: [*variables(uid)].index(variable["name"])]
            assert set(re.findall(r"\$(\w+)", query)) <= set(earlier)


@each_board
def test_every_variable_is_used_or_kept_for_links(uid: str) -> None:
    text = json.dumps(boards()[uid])
    for name, variable in variables(uid).items():
        used = f"${name}" in text or f"${{{name}}}" in text
        hidden = variable.get("hide") == 2
        assert used or hidden, name


@each_board
def test_panel_datasource(uid: str) -> None:
    for panel in asking(boards()[uid]):
        assert panel["datasource"] == PROMETHEUS
        assert all(target["datasource"] == PROMETHEUS for target in panel["targets"])


@each_board
def test_panel_title_description_units_and_empty(uid: str) -> None:
    titles = [panel["title"] for panel in panels(boards()[uid])]
    assert len(titles) == len(set(titles))
    for panel in asking(boards()[uid]):
        assert panel["type"] in KINDS
        assert panel["title"]
        assert panel["description"].endswith(".")
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, panel["title"]
        assert defaults["noValue"], panel["title"]
        for override in panel["fieldConfig"]["overrides"]:
            units = [each["value"] for each in override["properties"] if each["id"] == "unit"]
            assert set(units) <= UNITS


@each_board
def test_panel_no_targets(uid: str) -> None:
    assert all(panel["targets"] for panel in asking(boards()[uid]))


@each_board
def test_uneditable_dashboard(uid: str) -> None:
    board = boards()[uid]
    assert board["editable"] is False
    assert "id" not in board
    assert board["description"].endswith(".")
    assert board["tags"] == ["residency"]
    assert (board["schemaVersion"], board["timezone"], board["refresh"]) == (41, "browser", "1m")


def test_targets_have_legends_and_tables_have_none() -> None:
    for each in asked():
        table = each.target["format"] == "table"
        assert bool(each.target.get("legendFormat")) != table, each.where
        named = set(re.findall(r"\{\{(\w+)\}\}", each.target.get("legendFormat", "")))
        assert named <= groupings(each.expr) | {"le"}, each.where
        assert each.target["instant"] != each.target["range"]
        assert each.target["range"] == (each.panel["type"] in {"timeseries", "heatmap", "state-timeline"})


def test_thresholds_use_few_colours_and_rise() -> None:
    for each in asked():
        steps = each.panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        assert len(steps) <= 3
        above = [step["value"] for step in steps[1:]]
        assert above == sorted(above)
        assert not steps or steps[0]["value"] is None


def test_a_figure_without_data_does_not_look_well() -> None:
    for each in asked():
        if each.panel["type"] == "stat":
            special = [one["options"] for one in each.panel["fieldConfig"]["defaults"]["mappings"]][-1]
            assert special["match"] == "null+nan", each.where
            unheard = each.panel["fieldConfig"]["defaults"]["noValue"] == "no sensor heard"
            assert special["result"]["color"] == ("orange" if unheard else "#8e8e8e")


def test_what_is_below_0_is_not_cut_off() -> None:
    differences = [each for each in asked() if ">= 0) - (" in each.expr]
    assert len(differences) == 4
    assert all("min" not in each.panel["fieldConfig"]["defaults"] for each in differences)
    plain = [each for each in asked() if each.panel["type"] == "timeseries" and each not in differences]
    assert all(each.panel["fieldConfig"]["defaults"]["min"] == 0 for each in plain)


def test_a_quantile_of_nothing_is_no_data() -> None:
    """Grafana shows "NaN" for what is no number, and the words for no data only where there is no series."""
    shown = [each for each in asked() if each.panel["type"] != "table" and "histogram_quantile" in each.expr]
    assert len(shown) >= 10
    for each in shown:
        assert each.expr.count("histogram_quantile(") == each.expr.count(" >= 0)"), each.where


def test_words_for_no_data_do_not_claim_that_there_is_nothing() -> None:
    """What every sensor says from its start is not there only where no sensor is heard."""
    for each in asked():
        if "[$__" not in each.expr:
            assert "no sensor heard" in each.panel["fieldConfig"]["defaults"]["noValue"], each.where


def test_times_say_what_they_are_where_they_are_read() -> None:
    top, *others = boards()["residency-latency"]["panels"]
    assert top["type"] == "text"
    assert "not how long a model takes" in top["options"]["content"].replace("\n", " ")
    for panel in others:
        if "first_byte" in json.dumps(panel.get("targets", [])):
            assert "the server's hello, not a model's answer" in panel["description"], panel["title"]


@each_board
def test_links_lead_to_boards_that_are_there(uid: str) -> None:
    board = boards()[uid]
    link = board["links"][0]
    assert (link["type"], link["tags"]) == ("dashboards", ["residency"])
    assert link["keepTime"] is link["includeVars"] is True
    for panel in asking(board):
        for each in panel["fieldConfig"]["defaults"].get("links", ()):
            path, _, query = each["url"].partition("?")
            leads = path.removeprefix("/d/")
            assert leads in UIDS
            assert leads != uid
            assert set(re.findall(r"var-(\w+)=", query)) <= set(variables(leads))
            assert query.startswith("${__url_time_range}&${datasource:queryparam}&${sensor:queryparam}")
            labels = re.findall(r"\$\{__(?:data\.fields|field\.labels)\.(\w+):percentencode\}", query)
            assert len(labels) == query.count("=${__"), "a name may hold what has a meaning in a URL"
            assert set(labels) <= groupings(panel["targets"][0]["expr"])


def test_the_overview_leads_to_the_detail() -> None:
    urls = re.findall(r'"/d/([\w-]+)\?', json.dumps(boards()["residency-overview"]))
    assert urls.count("residency-detail") >= 4
    assert "residency-sensors" in urls


@each_board
def test_changes_and_starts_are_marked(uid: str) -> None:
    by_hand, changed, started = boards()[uid]["annotations"]["list"]
    assert (by_hand["builtIn"], by_hand["datasource"]["uid"]) == (1, "-- Grafana --")
    assert "residency_loaded_changes_total" in changed["target"]["expr"]
    assert "residency_start_timestamp_seconds" in started["target"]["expr"]
    for mark in (changed, started):
        assert mark["datasource"] == mark["target"]["datasource"] == PROMETHEUS
        assert mark["enable"] is True
        assert mark["expr"] == mark["target"]["expr"]


def test_the_map_looks_countries_up_in_what_grafana_brings() -> None:
    (panel,) = [each for each in panels(boards()["residency-overview"]) if each["type"] == "geomap"]
    (layer,) = panel["options"]["layers"]
    assert layer["location"] == {
        "mode": "lookup",
        "lookup": "country",
        "gazetteer": "public/gazetteer/countries.json",
    }
    assert panel["options"]["basemap"]["config"]["src"] == "public/maps/countries.geojson"
    organised = panel["transformations"][-1]["options"]["renameByName"]
    style = layer["config"]["style"]
    assert [style["size"]["field"], style["color"]["field"]] == [*organised.values()]
    assert "http" not in json.dumps(panel)


def test_tables_of_several_queries_give_every_row_a_value_of_each() -> None:
    several = [
        each for each in asked() if each.panel["type"] in {"table", "geomap"} and each.target["refId"] > "A"
    ]
    assert several
    for each in several:
        base = each.panel["targets"][0]["expr"]
        assert each.expr.endswith(f" or 0 * {base}") or "histogram_quantile" in each.expr, each.where


def test_no_text_claims_what_packets_cannot_show() -> None:
    for uid, board in boards().items():
        assert not CLAIMS.search(json.dumps(board)), uid
    proof = [each for each in panels(boards()["residency-overview"]) if each["type"] == "text"]
    assert "not where inference **runs**" in proof[0]["options"]["content"]
    assert all_queries()
