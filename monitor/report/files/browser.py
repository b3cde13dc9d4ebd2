"""Has a Chromium print a page to PDF: offline, with an empty profile, for a bounded time.

What the page shows came from the network, so the browser gets as little as it can do with: no network (no
name is resolved, no proxy answers), no script and nothing to load, no profile or settings of the user, and
its sandbox. As root Chromium refuses to start with a sandbox; then it goes without.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
)  # fmt: skip
PRINT_SECONDS = 300  # the largest report took 71 of them on two busy cores
MAX_PDF_BYTES = 200_000_000
_PAGE, _PRINTED, _PROFILE = "report.html", "report.pdf", "profile"
_ROOM = 2_000  # characters of a browser's messages that are looked at

_FLAGS = (
    "--headless",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",  # discard: for what is no name to be resolved
    "--proxy-bypass-list=<-loopback>",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--use-mock-keychain",
)


# Beside the page's own policy: what both allow is allowed. This allows no script, and nothing from elsewhere.
_CLOSED = (
    b'<meta http-equiv="Content-Security-Policy" '
    b"content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)


class PrintingError(Exception):
    """A page could not be printed. The message is a part of a sentence that says why."""


def find_browser() -> str | None:
    """Return the path of a browser that prints, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name)) is not None), None)


def print_page(browser: str, page: bytes) -> bytes:
    """Return a page as the browser prints it, unchecked. Raises PrintingError, OSError."""
    with tempfile.TemporaryDirectory(prefix="residency-report-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / _PAGE).write_bytes(page.replace(b"<head>", b"<head>" + _CLOSED, 1))
        messages = _run(_command(browser, folder), folder)
        printed = folder / _PRINTED
        if not printed.is_file():
            raise PrintingError(f"{browser} printed nothing ({messages})")
        if printed.stat().st_size > MAX_PDF_BYTES:
            raise PrintingError(f"{browser} printed more than {MAX_PDF_BYTES:,} bytes")
        return printed.read_bytes()


def _command(browser: str, folder: Path) -> list[str]:
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    places = [f"--user-data-dir={folder / _PROFILE}", f"--print-to-pdf={folder / _PRINTED}"]
    return [browser, *_FLAGS, *unboxed, *places, (folder / _PAGE).as_uri()]


def _run(command: list[str], folder: Path) -> str:
    """Run the browser, with all that it starts, to its end; return the last of its messages."""
    surroundings = {
        "HOME": str(folder), "TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder),
        "XDG_CACHE_HOME": str(folder), "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8", "TZ": "UTC",
    }  # fmt: skip
    with (folder / "messages").open("w+b") as messages:
        process = subprocess.Popen(  # noqa: S603  a browser that was found on the user's own path
            command,
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            env=surroundings,
            start_new_session=True,
        )
        try:
            process.wait(PRINT_SECONDS)
        except subprocess.TimeoutExpired:
            raise PrintingError(f"{command[0]} did not end within {PRINT_SECONDS} seconds") from None
        finally:
            _end(process)
        messages.seek(max(messages.tell() - _ROOM, 0))
        return _last_line(messages.read(_ROOM)) or f"status {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and what it started, which is its own process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(messages: bytes) -> str:
    lines = messages.decode("utf-8", "replace").split("\n")
    said = [
        line.strip() for line in lines if line.strip() and ":dbus/" not in line
    ]  # it complains of that always
    return "".join(each if each.isprintable() else "?" for each in said[-1])[:200] if said else ""
