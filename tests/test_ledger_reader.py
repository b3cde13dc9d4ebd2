"""The reader: any part of a ledger, erased payloads, damage with its place, and proofs."""

import shutil
from pathlib import Path

import pytest

from monitor.files import InputError
from monitor.ledger import payloads as payloads_module
from monitor.ledger.payloads import Line, Payloads, parse_line
from monitor.ledger.reader import ledgers_in, open_ledger
from monitor.ledger.types import CLASSES
from monitor.merkle.tree import ProofError, leaf_hash, verify_inclusion
from tests.records_kit import TODAY, check, numbers, record, writer

SIZE = 700
CLASS_COUNT = len(CLASSES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger whose entries are of all classes in turn, and of two days."""
    folder = tmp_path_factory.mktemp("made") / "acme"
    ledger = writer(folder)
    days = (TODAY, f"other-{TODAY}")
    ledger.append(
        [
            record(number, CLASSES[number % CLASS_COUNT], days[number % 3 // 2], padding=number % 997)
            for number in range(SIZE)
        ]
    )
    ledger.close()
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, None),
        (0, 0),
        (1, 2),
        (255, 257),
        (256, 512),
        (699, None),
        (700, None),
        (9_999, None),
        (-5, 3),
        (300, 10_000),
    ],
)
def test_any_part(made: Path, start: int, stop: int | None) -> None:
    assert numbers(made, start, stop) == list(range(SIZE))[max(start, 0) : stop]


@pytest.mark.parametrize("start", range(0, SIZE, 61))
def test_a_start_is_found_by_halving(made: Path, start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads_module, "_NEAR_BYTES", 10)
    assert numbers(made, start) == list(range(start, SIZE))


def test_few_files_are_open_at_once(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads_module, "MAX_OPEN", 2)
    assert numbers(made) == list(range(SIZE))


def test_erased_payloads_are_none(copy: Path) -> None:
    (copy / f"payloads/allow/{TODAY}.jsonl").unlink()
    shutil.rmtree(copy / "payloads/inventory")
    found = numbers(copy)
    for number in range(SIZE):
        payload_class = CLASSES[number % CLASS_COUNT]
        erased = payload_class == "inventory" or (payload_class == "allow" and number % 3 != 2)
        assert found[number] == (None if erased else number)


def test_a_line_that_was_taken_out_is_erased(copy: Path) -> None:
    path = copy / f"payloads/allow/{TODAY}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    line = parse_line(lines.pop(5))
    assert line
    path.write_bytes(b"".join(lines))
    assert [at for at, number in enumerate(numbers(copy)) if number is None] == [line.at]


def test_a_copy_that_nobody_may_write_to(copy: Path) -> None:
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert numbers(copy) == list(range(SIZE))
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o700)


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        (f"payloads/allow/{TODAY}.jsonl", b"nonsense\n", "offset 0: not the line that should stand there"),
        (f"payloads/allow/{TODAY}.jsonl", b'{"index":7,"salt":"00', "offset 0: not the line"),
        ("tile/entries/000", b"\0", "entry 0 of the bundle is cut off"),
        ("tile/entries/000", b"\0\1x" * 256, "entry 0: "),
        ("tile/entries/000", b"\0\1x", "1 entries where 256 should stand"),
        ("tile/entries/000", None, "missing"),
        ("checkpoint", None, "checkpoint: missing"),
        ("checkpoint", b"x\n", "no signature"),
        ("checkpoint", b"\xff", "not UTF-8"),
        ("ledger.json", None, "no ledger: it has no ledger.json"),
        ("ledger.json", b"{}", "missing required field"),
        ("ledger.json", b"x" * 70_000, "larger than 65,536 bytes"),
    ],
)
def test_damage_names_its_place(copy: Path, path: str, data: bytes | None, message: str) -> None:
    if data is None:
        (copy / path).unlink()
    else:
        (copy / path).write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        numbers(copy)
    assert caught.value.path.startswith(str(copy))


def test_lines_out_of_order_are_damage(copy: Path) -> None:
    path = copy / f"payloads/allow/{TODAY}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(InputError, match="not the line that should stand there"):
        numbers(copy)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'{"index":01,"salt":"%s","payload":{}}\n' % (b"0" * 32),
        b'{"index":1_0,"salt":"%s","payload":{}}\n' % (b"0" * 32),
        b'{"index":-1,"salt":"%s","payload":{}}\n' % (b"0" * 32),
        b'{"index":,"salt":"%s","payload":{}}\n' % (b"0" * 32),
        b'{"index":1,"salt":"%s","payload":{}}\n' % (b"A" * 32),
        b'{"index":1,"salt":"%s","payload":{}}\n' % (b" 0" * 16),
        b'{"index":1,"salt":"%s","payload":{}}\n' % (b"0" * 31),
        b'{"index":1,"salt":"%s","payload":{}}' % (b"0" * 32),
        b'{"index":1, "salt":"%s","payload":{}}\n' % (b"0" * 32),
    ],
)
def test_spellings_that_are_no_line(line: bytes) -> None:
    assert parse_line(line) is None


def test_a_line() -> None:
    assert parse_line(b'{"index":10,"salt":"%s","payload":{"a":"b"}}\n' % (b"0f" * 16)) == Line(
        10, b"\x0f" * 16, b'{"a":"b"}'
    )


def test_a_line_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads_module, "MAX_LINE_BYTES", 1_000)
    path = tmp_path / f"payloads/allow/{TODAY}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 5_000)
    with pytest.raises(InputError, match="offset 0"):
        Payloads(tmp_path).take(0, "allow", TODAY)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 512, 699])
def test_a_proof(made: Path, index: int) -> None:
    reader = open_ledger(made)
    entry = next(reader.entries(index, index + 1))
    verify_inclusion(index, reader.size, leaf_hash(entry.raw), reader.proof(index), reader.checkpoint.root)


def test_no_proof_beyond_the_end(made: Path) -> None:
    with pytest.raises(ProofError, match="has no leaf 700"):
        open_ledger(made).proof(700)


def test_a_reader_stays_at_its_checkpoint(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    ledger.append([record(number) for number in range(10)])
    reader = open_ledger(tmp_path)
    for grown in (5, 241, 300):
        ledger.append([record(ledger.size + at) for at in range(grown)])
        assert [entry.index for entry in reader.entries() if entry.payload] == list(range(10))
        assert len(reader.proof(9)) == 2
    ledger.close()
    check(tmp_path)


def test_where_no_ledger_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ledger there; name a ledger's folder, or"):
        ledgers_in(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        ledgers_in(tmp_path / "nothing")
    with pytest.raises(InputError, match="no ledger"):
        open_ledger(tmp_path)
