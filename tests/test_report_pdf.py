"""The report on paper: a real browser prints it, without network, and two runs give the same bytes."""

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.parquet import MissingExtraError
from monitor.report.files import browser, pdf
from monitor.report.files.browser import BROWSERS, PrintingError, find_browser, print_page
from monitor.report.files.pdf import timeless, write_pdf
from monitor.report.types import Facts, Period
from tests.report_facts_kit import T_NS
from tests.report_kit import demo_facts

TITLE = "Egress &amp; \u201cregions\u201d (\u00e9) \\ 1"
PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title></head>
<body><h1>Coverage</h1><p>91.8 %</p><script>document.write("a script ran")</script></body></html>"""

needs_browser = pytest.mark.skipif(
    find_browser() is None, reason="no Chromium or Chrome is here: install chromium (Debian)"
)
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None or shutil.which("pdfinfo") is None,
    reason="pdfinfo and pdftotext are not here: install poppler-utils (Debian)",
)


def facts() -> Facts:
    return replace(demo_facts(), seen_period=Period(T_NS, T_NS))


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@needs_browser
@needs_poppler
def test_a_browser_prints_the_same_bytes_each_time(tmp_path: Path) -> None:
    write_pdf(facts(), PAGE.encode(), tmp_path / "one.pdf")
    time.sleep(1.1)  # the printer's clock counts seconds
    write_pdf(facts(), PAGE.encode(), tmp_path / "two.pdf")
    first = (tmp_path / "one.pdf").read_bytes()
    assert first == (tmp_path / "two.pdf").read_bytes()
    assert run("pdftotext", tmp_path / "one.pdf", "-").split() == ["Coverage", "91.8", "%"]
    told = run("pdfinfo", "-isodates", tmp_path / "one.pdf")
    assert re.search(r"^Title: +Egress & “regions” \(é\) \\ 1$", told, re.MULTILINE)
    assert told.count("2026-03-10T09:00:04Z") == 2
    assert re.search(r"^Tagged: +yes$", told, re.MULTILINE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.pdf", "two.pdf"]


@contextmanager
def listening() -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a port; yield it, and what is asked for there."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    asked.append(connection.recv(1_000))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], asked
        done.set()
        thread.join()


@needs_browser
@pytest.mark.enable_socket
@pytest.mark.parametrize("closed", [True, False])
def test_nothing_is_fetched(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """Neither the page's policy nor the browser's flags let anything out, each of them alone."""
    if closed:
        kept = [flag for flag in browser._FLAGS if "proxy" not in flag and "resolver" not in flag]  # noqa: SLF001
        monkeypatch.setattr(browser, "_FLAGS", tuple(kept))
    else:
        monkeypatch.setattr(browser, "_CLOSED", b"")
    with listening() as (port, asked):
        hosts = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"a.localhost:{port}"]
        images = "".join(
            f'<img src="http://{host}/x"><link rel=stylesheet href="http://{host}/s">' for host in hosts
        )
        printed = print_page(find_browser() or "", PAGE.replace("<p>", f"{images}<p>").encode())
    assert printed.startswith(b"%PDF-")
    assert asked == []


@needs_browser
@pytest.mark.enable_socket
def test_the_listener_would_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [flag for flag in browser._FLAGS if "proxy" not in flag and "resolver" not in flag]  # noqa: SLF001
    monkeypatch.setattr(browser, "_FLAGS", tuple(kept))
    monkeypatch.setattr(browser, "_CLOSED", b"")
    with listening() as (port, asked):
        page = PAGE.replace("<p>", f'<img src="http://127.0.0.1:{port}/x"><p>')
        print_page(find_browser() or "", page.encode())
    assert len(asked) >= 1


def pretender(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program on the path, alone, that is taken for a browser."""
    program = folder / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


OUT = "for each; do case $each in --print-to-pdf=*) out=${each#*=};; esac; done; "


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo no display >&2; exit 1", "printed nothing (no display)"),
        ("exit 3", "printed nothing (status 3)"),
        ("echo no sandbox; echo '[1:ERROR:dbus/bus.cc:405] x'; exit 1", "printed nothing (no sandbox)"),
        (OUT + 'echo hello > "$out"', "no whole PDF file"),
        (OUT + 'echo "%PDF-1.4 %%EOF" > "$out"', "another page than the report"),
        (OUT + 'echo "%PDF-1.4 /Title (report.html) %%EOF" > "$out"', "another page than the report"),
        (OUT + 'echo "%PDF-1.4 /Title (Egress) %%EOFx 12345678901" > "$out"', "printed more than 40 bytes"),
        ("/bin/sleep 60 & /bin/sleep 60", "did not end within 0.3 seconds"),
    ],
)
def test_what_a_browser_prints_is_not_believed(
    script: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretender(tmp_path, script, monkeypatch)
    if "0.3" in says:
        monkeypatch.setattr(browser, "PRINT_SECONDS", 0.3)
    if "40 bytes" in says:
        monkeypatch.setattr(browser, "MAX_PDF_BYTES", 40)
    with pytest.raises(PrintingError, match=re.escape(says)):
        write_pdf(facts(), PAGE.encode(), tmp_path / "r.pdf")
    assert not (tmp_path / "r.pdf").exists()


def test_a_browser_gets_a_home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretender(tmp_path, f'echo "$HOME" > {tmp_path}/home; echo "$@" > {tmp_path}/with; exit 1', monkeypatch)
    with pytest.raises(PrintingError):
        write_pdf(facts(), PAGE.encode(), tmp_path / "r.pdf")
    home = (tmp_path / "home").read_text(encoding="utf-8").strip()
    assert "residency-report-" in home
    assert not Path(home).exists()
    flags = (tmp_path / "with").read_text(encoding="utf-8").split()
    assert f"--user-data-dir={home}/profile" in flags
    assert ("--no-sandbox" in flags) == (os.geteuid() == 0)


@pytest.mark.parametrize(
    ("title", "taken"),
    [
        (b"<FEFF00450031>", True),
        (b"<feff0045 0031>", True),
        (b"<4531>", True),
        (b"(E1)", True),
        (rb"(\1051)", True),
        (rb"(\E\061)", True),
        (b"(other) /Title (E1)", True),  # of an outline
        (b"<45310>", False),
        (rb"(\8\9)", False),
        (b"<453>", False),
        (b"()", False),
    ],
)
def test_titles_of_what_was_printed(title: bytes, taken: bool) -> None:  # noqa: FBT001
    printed = b"%PDF-1.4 /Title " + title + b" %%EOF"
    page = b"<html><title>\n E1 </title></html>"
    if taken:
        pdf._look_at(printed, page)  # noqa: SLF001
        return
    with pytest.raises(PrintingError, match="another page"):
        pdf._look_at(printed, page)  # noqa: SLF001


def test_weasyprint_prints_where_there_is_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Document:
        def __init__(self, **how: Any) -> None:
            asked.update(how)

        def write_pdf(self, **how: Any) -> bytes:
            asked.update(how)
            return b"%PDF-1.4 /Title (E1) /CreationDate (D:20260101000000Z) %%EOF"

    stand_in = SimpleNamespace(HTML=Document, LOGGER=logging.getLogger("weasyprint"))
    monkeypatch.setitem(sys.modules, "weasyprint", stand_in)
    monkeypatch.setenv("PATH", str(tmp_path))
    write_pdf(facts(), b"<title>E1</title>", tmp_path / "r.pdf")
    assert b"(D:20260310090004Z)" in (tmp_path / "r.pdf").read_bytes()
    assert (asked["string"], asked["pdf_version"]) == ("<title>E1</title>", "1.4")
    with pytest.raises(ValueError, match="fetches nothing"):
        asked["url_fetcher"]("http://192.0.2.1/", 1, timeout=2)


def test_the_first_browser_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser() is None
    for name in reversed(BROWSERS):
        (tmp_path / name).write_text("", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
        assert find_browser() == str(tmp_path / name)


def test_without_a_printer_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"apt install chromium.* pip install weasyprint") as error:
        pdf.require_printer()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("printed", "last_ns", "expected"),
    [
        (b"/CreationDate (D:20261201023936+00'00')", T_NS, b"/CreationDate (D:20260310090004+00'00')"),
        (b"/ModDate(D:20261201023936Z)", T_NS, b"/ModDate(D:20260310090004Z)"),
        (b"/ModDate (D:20261201023936)", None, b"/ModDate (D:19800101000000)"),
        (b"/ModDate (D:20261201023936)", 1 << 70, b"/ModDate (D:19800101000000)"),
        (b"/ID [<%s><%s>]" % (b"aB" * 16, b"09" * 16), T_NS, b"/ID [<%s><%s>]" % (b"0" * 32, b"0" * 32)),
        (b"/ID [<00>]", T_NS, b"/ID [<00>]"),
    ],
)
def test_clock_and_identifier_go_and_lengths_stay(
    printed: bytes, last_ns: int | None, expected: bytes
) -> None:
    assert timeless(printed, last_ns) == expected
    assert len(expected) == len(printed)
