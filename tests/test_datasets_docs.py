"""The guide to data sets: its commands run as they stand, one after the other, and it names every source."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.commands import data as data_command
from monitor.datasets.fetch import Fetched, Request
from monitor.datasets.sources import SOURCES
from tests.datasets_kit import aws, azure, geo, google, gz, oracle, tar_gz

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/45-datasets.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
PLACES = azure({"AzureCloud.westeurope": ("westeurope", ["20.52.0.0/16"])})
LINK = "https://download.microsoft.com/download/7/1/d/ServiceTags_Public_20260302.json"
FILES = {
    "ip-ranges.json": aws({"3.4.12.0/24": ("eu-west-1", "EC2")}),
    "details.aspx": f'<a href="{LINK}">'.encode(),
    "ServiceTags_Public_20251117.json": PLACES,
    "ServiceTags_Public_20260302.json": PLACES,
    "cloud.json": google({"34.1.208.0/20": "africa-south1"}),
    "goog.json": google({"34.0.0.0/15": None}),
    "public_ip_ranges.json": oracle({"eu-frankfurt-1": {"130.61.0.0/16": ["OCI"]}}),
    "ips-v4": b"173.245.48.0/20",
    "ips-v6": b"2400:cb00::/32",
    "ip-addresses.md": b"## Inbound\n`160.79.104.0/23`",
    "geo.mmdb.gz": gz(geo()),
    "download": tar_gz(geo()),
}


class Official:
    """Answers for the official addresses, by the last part of their path."""

    def __init__(self, *_: object) -> None:
        pass

    def fetch(self, request: Request) -> Fetched:
        assert request.url.startswith("https://")
        name = request.url.partition("?")[0].rpartition("/")[2]
        return Fetched(FILES["geo.mmdb.gz"] if name.startswith("dbip") else FILES[name])


def test_the_commands_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "pcaps").symlink_to(ROOT / "pcaps")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIDENCY_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(data_command, "Fetcher", Official)
    assert len(COMMANDS) >= 16
    for line in COMMANDS:
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in words if "=" in word.partition("-")[0])
        program, *args = words[len(given) :]
        assert program == "residency"
        result = CliRunner().invoke(group, args, env=given)
        assert result.exit_code == 0, (line, result.output)
    assert (tmp_path / "residency/datasets/index.json").exists()


def test_every_source_and_every_file_of_a_mirror_is_named() -> None:
    words = set(re.findall(r"`([^`\n]+)`", GUIDE))
    assert words.issuperset(source.id for source in SOURCES)
    assert words.issuperset(file for source in SOURCES for file in source.files)
