"""Makes the bundle of one finding from a ledger: see `monitor.bundle.members` for what stands in it.

The ledger is read, never written, and may grow meanwhile: what counts is how far its checkpoint went. Members
are gathered in temporary files beside the bundle, which appears under its name when it is whole.
"""

import base64
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Literal

import msgspec
from msgspec import Raw

from monitor import __version__
from monitor.bundle import members
from monitor.bundle.archive import measured, write_archive
from monitor.bundle.finding import computed
from monitor.bundle.members import EntryLine, Listed, Manifest, Versions, decided, encode, split_payload
from monitor.bundle.packets import PacketFinder, Wanted
from monitor.bundle.pcap_file import PcapFile
from monitor.bundle.readme import readme
from monitor.bundle.selecting import Selected, entries, select
from monitor.files import InputError, read_source
from monitor.ledger.reader import Entry, LedgerReader, ledgers_in, open_ledger
from monitor.replacing import Replacing


class UnknownFindingError(InputError):
    """The ledger has nothing of the finding that is asked for."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be exported, and where to. ``packets`` asks for the beginnings of connections, too."""

    finding: str
    ledger: Path
    out: Path
    captures: tuple[Path, ...] = ()
    packets: bool = False
    policy: Path | None = None


class Exported(msgspec.Struct, frozen=True):
    """What was exported. ``notes`` are sentences on what it lacks."""

    folder: Path  # the ledger
    tenant: str | None
    sha256: str
    decisions: int
    changes: int
    captures: members.Captures | None
    notes: tuple[str, ...]


class _PolicyPayload(msgspec.Struct):
    text: str


_policy = msgspec.json.Decoder(_PolicyPayload).decode


def export(asked: Asked) -> Exported:
    """Make the bundle. Raises InputError, UnknownFindingError."""
    reader, selected = _find(asked)
    try:
        with ExitStack() as stack:
            work = _Work(asked.out.parent, stack)
            return _export(asked, reader, selected, work)
    except OSError as error:
        mend = "make room, or choose another --out"
        raise InputError(str(asked.out), (error.strerror or str(error)).lower(), mend) from None


def _find(asked: Asked) -> tuple[LedgerReader, Selected]:
    """Return the ledger that has the finding, and what of it."""
    for folder in ledgers_in(asked.ledger):
        reader = open_ledger(folder)
        selected = select(reader, asked.finding)
        if selected.indices:
            return reader, selected
    mend = "see `residency findings` for those there are; what retention erased is gone"
    raise UnknownFindingError(str(asked.ledger), f"nothing of finding {asked.finding} is there", mend)


class _Work:
    """The members so far, each in a temporary file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.parts: dict[str, IO[bytes]] = {}
        self._folder = folder
        self._stack = stack

    def open(self, name: str) -> IO[bytes]:
        """Return a new member to write to."""
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  the stack closes it
        self.parts[name] = self._stack.enter_context(file)
        return self.parts[name]

    def put(self, name: str, content: bytes) -> None:
        """Add a member."""
        self.open(name).write(content)

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member."""
        self.parts[name].seek(0)
        for line in self.parts[name]:
            yield line[:-1]

    def listed(self) -> tuple[Listed, ...]:
        """Return the members as a manifest lists them."""
        names = (name for name in members.NAMES if name in self.parts)
        return tuple(Listed(name, *measured(self.parts[name])) for name in names)


def _export(asked: Asked, reader: LedgerReader, selected: Selected, work: _Work) -> Exported:
    gathered = _Gathered(reader, selected, work)
    for entry in entries(reader, selected.indices):
        gathered.take(entry)
    work.put(members.README, readme())
    work.put(members.KEY, reader.vkey.encode() + b"\n")
    work.put(members.CHECKPOINT, reader.note.encode())
    work.put(members.VERSIONS, encode(Versions(members.FORMAT, __version__)))
    policy = _put_policy(asked, gathered, work)
    _put_finding(asked.finding, selected, work)
    captures = _put_captures(asked, work) if asked.captures else None
    manifest = Manifest(
        members.FORMAT,
        asked.finding,
        reader.tenant,
        reader.origin,
        "ledger" if selected.finding is not None else "computed",
        policy,
        work.listed(),
    )
    work.put(members.MANIFEST, encode(manifest))
    with Replacing(asked.out) as out:
        try:
            digest = write_archive(out, list(work.parts.items()))
        except ValueError as error:
            raise InputError(str(asked.out), str(error), "leave out --packets") from None
    notes = tuple(_notes(asked, selected, policy, captures))
    return Exported(
        reader.folder, reader.tenant, digest, selected.decisions, selected.changes, captures, notes
    )


class _Gathered:
    """Entries on their way into the members."""

    def __init__(self, reader: LedgerReader, selected: Selected, work: _Work) -> None:
        self.policy: str | None = None
        self._reader = reader
        self._loaded = selected.loaded
        self._work = work
        self._entries = work.open(members.ENTRIES)
        self._decisions = work.open(members.DECISIONS)
        self._changes = work.open(members.CHANGES)

    def take(self, entry: Entry) -> None:
        """Write an entry, and its payload where that goes. Raises InputError."""
        if entry.payload is None or entry.salt is None:
            problem = f"the payload of entry {entry.index} was erased meanwhile"
            raise InputError(str(self._reader.folder), problem, "export again")
        if entry.leaf.kind == "decision":
            self._write(entry, self._decision(entry.index, entry.payload))
        elif entry.leaf.kind == "finding":
            self._changes.write(entry.payload + b"\n")
            self._write(entry, {"member": members.CHANGES})
        else:
            self._write(entry, {"payload": Raw(entry.payload)})
            self._load(entry.index, entry.payload)

    def _decision(self, index: int, payload: bytes) -> dict[str, object]:
        try:
            line, rest = split_payload(payload)
        except ValueError as error:
            mend = "see `residency verify` for what else is wrong with it"
            raise InputError(str(self._reader.folder), f"entry {index}: {error}", mend) from None
        self._decisions.write(line + b"\n")
        return {"member": members.DECISIONS, "rest": Raw(rest)}

    def _load(self, index: int, payload: bytes) -> None:
        if index == self._loaded.get("policy-loaded"):
            self.policy = _policy(payload).text
        elif index == self._loaded.get("datasets-loaded"):
            self._work.put(members.DATASETS, payload + b"\n")

    def _write(self, entry: Entry, payload: dict[str, object]) -> None:
        proof = tuple(base64.b64encode(node).decode() for node in self._reader.proof(entry.index))
        salt = (entry.salt or b"").hex()
        line = EntryLine(entry.index, Raw(entry.raw), salt, proof, **payload)  # type: ignore[arg-type]
        self._entries.write(encode(line))


def _put_policy(asked: Asked, gathered: _Gathered, work: _Work) -> Literal["ledger", "file"] | None:
    """Add the policy: the ledger's where it has one. Raises InputError where another one was named."""
    named = read_source(asked.policy).text if asked.policy is not None else None
    text = gathered.policy if gathered.policy is not None else named
    if text is None:
        return None
    if named is not None and named != text:
        problem = "not the policy that the ledger says was loaded"
        raise InputError(str(asked.policy), problem, "leave out --policy: the ledger has it")
    work.put(members.POLICY, text.encode("utf-8", "surrogatepass"))
    return "file" if gathered.policy is None else "ledger"


def _put_finding(id_: str, selected: Selected, work: _Work) -> None:
    if selected.finding is not None:
        work.put(members.FINDING, selected.finding.finding + b"\n")
        return
    finding = computed(id_, work.lines(members.DECISIONS))
    if finding is None:
        problem = f"the decisions that name finding {id_} are not of it"
        raise InputError(
            members.DECISIONS, problem, "see `residency verify` for what is wrong with the ledger"
        )
    work.put(members.FINDING, encode(finding))


def _put_captures(asked: Asked, work: _Work) -> members.Captures:
    def wanted() -> Iterator[Wanted]:
        for number, line in enumerate(work.lines(members.DECISIONS), 1):
            yield Wanted(number, *decided(line))

    out = PcapFile(work.open(members.PACKETS)) if asked.packets else None
    captures = PacketFinder(wanted(), out).read(asked.captures)
    if out is not None:
        out.begin()
    work.put(members.CAPTURES, encode(captures))
    return captures


def _notes(
    asked: Asked, selected: Selected, policy: str | None, captures: members.Captures | None
) -> Iterator[str]:
    if not selected.decisions:
        yield "no decision of it is in the ledger any more: retention erased them"
    if policy is None:
        yield "the ledger does not say which policy was loaded; name it with --policy"
    if captures is not None:
        missing = selected.decisions - len(captures.decisions) - captures.not_listed
        if missing:
            yield f"{missing:,} of {selected.decisions:,} decisions have no packet in the captures"
    elif asked.packets:
        yield "--packets needs --capture"
