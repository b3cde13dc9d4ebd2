"""A tunnel interface whose far end is this program: it writes a capture's packets there, without Ethernet.

Run as ``python -m tests.live_tunnel INTERFACE CAPTURE``; it says how many it wrote.
"""

import fcntl
import os
import struct
import sys
from pathlib import Path

from tests.captures_kit import read_file

_SET_INTERFACE = 0x400454CA  # TUNSETIFF
_TUN, _NO_PACKET_INFORMATION = 0x0001, 0x1000
_ETHERNET_BYTES = 14


def write(interface: str, capture: Path) -> int:
    """Write all frames of a capture as packets that came out of the tunnel; return how many."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(
            tunnel, _SET_INTERFACE, struct.pack("16sH", interface.encode(), _TUN | _NO_PACKET_INFORMATION)
        )
        frames, _ = read_file(capture)
        for frame in frames:
            os.write(tunnel, frame.data[_ETHERNET_BYTES:])
        return len(frames)
    finally:
        os.close(tunnel)


if __name__ == "__main__":
    sys.stdout.write(f"{write(sys.argv[1], Path(sys.argv[2]))}\n")
