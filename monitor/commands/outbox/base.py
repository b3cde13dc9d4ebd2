"""What the outbox commands share: where the state is, and which sinks are configured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from monitor.commands.base import FILE, Failure, clear_errors
from monitor.courier.progress import lane_states
from monitor.exitstatus import Exit
from monitor.files import InputError, read_source
from monitor.fleet.folders import STATE, folder_of, partitions_in
from monitor.fleet.settings import FleetSettings, is_fleet, load_fleet
from monitor.outbox.reading import OutboxReader
from monitor.settings import Settings, load_settings

config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="The configuration of the daemon, or of a fleet."
)
needed_config_option = click.option(
    "--config",
    type=FILE,
    required=True,
    metavar="FILE",
    help="The configuration of the daemon, or of a fleet.",
)
state_option = click.option(
    "--state", type=FILE, metavar="DIR", help="The state folder, without a configuration; to read only."
)
sink_option = click.option("--sink", metavar="NAME", help="Only this sink.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class Place(msgspec.Struct, frozen=True):
    """A state folder, and the names of the sinks that are configured; None where that is not known.

    ``partition`` is whose folder it is, where it is a fleet's.
    """

    state: Path
    names: tuple[str, ...] | None
    partition: int | None = None

    @property
    def prefix(self) -> str:
        """What a line begins with that is about this place."""
        return "" if self.partition is None else f"p{self.partition}  "

    @property
    def fields(self) -> dict[str, int]:
        """The same of an object."""
        return {} if self.partition is None else {"partition": self.partition}


class Places(msgspec.Struct, frozen=True):
    """Where to look: one place, or all partitions of a fleet. ``names`` is as of each."""

    each: tuple[Place, ...]
    names: tuple[str, ...] | None

    def check(self, sink: str | None) -> None:
        """Raise UsageError where nobody knows a sink, InputError where that cannot be read."""
        served = (lane.sink for place in self.each for lane in lane_states(place.state))
        known = {*(self.names or ()), *served}
        if sink is not None and sink not in known:
            there = f"there are: {', '.join(sorted(known))}" if known else "there are none"
            raise click.UsageError(f"no sink {sink!r}; {there}")


def places_of(config: Path | None, state: Path | None = None) -> Places:
    """Return where to look. Ends the command where neither or both are given."""
    if (config is None) == (state is None):
        raise click.UsageError("give --config FILE, or --state DIR")
    if state is not None:
        return Places((Place(state, None),), None)
    assert config is not None  # noqa: S101  one of them is there
    with clear_errors():
        if is_fleet(read_source(config)):
            fleet = load_fleet(config)
            return _partitions(fleet.root, names_of(fleet))
        settings = load_settings(config)
    names = names_of(settings)
    return Places((Place(settings.state, names),), names)


def names_of(settings: Settings | FleetSettings) -> tuple[str, ...]:
    """Return the names of the sinks that are configured."""
    return tuple(each.name for each in settings.config.sinks)


def _partitions(root: Path, names: tuple[str, ...]) -> Places:
    """Return the places of a fleet. Ends the command where there are none."""
    with unreadable():
        try:
            numbers = partitions_in(root)
        except OSError:  # it is made by who records first
            numbers = []
        if not numbers:
            mend = "start `residency correlate`, or see `root:`"
            raise InputError(str(root), "nothing is recorded yet", mend)
    return Places(tuple(Place(folder_of(root, each) / STATE, names, each) for each in numbers), names)


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
