"""What stands in a bundle: its members, their lines, and how each is written. Pure.

Each has one spelling, so that whoever reads can write it again and compare. Format 1.
"""

from typing import Final, Literal, NamedTuple, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sensors.observations import FlowKey

FORMAT: Final = 1
Name = Literal[
    "README.txt", "captures.json", "changes.jsonl", "checkpoint", "datasets.json", "decisions.jsonl",
    "entries.jsonl", "finding.json", "key.pub", "manifest.json", "packets.pcap", "policy.yaml",
    "versions.json",
]  # fmt: skip
NAMES: tuple[Name, ...] = get_args(Name)  # in the order of the archive
README: Final = "README.txt"
CAPTURES: Final = "captures.json"
CHANGES: Final = "changes.jsonl"
CHECKPOINT: Final = "checkpoint"
DATASETS: Final = "datasets.json"
DECISIONS: Final = "decisions.jsonl"
ENTRIES: Final = "entries.jsonl"
FINDING: Final = "finding.json"
KEY: Final = "key.pub"
MANIFEST: Final = "manifest.json"
PACKETS: Final = "packets.pcap"
POLICY: Final = "policy.yaml"
VERSIONS: Final = "versions.json"
OPTIONAL: frozenset[str] = frozenset({CAPTURES, DATASETS, PACKETS, POLICY})

PSEUDONYM: Final = "client-"  # how a client begins that is one
MAX_SMALL_BYTES: Final = 33_554_432  # of a member that is read as a whole
MAX_LINE_BYTES: Final = 33_554_432  # of a line: a whole policy may stand in it
MAX_ENTRIES: Final = 1_000_000


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member as the manifest lists it; ``sha256`` is hexadecimal."""

    name: Name
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bundle is of, and all its members but itself.

    ``state`` says where `finding.json` comes from, ``policy`` where `policy.yaml` does: the ledger, or what
    was computed of the decisions, or a file that was named.
    """

    format: Literal[1]
    finding: str
    tenant: str | None
    origin: str
    state: Literal["ledger", "computed"]
    policy: Literal["ledger", "file"] | None
    members: tuple[Listed, ...]


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What made the bundle."""

    format: Literal[1]
    tool: str


class EntryLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the ledger. ``leaf`` is what is hashed into the tree, byte for byte.

    The payload stands here, or ``member`` names the member whose next line it is; of a decision ``rest`` is
    what the payload has beside the line. ``salt`` is hexadecimal, ``proof`` base64, from leaf to root.
    """

    index: int
    leaf: Raw
    salt: str
    proof: tuple[str, ...]
    member: Literal["decisions.jsonl", "changes.jsonl"] | UnsetType = UNSET
    rest: Raw | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A capture, by its file's name. ``packets`` are all that could be read of it."""

    name: str
    bytes: int
    sha256: str
    packets: int


class Packets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the packets of a decision stand: in each capture runs of numbers, the first packet being 1.

    ``line`` is the decision's in `decisions.jsonl`, from 1. Where the bound was reached, ``more`` counts the
    packets that are not listed.
    """

    line: int
    runs: tuple[tuple[int, int, int], ...]  # the capture's place from 0, first and last packet
    more: int = 0


class Captures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`captures.json`. ``kept`` packets stand in `packets.pcap`; ``left_out`` may hold application data.

    ``not_listed`` counts decisions whose packets were found, and not listed because of the bound.
    """

    captures: tuple[Capture, ...]
    decisions: tuple[Packets, ...]
    kept: int = 0
    left_out: int = 0
    not_listed: int = 0


_PREFIX: Final = b'{"decision":'
_encode = msgspec.json.Encoder().encode


class _DecisionPayload(msgspec.Struct):
    decision: Raw
    finding: str | None = None


class _Connection(msgspec.Struct):
    flow: FlowKey


class _Decided(msgspec.Struct):
    ts_ns: int
    connection: _Connection


class _Sample(msgspec.Struct):
    ts_ns: int
    flow: FlowKey


class _Finding(msgspec.Struct):
    id: str
    sample: _Sample | None = None


class _Change(msgspec.Struct):
    finding: Raw


class Changed(NamedTuple):
    """What of a change counts here: the finding, byte for byte, its identifier, and its first connection.

    No more is read of it, so that what an older version wrote can be verified by a newer one.
    """

    finding: bytes
    id: str
    sample: tuple[int, FlowKey] | None


_decode_change = msgspec.json.Decoder(_Change).decode
_decode_finding = msgspec.json.Decoder(_Finding).decode
_decode_payload = msgspec.json.Decoder(_DecisionPayload).decode
_decode_decided = msgspec.json.Decoder(_Decided).decode


def encode(value: msgspec.Struct) -> bytes:
    """Return a member, or a line of one, as it is written: JSON, fields in order, and a line end."""
    return _encode(value) + b"\n"


def split_payload(payload: bytes) -> tuple[bytes, bytes]:
    """Return a decision's line, and the rest of its payload as an object. Raises ValueError."""
    line = bytes(_decode_payload(payload).decision)
    rest = b"{" + payload[len(_PREFIX) + len(line) + 1 :]
    if join_payload(line, rest) != payload:
        raise ValueError("it does not begin with its decision")
    return line, rest


def join_payload(line: bytes, rest: bytes) -> bytes:
    """Return the payload of a decision, of its line and the rest."""
    return b"".join((_PREFIX, line, b",", rest[1:]))


def decided(line: bytes) -> tuple[int, FlowKey]:
    """Return first packet and flow of a decision's line. Raises msgspec.DecodeError."""
    found = _decode_decided(line)
    return found.ts_ns, found.connection.flow


def connection_of(payload: bytes) -> tuple[int, FlowKey]:
    """Return first packet and flow of a decision's payload. Raises msgspec.DecodeError."""
    return decided(bytes(_decode_payload(payload).decision))


def changed(payload: bytes) -> Changed:
    """Return what a change's payload says. Raises msgspec.DecodeError."""
    raw = bytes(_decode_change(payload).finding)
    head = _decode_finding(raw)
    sample = (head.sample.ts_ns, head.sample.flow) if head.sample is not None else None
    return Changed(raw, head.id, sample)


def finding_of(payload: bytes) -> str | None:
    """Return the finding that a decision's payload names. Raises msgspec.DecodeError."""
    return _decode_payload(payload).finding
