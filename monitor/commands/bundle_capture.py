"""`residency verify --capture`: replays a capture by a bundle's own policy, and compares the decisions."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from monitor import app
from monitor.bundle.replaying import Comparison, recorded, same_captures
from monitor.datasets.use import DataChoice
from monitor.ledger.verify_types import Fault
from monitor.load import load_jurisdictions
from monitor.pipeline import Pipeline
from monitor.policy import compile_policy
from sensors.engine import AUTO, Options, open_sensor


def compare_capture(
    bundle: Path, captures: Sequence[Path], data: Path | None = None, as_of: dt.date | None = None
) -> tuple[Fault, ...]:
    """Check that captures are those a verified bundle names, and give its decisions, byte for byte.

    Another catalogue or other data sets than those that counted then are a reason to differ; ``data`` and
    ``as_of`` choose them, as for `residency replay`. Raises ArchiveError, DocumentError, InputError.
    """
    strangers = same_captures(bundle, captures)
    if strangers:
        return strangers
    said = recorded(bundle)
    known = app.load_knowledge(choice=DataChoice(data, as_of))
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
    return comparison.faults()
