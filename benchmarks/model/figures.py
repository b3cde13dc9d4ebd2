"""What one core does, and what traffic comes to: figures in one file, each with what measured it."""

from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("figures.json")


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measured value, in the unit of its name; the command that gave it, where, and when."""

    value: float
    command: str
    machine: str
    date: str


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. ``_ns`` and ``_seconds`` are of processor time, ``gb`` are 10^9 bytes on the wire."""

    # of traffic
    packets_per_gb: Figure
    observations_per_gb: Figure
    observations_per_burst: Figure  # of one client within 50 ms
    observation_bytes: Figure  # encoded
    names_share: Figure  # of observations: those that go to all partitions
    decisions_per_observation: Figure
    compression: Figure  # of what is published, by the publisher's batches
    # of a sensor, and its publisher
    live_packet_ns: Figure
    publish_observation_ns: Figure
    publish_parcel_ns: Figure
    forward_message_ns: Figure
    # of a correlator, and a recorder
    correlate_observation_ns: Figure
    correlate_parcel_ns: Figure
    ledger_entry_ns: Figure
    ledger_entry_bytes: Figure
    outbox_event_ns: Figure
    # of the archive, and of replays
    archive_row_bytes: Figure
    replay_gb_seconds: Figure
    parts_gb_seconds: Figure  # of all processes of a replay in parts
    parts_cache_share: Figure  # of captures: all that its cache has of them
    output_decision_bytes: Figure  # of what a replay leaves

    def with_values(self, **values: float) -> "Figures":
        """Return figures of which some have another value, as somebody said."""
        said = {name: Figure(value, "an option", "said, not measured", "") for name, value in values.items()}
        return msgspec.structs.replace(self, **said)


def read_figures(path: Path = FILE) -> Figures:
    """Return the figures of a file. Raises ValueError, in one line, with the mend."""
    try:
        figures = msgspec.json.decode(path.read_bytes(), type=Figures)
    except OSError as error:
        raise ValueError(
            f"{path}: {(error.strerror or 'not read').lower()}; name a file of figures"
        ) from None
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}; make one with: python benchmarks/sizing_figures.py") from None
    check_figures(figures, str(path))
    return figures


def check_figures(figures: Figures, where: str) -> None:
    """See that figures can be. Raises ValueError, in one line."""
    for name, figure in msgspec.structs.asdict(figures).items():
        if not 0 <= figure.value < float("inf"):
            raise ValueError(f"{where}: {name}: {figure.value} is no figure; write 0 or more")


def write_figures(figures: Figures, path: Path) -> None:
    """Write a file of figures. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
