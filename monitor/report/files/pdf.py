"""The report on paper: the page as a browser, or else WeasyPrint, prints it.

A printer puts its own clock into the file; that is replaced by the time of the last packet, in place and of
the same length, so that every offset in the file stays true and one printer gives the same bytes each time.
What was printed is looked at before it is taken: a browser that cannot open a page prints its complaint.
"""

import html
import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path

from monitor.parquet import MissingExtraError
from monitor.replacing import Replacing
from monitor.report.files.browser import PrintingError, find_browser, print_page
from monitor.report.files.cells import at
from monitor.report.types import Facts

EPOCH = datetime(1980, 1, 1, tzinfo=UTC)  # where no packet has a time
NO_PRINTER = (
    "no Chromium or Chrome is on the PATH; install one (Debian: apt install chromium), "
    "or pip install weasyprint; or print report.html yourself"
)
_DATE = re.compile(rb"(/(?:CreationDate|ModDate) ?\(D:)\d{14}")
_ID = re.compile(rb"(/ID ?\[ ?<)([0-9A-Fa-f]{32})(> ?<)([0-9A-Fa-f]{32})(> ?\])")
_TITLE = re.compile(rb"/Title ?(<[0-9A-Fa-f\s]*>|\((?:[^\\()]|\\.)*\))", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(.))", re.DOTALL)
_TAIL = 1_024  # bytes at the end of a file, among which its end is marked


def printer() -> str | None:
    """Return what would print a page: a browser's path, or a library's name; None where there is neither."""
    return find_browser() or ("WeasyPrint" if importlib.util.find_spec("weasyprint") is not None else None)


def require_printer() -> None:
    """Raise MissingExtraError unless there is something that prints."""
    if printer() is None:
        raise MissingExtraError(f"--format pdf needs a browser: {NO_PRINTER}")


def write_pdf(facts: Facts, page: bytes, path: Path) -> None:
    """Print the page of a report. Raises PrintingError, OSError."""
    browser = find_browser()
    printed = print_page(browser, page) if browser is not None else _by_weasyprint(page)
    _look_at(printed, page)
    with Replacing(path) as file:
        file.write(timeless(printed, facts.seen_period.until_ns))


def timeless(printed: bytes, last_ns: int | None) -> bytes:
    """Return a PDF file with the last packet's time in place of the printer's clock, and no identifier."""
    moment = at(last_ns) if last_ns is not None else None
    stamp = f"{moment or EPOCH:%Y%m%d%H%M%S}".rjust(14, "0").encode()
    dated = _DATE.sub(lambda found: found[1] + stamp, printed)
    return _ID.sub(lambda found: found[1] + b"0" * 32 + found[3] + b"0" * 32 + found[5], dated)


def _look_at(printed: bytes, page: bytes) -> None:
    """Refuse what is no whole PDF file of this page. Raises PrintingError."""
    if not printed.startswith(b"%PDF-") or b"%%EOF" not in printed[-_TAIL:]:
        raise PrintingError("what was printed is no whole PDF file")
    wanted = re.search(r"<title>(.*?)</title>", page.decode("utf-8", "replace"), re.DOTALL)
    titles = {_words(_text(found[1])) for found in _TITLE.finditer(printed)}
    if wanted is None or _words(html.unescape(wanted[1])) not in titles:
        raise PrintingError("what was printed is another page than the report")


def _text(literal: bytes) -> str:
    """Return a text string of PDF (ISO 32000-1, 7.9.2.2)."""
    inner = literal[1:-1]
    raw = _unhexed(inner) if literal.startswith(b"<") else _ESCAPE.sub(_plain, inner)
    return raw[2:].decode("utf-16-be", "replace") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")


def _unhexed(digits: bytes) -> bytes:
    """Return the bytes of hexadecimal digits; an odd last one stands for its sixteenfold."""
    whole = b"".join(digits.split())
    return bytes.fromhex((whole + b"0" * (len(whole) % 2)).decode())


def _plain(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8) & 0xFF]) if found[1] else found[2]


def _words(text: str) -> str:
    return " ".join(text.split())


def _by_weasyprint(page: bytes) -> bytes:
    import weasyprint  # noqa: PLC0415  optional and heavy

    def nothing(url: str, *_: object, **__: object) -> dict[str, object]:
        raise ValueError(f"the report fetches nothing, and asked for {url}")

    weasyprint.LOGGER.setLevel("ERROR")  # it warns of every property that it does not know
    document = weasyprint.HTML(string=page.decode("utf-8"), url_fetcher=nothing)
    printed: bytes = document.write_pdf(pdf_version="1.4")  # later ones may hide titles in compressed objects
    return printed
