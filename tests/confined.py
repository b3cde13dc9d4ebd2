"""A program that confines itself, attempts things, and prints how each ended: `ok`, or the error's name.

``python -m tests.confined MODE FOLDER ATTEMPT...``; the folder holds ``read``, ``write`` and ``outside``. Run
by test_confinement.py: nothing here ever confines pytest.
"""

import datetime as dt
import errno
import http.server
import importlib.util
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sensors.confinement import Rules, confine
from sensors.engine import Options, open_sensor

NETLINK_SOCK_DIAG = 4
ETH_P_ALL = 3
CAPTURE = Path(__file__).parents[1] / "pcaps" / "demo" / "traffic.pcap"


class Before:
    """What a daemon has opened by the time it confines itself."""

    def __init__(self, folder: Path) -> None:
        self.read, self.write, self.outside = (folder / name for name in ("read", "write", "outside"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(self.listener.getsockname())
        self.abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.abstract.bind(f"\0residency-{os.getpid()}")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.connect(self.abstract.getsockname())


def _import_late(*names: str) -> None:
    assert not any(name in sys.modules for name in names)
    for name in names:
        importlib.import_module(name)


def _write_inside(before: Before) -> None:
    folder, other = before.write / "folder", before.write / "other"
    folder.mkdir()
    other.mkdir()
    with (folder / "file").open("wb") as file:
        file.write(b"evidence")
        file.flush()
        os.fsync(file.fileno())
        file.truncate(3)
    (folder / "file").rename(other / "file")
    assert (other / "file").read_bytes() == b"evi"
    (other / "file").unlink()
    folder.rmdir()


def _thread(_before: Before) -> None:
    ran = threading.Event()
    thread = threading.Thread(target=ran.set)
    thread.start()
    thread.join()
    assert ran.is_set()


def _fork(_before: Before) -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _accept(before: Before) -> None:
    server, _ = before.listener.accept()
    server.settimeout(5)
    before.client.sendall(b"GET /metrics")
    assert server.recv(100) == b"GET /metrics"
    server.sendall(b"200")
    assert before.client.recv(100) == b"200"


def _serve(before: Before) -> None:
    """One request of a scrape, answered by the server of the standard library."""
    server = http.server.HTTPServer(("", 0), http.server.BaseHTTPRequestHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = before.listener
    before.client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    server.handle_request()
    assert before.client.recv(100).startswith(b"HTTP/1.0 501")


def _replay(_before: Before) -> None:
    """The native engine at work, with the threads it starts."""
    sensor = open_sensor([CAPTURE], "native", Options(threads=3))
    assert sum(len(batch) for batch in sensor) > 0
    assert sensor.accounting().faults == ()


def _notify(before: Before) -> None:
    before.notify.send(b"READY=1")
    assert before.abstract.recv(100) == b"READY=1"


def _connect_abstract(before: Before) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as late:
        late.connect(before.abstract.getsockname())


def _send_udp(_before: Before) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.sendto(b"data", ("127.0.0.1", 9))


def _pair(_before: Before) -> None:
    for each in socket.socketpair():
        each.close()


def _netlink(protocol: int) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol).close()


def _signal_itself(_before: Before) -> None:
    seen: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _frame: seen.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    assert seen == [signal.SIGUSR1]


def _clocks(_before: Before) -> None:
    time.sleep(0.001)
    assert dt.datetime.fromtimestamp(0, dt.UTC).astimezone().tzinfo is not None


def _write_and_execute(_before: Before) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


ATTEMPTS: dict[str, Callable[[Before], object]] = {
    "read inside": lambda before: (before.read / "file").read_text(),
    "list inside": lambda before: list(before.read.iterdir()),
    "read outside": lambda before: (before.outside / "file").read_text(),
    "list outside": lambda before: list(before.outside.iterdir()),
    "write inside": _write_inside,
    "write outside": lambda before: (before.outside / "new").touch(),
    "write what may be read": lambda before: (before.read / "file").write_text("changed"),
    "truncate what may be read": lambda before: os.truncate(before.read / "file", 0),
    "make a link inside": lambda before: (before.write / "link").symlink_to("/etc/shadow"),
    "import of the standard library": lambda _: _import_late("wave", "sqlite3", "ctypes"),
    "import of others": lambda _: _import_late("maxminddb.extension", "zstandard", "cryptography.x509"),
    "chance": lambda _: os.urandom(16),
    "clocks": _clocks,
    "thread": _thread,
    "fork": _fork,
    "subprocess": lambda _: subprocess.run(["/bin/true"], check=True),
    "exec": lambda _: os.execv("/bin/echo", ["echo", "exec: ok"]),  # noqa: S606  it is what is tried
    "chroot": lambda _: os.chroot("/"),
    "packet socket": lambda _: socket.socket(
        socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)
    ).close(),
    "interface by name": lambda _: socket.if_nametoindex("lo"),
    "accept": _accept,
    "serve": _serve,
    "replay": _replay,
    "connect": lambda before: socket.create_connection(before.listener.getsockname()).close(),
    "listen": lambda _: socket.create_server(("127.0.0.1", 0)).close(),
    "send a datagram": _send_udp,
    "pair of sockets": _pair,
    "notify": _notify,
    "connect to an abstract socket": _connect_abstract,
    "netlink for owners": lambda _: _netlink(NETLINK_SOCK_DIAG),
    "netlink for routes": lambda _: _netlink(socket.NETLINK_ROUTE),
    "signal itself": _signal_itself,
    "signal another": lambda _: os.kill(os.getppid(), 0),
    "memory to write and execute": _write_and_execute,
    "look at itself": lambda _: Path("/proc/self/stat").read_text(),
    "look into another": lambda _: Path(f"/proc/{os.getppid()}/fd/0").readlink(),
}


def _packages() -> Path:
    """Return where packages are, if they are but linked where Python looks for them."""
    found = importlib.util.find_spec("maxminddb")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).resolve().parents[1]


def _confine(mode: str, before: Before) -> None:
    """Everything asked for holds, on the kernel that these tests need."""
    if mode != "free":
        landlock, seccomp = mode != "seccomp", mode != "landlock"
        read = before.read, Path("/proc"), _packages()
        rules = Rules(read, (before.write,), seccomp, landlock, sock_diag=mode == "owners")
        confined = confine(rules)
        assert confined.seccomp == seccomp, confined
        assert confined.landlock == ("full" if landlock else "none"), confined
        assert confined.reasons == (), confined


def _outcome(attempt: str, before: Before) -> str:
    try:
        ATTEMPTS[attempt](before)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def main(mode: str, folder: str, *attempts: str) -> None:
    """Confine as the mode says, then attempt and print."""
    before = Before(Path(folder))
    _confine(mode, before)
    for attempt in attempts:
        sys.stdout.write(f"{attempt}: {_outcome(attempt, before)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
