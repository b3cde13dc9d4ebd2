"""The edge where data leaves and people interrupt: what goes wrong there is one line and a status of its own.

Status 1 means that violations were found, so nothing else may end with it: not a full disk, not a name that
is no text, not Ctrl-C. A reader that goes away (`residency observe x | head`) ends a command quietly.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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


def _end(message: str | None, status: Exit) -> None:
    """Say why, and leave nothing in a buffer that would be tried again while Python shuts down."""
    with suppress(io.UnsupportedOperation):  # a stdout that is no file, as tests have it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message is not None:
        click.echo(f"residency: {message}", err=True)
    sys.exit(status)
