"""`residency crosscheck` as a user meets it: lines for people, objects for programs, and mistakes."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from monitor import opinions
from pcaps import golden
from sensors import engine as engines
from sensors import tshark_program
from sensors.connections import Counted, Seen
from sensors.engine import Sensor
from sensors.observations import Accounting, HelloSeen
from tests.test_cli import POLICY, capture, residency
from tests.tshark_help import needs_tshark

TRAFFIC = capture("openai-eu")
OURS = ("--engines", "dpkt,tshark")
Change = Callable[[Sequence[Seen]], list[Seen]]


@needs_tshark
@pytest.mark.parametrize("options", [[], ["--policy", POLICY], ["--json"]])
def test_engines_that_agree(options: list[str]) -> None:
    result = residency("crosscheck", TRAFFIC, *OURS, *options)
    assert result.exit_code == 0, result.output
    closing = "1 server name, 1 DNS answer, 1 decision agree; none differ\n"
    assert result.stdout == ("" if "--json" in options else f"{_wrapped(TRAFFIC)}{closing}")


def _wrapped(path: Path) -> str:
    """Return the heading of a capture, whose path may be long."""
    return f"{path}:\n  dpkt and tshark\n" if len(str(path)) > 62 else f"{path}: dpkt and tshark\n"


@needs_tshark
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (capture("truncated-file"), 4, "the file ends inside packet 27"),
        (Path("nowhere.pcap"), 3, "there is no such file"),
    ],
)
def test_a_capture_that_is_not_whole(path: Path, status: int, said: str) -> None:
    result = residency("crosscheck", path, *OURS)
    assert result.exit_code == status, result.output
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert ("none differ" in result.stdout) == (status == 4)
    assert ("nothing could be read or compared" in result.stdout) == (status == 3)


MISTAKES = [
    ("dpkt", "name two, such as native,tshark"),
    ("dpkt,native,tshark", "name two, such as native,tshark"),
    ("dpkt,dpkt", "dpkt would be compared with itself"),
    ("dpkt,warp", "unknown engine 'warp'"),
]


@pytest.mark.parametrize(("asked", "said"), MISTAKES)
def test_mistakes(asked: str, said: str) -> None:
    result = residency("crosscheck", TRAFFIC, "--engines", asked)
    assert result.exit_code == 2
    assert said in result.stderr
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)


def test_without_tshark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tshark_program, "find_tshark", lambda: None)
    monkeypatch.setattr(tshark_program, "_pyshark", lambda: "0.6")
    result = residency("crosscheck", TRAFFIC, *OURS)
    assert result.exit_code == 2
    assert result.stderr.startswith("residency: engine 'tshark' is not here: there is no program tshark")
    assert "tshark: there is no program tshark" in residency("doctor").stdout


class Changed:
    """The reference engine under another engine's name, with changed observations."""

    engine = "tshark"

    def __init__(self, path: Path, change: Change) -> None:
        self._sensor = engines.open_sensor([path], "dpkt")
        self._change = change

    def __iter__(self) -> Iterator[Sequence[Seen]]:
        for batch in self._sensor:
            yield self._change(batch)

    def counted(self) -> Counted:
        return self._sensor.counted()

    def accounting(self) -> Accounting:
        return self._sensor.accounting()


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine tshark say another server name, and not need tshark."""

    def change(batch: Sequence[Seen]) -> list[Seen]:
        replace, other = msgspec.structs.replace, "api.deepseek.com"
        return [replace(each, server_name=other) if isinstance(each, HelloSeen) else each for each in batch]

    def open_sensor(paths: Sequence[Path], engine: str) -> Sensor:
        return Changed(paths[0], change) if engine == "tshark" else engines.open_sensor(paths, engine)

    monkeypatch.setattr(opinions, "open_sensor", open_sensor)
    monkeypatch.setattr(tshark_program, "missing", str)


@pytest.mark.usefixtures("liar")
def test_differences_for_people() -> None:
    result = residency("crosscheck", TRAFFIC, *OURS, "--policy", POLICY)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert max(len(line) for line in lines if str(TRAFFIC) not in line) <= 80
    assert lines[-1] == "0 server names, 1 DNS answer, 0 decisions agree; 4 differ"
    headings = [line for line in lines if line.startswith("only ")]
    assert sorted(headings) == [
        "only dpkt, packet 3: decision",
        "only dpkt, packet 6: server name",
        "only tshark, packet 3: decision",
        "only tshark, packet 6: server name",
    ]
    assert "because     it follows from the difference in the server name" in result.stdout
    assert result.stdout.count("as said above") == 1


@pytest.mark.usefixtures("liar")
def test_differences_for_programs() -> None:
    result = residency("crosscheck", TRAFFIC, *OURS, "--json")
    assert result.exit_code == 1
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(objects) == 4
    assert list(objects[0]) == [
        "kind", "what", "only_in", "packet", "ts_ns", "because", "capture", "item",
    ]  # fmt: skip
    names = {(each["only_in"], each["item"]["name"]) for each in objects if each["kind"] == "server_name"}
    assert names == {("dpkt", "eu.api.openai.com"), ("tshark", "api.deepseek.com")}


@pytest.mark.usefixtures("liar")
def test_a_folder_is_compared_capture_by_capture() -> None:
    result = residency("crosscheck", TRAFFIC.parent, capture("deepseek"), *OURS)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("2 captures: ")
    assert result.stdout.count(": dpkt and tshark") + result.stdout.count("  dpkt and tshark") == 2


def test_the_page_says_how_each_kind_is_called() -> None:
    page = (golden.PCAPS.parent / "docs/30-crosscheck.md").read_text()
    for word in ("server_name", "dns_answer", "decision", "packets", "only_in", "because", "item", "ts_ns"):
        assert f"`{word}`" in page, word
