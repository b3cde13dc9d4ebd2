"""What the outbox commands share: where the state is, and which sinks are configured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from monitor.commands.base import FILE, Failure, clear_errors
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.outbox.reading import OutboxReader
from monitor.settings import load_settings

config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="The configuration of the daemon (YAML)."
)
needed_config_option = click.option(
    "--config", type=FILE, required=True, metavar="FILE", help="The configuration of the daemon (YAML)."
)
state_option = click.option(
    "--state", type=FILE, metavar="DIR", help="The state folder, without a configuration; to read only."
)
sink_option = click.option("--sink", metavar="NAME", help="Only this sink.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class Place(msgspec.Struct, frozen=True):
    """The state folder, and the names of the sinks that are configured; None where that is not known."""

    state: Path
    names: tuple[str, ...] | None

    def check(self, sink: str | None, served: tuple[str, ...]) -> None:
        """Raise UsageError where nobody knows a sink."""
        known = {*(self.names or ()), *served}
        if sink is not None and sink not in known:
            there = f"there are: {', '.join(sorted(known))}" if known else "there are none"
            raise click.UsageError(f"no sink {sink!r}; {there}")


def place_of(config: Path | None, state: Path | None) -> Place:
    """Return where to look. Ends the command where neither or both are given."""
    if (config is None) == (state is None):
        raise click.UsageError("give --config FILE, or --state DIR")
    if state is not None:
        return Place(state, None)
    assert config is not None  # noqa: S101  one of them is there
    with clear_errors():
        settings = load_settings(config)
    return Place(settings.state, tuple(each.name for each in settings.config.sinks))


@contextmanager
def reading(place: Place) -> Iterator[OutboxReader]:
    """Open the outbox. What cannot be read is an input of its own: status 3."""
    with unreadable():
        queue = OutboxReader(place.state)
    try:
        yield queue
    finally:
        queue.close()


@contextmanager
def unreadable() -> Iterator[None]:
    """Turn what cannot be read into one line and status 3."""
    try:
        yield
    except InputError as error:
        raise Failure(str(error), Exit.UNREADABLE) from None
