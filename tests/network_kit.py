"""A network of the test's own: a namespace with two interfaces, "va" and "vb", joined by a cable."""

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def lacks(*programs: str) -> str:
    """Say what is missing here for a network of one's own; nothing where it can be made."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    missing = [program for program in ("ip", *programs) if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where a network of one's own cannot be made."""
    return pytest.mark.skipif(bool(lacks(*programs)), reason=lacks(*programs))


def in_network(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a thread with a network of its own, which goes with the thread."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_run, test, *args, **kwargs).result()

    return run


def sh(command: str) -> str:
    """Run a program of the network."""
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def cable() -> None:
    """Join va and vb, and let them be silent."""
    sh("ip link add va mtu 9000 type veth peer name vb mtu 9000")
    sh("ip link set va up")
    sh("ip link set vb up")


def replay(capture: Path, *options: str, interface: str = "va") -> int:
    """Send a capture's packets; return how many were sent."""
    said = sh(" ".join(["tcpreplay", "--topspeed", *options, "-i", interface, str(capture)]))
    return int(said.split("Actual: ")[1].split(" ")[0])


def _run(test: Callable[..., None], *args: object, **kwargs: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_NETWORK) != 0:
        pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # it would send packets of its own
    test(*args, **kwargs)
