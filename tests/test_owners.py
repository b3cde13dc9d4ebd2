"""Process attribution as the daemon uses it: by a helper, within bounds, and with its own rights gone."""

import os
import pwd
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.owners import OUTCOMES, Owners, OwnersUnavailableError, link, owners
from monitor.owners.addresses import REFRESH_NS
from monitor.owners.budget import QUERIES_PER_SECOND
from monitor.owners.diag import BY_FAMILY, INET, UDP, question
from monitor.owners.link import Link, UnansweredError
from monitor.owners.processes import printable
from monitor.types import Owner
from sensors.observations import FlowKey
from tests.owners_kit import V4, connected, flow_of, run_python, stopped

pytestmark = pytest.mark.enable_socket

ELSEWHERE = "203.0.113.199"
GONE = FlowKey("127.0.0.1", 1, "127.0.0.1", 2, "tcp")
USER = "nobody"  # whom the helper becomes, where it starts as root
TRIES = 20  # a search for a process runs out of time where the machine is busy
NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4


def elsewhere(address: str = ELSEWHERE) -> FlowKey:
    """Return a flow of another host."""
    return FlowKey(address, 50_000, "198.51.100.7", 443, "tcp")


def own_name() -> str:
    """Return what this process calls itself."""
    return printable(Path("/proc/self/comm").read_bytes().removesuffix(b"\n"))


def helpers() -> list[int]:
    """Return the helpers that this process started; others of its children are of other tests."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    pids = [int(pid) for pid in children.read_text().split()]
    return [pid for pid in pids if b"monitor.owners.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until it is moved."""
    return Clock()


@pytest.fixture
def asked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owners]:
    """Start a helper, for a daemon with more patience than it has: the machine may be busy."""
    monkeypatch.setattr(owners, "ANSWER_SECONDS", 2)
    with Owners(USER, clock) as made:
        yield made


def test_an_owner_and_what_is_counted(asked: Owners) -> None:
    with connected() as client:
        flow = flow_of(client)
        found = [asked.owner(flow) for _ in range(TRIES)]
    assert Owner(os.geteuid(), own_name()) in [owner and Owner(owner.uid, owner.process) for owner in found]
    counted = asked.counted()
    assert counted["attributed"] + counted["unfound"] + counted["unreadable"] == TRIES
    assert asked.owner(flow) is None
    assert asked.owner(elsewhere()) is None
    counted = asked.counted()
    assert tuple(counted) == OUTCOMES
    assert {each: count for each, count in counted.items() if count} == {
        "gone": 1,
        "not-local": 1,
    }
    assert set(asked.counted().values()) == {0}


def test_no_more_questions_than_the_bound(asked: Owners, clock: Clock) -> None:
    for _ in range(QUERIES_PER_SECOND + 5):
        asked.owner(GONE)
    counted = asked.counted()
    assert (counted["gone"], counted["busy"]) == (QUERIES_PER_SECOND, 5)
    clock.now_ns += 1_000_000_000
    asked.owner(GONE)
    assert asked.counted()["gone"] == 1


def test_other_hosts_are_remembered_and_cost_no_question(asked: Owners, clock: Clock) -> None:
    for _ in range(3 * QUERIES_PER_SECOND):
        asked.owner(elsewhere())
    assert asked.counted()["not-local"] == 3 * QUERIES_PER_SECOND
    clock.now_ns += REFRESH_NS
    asked.owner(elsewhere())
    assert asked.counted()["not-local"] == 1


def test_what_is_remembered_is_bounded(asked: Owners, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(owners, "MAX_ELSEWHERE", 2)
    for last in (1, 2, 3, 1):
        asked.owner(elsewhere(f"203.0.113.{last}"))
    assert asked.counted()["not-local"] == 4
    for _ in range(QUERIES_PER_SECOND):  # of which four are used
        asked.owner(GONE)
    assert asked.counted()["busy"] == 4
    assert clock.now_ns == 0


def test_a_helper_that_is_late_then_answers_the_right_question(asked: Owners) -> None:
    (pid,) = helpers()
    os.kill(pid, signal.SIGSTOP)
    try:
        assert asked.owner(elsewhere()) is None
        assert asked.counted()["unanswered"] == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    asked.owner(GONE)
    assert asked.counted()["gone"] == 1


def test_a_helper_that_ended_answers_nothing(asked: Owners) -> None:
    (pid,) = helpers()
    os.kill(pid, signal.SIGKILL)
    for _ in range(3):
        assert asked.owner(elsewhere()) is None
    assert asked.counted()["unanswered"] == 3


def test_the_helper_leaves_signals_to_the_daemon_and_ends_with_it() -> None:
    with Owners(USER, stopped) as made:
        (pid,) = helpers()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(pid, each)
        made.owner(elsewhere())
        assert made.counted()["not-local"] == 1
    assert helpers() == []


def test_a_helper_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "_SERVE", ("/bin/false",))
    with pytest.raises(OwnersUnavailableError, match=r"^owners .* cannot be told: .* did not start$"):
        Owners(USER)
    assert helpers() == []


WITHOUT_NATIVE = """
import os
from monitor.owners.serve import give_up_rights
from sensors import confinement
confinement.MISSING = "it was not built"
give_up_rights("nobody")
print(os.getresuid(), os.getgroups())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_without_the_native_engine_the_helper_is_root_no_more() -> None:
    nobody = pwd.getpwnam("nobody")
    assert run_python(WITHOUT_NATIVE) == [f"{(nobody.pw_uid,) * 3} {[nobody.pw_gid]}"]


CONFINED = """
import ctypes, os, socket, struct
from monitor.owners import Owners, owners
from monitor.owners.finder import Finder
from sensors.observations import FlowKey
libc = ctypes.CDLL(None, use_errno=True)
CREATE_RULESET, RESTRICT_SELF, NO_NEW_PRIVS, MAKE_BLOCK = 444, 446, 38, 1 << 11
owners.ANSWER_SECONDS = 2  # the machine may be busy
child, parent = socket.socketpair()
server = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    open("/proc/self/comm", "w").write("worker")
    client = socket.create_connection(server.getsockname())
    child.send(str(client.getsockname()[1]).encode())
    child.recv(1)
    os._exit(0)
port = int(parent.recv(9))
flow = FlowKey("127.0.0.1", port, "127.0.0.1", server.getsockname()[1], "tcp")
with Owners("nobody", lambda: 0) as helped:
    ruleset = libc.syscall(CREATE_RULESET, struct.pack("=Q", MAKE_BLOCK), 8, 0)
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    print(ruleset >= 0 and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0)
    print(Finder(lambda: 0).find(flow)[0])
    print("worker" in [owner and owner.process for owner in (helped.owner(flow) for _ in range(20))])
parent.send(b"x")
"""


def test_under_landlock_only_the_helper_sees_processes() -> None:
    held, alone, helped = run_python(CONFINED)
    if held != "True":
        pytest.skip("this kernel has no Landlock")
    assert (alone, helped) == ("unreadable", "True")


def test_a_question_given_up_does_not_harm_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Link(NETLINK_SOCK_DIAG)
    body = question(INET, UDP, V4)
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        everything = question(INET, UDP, V4)[:8] + bytes(48)
        with monkeypatch.context() as patch:
            patch.setattr(link, "MAX_DATAGRAMS", 0)
            with pytest.raises(UnansweredError, match="no end"):
                asked.ask(BY_FAMILY, everything, dump=True)
        assert asked.ask(BY_FAMILY, everything, dump=True) != []
        assert asked.ask(BY_FAMILY, body) == []
    asked.close()


def test_a_kernel_that_refuses() -> None:
    asked = Link(NETLINK_ROUTE)
    with pytest.raises(UnansweredError, match="not supported"):
        asked.ask(0x7FF0, b"\0" * 20)
    asked.close()
    with pytest.raises(UnansweredError):
        asked.ask(BY_FAMILY, b"")
