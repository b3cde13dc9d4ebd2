"""What goes wrong while the daemon works is said: once, or each time that a promise is not kept."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.daemon.health import Health
from monitor.daemon.notify import Supervisor
from monitor.daemon.pseudonyms import RotatingPseudonyms
from monitor.daemon.standing import Keeping
from monitor.daemon.totals import accounting
from monitor.daemon.watch import Watch
from monitor.settings import load_settings
from sensors.live import SourceStatus, State, Status
from tests.decisions_kit import NOW_NS
from tests.parts_kit import Told

SECOND_NS = 1_000_000_000
QUIET = Status(0, ())
NOTHING = accounting(QUIET)


class Kept:
    """Says of a recorder what a test wants it to say."""

    def __init__(self) -> None:
        self.keeping = Keeping({}, {})

    def look(self) -> Keeping:
        return self.keeping


class Watched:
    """A watch over what is recorded, and over keys that are real."""

    def __init__(self, folder: Path, capture: str = "interfaces: [eth0, eth1]") -> None:
        config = folder / "residency.yaml"
        config.write_text(f"version: 1\ncapture: {{{capture}}}\n")
        self.keys, self.recorder = folder / "keys", Kept()
        self.pseudonyms = RotatingPseudonyms(self.keys, 30, NOW_NS)
        self._told = Told(folder)
        self.health = Health()
        self._heard, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.setblocking(False)
        self._supervisor = Supervisor(channel)
        kept = {"recorder": self.recorder, "pseudonyms": self.pseudonyms}
        told = {"supervisor": self._supervisor, "health": self.health}
        self._watch = Watch(self._told.parts(settings=load_settings(config), **kept, **told))

    def look(self, status: Status = QUIET) -> list[dict[str, Any]]:
        """Have it look; return what that put in the log."""
        self._watch.look(status)
        return self._told.new()

    def heard(self) -> str | None:
        """Return what a supervisor was told, if it was."""
        try:
            return self._heard.recv(1_000).decode()
        except BlockingIOError:
            return None

    def close(self) -> None:
        self._supervisor.close()
        self._heard.close()
        self._told.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.close()


def test_nothing_is_said_of_what_is_well(watched: Watched) -> None:
    watched.recorder.keeping = Keeping({"allow": 3}, {})
    assert watched.look() == []


def test_what_cannot_be_recorded_is_said_once_and_that_it_can_again(watched: Watched) -> None:
    steps = [
        (Keeping({"violation": 2}, {}, "/ledger: full; make room"), [("decisions wait", None)]),
        (Keeping({"violation": 9}, {"allow": 5}, "/ledger: full; make room"), []),
        (Keeping({}, {"allow": 5}), [("decisions are written again", 5)]),
        (Keeping({}, {"allow": 5}), []),
    ]
    for keeping, events in steps:
        watched.recorder.keeping = keeping
        said = watched.look()
        assert [(line["event"], line.get("unwritten")) for line in said] == events


def test_an_interface_that_goes_and_comes_is_said_to_all_who_ask(watched: Watched) -> None:
    steps: list[tuple[State, list[str], str | None, str | None]] = [
        ("up", [], None, None),
        ("down", ["interface down"], "STATUS=not up: eth1", "not up: eth1"),
        ("down", [], None, "not up: eth1"),
        ("gone", ["interface gone"], None, "not up: eth1"),
        ("up", ["interface up"], "STATUS=capturing", None),
    ]
    for state, said, told, unready in steps:
        sources = SourceStatus("eth0", "up", NOTHING), SourceStatus("eth1", state, NOTHING)
        assert [line["event"] for line in watched.look(Status(0, sources))] == said
        assert watched.heard() == told
        assert watched.health.unreadiness() == unready


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "watch: captures")
    steps: list[tuple[State, str]] = [("gone", "folder gone"), ("up", "folder back")]
    for state, event in steps:
        (said,) = watched.look(Status(0, (SourceStatus("captures", state, NOTHING),)))
        assert (said["event"], said["folder"]) == (event, "captures")
    watched.close()


def test_a_key_that_is_kept_too_long_is_said_once(watched: Watched) -> None:
    (watched.keys / "2020-01-01-30d.key").mkdir()
    for told in (["key not deleted"], []):
        watched.pseudonyms.turn(NOW_NS)
        assert [said["event"] for said in watched.look()] == told
