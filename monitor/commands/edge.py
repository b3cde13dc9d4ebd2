"""The edge where data leaves and people interrupt: what goes wrong there is one line and a status of its own.

Status 1 means that violations were found, so nothing else may end with it: not a full disk, not a name that
is no text, not Ctrl-C, not a message that nobody can get. A reader that goes away (`residency observe x |
head`) ends a command quietly; what it came to by then is its status.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from monitor.exitstatus import Exit


@contextmanager
def edge() -> Iterator[None]:
    """Run a command to its end, its last buffered output included. Raises SystemExit with the status."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _end("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        _end(None, Exit.DONE)
    except OSError as error:
        place = error.filename or "standard input or output"
        _end(f"{place}: {error.strerror or error}; check that it can be read and written", Exit.USAGE)
    except UnicodeError as error:
        _end(f"a name cannot be written as text ({error}); rename it", Exit.USAGE)


def open_streams() -> None:
    """Give streams that were closed (`>&-`) a place, or the first file to be opened would take theirs."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # the lowest number is given first
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  stays open
            setattr(sys, name, stream)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print what a command came to. A reader that goes away does not change its status."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)


@contextmanager
def messages_may_be_lost() -> Iterator[None]:
    """Print on stderr; where that cannot be written, the status has to do."""
    try:
        yield
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)


def say(message: str) -> None:
    """Print a line on stderr."""
    with messages_may_be_lost():
        click.echo(message, err=True)


def _end(message: str | None, status: Exit) -> None:
    """Say why, and exit."""
    _drop(sys.stdout)
    if message is not None:
        say(f"residency: {message}")
    sys.exit(status)


def _drop(stream: IO[str]) -> None:
    """Leave nothing in a stream's buffer that would be tried again while Python shuts down."""
    with suppress(io.UnsupportedOperation):  # a stream that is no file, as tests have it
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
