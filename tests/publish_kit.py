"""What a sensor put into its spool, read as the publisher reads it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from monitor.fleet.parcels import TO_ALL, Account, Parcel, decode_parcel, encode
from monitor.fleet.segments import ALL
from monitor.fleet.spool import SpoolWriter
from monitor.fleet.spool_reading import SpoolReader
from sensors.engine import Options, open_sensor
from sensors.observations import Observation
from sensors.slots import SLOTS

KEY = "a key of the whole fleet"
LIMIT = 2**26


def publishing(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return what a configuration has below `publish`; the key's file is made."""
    key = folder / "etc/fleet.key"
    key.parent.mkdir(exist_ok=True)
    key.write_text(f"{KEY}\n", encoding="utf-8")
    key.chmod(0o640)
    return {"key": str(key), "spool": str(folder / "spool"), **changes}


def spooled(spool: Path) -> list[Parcel]:
    """Return all parcels that wait; each goes where its kind goes."""
    reader = SpoolReader(spool)
    found: list[Parcel] = []
    while batch := reader.read():
        for record in batch:
            parcel = decode_parcel(record.body)
            assert (parcel.slot is None) == (record.slot == ALL) == (parcel.kind in TO_ALL)
            assert parcel.slot in (None, record.slot)
            found.append(parcel)
    assert reader.damage.places == 0
    reader.close()
    return found


def observed_in(parcels: Iterable[Parcel]) -> Iterator[Observation]:
    """Yield all that parcels hold."""
    for parcel in parcels:
        if parcel.kind in ("observations", "names"):
            yield from msgspec.msgpack.decode(parcel.data, type=list[Observation])


def accounts_in(parcels: Iterable[Parcel]) -> list[Account]:
    """Return the accounts."""
    return [
        msgspec.msgpack.decode(parcel.data, type=Account) for parcel in parcels if parcel.kind == "account"
    ]


def observed(*captures: Path) -> list[Observation]:
    """Return what an eager sensor sees in captures."""
    sensor = open_sensor(captures, "native", Options(eager=True))
    return [each for batch in sensor for each in batch]  # type: ignore[misc]


def are_numbered(parcels: Sequence[Parcel], sensor: str) -> bool:
    """Tell whether parcels are one run of a sensor, without holes, whose clock never goes back."""
    clocks = [each.clock_ns for each in parcels]
    return (
        {each.sensor for each in parcels} == {sensor}
        and len({each.run for each in parcels}) == 1
        and [each.number for each in parcels] == list(range(len(parcels)))
        and clocks == sorted(clocks)
    )


def configured(folder: Path, servers: str, **kafka: Any) -> Path:
    """A configuration that publishes, and an empty spool."""
    config = folder / "residency.yaml"
    (folder / "spool").mkdir(exist_ok=True)
    (folder / "captures").mkdir(exist_ok=True)
    options = {"bootstrap.servers": servers, **kafka.pop("options", {})}
    written = {
        "version": 1,
        "capture": {"watch": str(folder / "captures")},
        "publish": publishing(folder),
        "kafka": {"options": options, **kafka},
    }
    config.write_text(yaml.safe_dump(written), "utf-8")
    return config


def parcel(number: int) -> Parcel:
    kind, slot = ("beat", None) if number % 10 == 9 else ("observations", number * 7 % SLOTS)
    data = os.urandom(200) if slot is not None else b""
    return Parcel("edge", "run", number, number, kind, slot, data)  # type: ignore[arg-type]


def put(folder: Path, numbers: range, size: int = 50) -> list[Parcel]:
    """Put parcels into the spool, as one process does."""
    writer = SpoolWriter(folder / "spool", LIMIT)
    put = [parcel(number) for number in numbers]
    for at, each in enumerate(put):
        assert writer.put(ALL if each.slot is None else each.slot, encode(each))
        if at % size == size - 1:
            writer.flush()
    assert writer.flush() == 0
    writer.close()
    return put
