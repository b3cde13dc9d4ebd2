"""What retention deletes, what it says before, and what it never touches."""

import os
from pathlib import Path

import msgspec
import pytest

from monitor.ledger.days import DAY_NS, day_number, day_text
from monitor.ledger.reader import open_ledger
from monitor.ledger.retention import Expired
from monitor.ledger.types import CLASSES, PayloadClass
from monitor.ledger.writer import LedgerWriter
from tests.ledger_faults import failing
from tests.records_kit import NOW_NS, check, files, numbers, record, writer

KEPT: dict[PayloadClass, int | None] = {**dict.fromkeys(CLASSES, 7), "violation": 365, "coverage": None}


def day(ago: int) -> str:
    return day_text(day_number(NOW_NS) - ago)


def kept(payload_class: PayloadClass) -> int | None:
    return KEPT[payload_class]


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerWriter:
    """Return a ledger with old and new payloads of some classes."""
    made = writer(tmp_path / "acme")
    made.append(
        [
            record(0, "allow", day(8)),
            record(1, "allow", day(7)),
            record(2, "violation", day(8)),
            record(3, "record", day(4_000), "sensor-start"),
            record(4, "allow", f"other-{day(8)}"),
            record(5, "coverage", day(4_000), "coverage"),
            record(6, "allow", day(8)),
            record(7, "violation", day(366)),
        ]
    )
    return made


def test_what_was_kept_long_enough_goes(ledger: LedgerWriter) -> None:
    sizes = {path: len(data) for path, data in files(ledger.folder).items()}
    expired = ledger.expire(NOW_NS, kept)
    assert set(expired) == {
        Expired("violation", day(366), 1, sizes[f"payloads/violation/{day(366)}.jsonl"]),
        Expired("allow", day(8), 2, sizes[f"payloads/allow/{day(8)}.jsonl"]),
        Expired("allow", f"other-{day(8)}", 1, sizes[f"payloads/allow/other-{day(8)}.jsonl"]),
    }
    assert numbers(ledger.folder)[:8] == [None, 1, 2, 3, None, 5, None, None]
    check(ledger.folder)
    assert ledger.expire(NOW_NS, kept) == ()
    ledger.close()
    writer(ledger.folder).close()


def test_each_deletion_is_recorded(ledger: LedgerWriter) -> None:
    expired = ledger.expire(NOW_NS, kept)
    ledger.close()
    entries = list(open_ledger(ledger.folder).entries(8))
    assert [(each.leaf.kind, each.leaf.payload_class, each.leaf.at_ns) for each in entries] == [
        ("retention", "record", NOW_NS)
    ] * 3
    said = [msgspec.json.decode(each.payload or b"") for each in entries]
    assert said == [
        {"class": each.payload_class, "day": each.day, "entries": each.entries, "bytes": each.bytes}
        for each in expired
    ]


def test_no_erased_payload_is_left_anywhere(ledger: LedgerWriter) -> None:
    salts = [entry.salt for entry in open_ledger(ledger.folder).entries() if entry.salt]
    ledger.expire(NOW_NS, kept)
    left = b"".join(files(ledger.folder).values())
    gone = [salt for salt in salts if salt.hex().encode() not in left]
    assert len(gone) == 4
    assert b'"number":6' not in left
    ledger.close()


def test_nothing_is_deleted_where_it_cannot_be_recorded(ledger: LedgerWriter) -> None:
    before = files(ledger.folder)
    with (
        failing(lambda call: OSError(28, "full") if call >= 1 else None),
        pytest.raises(OSError, match="full"),
    ):
        ledger.expire(NOW_NS, kept)
    payloads = {path: data for path, data in files(ledger.folder).items() if path.startswith("payloads/")}
    assert payloads == {path: data for path, data in before.items() if path.startswith("payloads/")}
    assert len(ledger.expire(NOW_NS, kept)) == 3
    ledger.close()


def test_an_entry_of_an_erased_day_gets_a_file_again(ledger: LedgerWriter) -> None:
    ledger.expire(NOW_NS, kept)
    ledger.append([record(11, "allow", day(8))])
    ledger.close()
    assert numbers(ledger.folder)[:8] == [None, 1, 2, 3, None, 5, None, None]
    assert numbers(ledger.folder)[-1] == 11


def test_files_of_other_names_stay(ledger: LedgerWriter) -> None:
    other = ledger.folder / "payloads/allow/notes.txt"
    other.write_text("mine")
    ledger.expire(NOW_NS + 20_000 * DAY_NS, kept)  # a step of the clock
    ledger.expire(NOW_NS, kept)
    assert other.read_text() == "mine"
    ledger.close()


def test_a_clock_that_stepped_deletes_nothing_for_a_day(ledger: LedgerWriter) -> None:
    wrong_ns = NOW_NS + 400 * DAY_NS
    assert ledger.expire(wrong_ns, kept) == ()
    assert ledger.expire(wrong_ns + DAY_NS // 2, kept) == ()
    assert len(ledger.expire(wrong_ns + DAY_NS, kept)) == 5
    ledger.close()


def test_a_file_that_cannot_be_deleted(ledger: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.unlink

    def unlink(path: str) -> None:
        if "payloads" in path:
            raise PermissionError(1, "not permitted", path)
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        with pytest.raises(PermissionError):
            ledger.expire(NOW_NS, kept)
    assert numbers(ledger.folder)[:8] == list(range(8))
    assert len(ledger.expire(NOW_NS, kept)) == 3
    ledger.close()
    check(ledger.folder)
