"""The yardstick: dpkt decodes every packet of a pcap, and nothing else is done. Run by ``run.py``."""

import sys
from pathlib import Path

import dpkt


def decode(path: Path) -> int:
    """Decode every frame; return how many there were."""
    packets = 0
    with path.open("rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            dpkt.ethernet.Ethernet(frame)
            packets += 1
    return packets


if __name__ == "__main__":
    print(decode(Path(sys.argv[1])))
