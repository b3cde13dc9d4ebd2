"""The programs of others, measured where they are installed. None of them is a dependency."""

import csv
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.harness.measure import run_once
from benchmarks.harness.names import Said, names_of_script
from benchmarks.harness.program import Program

ROOT = Path(__file__).resolve().parents[2]
FAIR = "nDPI: ndpiReader -q -e 0 -C"
NFSTREAM_PYTHON = ROOT / "build" / "nfstream" / "bin" / "python"
_NDPI = ("ndpiReader", "-q", "-e", "0")  # 0: without looking for readable strings in all payload
_FIELDS = (
    *("ip.src", "ipv6.src", "tcp.srcport", "udp.srcport"),
    *("ip.dst", "ipv6.dst", "tcp.dstport", "udp.dstport"),
    *("tls.handshake.extensions_server_name", "http.host"),
)


def peers(path: Path) -> list[Program]:
    """Return those that are done in seconds: nDPI, in the setting that is fair to it, and as it comes."""
    file, missing = str(path), _lacking("ndpiReader", "libndpi-bin")
    names = partial(names_of_ndpi, file)
    return [
        Program(FAIR, (*_NDPI, "-C", "/dev/null", "-i", file), names=names, missing=missing),
        Program("nDPI as it comes: ndpiReader", ("ndpiReader", "-i", file), missing=missing),
    ]


def slow_peers(path: Path, nfstream_python: Path) -> list[Program]:
    """Return those that need most of a minute for five million packets."""
    script = (str(nfstream_python), str(ROOT / "benchmarks" / "drain_nfstream.py"), str(path))
    absent = "" if nfstream_python.is_file() else "not installed: make nfstream"
    names = partial(names_of_script, script)
    shark = tshark(str(path))
    return [
        Program("nfstream", script, names=names, missing=absent, slow=True),
        Program(
            "tshark",
            shark,
            names=partial(names_of_tshark, shark),
            missing=_lacking("tshark", "tshark"),
            slow=True,
        ),
    ]


def tshark(file: str) -> tuple[str, ...]:
    """Return the command that prints the five-tuple and name of every hello and HTTP request."""
    fields = (part for field in _FIELDS for part in ("-e", field))
    wanted = f"{_FIELDS[-2]} or {_FIELDS[-1]}"
    shape = ("-T", "fields", "-E", "separator=/t", "-E", "occurrence=f")
    return ("tshark", "-n", "-r", file, "-Y", wanted, *shape, *fields)


def names_of_ndpi(file: str, folder: Path) -> set[Said]:
    """Run nDPI once more, off the clock, and return the names in its flow records; not those asked in DNS."""
    out = folder / "flows.csv"
    run_once((*_NDPI, "-C", str(out), "-i", file))
    with out.open(newline="", errors="replace") as rows:
        return set(_ndpi_names(csv.DictReader(rows)))


def names_of_tshark(command: tuple[str, ...], folder: Path) -> set[Said]:
    """Run tshark once more, off the clock, and return the names that it printed."""
    out = folder / "names.txt"
    run_once(command, output=out)
    said = set()
    for line in out.read_text(errors="replace").splitlines():
        parts = line.split("\t")
        client, server = parts[0] or parts[1], parts[4] or parts[5]
        ports = int(parts[2] or parts[3]), int(parts[6] or parts[7])
        said.add((client, ports[0], server, ports[1], parts[8] or parts[9]))
    return said


def _ndpi_names(rows: "csv.DictReader[str]") -> Iterator[Said]:
    for row in rows:
        name = row["server_name_sni"]
        if name and row["ndpi_proto"].split(".")[0] != "DNS":
            yield (row["src_ip"], int(row["src_port"]), row["dst_ip"], int(row["dst_port"]), name)


def _lacking(program: str, package: str) -> str:
    return "" if shutil.which(program) else f"not installed: apt-get install {package}"
