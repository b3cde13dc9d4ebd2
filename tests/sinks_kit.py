"""What the tests of the sinks share: events to deliver, and processes that take them."""

import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from monitor.events import Basis, CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.findings.types import Change, Finding, Sample, State, What
from monitor.policy.words import Severity
from monitor.sinks.protocol import Parcel
from monitor.types import Evidence, Subject
from sensors.observations import FlowKey
from tests.observed import CLIENT, SERVER, at

Served = TypeVar("Served", bound="Program")

PATIENCE_SECONDS = 30.0
HOST = "127.0.0.1"
LIMITS = ("The endpoint is global: its name says nothing about where a request is processed.",)
HOSTILE = 'evil\r\nBcc: all@example.org\r\n\r\n.\r\n"]\\ \x1b[31m \u202egnp \u2028'


def finding(
    number: int = 1,
    state: State = "open",
    severity: Severity = "high",
    *,
    name: str | None = "api.openai.com",
    title: str = "crm-backend reaches OpenAI outside policy RES-010",
) -> Finding:
    """Return a finding of tenant acme."""
    evidence = Evidence("name", "api.openai.com", "the name is OpenAI's global endpoint", "catalogue 7")
    return Finding(
        id=f"f{number:031x}",
        kind="violation",
        subject=Subject("acme", "crm-backend", "crm"),
        rule="RES-010",
        severity=severity,
        title=title,
        opened_ns=at(0),
        first_ns=at(0),
        last_ns=at(60),
        deadline_ns=at(86_400),
        provider="openai",
        scope="global",
        certainty="observed",
        state=state,
        revision=0 if state == "open" else 1,
        count=3,
        bytes_up=1_000,
        bytes_down=20_000,
        clients=(CLIENT,),
        client_count=1,
        sample=Sample(at(0), FlowKey(CLIENT, 50_000, SERVER, 443, "tcp"), name, (evidence,)),
        remediation="Use the endpoint in eu-west-1.",
    )


def told(
    found: Finding, what: What = "opened", why: str = "a connection ended outside policy"
) -> FindingEvent:
    """Return the event of a change."""
    change = Change(what, found.last_ns, why, found)
    basis = Basis("1.0", "edge-1", "3", "7", ("aws 2026-03-01",), LIMITS)
    return FindingEvent(change.key, found.last_ns, change, basis)


def opened(number: int = 1, severity: Severity = "high") -> FindingEvent:
    """Return the event of a finding that was opened."""
    return told(finding(number, severity=severity))


def summary() -> SummaryEvent:
    """Return events folded into numbers."""
    return SummaryEvent("summary-1", at(5), "edge-1", "acme", "critical", 7, at(0), at(4), ("f1", "f2"))


def checkpoint() -> CheckpointEvent:
    """Return a checkpoint."""
    note = "residency/edge-1/acme\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 residency AAAA\n"
    return CheckpointEvent("checkpoint-1", at(6), "edge-1", "acme", note)


def parcels(events: Sequence[Event], first: int = 1) -> list[Parcel]:
    """Return events with their places in the queue."""
    return [Parcel(first + place, event) for place, event in enumerate(events)]


def some(first: int, count: int) -> list[Parcel]:
    """Return parcels of findings with the numbers from ``first``."""
    return parcels([opened(number) for number in range(first, first + count)], first)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(f"it never came about: {what}")
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


class Program:
    """A program that serves on a port, in the foreground. It is ended by its process alone."""

    def __init__(self, command: Sequence[str | Path], folder: Path, port: int) -> None:
        self._command = [str(part) for part in command]
        self._folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._folder / "output").open("ab") as out:
            self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=out, stderr=out)
        until(self._is_up, f"{self._command[0]} listens on {self.port}")

    def kill(self) -> None:
        """End it without a chance to write anything."""
        self._end(subprocess.Popen.kill)

    def freeze(self) -> None:
        """Have it do nothing: its kernel goes on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(subprocess.Popen.terminate)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None:
            how(self._process)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def _is_up(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            pytest.fail((self._folder / "output").read_text(errors="replace")[-2_000:])
        return listens(self.port)


@contextmanager
def running(program: Served) -> Iterator[Served]:
    """Run a program until the end of the block."""
    try:
        program.start()
        yield program
    finally:
        program.kill()


def needs(program: str) -> pytest.MarkDecorator:
    """Return a mark that skips where a program is missing."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not here: make programs")


@contextmanager
def serving(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each connection by a function in a thread of its own; yield the port."""
    listener = socket.create_server((HOST, 0))
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=_handled, args=(handle, sock)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(PATIENCE_SECONDS)


def _handled(handle: Callable[[socket.socket], None], sock: socket.socket) -> None:
    with sock, suppress(OSError):
        sock.settimeout(PATIENCE_SECONDS)
        handle(sock)
