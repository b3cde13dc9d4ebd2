"""A ledger verifies as it was written, and no longer once anything in it was changed."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from monitor.files import InputError
from monitor.ledger.verify import KeptCheckpoint, verify_ledger
from monitor.merkle.checkpoint import Checkpoint
from monitor.merkle.note import Signer, Verifier
from monitor.merkle.tiles import encode_bundle
from monitor.merkle.tree import EMPTY_ROOT, Frontier, leaf_hashes
from tests.ledger_verify_kit import (
    DAY,
    SIGNER,
    VERIFIER,
    Item,
    files_of,
    item,
    leaf_of,
    line_of,
    make_ledger,
    remake_tree,
    retention,
    told,
    verify,
    write,
    write_checkpoint,
)

SIZES = [0, 1, 2, 255, 256, 257, 600, 66_000]
VIOLATIONS = f"payloads/violation/{DAY}.jsonl"


@pytest.mark.parametrize("size", SIZES)
def test_ledger_verifies_as_it_was_written(tmp_path: Path, size: int) -> None:
    found = verify(make_ledger(tmp_path, [item(number) for number in range(size)]))
    assert (told(found), found.entries, found.erased, found.unsigned_tail) == ("", size, 0, None)
    assert found.trusted
    assert found.tenant == "acme"
    assert isinstance(found.checkpoint, Checkpoint)


def test_every_byte_counts(tmp_path: Path) -> None:
    """Each byte of each file is changed in turn, in one bit, which goes round."""
    items = [*map(item, range(5)), Item("record", b'{"sensor":"s"}', "sensor-start")]
    make_ledger(tmp_path, items)
    for path in files_of(tmp_path):
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
            assert not verify(tmp_path).holds, f"{path.name} byte {at}"
        for changed in (data[:-1], data + b"\n", data + b"\x00", b""):
            if changed != data:
                path.write_bytes(changed)
                found = verify(tmp_path)
                torn = path.name == "journal" and found.unsigned_tail is not None
                assert torn or not found.holds, f"{path.name} of {len(changed)} bytes"
        path.unlink()
        if path.name != "ledger.json":
            assert not verify(tmp_path).holds, f"without {path.name}"
        path.write_bytes(data)
    assert verify(tmp_path).holds


def test_bytes_of_a_larger_ledger_count(tmp_path: Path) -> None:
    """A sample of the bytes of 600 entries, with full tiles; the fault names the file or the entry."""
    make_ledger(tmp_path, [item(number) for number in range(600)])
    for path in files_of(tmp_path):
        data, name = path.read_bytes(), path.relative_to(tmp_path).as_posix()
        for at in range(0, len(data), len(data) // 12 + 1):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
            text = told(verify(tmp_path))
            named = name in text if "entries" not in name else "entry" in text
            assert named or name == "ledger.json", f"{name} byte {at}: {text}"
        path.write_bytes(data)
    assert verify(tmp_path).holds


def _flip_leaf(leaves: list[bytes]) -> None:
    leaves[300] = leaves[300].replace(b"2026", b"2025")


def _drop_leaf(leaves: list[bytes]) -> None:
    del leaves[300]


def _swap_leaves(leaves: list[bytes]) -> None:
    leaves[300], leaves[301] = leaves[301], leaves[300]


def _double_leaf(leaves: list[bytes]) -> None:
    leaves.insert(300, leaves[300])


def _insert_leaf(leaves: list[bytes]) -> None:
    leaves.insert(300, leaf_of(300, item(9_999)))


def _cut_leaves(leaves: list[bytes]) -> None:
    del leaves[300:]


CHANGES = [_flip_leaf, _drop_leaf, _swap_leaves, _double_leaf, _insert_leaf, _cut_leaves]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_entries_are_named(tmp_path: Path, change: Callable[[list[bytes]], None]) -> None:
    """Only the bundle is changed: its tile tells which entry."""
    items = [item(number) for number in range(600)]
    make_ledger(tmp_path, items)
    leaves = [leaf_of(index, made) for index, made in enumerate(items)][256:512]
    shifted: list[bytes] = [*[b""] * 256, *leaves]
    change(shifted)
    write(tmp_path / "tile/entries/001", encode_bundle(shifted[256:]))
    text = told(verify(tmp_path))
    assert "entry 300" in text or "257 entries are no bundle" in text


@pytest.mark.parametrize("resized", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_tree_made_anew_without_the_key_is_refused(
    tmp_path: Path,
    change: Callable[[list[bytes]], None],
    resized: bool,  # noqa: FBT001
) -> None:
    """Bundles, all tiles, and then the checkpoint too are made again, as far as one can without the key."""
    items = [item(number) for number in range(600)]
    make_ledger(tmp_path, items)
    leaves = [leaf_of(index, made) for index, made in enumerate(items)]
    change(leaves)
    root = remake_tree(tmp_path, leaves)
    if resized:
        other = Signer.generate(SIGNER.name, b"o" * 32)
        write_checkpoint(tmp_path, len(leaves), root, other)
    found = verify(tmp_path)
    assert "checkpoint: " in told(found) or "tile/" in told(found)
    assert not verify_ledger(tmp_path).holds


def test_ledger_under_another_key_is_consistent_and_not_trusted(tmp_path: Path) -> None:
    other = Signer.generate(SIGNER.name, b"o" * 32)
    make_ledger(tmp_path, [item(0)], other)
    assert verify_ledger(tmp_path).holds
    assert not verify_ledger(tmp_path).trusted
    assert "ledger.json: its key is not the trusted one" in told(verify(tmp_path))
    assert "checkpoint: no known key signed the note" in told(verify(tmp_path))


def _lines(folder: Path) -> list[bytes]:
    return (folder / VIOLATIONS).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines.pop(1), "entry 2: its payload is missing"),
        (lambda lines: lines.pop(), "entry 11: its payload is missing"),
        (lambda lines: lines.insert(1, lines[1]), f"{VIOLATIONS} line 3: index 2 is out of its place"),
        (lambda lines: lines.append(lines[-1]), f"{VIOLATIONS} line 9: index 11 is out of its place"),
        (lambda lines: lines.insert(1, lines.pop(2)), f"{VIOLATIONS} line 3: index 2 is out of its place"),
        (lambda lines: lines.insert(1, line_of(3, item(3))), f"{VIOLATIONS} line 2: index 3"),
        (lambda lines: lines.insert(2, b"{}\n"), f"{VIOLATIONS} line 3: it does not have the form"),
        (lambda lines: lines.append(b"{}\n"), f"{VIOLATIONS} line 9: from here on"),
        (lambda lines: lines.append(line_of(12, item(12))), f"{VIOLATIONS} line 9: from here on"),
        (lambda lines: lines.append(lines.pop()[:-1]), "entry 11: its payload is missing"),
        (
            lambda lines: lines.insert(1, lines.pop(1).replace(b'"index":2', b'"index":7')),
            "line 2: it says index 7, and is the payload of entry 2",
        ),
        (
            lambda lines: lines.insert(1, lines.pop(1).replace(b"xxx", b"yyy")),
            "line 2: salt or payload is not that",
        ),
        (
            lambda lines: lines.insert(1, lines.pop(1).replace(b':"', b': "')),
            "line 2: it does not have the form",
        ),
        (lambda lines: lines.insert(1, lines.pop(1)[:30].upper()), "line 2: "),
    ],
)
def test_changed_payload_lines_are_named(
    tmp_path: Path, change: Callable[[list[bytes]], object], expected: str
) -> None:
    make_ledger(tmp_path, [item(number, size=3) for number in range(12)])
    lines = _lines(tmp_path)
    change(lines)
    write(tmp_path / VIOLATIONS, b"".join(lines))
    assert expected in told(verify(tmp_path))


def test_salt_has_one_spelling(tmp_path: Path) -> None:
    make_ledger(tmp_path, [item(1)])
    line = (tmp_path / VIOLATIONS).read_bytes()
    salt = line.split(b'"')[5]
    write(tmp_path / VIOLATIONS, line.replace(salt, salt.upper()))
    assert "line 1: it does not have the form" in told(verify(tmp_path))


@pytest.mark.parametrize(
    "path",
    [
        "note.txt", "tile/0/000", "tile/0/000.p/11", "tile/1/000.p/1", "tile/entries/001.p/1", "tile/x",
        "payloads/violation/2026-03-11.jsonl", "payloads/other/2026-03-10.jsonl", "payloads/allow/x.jsonl",
        "payloads/2026-03-10.jsonl", "ledger.json.new", "checkpoint.new", "tile/0/0\u00e9", ".hidden",
        "payloads/allow/other-2026-03-10.jsonl", "deep/er/file",
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", [b"", b"something\n"])
def test_files_that_a_ledger_does_not_have_are_named(tmp_path: Path, path: str, data: bytes) -> None:
    make_ledger(tmp_path, [item(number) for number in range(12)])
    write(tmp_path / path, data)
    assert path.removesuffix("/er/file") in told(verify(tmp_path))


@pytest.mark.parametrize("path", ["ledger.json", "checkpoint", "tile/0/000.p/12", VIOLATIONS, "journal"])
def test_links_and_devices_are_not_followed(tmp_path: Path, path: str) -> None:
    folder = make_ledger(tmp_path / "ledger", [item(number) for number in range(12)])
    (folder / path).rename(tmp_path / "elsewhere")
    (folder / path).symlink_to(tmp_path / "elsewhere")
    assert f"{path}: it is a link" in told(verify(folder))
    (folder / path).unlink()
    os.mkfifo(folder / path)
    assert f"{path}: it is no plain file" in told(verify(folder))


@pytest.mark.parametrize("entries", [0, 60])
def test_long_lines_of_many_files_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: int
) -> None:
    monkeypatch.setattr("monitor.ledger.verify_payloads.MAX_LINE_BYTES", 1_000_000)
    days = [f"2026-03-{day:02}" for day in range(1, 31)]
    made = [Item("allow", b'{"number":1}', day=day) for day in days * 2][:entries]
    make_ledger(tmp_path, made)
    for day in days:
        path = tmp_path / f"payloads/allow/{day}.jsonl"
        write(path, b"")
        os.truncate(path, 1 << 40)  # a hole: it takes no room
    tracemalloc.start()
    found = verify(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert len(found.faults) + found.more_faults == 30 + len(made)


def test_a_long_line_out_of_its_place_is_named_as_a_short_one(tmp_path: Path) -> None:
    make_ledger(tmp_path, [item(number, "allow", 9_000) for number in range(6)])
    path = tmp_path / f"payloads/allow/{DAY}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[3:], lines[2]]))
    found = told(verify(tmp_path)).splitlines()
    assert [line.partition(":")[0] for line in found] == [
        "entry 1", "entry 2", f"payloads/allow/{DAY}.jsonl line 5",
    ]  # fmt: skip


def test_payloads_that_retention_erased_are_no_fault(tmp_path: Path) -> None:
    items = [*map(item, range(12)), retention("violation", 8), item(14), item(15, "violation")]
    make_ledger(tmp_path, items)
    assert verify(tmp_path).erased == 0
    kept = [line for line in _lines(tmp_path) if b'"index":1' in line and b'"index":1,' not in line][-2:]
    (tmp_path / VIOLATIONS).write_bytes(b"".join(kept))  # made anew for entries behind the record
    found = verify(tmp_path)
    assert (told(found), found.erased) == ("", 8)
    (tmp_path / VIOLATIONS).unlink()
    assert "entry 13: its payload is missing" in told(verify(tmp_path))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (retention("allow", 4), "entry 1: its payload is missing"),
        (retention("violation", 8, "2026-03-11"), "entry 1: its payload is missing"),
        (retention("violation", 7), "entry 12: it lets 7 payloads of"),
        (
            retention("violation", 8).__class__("record", b'{"class":"violation"}', "retention"),
            "cannot be read",
        ),
        (
            Item("violation", b'{"class":"violation"}', "decision", "2026-09-10"),
            "entry 1: its payload is missing",
        ),
    ],
)
def test_retention_allows_what_it_names_and_no_more(tmp_path: Path, record: Item, expected: str) -> None:
    make_ledger(tmp_path, [*map(item, range(12)), record])
    (tmp_path / VIOLATIONS).unlink()
    assert expected in told(verify(tmp_path))


def test_retention_before_an_entry_does_not_excuse_it(tmp_path: Path) -> None:
    make_ledger(tmp_path, [retention("violation", 1), item(1)])
    (tmp_path / VIOLATIONS).unlink()
    assert "entry 1: its payload is missing" in told(verify(tmp_path))


def test_many_faults_are_counted_and_the_first_told(tmp_path: Path) -> None:
    make_ledger(tmp_path, [item(number, "allow") for number in range(300)])
    path = tmp_path / f"payloads/allow/{DAY}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"number", b"Number"))
    found = verify(tmp_path)
    assert (len(found.faults), found.more_faults) == (100, 200)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (lambda leaf: leaf.replace(b":", b": ", 1), "entry 1: its leaf is not canonical"),
        (lambda leaf: leaf[:-1], "entry 1: its leaf cannot be read"),
        (lambda leaf: leaf.replace(b"violation", b"\xff"), "entry 1: its leaf cannot be read"),
        (lambda leaf: leaf.replace(b"2026-03-10", b"../../../x"), "entry 1: its day is none"),
    ],
)
def test_leaves_have_one_form_even_signed(
    tmp_path: Path, leaf: Callable[[bytes], bytes], expected: str
) -> None:
    items = [item(0), item(1)]
    make_ledger(tmp_path, items)
    root = remake_tree(tmp_path, [leaf_of(0, items[0]), leaf(leaf_of(1, items[1]))])
    write_checkpoint(tmp_path, 2, root)
    assert expected in told(verify(tmp_path))


@pytest.mark.parametrize("size", [0, 1, 300, 512, 600])
def test_ledger_goes_on_from_a_checkpoint_kept_elsewhere(tmp_path: Path, size: int) -> None:
    items = [item(number) for number in range(600)]
    early = make_ledger(tmp_path / "early", items[:size])
    late = make_ledger(tmp_path / "late", items)
    other = make_ledger(tmp_path / "other", [item(9_999), *items[1:]])
    kept = [KeptCheckpoint("kept", (early / "checkpoint").read_text())]
    assert told(verify_ledger(late, VERIFIER, kept)) == ""
    assert ("does not go on" in told(verify_ledger(other, VERIFIER, kept))) == (size > 0)
    cut = told(verify_ledger(early, VERIFIER, [KeptCheckpoint("kept", (late / "checkpoint").read_text())]))
    assert ("it was cut off" in cut) == (size < 600)


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("no note\n", "kept: the note has no signature"),
        (SIGNER.sign("no checkpoint\n"), "kept: the checkpoint is not three lines"),
        (
            SIGNER.sign("residency/x/y\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"),
            "kept: it is of another",
        ),
    ],
)
def test_kept_checkpoint_that_is_none_is_a_fault(tmp_path: Path, note: str, expected: str) -> None:
    make_ledger(tmp_path, [item(0)])
    assert expected in told(verify_ledger(tmp_path, VERIFIER, [KeptCheckpoint("kept", note)]))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tenant": "other"}, "the tenant 'other' is not the one of the origin"),
        ({"tenant": ""}, "the tenant '' is not"),
        ({"origin": "residency/x/acme"}, "the key is"),
        ({"format": 2}, "it cannot be read"),
        ({"more": 1}, "it cannot be read"),
        ({"key": "x"}, "its key"),
    ],
)
def test_header_says_what_the_key_and_the_checkpoint_say(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    make_ledger(tmp_path, [item(0)])
    header = msgspec.json.decode((tmp_path / "ledger.json").read_bytes()) | change
    write(tmp_path / "ledger.json", msgspec.json.encode(header, order="sorted") + b"\n")
    assert f"ledger.json: {expected}" in told(verify(tmp_path))


def test_checkpoint_with_more_than_the_ledger_signed_is_a_fault(tmp_path: Path) -> None:
    make_ledger(tmp_path, [])
    note = (tmp_path / "checkpoint").read_text()
    other = Signer.generate("other", bytes(32)).sign(note.split("\n\n", maxsplit=1)[0] + "\n")
    write(tmp_path / "checkpoint", (note + other.split("\n\n")[1]).encode())
    assert "checkpoint: there is more in it" in told(verify(tmp_path))
    assert Verifier(SIGNER.vkey).verify((tmp_path / "checkpoint").read_text())


def test_what_is_no_ledger_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no ledger: it has no ledger\.json"):
        verify(tmp_path)


def test_root_of_an_empty_ledger_is_that_of_nothing(tmp_path: Path) -> None:
    make_ledger(tmp_path, [])
    write_checkpoint(tmp_path, 0, leaf_hashes([b""])[0])
    assert "the root over the entries is not the signed one" in told(verify(tmp_path))
    assert Frontier().root() == EMPTY_ROOT
