"""What the commands share: options, and how an error becomes one clear line and an exit status."""

import datetime as dt
import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from monitor.commands.edge import say
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.geography import Site
from monitor.parquet import MissingExtraError

F = TypeVar("F", bound=Callable[..., Any])


class _File(click.Path):
    """A path. What cannot be read is left to whoever reads it: an input has a status of its own."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path; of nothing, which may stand for an unset variable, pathlib would make "."."""
        if not value:
            self.fail("it is empty; name a path, or . for this folder", param, ctx)
        return super().convert(value, param, ctx)


class _Capture(_File):
    """A path, or an object's address, as it was written."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text."""
        return value if "://" in str(value) else str(super().convert(value, param, ctx))


class _Location(click.types.StringParamType):
    """A place on Earth."""

    name = "location"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a site."""
        latitude, _, rest = str(value).partition(",")
        longitude, _, name = rest.partition(",")
        try:
            site = Site(float(latitude), float(longitude), name.strip() or None)
        except ValueError:
            self.fail(f"{value!r} is no place; write 50.11,8.68,Frankfurt", param, ctx)
        if not (abs(site.latitude) <= 90 and abs(site.longitude) <= 180):
            self.fail(f"{value!r} is no place; latitude comes first, up to 90, then longitude", param, ctx)
        return site


class _Day(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on, and in no release before
    """A day of the calendar."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Return the day."""
        try:
            return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2026-03-10", param, ctx)


FILE = _File()
CAPTURE = _Capture()
DAY = _Day()

config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="The configuration of the daemon (YAML)."
)
policy_option = click.option("--policy", type=FILE, metavar="FILE", help="The policy to judge by (YAML).")
catalog_option = click.option(
    "--catalog",
    "catalogs",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Your own endpoints beside the built-in ones (repeatable).",
)
geoip_option = click.option(
    "--geoip",
    "geoips",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A GeoIP database, MMDB format: country or ASN (repeatable).",
)
location_option = click.option(
    "--location",
    "site",
    type=_Location(),
    metavar="LAT,LON[,NAME]",
    help="Where the packets were captured: what answered too soon to be far away is then not said to be.",
)
data_option = click.option(
    "--data", type=FILE, metavar="DIR", help="The store of data sets (see `residency data`)."
)
as_of_option = click.option(
    "--as-of",
    type=DAY,
    metavar="DATE",
    help="Use no data set that was published later: 2026-03-10.",
)
engine_option = click.option(
    "--engine",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Which engine reads packets: native, dpkt, tshark, or auto: native where it is built, else dpkt.",
)
_THREADS = click.IntRange(min=1)
_THREADS.name = "number"  # as errors call it
threads_option = click.option(
    "--threads",
    type=_THREADS,
    default=1,
    show_default=True,
    metavar="N",
    help="How many threads work; the native engine has use for 3. The output is the same.",
)


class Failure(click.ClickException):
    """Ends the command with lines on stderr and an exit status."""

    def __init__(self, message: str, status: Exit) -> None:
        super().__init__(message)
        self.status = status

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # the library has a class variable here
        """The exit status."""
        return int(self.status)

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002  the library's signature
        """Print the message."""
        for line in self.message.splitlines():
            say(f"residency: {line}")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn the errors that a user can mend into their one line."""
    try:
        yield
    except DocumentError as error:
        raise Failure(str(error), Exit.USAGE) from None
    except (InputError, MissingExtraError) as error:
        raise Failure(str(error), Exit.USAGE) from None


def choose_engine(engine: str) -> str:
    """Return the engine to use; where it is second choice, say why. Ends the command unless it is there."""
    from sensors.engine import EngineError, choose  # noqa: PLC0415

    try:
        choice = choose(engine)
    except EngineError as error:
        raise Failure(str(error), Exit.USAGE) from None
    warn([choice.note] if choice.note else [])
    return choice.engine


def caller() -> str:
    """Return who works here: the one who called sudo, or the process' user."""
    uid = os.getuid()
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def warn(lines: Sequence[object]) -> None:
    """Print notes about the run on stderr."""
    for line in lines:
        say(f"residency: {line}")
