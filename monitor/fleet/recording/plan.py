"""What a recorder of a fleet is told. Frozen values."""

from pathlib import Path

from msgspec import Struct

from monitor.behaviours import Behaviours
from monitor.catalog import Catalog
from monitor.config import Retention
from monitor.fleet.folders import LEDGER, STATE, folder_of
from monitor.policy import Policy
from monitor.policy.behaviours import Asked
from monitor.recording.opening import Place

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
