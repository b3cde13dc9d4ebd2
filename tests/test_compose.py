"""The compose file gives Grafana what is there: what it mounts, what it starts with, and whom it asks."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards_kit import BOARDS, GRAFANA, board
from tools.stack.__main__ import main

FILE = GRAFANA / "compose.yaml"
GRAFANA_SERVICE = yaml.safe_load(FILE.read_text("utf-8"))["services"]["grafana"]
ENVIRONMENT: dict[str, str] = GRAFANA_SERVICE["environment"]
MOUNTS: dict[str, str] = dict(
    each.removesuffix(":ro").split(":")[::-1] for each in GRAFANA_SERVICE["volumes"]
)
PROVISIONING = "/etc/grafana/provisioning"  # where Grafana's image has it
SHIPPED = GRAFANA / "provisioning/datasources/residency.yaml"


def listed(path: Path) -> list[dict[str, Any]]:
    """Return what a file of Grafana's provisioning lists: data sources, or providers of dashboards."""
    content = yaml.safe_load(path.read_text("utf-8"))
    assert content["apiVersion"] == 1
    found: list[dict[str, Any]] = content.get("datasources") or content["providers"]
    return found


def inside(path: str) -> Path:
    """Return what stands in the container at a path."""
    for place, source in MOUNTS.items():
        if Path(path).is_relative_to(place):
            rest = Path(path).relative_to(place)
            return GRAFANA / source / rest
    pytest.fail(f"nothing is mounted at {path}")


def test_it_says_only_what_every_compose_knows() -> None:
    assert [*yaml.safe_load(FILE.read_text("utf-8"))] == ["services"]
    assert set(GRAFANA_SERVICE) == {"image", "network_mode", "environment", "volumes"}
    assert all(isinstance(value, str) for value in ENVIRONMENT.values()), "true and numbers have to be quoted"
    assert all(re.fullmatch(r"\./[\w./-]+:/[\w./-]+:ro", each) for each in GRAFANA_SERVICE["volumes"])
    chosen = {name: value for name, value in ENVIRONMENT.items() if "$" in value}
    assert [*chosen] == ["GF_SERVER_HTTP_PORT", "RESIDENCY_PROMETHEUS_URL"]
    assert chosen["GF_SERVER_HTTP_PORT"] == "${GRAFANA_PORT:-3000}"


def test_it_is_one_version_on_loopback_and_may_change_nothing() -> None:
    assert re.fullmatch(r"grafana/grafana:\d+\.\d+\.\d+", GRAFANA_SERVICE["image"])
    assert ENVIRONMENT["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert GRAFANA_SERVICE["network_mode"] == "host"
    assert all(each.endswith(":ro") for each in GRAFANA_SERVICE["volumes"])


def test_what_is_mounted_is_there() -> None:
    assert all((GRAFANA / source).exists() for source in MOUNTS.values())
    assert inside(ENVIRONMENT["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).is_file()


def test_the_dashboards_are_where_grafana_looks_for_them() -> None:
    (file,) = inside(f"{PROVISIONING}/dashboards").glob("*.yaml")
    (provider,) = listed(file)
    assert sorted(inside(provider["options"]["path"]).glob("*.json")) == BOARDS


def test_the_data_source_is_the_shipped_one_at_the_stack() -> None:
    (mounted,) = [place for place in MOUNTS if place.startswith(f"{PROVISIONING}/datasources/")]
    (ours,), (shipped,) = listed(inside(mounted)), listed(SHIPPED)
    same = ("name", "uid", "type", "access")
    assert [ours[key] for key in same] == [shipped[key] for key in same]
    assert ours["url"] == "${RESIDENCY_PROMETHEUS_URL}"
    options = {each.name: each.default for each in main.params}
    default = f"${{RESIDENCY_PROMETHEUS_URL:-http://127.0.0.1:{options['port_base']}}}"
    assert ENVIRONMENT["RESIDENCY_PROMETHEUS_URL"] == default
    assert ours["jsonData"]["timeInterval"] == f"{options['scrape_seconds']}s"


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_board_asks_the_data_source_that_is_there(path: Path) -> None:
    (source,) = listed(SHIPPED)
    dashboard = board(path)
    (variable,) = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    assert (variable["name"], variable["query"]) == ("datasource", source["type"])
    assert variable["current"]["value"] in {"default", source["uid"], source["name"]}
    asked = {
        target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    }
    assert asked == {"${datasource}"}
