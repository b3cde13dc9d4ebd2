"""Who owns a connection, asked of the real kernel for real sockets of this host."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.owners.cgroups import MOUNTS, cgroup_mount
from monitor.owners.finder import Finder
from monitor.owners.processes import printable
from monitor.types import Owner
from sensors.observations import FlowKey
from tests.owners_kit import SERVER, client_process, connected, flow_of, run_python, stopped

pytestmark = pytest.mark.enable_socket

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
ROOT = os.geteuid() == 0
UDP = socket.SOCK_DGRAM
ANY = "0.0.0.0"  # noqa: S104  nothing is received


def own_name() -> str:
    """Return what this process calls itself."""
    return printable(Path("/proc/self/comm").read_bytes().removesuffix(b"\n"))


@pytest.fixture
def finder() -> Iterator[Finder]:
    """Return a finder that no search is too long for."""
    found = Finder(stopped)
    yield found
    found.close()


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """Make a unit's cgroup, with a container's inside."""
    mount = cgroup_mount(MOUNTS.read_bytes())
    if mount is None or not ROOT:
        pytest.skip("needs root and a cgroup2 tree")
    made = mount / f"residency-test-{os.getpid()}.service"
    inner = made / f"docker-{ID}.scope"
    try:
        inner.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    yield made
    inner.rmdir()
    made.rmdir()


def flow(client: str, port: int, server: str = SERVER, server_port: int = 443) -> FlowKey:
    """Return a UDP flow."""
    return FlowKey(client, port, server, server_port, "udp")


def test_a_connection_of_this_process(finder: Finder) -> None:
    with connected() as client:
        outcome, owner = finder.find(flow_of(client))
    assert outcome == "attributed"
    assert owner is not None
    assert (owner.uid, owner.process) == (os.geteuid(), own_name())


@pytest.mark.parametrize(
    ("family", "server"), [(socket.AF_INET6, "::1"), (socket.AF_INET6, "::ffff:127.0.0.1")]
)
def test_ipv6_and_ipv4_by_an_ipv6_socket(finder: Finder, family: int, server: str) -> None:
    with socket.socket(family) as listening, socket.socket(family) as client:
        listening.bind((server, 0))
        listening.listen()
        client.connect(listening.getsockname())
        outcome, owner = finder.find(flow_of(client))
    assert (outcome, owner and owner.process) == ("attributed", own_name())


def test_a_closed_connection_is_gone(finder: Finder) -> None:
    with connected() as client:
        closed = flow_of(client)
    assert finder.find(closed) == ("gone", None)


def test_a_listening_socket_is_no_connection(finder: Finder) -> None:
    with socket.create_server((SERVER, 0)) as server:
        asked = FlowKey(SERVER, server.getsockname()[1], SERVER, 9, "tcp")
        assert finder.find(asked) == ("gone", None)


@pytest.mark.parametrize("address", ["203.0.113.199", "2001:db8::199"])
def test_an_address_of_another_host(finder: Finder, address: str) -> None:
    assert finder.find(FlowKey(address, 50_000, SERVER, 443, "tcp")) == ("not-local", None)


def test_a_connected_datagram_socket(finder: Finder) -> None:
    with socket.socket(type=UDP) as other, socket.socket(type=UDP) as client:
        other.bind((SERVER, 0))
        client.connect(other.getsockname())
        assert finder.find(flow_of(client, "udp"))[0] == "attributed"


# Sockets (family, address bound to, port connected to or none, IPv6 only), the client's address, the outcome.
DATAGRAMS = [
    ([(socket.AF_INET, ANY, None, False)], SERVER, "attributed"),
    ([(socket.AF_INET, SERVER, None, False)], SERVER, "attributed"),
    ([(socket.AF_INET6, "::", None, False)], SERVER, "attributed"),  # speaks IPv4 too
    ([(socket.AF_INET6, "::", None, True)], SERVER, "gone"),
    ([(socket.AF_INET6, "::", None, True)], "::1", "attributed"),
    ([(socket.AF_INET, ANY, None, False)], "::1", "gone"),
    ([(socket.AF_INET, "127.0.0.2", None, False)], SERVER, "gone"),  # another address
    ([(socket.AF_INET, ANY, 9, False)], SERVER, "gone"),  # connected to another server
    ([(socket.AF_INET, ANY, None, False)] * 2, SERVER, "ambiguous"),
    ([(socket.AF_INET, ANY, None, False), (socket.AF_INET, SERVER, None, False)], SERVER, "ambiguous"),
    ([(socket.AF_INET, ANY, None, False), (socket.AF_INET, SERVER, 443, False)], SERVER, "attributed"),
    ([(socket.AF_INET, ANY, None, False), (socket.AF_INET, SERVER, 9, False)], SERVER, "attributed"),
]  # fmt: skip


@pytest.mark.parametrize(("sockets", "client", "outcome"), DATAGRAMS)
def test_datagram_sockets(
    finder: Finder, sockets: list[tuple[int, str, int | None, bool]], client: str, outcome: str
) -> None:
    port = 0
    with ExitStack() as stack:
        for family, address, peer, only_v6 in sockets:
            made = stack.enter_context(socket.socket(family, UDP))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_v6)
            made.bind((address, port))
            port = made.getsockname()[1]
            if peer is not None:
                made.connect((SERVER, peer))
        assert finder.find(flow(client, port, "::1" if ":" in client else SERVER))[0] == outcome


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (b"curl", "curl"),
        (b"a b", "a b"),
        (b"x\x1b[31m\ny", r"x\x1b[31m\x0ay"),
        (b'"\\\xff', r'"\x5c\xff'),
        (b"0123456789abcdefgh", "0123456789abcde"),  # the kernel keeps 15 bytes
    ],
)
def test_what_a_process_calls_itself(finder: Finder, name: bytes, says: str) -> None:
    with client_process(name=name) as asked:
        outcome, owner = finder.find(asked)
    assert (outcome, owner and owner.process) == ("attributed", says)


def test_a_unit_and_a_container(finder: Finder, cgroup: Path) -> None:
    with client_process(cgroup, b"worker") as asked:
        assert finder.find(asked) == ("attributed", Owner(0, "worker", cgroup.name, None))
    with client_process(cgroup / f"docker-{ID}.scope", b"worker") as asked:
        assert finder.find(asked) == ("attributed", Owner(0, "worker", cgroup.name, f"docker:{ID}"))


@pytest.mark.parametrize(("heir", "outcome"), [(b"one", "attributed"), (b"two", "ambiguous")])
def test_a_socket_held_by_two(finder: Finder, cgroup: Path, heir: bytes, outcome: str) -> None:
    with client_process(cgroup, b"one", heir) as asked:
        found, owner = finder.find(asked)
    assert found == outcome
    assert owner == Owner(0, "one" if outcome == "attributed" else None, cgroup.name, None)


FIND = """
from monitor.owners.finder import Finder
from sensors.observations import FlowKey
outcome, owner = Finder(lambda: 0).find(FlowKey({client!r}, {port}, {server!r}, {server_port}, "tcp"))
print(outcome, owner and owner.uid, owner and owner.process)
"""


def find_code(asked: FlowKey) -> str:
    """Return code that asks for a flow."""
    return FIND.format(
        client=asked.client, port=asked.client_port, server=asked.server, server_port=asked.server_port
    )


@pytest.mark.skipif(not ROOT, reason="needs root to become another user")
@pytest.mark.parametrize(
    ("capabilities", "says"),
    [
        ("", "unreadable 0 None"),
        ("+sys_ptrace", "unreadable 0 None"),
        ("+dac_read_search", "unreadable 0 None"),
        ("+sys_ptrace,+dac_read_search", "attributed 0 worker"),
    ],
)
def test_rights(cgroup: Path, capabilities: str, says: str) -> None:
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if capabilities:
        become += [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    with client_process(cgroup, b"worker") as asked:
        assert run_python(find_code(asked), *become) == [says]


@pytest.mark.skipif(not ROOT, reason="needs root to make a network namespace")
def test_another_network_namespace() -> None:
    with connected() as client:
        assert run_python(find_code(flow_of(client)), "unshare", "--net") == ["gone None None"]


NAMESPACE = """
import subprocess
from monitor.owners.finder import Finder
from sensors.observations import FlowKey
now = 0
finder = Finder(lambda: now)
asked = FlowKey("192.0.2.77", 50_000, "198.51.100.7", 443, "tcp")
print(finder.find(asked)[0])
subprocess.run(["ip", "address", "add", "192.0.2.77/32", "dev", "lo"], check=True)
now += 4_900_000_000
print(finder.find(asked)[0])
now += 200_000_000
print(finder.find(asked)[0])
"""


@pytest.mark.skipif(not ROOT, reason="needs root to make a network namespace")
def test_an_address_that_comes_later_is_known_at_the_next_reading() -> None:
    assert run_python(NAMESPACE, "unshare", "--net") == ["not-local", "not-local", "gone"]
