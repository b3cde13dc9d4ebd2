"""What a ledger says of one finding: how it changed, and how well could be seen since. Nothing is kept.

Leaves are skipped by their text, so that of a long ledger few payloads are read. What retention erased is
left out.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import InputError, unreadable
from monitor.findings.types import Change
from monitor.ledger.days import OTHER, is_day_file
from monitor.ledger.names import LEDGER, PAYLOADS, tenant_folder
from monitor.ledger.payloads import Payloads
from monitor.ledger.reader import open_ledger
from monitor.ledger.types import Leaf, RecordKind
from monitor.windows import Window

_TAIL_BYTES = 65_536
_leaf = msgspec.json.Decoder(Leaf)
_change = msgspec.json.Decoder(Change)
_window = msgspec.json.Decoder(Window)


class _Line(msgspec.Struct):
    """What of a payload file's line is looked at."""

    payload: msgspec.Raw


_line = msgspec.json.Decoder(_Line)


def ledger_of(root: Path, tenant: str | None) -> Path:
    """Return the folder of a tenant's ledger; ``root`` may be that ledger itself. Raises InputError."""
    if (root / LEDGER).is_file():
        return root
    try:
        return root / tenant_folder(tenant)
    except ValueError as error:
        raise InputError(str(root), f"tenant {tenant!r}: {error}", "name its ledger's folder") from None


def changes_of(ledger: Path, finding: str) -> Iterator[Change]:
    """Yield the changes of a finding, the oldest first. Raises InputError."""
    for index, payload in _payloads(ledger, "finding", None):
        if finding.encode() in payload:
            try:
                change = _change.decode(payload)
            except msgspec.DecodeError as error:
                raise _foreign(ledger, index, error) from None
            if change.finding.id == finding:
                yield change


def windows_since(ledger: Path, since_ns: int) -> Iterator[Window]:
    """Yield how much could be seen in the windows that ended later. Raises InputError."""
    for index, payload in _payloads(ledger, "coverage", since_ns):
        try:
            yield _window.decode(payload)
        except msgspec.DecodeError as error:
            raise _foreign(ledger, index, error) from None


def last_window(ledger: Path) -> Window | None:
    """Return the newest statement of how much could be seen, None where there is none. Raises InputError.

    It is looked for in the ends of the two newest files alone, so that a long ledger costs nothing.
    """
    folder = ledger / PAYLOADS / "coverage"
    try:
        files = sorted((each for each in folder.iterdir() if is_day_file(each.name)), key=_day)
        for line in (line for path in files[:-3:-1] for line in _last_lines(path)):
            with suppress(msgspec.DecodeError):  # a gap, or a part of a line
                return _window.decode(_line.decode(line).payload)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(folder, error) from None
    return None


def _day(path: Path) -> str:
    return path.name.removeprefix(OTHER)


def _last_lines(path: Path) -> list[bytes]:
    """Return the last lines of a file, the last one first. Raises OSError."""
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        return file.read().splitlines()[::-1]


def _payloads(ledger: Path, kind: RecordKind, since_ns: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield index and payload of the entries of a kind. Raises InputError."""
    mark = b'"kind":"%s"' % kind.encode()
    payloads = Payloads(ledger)
    try:
        for index, raw in open_ledger(ledger).leaves():
            if mark not in raw:
                continue
            try:
                leaf = _leaf.decode(raw)
                wanted = leaf.kind == kind and (since_ns is None or leaf.at_ns > since_ns)
                line = payloads.take(index, leaf.payload_class, leaf.day) if wanted else None
            except (msgspec.DecodeError, ValueError) as error:
                raise _foreign(ledger, index, error) from None
            if line is not None:
                yield index, line.payload
    finally:
        payloads.close()


def _foreign(ledger: Path, index: int, error: Exception) -> InputError:
    mend = "verify the ledger, or use the program that wrote it"
    return InputError(str(ledger), f"entry {index} cannot be read ({error})", mend)
