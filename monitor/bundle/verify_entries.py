"""Checks the entries of a bundle: each payload against its leaf, each leaf against the signed root.

Every line of `decisions.jsonl` and `changes.jsonl` has to belong to one entry, in the same order.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from monitor.bundle import members
from monitor.bundle.archive import Archive, ArchiveError
from monitor.bundle.members import (
    MAX_ENTRIES,
    Changed,
    EntryLine,
    Manifest,
    changed,
    connection_of,
    encode,
    finding_of,
    join_payload,
    split_payload,
)
from monitor.ledger.types import SALT_BYTES, Leaf, leaf_bytes, payload_hash
from monitor.ledger.verify_types import Faults
from monitor.merkle.checkpoint import Checkpoint
from monitor.merkle.tree import ProofError, leaf_hash, verify_inclusion
from sensors.observations import FlowKey

MAX_PROOF = 64  # hashes: no tree is higher
MAX_OTHERS = 64  # decisions that name another finding: the same connection, again and again
_MEMBERS = {"decision": members.DECISIONS, "finding": members.CHANGES}
_LOADED = ("policy-loaded", "datasets-loaded")
_entry = msgspec.json.Decoder(EntryLine)
_leaf = msgspec.json.Decoder(Leaf)


class _Policy(msgspec.Struct):
    """What of a policy's payload is compared."""

    sha256: str
    text: str


_policy = msgspec.json.Decoder(_Policy)


class Checked(msgspec.Struct):
    """What the entries say: how many, and what the last of each kind says."""

    entries: int = 0
    decisions: int = 0
    changes: int = 0
    finding: Changed | None = None
    policy: bytes | None = None
    datasets: bytes | None = None


class EntryCheck:
    """One pass over the entries, with the lines that they name read in step."""

    def __init__(self, archive: Archive, manifest: Manifest, checkpoint: Checkpoint, faults: Faults) -> None:
        self._archive = archive
        self._manifest = manifest
        self._checkpoint = checkpoint
        self._faults = faults
        self._lines: dict[str, Iterator[bytes]] = {
            name: archive.lines(name) for name in (members.DECISIONS, members.CHANGES)
        }
        self._checked = Checked()
        self._last = -1
        self._pending: dict[str, bytes] = {}  # loaded, and not yet followed by a decision
        self._others: dict[str, bytes] = {}  # decisions that name another finding, see _connection

    def run(self) -> Checked:
        """Check them all. Raises ArchiveError, OSError."""
        for number, line in enumerate(self._archive.lines(members.ENTRIES), 1):
            if number > MAX_ENTRIES * 3 or len(self._others) > MAX_OTHERS:
                raise ArchiveError(members.ENTRIES, "more entries than a bundle has")
            self._checked.entries = number
            place = f"{members.ENTRIES}, line {number}"
            try:
                self._entry(place, line)
            except (msgspec.DecodeError, ProofError, ValueError, RecursionError) as error:
                self._faults.add(place, str(error))
        for name, rest in self._lines.items():
            if next(rest, None) is not None:
                self._faults.add(name, "it has lines that no entry names")
        if self._pending:
            self._faults.add(members.ENTRIES, "no decision follows what was loaded")
        change = self._checked.finding
        sample = _connection(change.sample) if change is not None and change.sample is not None else None
        for place, connection in self._others.items():
            if connection != sample:  # a behaviour names no decision, and comes with its first connection
                self._faults.add(place, "a decision of another finding")
        return self._checked

    def _entry(self, place: str, line: bytes) -> None:
        entry = _entry.decode(line)
        if encode(entry) != line + b"\n":
            raise ValueError("not as a bundle's entries are written")
        leaf = _leaf.decode(entry.leaf)
        if leaf_bytes(leaf) != bytes(entry.leaf):
            raise ValueError("the leaf is not as a ledger's is written")
        if entry.index <= self._last:
            raise ValueError(f"entry {entry.index} is there twice, or not in its place")
        self._last = entry.index
        payload = self._payload(entry, leaf)
        salt = bytes.fromhex(entry.salt)
        if len(salt) != SALT_BYTES or salt.hex() != entry.salt:
            raise ValueError(f"the salt of entry {entry.index} is not 32 small hexadecimal digits")
        if payload_hash(salt, payload) != leaf.payload:
            raise ValueError(f"the payload of entry {entry.index} is not what its leaf says")
        proof = [_hash(node) for node in entry.proof[: MAX_PROOF + 1]]
        root = self._checkpoint.root
        verify_inclusion(entry.index, self._checkpoint.size, leaf_hash(bytes(entry.leaf)), proof, root)
        self._says(place, leaf, payload)

    def _payload(self, entry: EntryLine, leaf: Leaf) -> bytes:
        """Return the payload, from where the entry says that it stands. Raises ValueError."""
        member = _MEMBERS.get(leaf.kind)
        if (entry.rest is UNSET) != (member != members.DECISIONS):
            raise ValueError("what belongs to a decision's payload is missing, or beside another one's")
        if member is None:
            if leaf.kind not in _LOADED or entry.payload is UNSET or entry.member is not UNSET:
                raise ValueError(f"no entry of a bundle: {leaf.kind}")
            return bytes(entry.payload)
        if entry.member != member or entry.payload is not UNSET:
            raise ValueError(f"its payload does not stand in {member}")
        line = next(self._lines[member], None)
        if line is None:
            raise ValueError(f"{member} has no line for it")
        if entry.rest is UNSET:
            return line
        payload = join_payload(line, bytes(entry.rest))
        if split_payload(payload)[0] != line:
            raise ValueError(f"the line of {member} is not the decision alone")
        return payload

    def _says(self, place: str, leaf: Leaf, payload: bytes) -> None:
        """Take what a payload says that is proven to be the ledger's."""
        checked, finding = self._checked, self._manifest.finding
        if leaf.kind == "finding":
            checked.changes += 1
            checked.finding = changed(payload)
            if checked.finding.id != finding:
                self._faults.add(place, "a change of another finding")
        elif leaf.kind == "decision":
            checked.decisions += 1
            checked.policy = self._pending.pop("policy-loaded", checked.policy)
            checked.datasets = self._pending.pop("datasets-loaded", checked.datasets)
            if finding_of(payload) != finding:
                self._others[place] = _connection(connection_of(payload))
        elif leaf.kind == "policy-loaded":
            policy = _policy.decode(payload)
            text = policy.text.encode("utf-8", "surrogatepass")
            if hashlib.sha256(text).hexdigest() != policy.sha256:
                self._faults.add(place, "the policy's SHA-256 is not that of its text")
            self._pending[leaf.kind] = text
        else:
            self._pending[leaf.kind] = payload + b"\n"


def _connection(found: tuple[int, FlowKey]) -> bytes:
    """Return what stands for a connection, however long what is said of it is."""
    return hashlib.sha256(msgspec.json.encode(found)).digest()


def _hash(text: str) -> bytes:
    """Return a hash of a proof. Raises ValueError for what is not canonical base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("the proof is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("the proof is not canonical base64")
    return data
