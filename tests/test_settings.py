"""The daemon's configuration: what is read, what its default holds, and what a host may lack of it."""

import importlib.util
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import inspect

from monitor.builtin import DATA
from monitor.config import Capture, Config, Location, Metrics
from monitor.datasets.use import DataChoice
from monitor.documents import Problem, Source, decode
from monitor.geography import Site
from monitor.host import host_problems, may_read
from monitor.settings import Settings, load_settings

DEFAULT = (DATA / "residency.yaml").read_text(encoding="utf-8")
HEAD = "version: 1\ncapture: {interfaces: [lo]}\n"
HERE = "ledger: {folder: ledger, key: ledger.key}\nstate: state\n"  # a folder whose parent is there


def written(folder: Path, text: str) -> Path:
    path = folder / "residency.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


def load(folder: Path, text: str) -> Settings:
    return load_settings(written(folder, text))


def keys(kind: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    """Every key of a configuration, dotted."""
    for field in msgspec.structs.fields(kind):
        yield f"{above}{field.name}"
        for below in (field.type, *get_args(field.type)):
            if isinstance(below, type) and issubclass(below, msgspec.Struct):
                yield from keys(below, f"{above}{field.name}.")


def written_keys(value: object, above: str = "") -> Iterator[str]:
    """Every key of a plain mapping, dotted."""
    for key, below in value.items() if isinstance(value, dict) else ():
        yield f"{above}{key}"
        yield from written_keys(below, f"{above}{key}.")


def test_the_default_says_what_a_configuration_without_it_means() -> None:
    said = decode(Source("residency.yaml", DEFAULT), Config)
    assert said == Config(version=1, capture=Capture(interfaces=("eth0",)))


def test_the_default_has_every_key() -> None:
    everything = re.sub(r"(?m)^( *)#(?=[a-z_ ]+: )|^#(?=[a-z]+:$)", r"\1", DEFAULT)
    value = decode(Source("residency.yaml", everything), dict[str, object])
    assert set(written_keys(value)) == set(keys(Config))
    said = decode(Source("residency.yaml", everything), Config)
    assert said.location == Location(50.11, 8.68, "Frankfurt")
    assert said.capture.watch == "/var/spool/captures"


def test_the_default_fits_its_page() -> None:
    assert max(map(len, DEFAULT.splitlines())) <= 120
    assert "\t" not in DEFAULT


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("p.yaml", "own.yaml", "geo.mmdb"):
        (tmp_path / name).touch()
    (tmp_path / "sets").mkdir()
    monkeypatch.chdir(tmp_path.parent)
    text = HEAD + (
        "policy: p.yaml\ncatalogs: [own.yaml]\ngeoip: [geo.mmdb]\ndata: sets\nsensor: egress-1\n"
        "ledger: {folder: out, key: /var/k}\nstate: kept\nprivacy: {pseudonyms: {keys: /var/keys}}\n"
        "location: {latitude: 50, longitude: 8.5, name: here}\n"
    )
    written(tmp_path, text)
    settings = load_settings(Path(tmp_path.name) / "residency.yaml")
    assert settings.policy == tmp_path / "p.yaml"
    assert settings.catalogs == (tmp_path / "own.yaml",)
    assert settings.geoips == (tmp_path / "geo.mmdb",)
    assert settings.choice == DataChoice(tmp_path / "sets", spare=tmp_path / "kept/.ranges")
    assert (settings.ledger, settings.ledger_key) == (tmp_path / "out", Path("/var/k"))
    assert settings.state == tmp_path / "kept"
    assert settings.keys == Path("/var/keys")
    assert settings.sensor == "egress-1"
    assert settings.site == Site(50.0, 8.5, "here")
    assert settings.warnings == ()


def test_what_is_left_out_is_the_default(tmp_path: Path) -> None:
    settings = load(tmp_path, HEAD)
    assert settings.config == Config(version=1, capture=Capture(interfaces=("lo",)))
    assert (settings.policy, settings.data, settings.watch) == (None, None, None)
    assert (settings.choice, settings.site) == (None, None)
    assert settings.sensor == os.uname().nodename
    assert settings.ledger == Path("/var/lib/residency/ledger")
    assert settings.ledger_key == Path("/var/lib/residency/keys/ledger.key")
    assert settings.state == Path("/var/lib/residency/state")


@pytest.mark.parametrize(
    ("size", "size_bytes"), [("64MiB", 67_108_864), ("64 MB", 64_000_000), ("1.5GiB", 1_610_612_736)]
)
def test_sizes_are_read_as_people_write_them(size: str, size_bytes: int, tmp_path: Path) -> None:
    text = f"version: 1\ncapture: {{interfaces: [lo], ring_bytes: {size}}}\nlimits: {{reading_bytes: {size}}}"
    config = load(tmp_path, text).config
    assert (config.capture.ring_bytes, config.limits.reading_bytes) == (size_bytes, size_bytes)


@pytest.mark.parametrize("snaplen", ["auto", "full", 96, 262_144])
def test_snaplen_is_a_word_or_a_number(snaplen: str | int, tmp_path: Path) -> None:
    text = f"version: 1\ncapture: {{interfaces: [lo], snaplen: {snaplen}}}"
    assert load(tmp_path, text).config.capture.snaplen == snaplen


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", '"::1"'])
def test_metrics_on_loopback_are_no_warning(address: str, tmp_path: Path) -> None:
    settings = load(tmp_path, HEAD + f"metrics: {{address: {address}, port: 0}}")
    assert settings.config.metrics == Metrics(address=address.strip('"'), port=0)
    assert len(settings.warnings) == 1  # that there is no policy


def test_every_bound_has_both_ends() -> None:
    """A number of a configuration is never without a least and a most."""

    def numbers(kind: inspect.Type) -> Iterator[inspect.Type]:
        if isinstance(kind, inspect.UnionType):
            for each in kind.types:
                yield from numbers(each)
        elif isinstance(kind, inspect.StructType):
            for field in kind.fields:
                yield from numbers(field.type)
        elif isinstance(kind, (inspect.IntType, inspect.FloatType)):
            yield kind

    found = [(each.ge, each.le) for each in numbers(inspect.type_info(Config))]  # type: ignore[attr-defined]
    assert len(found) >= 25
    assert all(None not in bounds for bounds in found)


# the host


def of_host(folder: Path, text: str) -> list[Problem]:
    """What the host lacks, but for the engine, and for rights in a folder that is this user's alone."""
    found = host_problems(load(folder, text + "security: {user: nobody}\n"))
    return [each for each in found if "engine" not in each.problem and "may not read" not in each.problem]


def test_a_host_that_has_everything(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    assert of_host(tmp_path, HEAD + HERE + "privacy: {pseudonyms: {enabled: true, keys: keys}}\n") == []


LACKS = [
    (
        "version: 1\ncapture:\n  interfaces:\n    - lo\n    - nowhere0\n" + HERE,
        5,
        "error",
        ("no interface 'nowhere0' on this host", ""),
    ),
    (
        "version: 1\ncapture: {interfaces: [lo], threads: 64, ring_bytes: 4GiB}\n" + HERE,
        2,
        "error",
        (
            "the rings take 262144 MiB, more than half of the memory of this host (",
            "write less, or use fewer threads",
        ),
    ),
    (
        "version: 1\ncapture: {watch: captures}\n" + HERE,
        2,
        "error",
        ("FOLDER/captures does not exist", "name the folder that captures are put into, or make it"),
    ),
    (
        "version: 1\ncapture: {watch: file}\n" + HERE,
        2,
        "error",
        ("FOLDER/file is no folder", "name the folder that captures are put into, or make it"),
    ),
    (
        HEAD + "state: state\nledger:\n  key: ledger.key\n  folder: a/b",
        6,
        "error",
        ("FOLDER/a does not exist", "make it: mkdir -p FOLDER/a"),
    ),
    (
        HEAD + "ledger: {folder: file, key: ledger.key}\nstate: state",
        3,
        "error",
        ("FOLDER/file is no folder", "name another"),
    ),
    (
        HEAD + "ledger: {folder: ledger, key: ledger.key}\nstate: file",
        4,
        "error",
        ("FOLDER/file is no folder", "name another"),
    ),
    (
        HEAD + HERE + "privacy: {pseudonyms: {enabled: true, keys: a/keys}}",
        5,
        "error",
        ("FOLDER/a does not exist", "make it: mkdir -p FOLDER/a"),
    ),
    (
        HEAD + HERE + "privacy: {pseudonyms: {enabled: true, keys: open}}",
        5,
        "warning",
        (
            "others than its owner may enter FOLDER/open, and undo pseudonyms",
            "close it: chmod 700 FOLDER/open",
        ),
    ),
]


@pytest.mark.parametrize(("text", "line", "level", "said"), LACKS)
def test_what_a_host_lacks(text: str, line: int, level: str, said: tuple[str, str], tmp_path: Path) -> None:
    problem, mend = said
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o750)
    (found,) = of_host(tmp_path, text + "\n")
    assert (found.line, found.level) == (line, level)
    assert found.problem.startswith(problem.replace("FOLDER", str(tmp_path)))
    assert mend.replace("FOLDER", str(tmp_path)) in found.mend


def test_a_sink_whose_library_is_missing_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD + HERE + "sinks:\n  - {type: webhook, name: soc, url: 'https://soc.example.net'}\n"
    assert of_host(tmp_path, text) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "urllib3" else name)
    (found,) = of_host(tmp_path, text)
    assert (found.line, found.level) == (6, "warning")
    assert found.problem == "sink soc needs the webhook extra, which is not installed"
    assert found.mend == "install it: pip install 'residency-monitor[webhook]'"


def test_keys_that_are_not_used_may_be_anywhere(tmp_path: Path) -> None:
    assert of_host(tmp_path, HEAD + HERE + "privacy: {pseudonyms: {keys: a/b/c}}\n") == []


def test_a_file_that_everyone_may_write_is_a_warning(tmp_path: Path) -> None:
    settings = load(tmp_path, HEAD + HERE + "security: {user: nobody}")
    path = tmp_path / "residency.yaml"
    path.chmod(0o666)
    (last,) = [each for each in host_problems(settings) if each.problem.startswith("everyone")]
    assert str(last) == f"{path}:1: warning: everyone may write this file; close it: chmod o-w {path}"
    path.unlink()
    assert not any(each.problem.startswith("everyone") for each in host_problems(settings))


@pytest.mark.skipif(os.geteuid() != 0, reason="the user counts where the daemon starts as root")
def test_a_user_that_is_not_there(tmp_path: Path) -> None:
    found = host_problems(load(tmp_path, HEAD + HERE + "security: {user: no-such-user}"))
    assert (found[-1].line, found[-1].level) == (5, "error")
    assert found[-1].problem == "no user 'no-such-user' on this host"
    assert found[-1].mend.endswith(" no-such-user")


def test_a_user_has_to_read_the_file_and_enter_the_folders_above(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    assert may_read(Path("/etc/passwd"), nobody)
    assert not may_read(Path("/etc/nowhere"), nobody)
    closed = tmp_path / "closed"
    closed.mkdir()
    path = written(closed, HEAD)
    assert may_read(path, pwd.getpwuid(os.geteuid()))
    closed.chmod(0)
    assert not may_read(path, nobody)
    closed.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="the user counts where the daemon starts as root")
def test_what_the_user_may_not_read_cannot_be_reloaded(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").touch(0o600)
    settings = load(tmp_path, HEAD + HERE + "security: {user: nobody}\npolicy: p.yaml")
    last = host_problems(settings)[-1]
    assert (last.line, last.level) == (6, "warning")
    assert last.problem == f"user nobody may not read {tmp_path}/p.yaml, so that it cannot be reloaded"


@pytest.mark.skipif(os.geteuid() != 0, reason="the user counts where the daemon starts as root")
def test_a_folder_to_watch_has_to_be_read_by_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir(0o700)
    watching = "version: 1\ncapture: {watch: captures}\n" + HERE + "security: {user: nobody}\n"
    last = host_problems(load(tmp_path, watching))[-1]
    assert (last.line, last.level) == (2, "error")
    assert last.problem == f"user nobody may not read {folder}"
