"""Makes the files that a capture tool would leave that begins a new one at fixed times."""

import struct
from pathlib import Path

from benchmarks import make_traffic
from benchmarks.traffic.model import START_NS
from benchmarks.traffic.plan import DURATION_SECONDS

_HEADER_BYTES = 24
_RECORD = struct.Struct("<IIII")
_SECOND_US = 1_000_000


def make_rotation(folder: Path, files: int, packets: int, minutes: int) -> int:
    """Make files of so many packets and minutes; return their bytes. What is there already is kept.

    Each file has traffic of its own: of flows whose end is not seen, the next file tells that they fell
    silent. It is made for ten minutes, and goes at the pace that fills the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        path = folder / f"egress-{number:03}.pcap"
        if not path.exists():
            _make(path, number, packets, minutes * 60)
    return sum(path.stat().st_size for path in folder.glob("*.pcap"))


def _make(path: Path, number: int, packets: int, seconds: int) -> None:
    partial = path.with_suffix(".partial")
    truth = path.with_suffix(".truth")
    counts = ["--packets", str(packets), "--flows", str(packets // 25), "--seed", str(number + 1)]
    make_traffic.main([*counts, "--out", str(partial), "--truth", str(truth)])
    truth.unlink()
    content = bytearray(partial.read_bytes())
    begin_us = START_NS // 1_000
    at = _HEADER_BYTES
    while at < len(content):
        whole, fraction, captured_bytes, wire_bytes = _RECORD.unpack_from(content, at)
        after_us = (whole * _SECOND_US + fraction - begin_us) * seconds // DURATION_SECONDS
        time = divmod(begin_us + after_us + number * seconds * _SECOND_US, _SECOND_US)
        _RECORD.pack_into(content, at, *time, captured_bytes, wire_bytes)
        at += _RECORD.size + captured_bytes
    partial.write_bytes(content)
    partial.replace(path)
