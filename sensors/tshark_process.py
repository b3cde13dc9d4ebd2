"""tshark as a child process, through pyshark: started, read, bounded, and gone when the reading ends.

pyshark 0.6 (MIT, last released in 2023) carries what it is good at: it runs the child on an event loop,
passes preferences, and hands its output over. Where it would not do, this class says otherwise. Its own modes
print whole trees, so the output is EK with chosen fields only. It ends tshark together with its output, and
so never learns whether the file was whole. It takes the program's path from a ``config.ini`` in the working
folder. It uses asyncio's child watchers, which Python 3.14 has no more, unless it gets a loop.

The child reads the capture from its standard input, and no profile, plug-in or preference of the user's; it
resolves no names. Where this program runs as root, the child runs as nobody.
"""

import asyncio
import os
import pwd
import shutil
from asyncio.subprocess import Process
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

from pyshark import FileCapture
from pyshark.capture.capture import Capture
from pyshark.tshark.output_parser.base_parser import BaseTsharkOutputParser

from sensors.tshark_facts import FIELDS
from sensors.tshark_program import ENVIRONMENT

STALL_SECONDS: Final = 120  # without any output, before tshark is given up
CHILD_BYTES: Final = 8 << 30  # of the child's address space
MAX_LINE_BYTES: Final = 4 << 20  # of what is said of one frame
_READ_BYTES: Final = 262_144
_STDERR_BYTES: Final = 2_048  # kept of what the child complained of
_PREFERENCES: Final = {
    "tcp.desegment_tcp_streams": "TRUE",
    "tcp.reassemble_out_of_order": "TRUE",
    "tls.desegment_ssl_records": "TRUE",
    "tls.desegment_ssl_application_data": "TRUE",
    "http.desegment_headers": "TRUE",
    "http.desegment_body": "FALSE",
    "dns.desegment_dns_messages": "TRUE",
    "ip.defragment": "TRUE",
    "ipv6.defragment": "TRUE",
}


class TsharkFailedError(Exception):
    """tshark ended otherwise than well, or was given up. The message is one line."""


class _Lines(BaseTsharkOutputParser):  # type: ignore[misc]  # pyshark has no types
    """Cuts tshark's output into lines; to pyshark a "packet" is then a list of them."""

    async def get_packets_from_stream(
        self, stream: asyncio.StreamReader, existing_data: bytes, **_: object
    ) -> tuple[list[bytes], bytes]:
        """Return the lines that became whole, and the rest. Raises EOFError, TsharkFailedError."""
        try:
            chunk = await asyncio.wait_for(stream.read(_READ_BYTES), STALL_SECONDS)
        except TimeoutError:
            raise TsharkFailedError(f"it said nothing for {STALL_SECONDS} seconds and was ended") from None
        if not chunk:
            raise EOFError
        *lines, rest = (existing_data + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise TsharkFailedError(f"it said more than {MAX_LINE_BYTES} bytes of one frame")
        return lines, rest


class TsharkProcess(FileCapture):  # type: ignore[misc]  # pyshark has no types
    """One tshark over one capture. Iterate ``lines`` once; ``status`` and ``complaint`` say how it ended."""

    def __init__(self, program: str, path: Path) -> None:
        self.status: int | None = None
        self.complaint = ""
        self._program = program
        self._loop = asyncio.new_event_loop()
        shown = [word for field in FIELDS for word in ("-e", field)]
        super().__init__(path, eventloop=self._loop, custom_parameters=shown, override_prefs=_PREFERENCES)

    def lines(self) -> Generator[bytes, None, None]:
        """Yield the lines of EK output. Raises TsharkFailedError, OSError; nothing is left running."""
        try:
            with closing(self._packets_from_tshark_sync()) as batches:
                for lines in batches:
                    yield from lines
        finally:
            self._loop.run_until_complete(self._end())
            self._loop.close()

    def get_parameters(self, packet_count: int | None = None) -> list[str]:
        """Return tshark's parameters: the capture comes from its standard input."""
        return [*Capture.get_parameters(self, packet_count), "-r", "-"]

    async def _get_tshark_process(self, **_: object) -> Process:
        command = [*_bound(), self._program, "-n", "-Q", "-T", "ek", *self.get_parameters()]
        with self.input_filepath.open("rb") as file:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=file, stdout=PIPE, stderr=PIPE, cwd="/", env=ENVIRONMENT, **_unprivileged()
            )  # fmt: skip
        self._running_processes.add(process)  # it may have ended by now: its status will say why
        self._create_stderr_handling_task(process.stderr)
        return process

    async def _handle_process_stderr_forever(self, stderr: asyncio.StreamReader) -> None:
        kept = b""
        while piece := await stderr.read(_STDERR_BYTES):
            kept = (kept + piece)[-_STDERR_BYTES:]
        lines = kept.decode("utf-8", "replace").strip().splitlines()
        self.complaint = "".join(c if c.isprintable() else "?" for c in lines[-1]) if lines else ""

    def _setup_tshark_output_parser(self) -> _Lines:
        return _Lines()

    async def _end(self) -> None:
        """End what an interrupt left: a child that was being started or read, and who waits for it."""
        for process in tuple(self._running_processes):
            await self._cleanup_subprocess(process)
        await _cancel_tasks()

    async def _cleanup_subprocess(self, process: Process) -> None:
        """Wait for the child where it said all; end it where it did not."""
        self._running_processes.discard(process)
        await _cancel_tasks(*self._stderr_handling_tasks)
        if self._eof_reached:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STALL_SECONDS)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        while process.stdout is not None and await process.stdout.read(_READ_BYTES):
            pass
        self.status = await process.wait()
        await asyncio.gather(*self._stderr_handling_tasks)


async def _cancel_tasks(*spared: asyncio.Task[Any]) -> None:
    """Cancel what still waits on the event loop: an interrupt stops the loop, not what waits there."""
    cancelled = [each for each in asyncio.all_tasks() - {asyncio.current_task(), *spared} if each.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)


def _bound() -> list[str]:
    """Return the words before a command that bound its memory: those of util-linux' prlimit."""
    prlimit = shutil.which("prlimit")
    return [prlimit, f"--as={CHILD_BYTES}", "--core=0", "--"] if prlimit else []


def _unprivileged() -> dict[str, Any]:
    """Return whom the child runs as: nobody, where this program runs as root."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return {}
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
