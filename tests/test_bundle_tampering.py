"""No byte of a bundle changes unseen, and no entry goes, comes twice or moves."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.bundle.archive import ArchiveError
from monitor.bundle.members import NAMES
from monitor.bundle.verify import verify_bundle
from monitor.merkle.note import Signer, Verifier
from tests.bundle_kit import Members, contents, edited, exported, forged, lines, packed, places, small_ledger


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    exported(small_ledger(folder, 3), folder / "b.zip")
    return folder / "b.zip"


@pytest.fixture(scope="module")
def members(bundle: Path) -> Members:
    return contents(bundle)


def test_a_bundle_holds_and_is_trusted_by_its_key(bundle: Path, members: Members) -> None:
    found = verify_bundle(bundle)
    assert found.holds
    assert not found.trusted
    assert (found.decisions, found.changes, found.entries) == (3, 2, 7)
    assert found.checkpoint is not None
    own = Verifier(members["key.pub"].decode().strip())
    assert verify_bundle(bundle, [own]).trusted
    other = Verifier(Signer(own.name, bytes(32)).vkey)
    assert places(verify_bundle(bundle, [other])) == ["key.pub"]
    assert verify_bundle(bundle, [other, own]).holds


def test_every_flipped_byte_is_found_and_its_place_named(bundle: Path, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    copy = tmp_path / "b.zip"
    copy.write_bytes(content)
    known = set(NAMES) | {f"header of {name}" for name in NAMES}
    with copy.open("r+b", buffering=0) as file:
        for at in range(len(content)):
            file.seek(at)
            file.write(bytes([content[at] ^ 0x01]))
            faults = verify_bundle(copy).faults
            assert faults, at
            assert all(fault.place in known or fault.place.startswith("byte ") for fault in faults), faults
            file.seek(at)
            file.write(bytes([content[at]]))
    assert verify_bundle(copy).holds


@pytest.mark.parametrize(
    "name", ["decisions.jsonl", "changes.jsonl", "checkpoint", "entries.jsonl", "finding.json", "key.pub"]
)
def test_a_flip_is_found_where_the_manifest_was_made_anew(
    members: Members, tmp_path: Path, name: str
) -> None:
    content = members[name]
    for at in range(0, len(content), max(1, len(content) // 120)):
        altered = content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]
        assert not verify_bundle(forged(members | {name: altered}, tmp_path / "b.zip")).holds, (name, at)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("captures.json", "packets.pcap")])
def test_a_member_that_goes_is_missed(members: Members, tmp_path: Path, name: str) -> None:
    rest = {other: content for other, content in members.items() if other != name}
    assert name in places(verify_bundle(packed(rest, tmp_path / "b.zip")))
    if name != "manifest.json":
        assert not verify_bundle(forged(rest, tmp_path / "b.zip")).holds


def _drop(found: list[bytes], at: int) -> list[bytes]:
    return found[:at] + found[at + 1 :]


def _double(found: list[bytes], at: int) -> list[bytes]:
    return [*found[: at + 1], *found[at:]]


def _swap(found: list[bytes], at: int) -> list[bytes]:
    to = (at + 1) % len(found)
    swapped = found.copy()
    swapped[at], swapped[to] = swapped[to], swapped[at]
    return swapped


@pytest.mark.parametrize("change", [_drop, _double, _swap])
@pytest.mark.parametrize("name", ["entries.jsonl", "decisions.jsonl", "changes.jsonl"])
def test_a_line_that_goes_comes_twice_or_moves_is_found(
    members: Members, tmp_path: Path, name: str, change: Callable[[list[bytes], int], list[bytes]]
) -> None:
    found = lines(members[name])
    for at in range(len(found)):
        altered = members | {name: b"".join(change(found, at))}
        assert not verify_bundle(forged(altered, tmp_path / "b.zip")).holds, at


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("index", 0),
        ("salt", "00" * 16),
        ("salt", "00"),
        ("salt", "xx"),
        ("proof", []),
        ("proof", ["AAAA"]),
        ("proof", ["!"] * 2),
        ("leaf", {}),
        ("payload", {}),
        ("member", "changes.jsonl"),
        ("rest", {}),
        ("more", 1),
    ],
)
def test_a_changed_field_of_an_entry_is_found(
    members: Members, tmp_path: Path, key: str, value: object
) -> None:
    found = lines(members["entries.jsonl"])
    for at, line in enumerate(found):
        altered = found.copy()
        altered[at] = edited(line, lambda entry: entry.update({key: value}))
        if altered[at] == line:
            continue
        result = verify_bundle(forged(members | {"entries.jsonl": b"".join(altered)}, tmp_path / "b.zip"))
        assert not result.holds
        assert f"entries.jsonl, line {at + 1}" in places(result)


def test_the_same_bytes_cut_or_spelt_otherwise_are_found(members: Members, tmp_path: Path) -> None:
    """The payload is the same, so the ledger's hash fits: the line of the decision is not."""
    entries, decisions = lines(members["entries.jsonl"]), lines(members["decisions.jsonl"])
    last, rest = entries[-1].split(b'"rest":{')
    taken, rest = rest.split(b",", 1)
    moved = [*entries[:-1], last + b'"rest":{' + rest]
    longer = [*decisions[:-1], decisions[-1][:-1] + b"," + taken + b"\n"]
    salt = json.loads(entries[0])["salt"].encode()
    changes: list[dict[str, bytes]] = [
        {"entries.jsonl": b"".join(moved), "decisions.jsonl": b"".join(longer)},
        {"entries.jsonl": members["entries.jsonl"].replace(salt, salt.upper())},
        {"entries.jsonl": members["entries.jsonl"].replace(salt, salt[:2] + b" " + salt[2:])},
        {"checkpoint": members["checkpoint"] + b"\xe2\x80\x94 witness " + b"A" * 96 + b"\n"},
        {"packets.pcap": b""},
    ]
    for change in changes:
        found = verify_bundle(forged(members | change, tmp_path / "b.zip"))
        assert places(found)[0].partition(",")[0] == next(iter(change)), found.faults


def test_what_is_said_twice_has_to_be_the_same(members: Members, tmp_path: Path) -> None:
    changes: list[tuple[str, bytes]] = [
        ("policy.yaml", members["policy.yaml"] + b"\n"),
        ("datasets.json", b"{}\n"),
        ("finding.json", edited(members["finding.json"], lambda found: found.update(count=1_000))),
        ("README.txt", members["README.txt"].replace(b"not prove", b"prove")),
        ("versions.json", b'{"format":1, "tool":"1"}\n'),
        (
            "captures.json",
            b'{"captures":[],"decisions":[{"line":9,"runs":[],"more":0}],"kept":0,"left_out":0}\n',
        ),
        ("captures.json", b'{"captures":[],"decisions":[],"kept":3,"left_out":0}\n'),
    ]
    for name, content in changes:
        found = verify_bundle(forged(members | {name: content}, tmp_path / "b.zip"))
        assert places(found)[0] in (name, "packets.pcap"), (name, found.faults)


def test_another_finding_or_origin_in_the_manifest_is_found(members: Members, tmp_path: Path) -> None:
    for change in (
        {"finding": "f" * 16},
        {"origin": "residency/x/y"},
        {"tenant": "globex"},
        {"tenant": None},
        {"state": "computed"},
        {"policy": "file"},
    ):
        manifest = edited(members["manifest.json"], lambda found, change=change: found.update(change))  # type: ignore[misc]
        result = verify_bundle(packed(members | {"manifest.json": manifest}, tmp_path / "b.zip"))
        assert not result.holds, change


def test_what_another_program_packed_is_refused(members: Members, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name in NAMES:
                if name in members:
                    archive.writestr(name, members[name])
        assert not verify_bundle(path).holds


def _zip_of(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "entries",
    [
        [("../../etc/passwd", b"x")],
        [("/etc/passwd", b"x")],
        [("README.txt/../key.pub", b"x")],
        [("README.txt", b"\0" * 50_000_000)],
        [(f"{number}", b"") for number in range(5_000)],
    ],
    ids=["parent", "absolute", "inside", "bomb", "count"],
)
def test_hostile_archives_are_refused(tmp_path: Path, entries: list[tuple[str, bytes]]) -> None:
    result = verify_bundle(_zip_of(tmp_path / "b.zip", entries))
    assert len(result.faults) == 1
    assert not (tmp_path.parent / "etc").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        b"PK\x03\x04" + b"\xff" * 200,
        b"\0" * 1_000,
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert len(verify_bundle(path).faults) == 1


def test_encrypted_and_repeated_members_are_refused(bundle: Path, members: Members, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    content[6] |= 1  # general purpose bit 0
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert places(verify_bundle(path)) == ["header of README.txt"]
    first = content[: 30 + len("README.txt") + len(members["README.txt"])]
    first[6] = 0
    path.write_bytes(first + bundle.read_bytes())
    assert places(verify_bundle(path)) == ["header of README.txt"]


def test_every_cut_is_found(bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    path = tmp_path / "b.zip"
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        assert not verify_bundle(path).holds
    for behind in (b"\0", content, b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content + behind)
        assert not verify_bundle(path).holds


def test_a_folder_is_no_bundle(tmp_path: Path) -> None:
    assert places(verify_bundle(tmp_path)) == [str(tmp_path)]
    assert issubclass(ArchiveError, Exception)
