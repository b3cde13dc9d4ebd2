"""What the tests of the courier share: a sink that does as it is told, outboxes, servers, the command."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import msgspec
import pytest
import yaml

from monitor.events.types import Event, FindingEvent
from monitor.outbox.store import Outbox
from monitor.sinks.protocol import Delivered, Outcome, Parcel
from tests.outbox_kit import opened

WAIT_SECONDS = 15.0
HEAD: dict[str, object] = {"version": 1, "capture": {"interfaces": ["lo"]}}


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder that takes no time to synchronise, where there is one: what is killed here is no disk."""
    shared = Path("/dev/shm")  # noqa: S108  the folder in it is ours alone
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


class Obedient:
    """A sink that answers what it was told to, and then takes all. ``taken`` are the keys that it took."""

    def __init__(self, *answers: Outcome, name: str = "soc", batch: int = 3) -> None:
        self.name, self.batch = name, batch
        self.answers = list(answers)
        self.taken: list[str] = []
        self.given: list[list[str]] = []
        self.closed = False

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        assert 0 < len(parcels) <= self.batch
        self.given.append([each.key for each in parcels])
        outcome = self.answers.pop(0) if self.answers else Delivered()
        done = len(parcels) if isinstance(outcome, Delivered) else outcome.done
        self.taken += [each.key for each in parcels[:done]]
        return outcome

    def close(self) -> None:
        self.closed = True


class Forgetful(Obedient):
    """One that wants to be told again."""

    refresh_seconds = 60.0

    def __init__(self, *answers: Outcome) -> None:
        super().__init__()
        self.refresh_answers = list(answers)
        self.told: list[list[str]] = []

    def refresh(self, still_open: Sequence[FindingEvent]) -> Outcome:
        self.told.append([each.key for each in still_open])
        return self.refresh_answers.pop(0) if self.refresh_answers else Delivered()


def put(outbox: Outbox, put_events: Sequence[Event]) -> list[str]:
    """Put events into an outbox, their findings with them; return their keys."""
    found = [each.change.finding for each in put_events if isinstance(each, FindingEvent)]
    outbox.commit(found, put_events, {})
    return [each.key for each in put_events]


@contextmanager
def filled(state: Path, put_events: Sequence[Event]) -> Iterator[list[str]]:
    """An outbox with events in it, which its owner has left."""
    outbox = opened(state, 100_000)
    try:
        yield put(outbox, put_events)
    finally:
        outbox.close()


class Request(msgspec.Struct):
    """What a server was sent."""

    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers POST as the server is told to."""

    protocol_version = "HTTP/1.1"
    server: "Server"
    body = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.requests.append(Request(dict(self.headers), self.body))
            answer = self.server.answers.pop(0) if self.server.answers else taken
        answer(self)

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def taken(handler: Handler) -> None:
    handler.say(204)


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda handler: handler.say(status, body, **headers)


class Server(ThreadingHTTPServer):
    """A real HTTP server on a port of its own. ``answers`` come first, then 204."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.answers: list[Answer] = []

    @property
    def keys(self) -> list[str]:
        with self.lock:
            return [each.key for each in self.requests]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configured(folder: Path, *sinks: dict[str, object], **keys: object) -> Path:
    """Write a configuration; return its path."""
    path = folder / "residency.yaml"
    value = {
        **HEAD,
        "ledger": {"folder": str(folder / "ledger"), "key": str(folder / "ledger.key")},
        "state": str(folder / "state"),
        "sinks": list(sinks),
        **keys,
    }
    path.write_text(yaml.safe_dump(value), "utf-8")
    return path


class Courier:
    """`residency deliver` as a process, and what it logs."""

    def __init__(self, config: Path, log: Path, *arguments: str) -> None:
        self.log = log
        self._stderr: IO[bytes] = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "deliver", "--config", str(config), *arguments],
            stderr=self._stderr,
            stdout=subprocess.DEVNULL,
        )

    def tell(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def said(self, event: str) -> list[dict[str, object]]:
        lines = self.log.read_text("utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if each["event"] == event]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.tell(number)
        status = self.process.wait(WAIT_SECONDS)
        self._stderr.close()
        return status


@contextmanager
def delivering(config: Path, *arguments: str) -> Iterator[Courier]:
    courier = Courier(config, config.parent / "deliver.log", *arguments)
    try:
        yield courier
    finally:
        courier.end(signal.SIGKILL)


def wait_for(look: Callable[[], bool], what: str, pause_seconds: float = 0.02) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(pause_seconds)


def keys_in(path: Path) -> list[str]:
    """Return the keys in a file of JSON lines."""
    if not path.exists():
        return []
    return [json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[:-1]]


@contextmanager
def small_disk(folder: Path, size: int = 262_144) -> Iterator[Path]:
    """A file system of so many bytes; skips where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607
