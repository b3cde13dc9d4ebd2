"""`residency verify --capture`: replays a capture by a bundle's own policy, and compares the decisions."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitor import app
from monitor.bundle import members
from monitor.bundle.replaying import Comparison, recorded, same_captures
from monitor.datasets.use import DataChoice
from monitor.ledger.verify_types import Fault
from monitor.load import load_jurisdictions
from monitor.pipeline import Pipeline
from monitor.policy import compile_policy
from sensors.engine import AUTO, Options, open_sensor


class Compared(msgspec.Struct, frozen=True):
    """What differs from a replay. ``hidden`` decisions have pseudonyms, and were not compared."""

    faults: tuple[Fault, ...] = ()
    hidden: int = 0


class _Loaded(msgspec.Struct, frozen=True):
    """What of `datasets.json` is compared."""

    catalogue: str
    datasets: tuple[str, ...]


def compare_capture(bundle: Path, captures: Sequence[Path], choice: DataChoice) -> Compared:
    """Check that captures are those a verified bundle names, and give its decisions, byte for byte.

    Another catalogue or other data sets than those that counted then are a reason to differ, which is told;
    ``choice`` is what counts here. Raises ArchiveError, DocumentError, InputError.
    """
    strangers = same_captures(bundle, captures)
    if strangers:
        return Compared(strangers)
    said = recorded(bundle)
    known = app.load_knowledge(choice=choice)
    if said.policy is not None:
        catalog = known.catalog
        names = catalog.providers, catalog.region_names(), catalog.services()
        policy, _ = compile_policy(said.policy, load_jurisdictions(), *names)
        known = replace(known, policy=policy)
    pipeline = Pipeline(known.catalog, known.policy, known.aids())
    comparison = Comparison(said)
    for batch in open_sensor(captures, AUTO, Options(interest=pipeline.interest())):
        for decision in pipeline.feed(batch):
            comparison.offer(decision)
    faults = comparison.faults()
    return Compared((*faults, *_reason(said.datasets, known)) if faults else (), said.hidden)


def _reason(datasets: bytes, known: app.Knowledge) -> Iterator[Fault]:
    """Yield what counted then, where it is not what counts here."""
    here = _Loaded(known.catalog.version, known.datasets)
    try:
        then = msgspec.json.decode(datasets, type=_Loaded)
    except msgspec.DecodeError:
        return
    if then != here:
        problem = f"then {_named(then)} counted, here {_named(here)} does: the replay may differ by that"
        yield Fault(members.DATASETS, problem)


def _named(loaded: _Loaded) -> str:
    return f"catalogue {loaded.catalogue} with {', '.join(loaded.datasets) or 'no data sets'}"
