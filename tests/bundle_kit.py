"""Bundles for tests: of a very small ledger, and such that somebody packed anew."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from monitor.bundle.archive import write_archive
from monitor.bundle.export import Asked, Exported, export
from monitor.bundle.members import MANIFEST, NAMES, Listed, Manifest, encode
from monitor.bundle.verify import VerifiedBundle, verify_bundle
from monitor.findings import finding_id
from monitor.types import Attribution, Connection, Decision, Evidence, Name, Subject, Totals
from sensors.observations import FlowKey
from tests.ledger_kit import recorded
from tests.policy_help import HEAD, compiled

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "pcaps/demo/traffic.pcap"
POLICY = ROOT / "policies/eu-crm.yaml"
T_NS = 1_773_133_204_001_490_000
Members = dict[str, bytes]


def decision(port: int = 50_000, **changed: object) -> Decision:
    """Return a violation; all with the same rule and provider are of one finding."""
    flow = FlowKey("10.20.0.5", port, "203.0.113.9", 443, "tcp")
    names = (Name("api.openai.com", "sni"),)
    totals = Totals(4, 4, 900, 400, 5_000_000, reason="fin")
    connection = Connection(T_NS + port, flow, Subject("acme", "backend", "crm"), names, None, totals, "sni")
    evidence = (Evidence("name", "api.openai.com", "the client's hello names api.openai.com", "catalogue 1"),)
    attribution = Attribution("openai", (), "API", "global", None, (), "observed", evidence)
    made = Decision(T_NS + port, connection, attribution, "violation", "R", "high")
    return msgspec.structs.replace(made, **changed)


ID = finding_id(decision()) or ""


def small_ledger(folder: Path, decisions: int = 1) -> Path:
    """Make a ledger with so many violations of one finding, under a small policy; return its root."""
    policy = compiled(f"{HEAD}rules:\n- {{id: R, when: {{data_classes: [crm]}}, allow_in: [EEA]}}\n")[0]
    return recorded([decision(50_000 + each) for each in range(decisions)], folder, policy)


def exported(ledger: Path, out: Path, finding: str = ID, *captures: Path, packets: bool = False) -> Exported:
    """Export a finding."""
    return export(Asked(finding, ledger, out, captures, packets))


def contents(bundle: Path) -> Members:
    """Return the members of a bundle, as any program reads them."""
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members, out: Path) -> Path:
    """Pack members as they are."""
    with out.open("wb") as file:
        write_archive(file, [(name, io.BytesIO(content)) for name, content in members.items()])
    return out


def forged(members: Members, out: Path) -> Path:
    """Pack members with a manifest that fits them: what somebody does who has the program, not the key."""
    manifest = msgspec.json.decode(members[MANIFEST], type=Manifest)
    inside = [name for name in NAMES if name in members and name != MANIFEST]
    listed = tuple(Listed(name, len(members[name]), digest(members[name])) for name in inside)
    return packed(members | {MANIFEST: encode(msgspec.structs.replace(manifest, members=listed))}, out)


def digest(content: bytes) -> str:
    """Return a SHA-256."""
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(content).hexdigest()


def lines(content: bytes) -> list[bytes]:
    """Return lines with their ends."""
    return content.splitlines(keepends=True)


def edited(content: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """Return a JSON line after a change, in the spelling of bundles."""
    value = json.loads(content)
    change(value)
    return msgspec.json.encode(value) + b"\n"


def places(found: VerifiedBundle) -> list[str]:
    """Return where faults are."""
    return [fault.place for fault in found.faults]


def verified(bundle: Path) -> VerifiedBundle:
    """Verify a bundle by its own key."""
    return verify_bundle(bundle)
