"""Verifies a bundle by itself: the archive byte for byte, the signature, each proof, and what follows.

What is found is told with its place, as of a ledger. Whether all of a finding's decisions are there cannot be
told from a bundle: see `README.txt` in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from monitor.bundle import members
from monitor.bundle.archive import Archive, ArchiveError
from monitor.bundle.finding import computed
from monitor.bundle.members import Captures, Manifest, Versions, encode
from monitor.bundle.readme import readme
from monitor.bundle.verify_entries import Checked, EntryCheck
from monitor.files import unreadable
from monitor.findings.types import Finding
from monitor.ledger.verify_head import is_bare, is_of
from monitor.ledger.verify_types import Fault, Faults
from monitor.merkle.checkpoint import Checkpoint, CheckpointError, parse_checkpoint
from monitor.merkle.note import NoteError, Verifier, open_note, read_note

T = TypeVar("T", bound=msgspec.Struct)
_ALWAYS = frozenset(members.NAMES) - members.OPTIONAL
_manifest = msgspec.json.Decoder(Manifest)
_versions = msgspec.json.Decoder(Versions)
_captures = msgspec.json.Decoder(Captures)
_finding = msgspec.json.Decoder(Finding)


class VerifiedBundle(msgspec.Struct, frozen=True):
    """What came of verifying one bundle. ``trusted`` tells whether a key that was given signed it.

    Without such a key ``key`` is the bundle's own, and only says that the bundle fits itself.
    """

    path: str
    finding: str | None
    tenant: str | None
    key: str
    trusted: bool
    entries: int
    decisions: int
    changes: int
    checkpoint: Checkpoint | None
    faults: tuple[Fault, ...]
    more_faults: int = 0

    @property
    def holds(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def is_bundle(path: Path) -> bool:
    """Whether a path is a file that begins as a bundle does. Raises InputError."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise unreadable(path, error) from None


def verify_bundle(path: Path, trusted: Sequence[Verifier] = ()) -> VerifiedBundle:
    """Verify a bundle by these keys; without any, by its own. Raises InputError where it cannot be read."""
    faults = Faults()
    check = _Check(faults, trusted)
    try:
        with Archive(path) as archive:
            check.run(archive)
    except ArchiveError as error:
        faults.add(error.place, error.problem)
    except OSError as error:
        raise unreadable(path, error) from None
    manifest, checked = check.manifest, check.entries
    return VerifiedBundle(
        path=str(path),
        finding=manifest.finding if manifest else None,
        tenant=manifest.tenant if manifest else None,
        key=check.key,
        trusted=check.trusted,
        entries=checked.entries,
        decisions=checked.decisions,
        changes=checked.changes,
        checkpoint=check.checkpoint,
        faults=tuple(faults.found),
        more_faults=faults.more,
    )


class _Check:
    """One verification: each step looks only at what the steps before it found in order."""

    def __init__(self, faults: Faults, trusted: Sequence[Verifier]) -> None:
        self.manifest: Manifest | None = None
        self.checkpoint: Checkpoint | None = None
        self.key = ""
        self.trusted = False
        self.entries = Checked()
        self._faults = faults
        self._known = tuple(trusted)

    def run(self, archive: Archive) -> None:
        """Check all of it. Raises ArchiveError where it makes no sense to go on, OSError."""
        self._members(archive)
        manifest = self.manifest = _read(archive, members.MANIFEST, _manifest)
        self._listed(archive, manifest)
        _read(archive, members.VERSIONS, _versions)
        if archive.small(members.README) != readme():
            self._faults.add(members.README, "not what a bundle of this format says")
        self._signed(archive, manifest)
        if self.checkpoint is not None:
            self.entries = EntryCheck(archive, manifest, self.checkpoint, self._faults).run()
            self._follows(archive, manifest)
        if members.PACKETS in archive and members.CAPTURES not in archive:
            self._faults.add(members.PACKETS, f"it goes with {members.CAPTURES}, which is not there")
        if members.CAPTURES in archive:
            captures = _read(archive, members.CAPTURES, _captures)
            self._captures(archive, captures)

    def _members(self, archive: Archive) -> None:
        for name in sorted(_ALWAYS - archive.members.keys()):
            raise ArchiveError(name, "it is missing")

    def _listed(self, archive: Archive, manifest: Manifest) -> None:
        listed = {each.name: each for each in manifest.members}
        names = [each.name for each in manifest.members]
        if names != sorted(set(names)):
            self._faults.add(members.MANIFEST, "its list is not in the order of the members")
        for name in sorted((archive.members.keys() ^ listed.keys()) - {members.MANIFEST}):
            problem = "not in the manifest" if name in archive else "in the manifest, and not there"
            self._faults.add(name, problem)
        for name, each in listed.items():
            member = archive.members.get(name)
            if member is not None and (member.bytes, member.sha256) != (each.bytes, each.sha256):
                self._faults.add(name, "not what the manifest says: size or SHA-256 differ")

    def _signed(self, archive: Archive, manifest: Manifest) -> None:
        """Check the signature, and take the checkpoint that was signed."""
        try:
            own = Verifier(archive.small(members.KEY).decode("ascii").removesuffix("\n"))
        except (NoteError, UnicodeDecodeError) as error:
            self._faults.add(members.KEY, f"no key: {error}")
            return
        if archive.small(members.KEY) != own.vkey.encode() + b"\n" or own.name != manifest.origin:
            self._faults.add(members.KEY, "not the key of the ledger that the manifest names")
        self.key, self.trusted = own.vkey, own in self._known
        if self._known and not self.trusted:
            self._faults.add(members.KEY, "not a key that you trust")
            return
        data = archive.small(members.CHECKPOINT)
        try:
            note = open_note(read_note(data), (own,))
            checkpoint = parse_checkpoint(note.text)
        except (NoteError, CheckpointError) as error:
            self._faults.add(members.CHECKPOINT, str(error))
            return
        if checkpoint.origin != manifest.origin:
            self._faults.add(members.CHECKPOINT, f"of another ledger ({checkpoint.origin})")
        if not is_bare(note, data, checkpoint):
            self._faults.add(members.CHECKPOINT, "there is more in it than a state and one signature")
        if not is_of(manifest.tenant, manifest.origin):
            self._faults.add(members.MANIFEST, f"{manifest.origin} is not of tenant {manifest.tenant!r}")
        self.checkpoint = checkpoint

    def _follows(self, archive: Archive, manifest: Manifest) -> None:
        """Check what is said twice: the finding, the policy, the data sets."""
        checked = self.entries
        if (manifest.state == "ledger") != (checked.finding is not None):
            self._faults.add(members.MANIFEST, "it does not say where the finding comes from")
        elif not self._is_finding(archive.small(members.FINDING), archive, manifest):
            self._faults.add(members.FINDING, "not what the changes or decisions here say")
        self._same(archive, members.DATASETS, checked.datasets)
        if checked.policy is not None:
            self._same(archive, members.POLICY, checked.policy)
        source = "ledger" if checked.policy is not None else "file" if members.POLICY in archive else None
        if manifest.policy != source:
            self._faults.add(members.MANIFEST, "it does not say where the policy comes from")

    def _is_finding(self, content: bytes, archive: Archive, manifest: Manifest) -> bool:
        """Whether this is the finding of the last change, or what the decisions add up to."""
        if self.entries.finding is not None:
            return content == self.entries.finding.finding + b"\n"
        try:
            finding = computed(manifest.finding, archive.lines(members.DECISIONS))
            return finding is not None and _finding.decode(content) == finding
        except (msgspec.DecodeError, RecursionError):
            return False

    def _same(self, archive: Archive, name: str, expected: bytes | None) -> None:
        found = archive.small(name) if name in archive else None
        if found != expected:
            self._faults.add(name, "not what the ledger's entry says")

    def _captures(self, archive: Archive, captures: Captures) -> None:
        lines = [each.line for each in captures.decisions]
        possible = range(1, self.entries.decisions + 1)
        if lines != sorted(set(lines)) or not all(line in possible for line in lines):
            self._faults.add(members.CAPTURES, "it names lines that are not there")
        if members.PACKETS not in archive and captures.kept:
            self._faults.add(members.PACKETS, f"{captures.kept:,} packets should be there")


def _read(archive: Archive, name: str, decoder: "msgspec.json.Decoder[T]") -> T:
    """Return a member that is one JSON object in the one spelling. Raises ArchiveError."""
    content = archive.small(name)
    try:
        found = decoder.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ArchiveError(name, str(error)) from None
    if encode(found) != content:
        raise ArchiveError(name, "not as a bundle's is written")
    return found
