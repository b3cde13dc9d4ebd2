"""The page on physics: its example is run as it stands, and it names the constants as they are."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor import physics
from monitor.cli import group
from tests.mmdb import mmdb
from tests.policy_help import ROOT

TEXT = (ROOT / "docs/50-physics.md").read_text(encoding="utf-8")


def test_the_example_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "country.mmdb").write_bytes(mmdb({"20.64.0.0/10": {"country": {"iso_code": "US"}}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    example = re.search(r"```console\n\$ residency (.*?)\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    printed = CliRunner().invoke(group, shlex.split(example[1])).stdout
    pattern = "".join(
        "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*?")
        for line in example[2].splitlines(keepends=True)
    )
    assert re.match(pattern, printed), printed


@pytest.mark.parametrize(
    "words",
    [
        f"{physics.KM_PER_MS:g} km and back",
        f"{physics.REGION_KM:g} km around it",
        f"{physics.MARGIN_KM:g} km are added",
        f"{physics.AGREE_NS // physics.NS_PER_MS} ms after it",
        f"port {' or '.join(map(str, sorted(physics.TLS_PORTS)))}",
    ],
)
def test_the_constants_are_named(words: str) -> None:
    assert words in " ".join(TEXT.split())
