"""What a recorder of a fleet is told. Frozen values."""

from pathlib import Path

from msgspec import Struct

from monitor.behaviours import Behaviours
from monitor.catalog import Catalog
from monitor.config import Retention
from monitor.policy import Policy
from monitor.policy.behaviours import Asked
from monitor.recording.opening import Place

LEDGER, STATE = "ledger", "state"  # below a partition's folder

Options = dict[str, str | int | float | bool]  # of librdkafka


class Plan(Struct, frozen=True):
    """Where decisions are read, and recorded: below ``root``, in a folder for each partition.

    ``configuration`` is its text, of which the ledgers keep a digest. ``pseudonyms``: clients have no
    addresses in what is read.
    """

    name: str  # the fleet's
    kafka: Options
    topic: str
    group: str
    root: Path
    key: Path  # that signs the ledgers
    retention: Retention
    max_events: int
    sinks: tuple[str, ...] = ()
    configuration: str = ""
    pseudonyms: bool = False

    def place(self, partition: int) -> Place:
        """Return where a partition is recorded. Its ledgers are signed under a name of its own."""
        folder = folder_of(self.root, partition)
        return Place(
            sensor=f"{self.name}-p{partition}",
            ledger=folder / LEDGER,
            ledger_key=self.key,
            state=folder / STATE,
            retention=self.retention,
            max_events=self.max_events,
            configuration=self.configuration,
        )


def folder_of(root: Path, partition: int) -> Path:
    """Return a partition's folder."""
    return root / f"p{partition}"


def partitions_in(root: Path) -> list[int]:
    """Return the partitions that have a folder, in order. Raises OSError where the root cannot be read."""
    found = (each.name.removeprefix("p") for each in root.iterdir() if (each / STATE).is_dir())
    return sorted(int(each) for each in found if each.isascii() and each.isdigit())


def behaviours_of(policy: Policy | None, catalog: Catalog, *, pseudonyms: bool) -> Behaviours:
    """Return what is looked for across decisions.

    What needs connections that no decision is on is not: relays. Nor is, where clients are pseudonyms, what
    takes their addresses: gateways and consoles.
    """
    asked = policy.behaviours if policy is not None else None
    return Behaviours(fleet_asked(asked, pseudonyms=pseudonyms) if asked is not None else None, catalog)


def fleet_asked(asked: Asked, *, pseudonyms: bool) -> Asked:
    """Return what of a policy's behaviours a fleet looks for."""
    asked = asked._replace(relay=None)
    return asked._replace(gateways=(), consoles=None) if pseudonyms else asked
