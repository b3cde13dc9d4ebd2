"""What stands in a ledger, byte by byte: written by hand, not with the modules that write it."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from monitor.ledger.edge import Edge
from monitor.ledger.types import CLASSES, Leaf, leaf_bytes
from tests.records_kit import NOW_NS, SIGNER, TODAY, check, files, leaf, naive_root, record, writer

HASH = 32


def tiles_of(size: int) -> dict[str, int]:
    """Return the tiles of a size with how many hashes or leaves each holds; for sizes below 256,000."""
    found = {}
    for kind, count in (("0", size), ("entries", size), ("1", size // 256), ("2", size // 65_536)):
        for index in range(count // 256):
            found[f"tile/{kind}/{index:03d}"] = 256
        if count % 256:
            found[f"tile/{kind}/{count // 256:03d}.p/{count % 256}"] = count % 256
    return found


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_files_of_a_ledger(tmp_path: Path, size: int) -> None:
    ledger = writer(tmp_path / "acme")
    assert ledger.append([record(number) for number in range(size)]) == 0
    ledger.close()
    found = files(tmp_path / "acme")
    others = {"ledger.json", "checkpoint", "journal", f"payloads/violation/{TODAY}.jsonl"}
    assert set(found) == others | set(tiles_of(size))
    for name, count in tiles_of(size).items():
        data = found[name]
        if name.startswith("tile/entries/"):
            leaves = []
            while data:
                length = data[0] * 256 + data[1]
                leaves.append(data[2 : 2 + length])
                data = data[2 + length :]
            assert len(leaves) == count
            hashes = b"".join(sha256(b"\x00" + each).digest() for each in leaves)
            assert found[name.replace("entries", "0")] == hashes
        else:
            assert len(data) == HASH * count
    assert found["journal"] == b""


def test_the_checkpoint_is_a_signed_note(tmp_path: Path) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append([record(number) for number in range(3)])
    note = ledger.checkpoint()
    ledger.close()
    leaves = check(tmp_path / "acme")
    assert (tmp_path / "acme/checkpoint").read_text() == note
    origin, size, root, blank, signature, end = note.split("\n")
    assert (origin, size, blank, end) == ("residency/edge/acme", "3", "", "")
    assert signature.startswith("\N{EM DASH} residency/edge/acme ")
    assert root == __import__("base64").b64encode(naive_root(leaves)).decode()


def test_the_header_names_the_key(tmp_path: Path) -> None:
    writer(tmp_path / "acme").close()
    text = (tmp_path / "acme/ledger.json").read_text()
    assert text == (f'{{"format":1,"key":"{SIGNER.vkey}","origin":"residency/edge/acme","tenant":"acme"}}\n')


def test_a_payload_line_and_its_leaf(tmp_path: Path) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append([record(0), record(1, "allow", f"other-{TODAY}")])
    ledger.close()
    found = files(tmp_path / "acme")
    line = found[f"payloads/allow/other-{TODAY}.jsonl"].decode()
    value = json.loads(line)
    payload = '{"number":1,"padding":""}'
    assert line == f'{{"index":1,"salt":"{value["salt"]}","payload":{payload}}}\n'
    digest = sha256(bytes.fromhex(value["salt"]) + payload.encode()).hexdigest()
    second = (
        f'{{"at_ns":{NOW_NS + 1},"day":"other-{TODAY}","kind":"decision","payload":"{digest}",'
        '"payload_class":"allow","v":1}'
    ).encode()
    bundle = found["tile/entries/000.p/2"]
    assert bundle.endswith(len(second).to_bytes(2, "big") + second)


def test_a_leaf_is_canonical() -> None:
    made = leaf_bytes(Leaf(5, TODAY, "decision", "ab", "allow"))
    assert made == json.dumps(json.loads(made), sort_keys=True, separators=(",", ":")).encode()


def test_salts_differ(tmp_path: Path) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append([record(0)] * 50)
    ledger.close()
    lines = (tmp_path / f"acme/payloads/violation/{TODAY}.jsonl").read_text().splitlines()
    assert len({json.loads(line)["salt"] for line in lines}) == 50


@pytest.mark.parametrize("payload_class", CLASSES)
def test_every_class_has_its_folder(tmp_path: Path, payload_class: str) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append([record(0, payload_class)])  # type: ignore[arg-type]
    ledger.close()
    assert (tmp_path / f"acme/payloads/{payload_class}/{TODAY}.jsonl").is_file()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append([record(number) for number in range(300)])
    ledger.close()
    for path in [tmp_path / "acme", *(tmp_path / "acme").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_two_levels_of_tiles() -> None:
    """65,793 leaves: 257 tiles of level 0, two of level 1, one of level 2."""
    edge = Edge()
    leaves = [leaf(number) for number in range(65_793)]
    growth = edge.grow(leaves)
    made = {path: len(data) // HASH for path, data in growth.files if "entries" not in path}
    assert made == {path: count for path, count in tiles_of(65_793).items() if "entries" not in path}
    assert {"tile/0/257.p/1", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"} == {
        path for path in made if not path.startswith("tile/0/") or ".p" in path
    }
    assert edge.root() == naive_root(leaves)
    data = dict(growth.files)
    assert data["tile/2/000.p/1"] == naive_root(leaves[:65_536])
    assert data["tile/1/001.p/1"] == naive_root(leaves[65_536:65_792])
