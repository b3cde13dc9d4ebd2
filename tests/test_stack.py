"""The stack to try it: what it feeds, what it says of what is missing, and that nothing of it is left."""

import itertools
import os
import signal
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import click
import dpkt
import pytest

from monitor.files import InputError
from pcaps.builder.container import Record
from tests.daemon_kit import DEMO
from tests.prometheus_kit import Api
from tests.sinks_kit import HOST, until
from tests.stack_kit import ROOT, expected_user, is_there, needs_stack, running_stack, runs_as
from tools.stack import programs
from tools.stack.addresses import Addresses, choose
from tools.stack.configuration import policy, write_all
from tools.stack.feeder import KEPT, Feeder, read
from tools.stack.laps import CLIENT_PORTS, FIRST_CLIENT_PORT, joined, laps, varied
from tools.stack.places import Places

SECOND_NS = 1_000_000_000
FRAMES = joined([read(DEMO)])
PROGRAMS = 4  # beside the shell that guards them


def conversation(frame: bytes) -> tuple[bytes, bytes, frozenset[int]]:
    """Return the addresses and the ports of a frame of IPv4."""
    packet = dpkt.ethernet.Ethernet(frame).data
    return packet.src, packet.dst, frozenset({packet.data.sport, packet.data.dport})


def checked(frame: bytes) -> bool:
    """Whether a frame's checksum is what it has to be."""
    ethernet = dpkt.ethernet.Ethernet(frame)
    ethernet.data.data.sum = 0
    return bytes(ethernet) == frame


def test_the_first_lap_is_as_captured() -> None:
    assert [varied(each.frame, 0) for each in FRAMES] == [each.frame for each in read(DEMO)]


@pytest.mark.parametrize("lap", [1, 2, 17, 1_000])
def test_a_later_lap_has_other_client_ports_and_leaves_some_out(lap: int) -> None:
    pairs = [(each.frame, varied(each.frame, lap)) for each in FRAMES]
    kept = [(before, after) for before, after in pairs if after is not None]
    assert 0.6 < len(kept) / len(pairs) < 1
    moved: dict[object, set[object]] = {}
    for before, after in kept:
        old, new = conversation(before), conversation(after)
        assert (old[:2], len(before)) == (new[:2], len(after))
        (server_port,) = old[2] & new[2]
        (client_port,) = new[2] - old[2]
        assert server_port < FIRST_CLIENT_PORT <= client_port < FIRST_CLIENT_PORT + CLIENT_PORTS
        assert checked(after)
        moved.setdefault(old[2], set()).add(client_port)
    assert {len(ports) for ports in moved.values()} == {1}, "a conversation keeps together"


def test_laps_follow_one_another_in_the_order_of_time() -> None:
    begin, every = 10**18, 20 * SECOND_NS
    length = FRAMES[-1].ts_ns
    taken = list(itertools.takewhile(lambda each: each.ts_ns <= begin + length, laps(FRAMES, begin, every)))
    assert taken[0] == Record(begin, FRAMES[0].frame)
    assert [each.ts_ns for each in taken] == sorted(each.ts_ns for each in taken)
    at = [begin + lap * every + each.ts_ns for lap in range(length // every + 1) for each in FRAMES]
    possible = sum(ts_ns <= begin + length for ts_ns in at)
    assert len(FRAMES) < 0.6 * possible < len(taken) < possible


def test_the_feeder_writes_everything_once_and_keeps_few_files(tmp_path: Path) -> None:
    begin = 10**18
    feeder = Feeder(tmp_path, laps(FRAMES, begin, 20 * SECOND_NS))
    written: list[Record] = []
    for second in range(2, 2 * (KEPT + 10), 2):
        before = set(tmp_path.iterdir())
        feeder.feed(begin + second * SECOND_NS)
        for new in sorted(set(tmp_path.iterdir()) - before):
            written += read(new)
        assert len(list(tmp_path.iterdir())) <= KEPT
    expected = itertools.takewhile(
        lambda each: each.ts_ns < begin + second * SECOND_NS, laps(FRAMES, begin, 20 * SECOND_NS)
    )
    assert [each.frame for each in written] == [each.frame for each in expected]
    assert len(list(tmp_path.iterdir())) == KEPT


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"{HOST}:{port}: .*in use.*PORT_BASE"):
            choose(port)


@pytest.mark.enable_socket
def test_ports_that_are_free_differ() -> None:
    found = choose(0)
    assert len({found.prometheus, found.metrics, found.alertmanager}) == 3


def test_what_is_missing_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(click.ClickException) as raised:
        programs.find()
    assert (
        "apt-get install --no-install-recommends prometheus prometheus-alertmanager" in raised.value.message
    )


@needs_stack
@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", "prometheus.yml"),
        ("amtool", "check-config", "alertmanager.yml"),
        (sys.executable, "-m", "monitor", "check", "--config", "residency.yaml"),
    ],
    ids=lambda command: command[0].rpartition("/")[2],
)
def test_each_program_takes_its_configuration(tmp_path: Path, command: tuple[str, ...]) -> None:
    places = Places(tmp_path)
    write_all(places, Addresses(19_090, 19_091, 19_093), 5, date(2026, 3, 10))
    ran = subprocess.run(
        [*command[:-1], str(tmp_path / command[-1])], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_exception_of_the_policy_is_in_force_and_about_to_end() -> None:
    (exception,) = policy(date(2030, 1, 31))["exceptions"]
    assert (exception["starts"], exception["expires"]) == (date(2030, 1, 30), date(2030, 2, 5))


@needs_stack
@pytest.mark.enable_socket
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_nothing_is_left_when_it_ends(number: int, status: int) -> None:
    with running_stack() as stack:
        children = stack.children()
        assert len(children) == PROGRAMS + 1
        programs_alone = [pid for pid, command in children.items() if "/bin/sh" not in command]
        until(
            lambda: {runs_as(pid) for pid in programs_alone} == {expected_user()},
            f"all have become {expected_user()}",  # the daemon and the courier do so by themselves
        )
        api = Api(stack.addresses["prometheus"])
        assert api.labels("up == 1")
        assert stack.end(number) == status
        until(lambda: not any(is_there(pid) for pid in children), f"all of {children} have ended")
        said = stack.output.read_text()
        assert all(address in said for address in stack.addresses.values())


@needs_stack
@pytest.mark.enable_socket
def test_if_one_ends_all_end_and_its_last_words_are_told() -> None:
    with running_stack() as stack:
        children = stack.children()
        (alertmanager,) = [pid for pid, command in children.items() if "alertmanager.yml" in command]
        os.kill(alertmanager, signal.SIGKILL)
        assert stack.process.wait(20) == 1
        until(lambda: not any(is_there(pid) for pid in children), f"all of {children} have ended")
        said = stack.output.read_text()
    assert "alertmanager ended with status -9; the end of" in said
    assert "Listening on" in said
