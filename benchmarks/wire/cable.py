"""Two network namespaces that a veth pair joins, and nothing else: what is sent goes nowhere.

IPv6 of the namespaces themselves is off, so that no packet passes that the sender did not send.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

WIRE = "wire0"  # the interface in both
SENDER_ADDRESS, WATCHED_ADDRESS = "192.0.2.1", "192.0.2.2"
_RECEIVED, _PACKETS, _DROPPED = Path("/proc/net/dev"), 1, 3


class Cable(NamedTuple):
    """The namespaces: where packets are sent, and where they are watched."""

    sending: str
    watching: str

    def arrived(self) -> int:
        """Return how many packets were handed to whoever watches at the watched end.

        With the processors busy, the kernel's backlog may be full: what is dropped there nobody sees.
        """
        text = inside(self.watching, "cat", str(_RECEIVED))
        row = next(line for line in text.splitlines() if line.strip().startswith(f"{WIRE}:"))
        columns = row.partition(":")[2].split()
        return int(columns[_PACKETS]) - int(columns[_DROPPED])


def missing() -> str:
    """Say why there can be no namespaces; nothing where there can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    return "" if shutil.which("ip") else "not installed: apt-get install iproute2"


@contextmanager
def cable() -> Iterator[Cable]:
    """Make both ends; they are gone afterwards, with all processes' sockets in them."""
    made = Cable(*(f"residency-bench-{os.getpid()}-{end}" for end in Cable._fields))
    with ExitStack() as stack:
        for name in made:
            _run("ip", "netns", "add", name)
            stack.callback(_run, "ip", "netns", "delete", name)
            inside(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        _run("ip", "link", "add", WIRE, "netns", made.sending, "type", "veth",
             "peer", "name", WIRE, "netns", made.watching)  # fmt: skip
        for name, address in zip(made, (SENDER_ADDRESS, WATCHED_ADDRESS), strict=True):
            for what in (
                ("link", "set", "lo", "up"),
                ("address", "add", f"{address}/30", "dev", WIRE),
                ("link", "set", WIRE, "up"),
            ):
                _run("ip", "-n", name, *what)
        yield made


def entered(namespace: str, *command: str) -> tuple[str, ...]:
    """Return the command that runs another in a namespace; it becomes that one, with the same process id."""
    return ("ip", "netns", "exec", namespace, *command)


def inside(namespace: str, *command: str) -> str:
    """Run a command in a namespace to its end; return what it printed."""
    return _run(*entered(namespace, *command))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
