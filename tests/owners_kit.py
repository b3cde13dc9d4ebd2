"""Real clients for the tests of process attribution: a process, its connection, its cgroup and its name."""

import ipaddress
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.owners.diag import Ends
from sensors.observations import FlowKey, Transport

SERVER = "127.0.0.1"
V4 = Ends(ipaddress.ip_address("192.0.2.1"), 50_000, ipaddress.ip_address("198.51.100.7"), 443)

# Arguments: the server's port, the cgroup to join or "", the names (hex) of this process and of a child that
# inherits the socket, each or "". Prints the client's port, and ends with its input.
_CLIENT = """
import os, socket, sys
port, cgroup, name, heir = sys.argv[1:]
if cgroup:
    with open(f"{cgroup}/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
def rename(to):
    if to:
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(bytes.fromhex(to))
rename(name)
connection = socket.create_connection(("127.0.0.1", int(port)))
child = os.fork() if heir else None
if child == 0:
    rename(heir)
os.write(1, b"%d\\n" % connection.getsockname()[1])
sys.stdin.read()
if child:
    os.waitpid(child, 0)
"""


def stopped() -> int:
    """A clock that stands still: no search runs out of time."""
    return 0


def flow_of(client: socket.socket, transport: Transport = "tcp") -> FlowKey:
    """Return the flow of a connected socket of this process."""
    (local, local_port), (remote, remote_port) = client.getsockname()[:2], client.getpeername()[:2]
    plain = [address.removeprefix("::ffff:") for address in (local, remote)]
    return FlowKey(plain[0], local_port, plain[1], remote_port, transport)


@contextmanager
def connected() -> Iterator[socket.socket]:
    """Open a connection to a server in this process."""
    with (
        socket.create_server((SERVER, 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        yield client


@contextmanager
def client_process(cgroup: Path | None = None, name: bytes = b"", heir: bytes = b"") -> Iterator[FlowKey]:
    """Start a process with one connection, and return its flow. ``heir`` names a child that holds it too."""
    with socket.create_server((SERVER, 0)) as server:
        port = server.getsockname()[1]
        arguments = [str(port), str(cgroup or ""), name.hex(), heir.hex()]
        with subprocess.Popen(
            [sys.executable, "-c", _CLIENT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2 if heir else 1)]
            yield FlowKey(SERVER, int(lines[0]), SERVER, port, "tcp")
            process.stdin.close()
            process.wait(10)


def run_python(code: str, *before: str, user: int | None = None) -> list[str]:
    """Run code in an interpreter of its own, behind the words of ``before``; return the lines it prints."""
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
        cwd=Path(__file__).parents[1],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
