"""What each case of pcaps/ should give: observations, decisions and behaviours, written down and compared.

`python pcaps/golden.py` writes observations.jsonl, decisions.jsonl and, where the case has a policy section
behaviours.yaml, behaviours.jsonl of every case anew; read the difference before you commit it. Tests compare.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from monitor import app, replaying
from monitor.exports import behaviour_lines
from monitor.geography import Site
from monitor.load import load_extents
from monitor.pipeline import Pipeline
from sensors.engine import open_sensor

PCAPS = Path(__file__).parent
FRANKFURT = Site(50.11, 8.68, "Frankfurt")
POLICY = PCAPS.parent / "policies" / "eu-crm.yaml"
SECTION = "behaviours.yaml"


def cases() -> list[Path]:
    """Return the folders of all cases."""
    return sorted(path.parent for path in PCAPS.glob("*/traffic.pcap*"))


def traffic(case: Path) -> Path:
    """Return a case's capture."""
    (path,) = case.glob("traffic.pcap*")
    return path


def observations(case: Path, engine: str = "dpkt") -> Iterator[bytes]:
    """Yield a case's observations as JSON lines."""
    for batch in open_sensor([traffic(case)], engine):
        yield from (msgspec.json.encode(observation) + b"\n" for observation in batch)


def decisions(case: Path, engine: str = "dpkt") -> list[bytes]:
    """Return a case's decisions under the example policy as JSON lines, in their order.

    The catalogue's version stands as VERSION, that of the extents of countries too: they change with every
    entry, these decisions should not. A case with a `geoip.mmdb` was captured in Frankfurt.
    """
    own = [path for path in [case / "catalog.yaml"] if path.exists()]
    geoips = [path for path in [case / "geoip.mmdb"] if path.exists()]
    knowledge = app.load_knowledge(POLICY, own, geoips)
    knowledge = app.with_physics(knowledge, FRANKFURT if geoips else None)
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    sensor = open_sensor([traffic(case)], engine)
    found = [decision for batch in sensor for decision in pipeline.feed(batch)]
    found.sort(key=lambda decision: (decision.ts_ns, decision.connection.flow.order()))
    version = knowledge.catalog.version.encode()
    extents = load_extents().version.encode() if geoips else version
    return [
        msgspec.json.encode(decision).replace(version, b"VERSION").replace(extents, b"VERSION") + b"\n"
        for decision in found
    ]


def has_behaviours(case: Path) -> bool:
    """Tell whether a case has a section of a policy to look for behaviours with."""
    return (case / SECTION).exists()


def policy_with_behaviours(case: Path, folder: Path) -> Path:
    """Write the example policy with a case's section into a folder."""
    path = folder / POLICY.name
    path.write_bytes(POLICY.read_bytes() + (case / SECTION).read_bytes())
    return path


def behaviours(case: Path, engine: str = "dpkt") -> bytes:
    """Return a case's behaviours as JSON lines."""
    with TemporaryDirectory() as folder:
        knowledge = app.load_knowledge(policy_with_behaviours(case, Path(folder)))
    summary = replaying.replay([traffic(case)], knowledge, replaying.Reading(engine)).summary
    return behaviour_lines(summary.behaviours or ())


def write(case: Path) -> None:
    """Write a case's golden files."""
    if has_behaviours(case):
        (case / "behaviours.jsonl").write_bytes(behaviours(case))
    (case / "observations.jsonl").write_bytes(b"".join(observations(case)))
    (case / "decisions.jsonl").write_bytes(b"".join(decisions(case)))


if __name__ == "__main__":
    for chosen in cases():
        if len(sys.argv) == 1 or chosen.name in sys.argv[1:]:
            write(chosen)
