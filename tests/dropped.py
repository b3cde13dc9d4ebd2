"""A program that drops its privileges and prints, as JSON, what /proc then says of it.

``python -m tests.dropped USER [with-thread] [without-native] KEEP...``. Run by test_privileges.py.
"""

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from sensors import confinement
from sensors.confinement import ConfinementError, Dropped, drop_privileges

WITH_THREAD = "with-thread"
WITHOUT_NATIVE = "without-native"


class Now(msgspec.Struct, frozen=True):
    """What was said, and what is: ``status`` is /proc/self/status, ``packet`` how a capture would open."""

    dropped: Dropped
    status: dict[str, str]
    packet: str
    root: str


def _error(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def main(user: str, *arguments: str) -> None:
    """Drop, then print; an error goes to stderr."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    if WITH_THREAD in arguments:
        thread.start()
    try:
        if WITHOUT_NATIVE in arguments:
            vars(confinement)["MISSING"] = "it was not built"
        keep = tuple(each for each in arguments if each not in (WITH_THREAD, WITHOUT_NATIVE))
        dropped = drop_privileges(user, keep)
    except ConfinementError as error:
        sys.exit(str(error))
    finally:
        stop.set()
    lines = Path("/proc/self/status").read_text().splitlines()
    status = {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in lines)}
    packet = _error(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
    sys.stdout.buffer.write(msgspec.json.encode(Now(dropped, status, packet, _error(lambda: os.setuid(0)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
