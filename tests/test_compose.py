"""The compose file gives Grafana what is there: what it mounts, what it starts with, and whom it asks."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import IntRange

from tests.dashboards_kit import BOARDS, GRAFANA, board
from tests.sinks_kit import needs
from tools.stack.__main__ import main

FILE = GRAFANA / "compose.yaml"
GRAFANA_SERVICE = yaml.safe_load(FILE.read_text("utf-8"))["services"]["grafana"]
ENVIRONMENT: dict[str, str] = GRAFANA_SERVICE["environment"]
MOUNTS: dict[str, str] = dict(
    each.removesuffix(":ro").split(":")[::-1] for each in GRAFANA_SERVICE["volumes"]
)
PROVISIONING = GRAFANA / "provisioning"


def provisioned(kind: str) -> list[dict[str, Any]]:
    """Return what Grafana is to have from its start: datasources, or providers of dashboards."""
    key = {"datasources": "datasources", "dashboards": "providers"}[kind]
    return [each for path in sorted((PROVISIONING / kind).glob("*.yaml")) for each in _listed(path, key)]


def _listed(path: Path, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))[key]
    return found


def inside(path: str) -> Path:
    """Return what stands in the container at a path."""
    for place, source in MOUNTS.items():
        if Path(path).is_relative_to(place):
            rest = Path(path).relative_to(place)
            return GRAFANA / source / rest
    pytest.fail(f"nothing is mounted at {path}")


@needs("docker-compose")
def test_compose_takes_the_file(tmp_path: Path) -> None:
    said = subprocess.run(
        ["docker-compose", "-f", str(FILE), "config"],  # noqa: S607
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "GRAFANA_PORT": "3999"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    environment = yaml.safe_load(said.stdout)["services"]["grafana"]["environment"]
    assert str(environment["GF_SERVER_HTTP_PORT"]) == "3999"


def test_it_is_one_version_on_loopback_and_may_change_nothing() -> None:
    assert re.fullmatch(r"grafana/grafana:\d+\.\d+\.\d+", GRAFANA_SERVICE["image"])
    assert ENVIRONMENT["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert GRAFANA_SERVICE["network_mode"] == "host"
    assert all(each.endswith(":ro") for each in GRAFANA_SERVICE["volumes"])


def test_what_is_mounted_is_there() -> None:
    for source in MOUNTS.values():
        assert (GRAFANA / source).is_dir(), source
    assert inside(ENVIRONMENT["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).is_file()


def test_the_dashboards_are_where_grafana_looks_for_them() -> None:
    for provider in provisioned("dashboards"):
        found = inside(provider["options"]["path"])
        assert sorted(found.glob("*.json")) == BOARDS
    assert provisioned("dashboards")


def test_grafana_asks_the_prometheus_of_the_stack() -> None:
    (source,) = provisioned("datasources")
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    variable, default = re.fullmatch(r"\$\{(\w+):-(.*)\}", ENVIRONMENT[_named(source["url"])]).groups()  # type: ignore[union-attr]
    (base,) = [each for each in main.params if each.name == "port_base"]
    assert isinstance(base.type, IntRange)
    assert (variable, default) == (_named(source["url"]), f"http://127.0.0.1:{base.default}")


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_board_asks_the_data_source_that_is_there(path: Path) -> None:
    (source,) = provisioned("datasources")
    dashboard = board(path)
    (variable,) = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    assert variable["query"] == source["type"]
    assert variable["current"]["value"] in {"default", source["uid"], source["name"]}
    uids = set(re.findall(r'"uid": "([^"]+)"', json.dumps(dashboard["panels"])))
    assert uids <= {f"${{{variable['name']}}}", source["uid"]}


def _named(text: str) -> str:
    """Return the variable of the environment that a text is."""
    found = re.fullmatch(r"\$\{?(\w+)\}?", text)
    assert found is not None, text
    return found[1]
