"""The supervisor hears what sd_notify(3) says, on a real datagram socket; its end never hurts the daemon."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.daemon.notify import MAX_STATUS_CHARACTERS, Supervisor, open_supervisor
from monitor.files import InputError

PID = os.getpid()


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Return a supervisor's socket, and its name as NOTIFY_SOCKET gives it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        if request.param == "path":
            name = str(tmp_path / "notify")
            listening.bind(name)
        else:
            name = f"@residency-test-{PID}"
            listening.bind("\0" + name[1:])
        yield listening, name


SAID: dict[str, tuple[Callable[[Supervisor], None], bytes]] = {
    "ready": (lambda to: to.ready("capturing on eth0"), b"READY=1\nSTATUS=capturing on eth0"),
    "reloading": (
        lambda to: to.reloading(12_345_678_901),
        b"RELOADING=1\nMONOTONIC_USEC=12345678\nSTATUS=reloading",
    ),
    "stopping": (lambda to: to.stopping(), b"STOPPING=1\nSTATUS=draining"),
    "status": (lambda to: to.status("1 flow"), b"STATUS=1 flow"),
    "status of one line": (lambda to: to.status("a\nREADY=1\x1b\0é"), "STATUS=a READY=1  é".encode()),
    "status of a surrogate": (lambda to: to.status("a\udc80"), b"STATUS=a "),
    "status cut": (lambda to: to.status("x" * 9_999), b"STATUS=" + b"x" * MAX_STATUS_CHARACTERS),
    "alive": (lambda to: to.alive(), b"WATCHDOG=1"),
}


@pytest.mark.parametrize(("say", "heard"), SAID.values(), ids=SAID)
def test_what_is_said_is_heard(
    supervisor: tuple[socket.socket, str], say: Callable[[Supervisor], None], heard: bytes
) -> None:
    listening, name = supervisor
    speaking = open_supervisor({"NOTIFY_SOCKET": name}, PID)
    say(speaking)
    assert listening.recv(65_536) == heard
    assert speaking.lost == 0
    speaking.close()


def test_the_sender_can_be_told(supervisor: tuple[socket.socket, str]) -> None:
    listening, name = supervisor
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    speaking = open_supervisor({"NOTIFY_SOCKET": name}, PID)
    speaking.alive()
    _, ancillary, _, _ = listening.recvmsg(100, 100)
    assert int.from_bytes(ancillary[0][2][:4], "little") == PID
    speaking.close()


WATCHED: dict[str, tuple[dict[str, str], float | None]] = {
    "half the patience": ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 15.0),
    "no process named": ({"WATCHDOG_USEC": "3000000"}, 1.5),
    "another process": ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID + 1)}, None),
    "not watched": ({}, None),
    "off": ({"WATCHDOG_USEC": "0"}, None),
    "no number": ({"WATCHDOG_USEC": "soon"}, None),
    "negative": ({"WATCHDOG_USEC": "-1"}, None),
}


@pytest.mark.parametrize(("environment", "seconds"), WATCHED.values(), ids=WATCHED)
def test_how_often_the_watchdog_is_fed(
    supervisor: tuple[socket.socket, str], environment: dict[str, str], seconds: float | None
) -> None:
    speaking = open_supervisor({"NOTIFY_SOCKET": supervisor[1], **environment}, PID)
    assert speaking.watchdog_seconds == seconds
    speaking.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "30000000"}])
def test_without_a_supervisor_nothing_is_said(environment: dict[str, str]) -> None:
    speaking = open_supervisor(environment, PID)
    speaking.ready("capturing")
    speaking.alive()
    speaking.close()
    assert (speaking.watchdog_seconds, speaking.lost) == (None, 0)


def test_a_supervisor_that_went_away_is_counted_and_no_more(supervisor: tuple[socket.socket, str]) -> None:
    listening, name = supervisor
    speaking = open_supervisor({"NOTIFY_SOCKET": name}, PID)
    listening.close()
    speaking.alive()
    speaking.stopping()
    assert speaking.lost == 2
    speaking.close()
    speaking.alive()
    assert speaking.lost == 2


def test_a_supervisor_that_does_not_listen_never_holds_the_daemon_up(
    supervisor: tuple[socket.socket, str],
) -> None:
    listening, name = supervisor
    speaking = open_supervisor({"NOTIFY_SOCKET": name}, PID)
    for _ in range(5_000):
        speaking.alive()
    listening.setblocking(False)
    heard = 0
    while True:
        try:
            heard += len(listening.recv(100)) > 0
        except BlockingIOError:
            break
    assert (heard > 0, speaking.lost > 0, heard + speaking.lost) == (True, True, 5_000)
    speaking.close()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("notify", "neither a path nor an abstract name; unset it"),
        ("vsock:2:1234", "neither a path nor an abstract name; unset it"),
        ("/nowhere/notify", "no such file or directory; start it from the supervisor, or unset it"),
        ("/" + "x" * 200, "af_unix path too long; start it from the supervisor, or unset it"),
    ],
)
def test_a_supervisor_that_cannot_be_reached_is_one_line_at_the_start(name: str, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        open_supervisor({"NOTIFY_SOCKET": name}, PID)
    assert str(raised.value) == f"NOTIFY_SOCKET={name}: {problem}"
