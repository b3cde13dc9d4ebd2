"""One network interface through a raw socket of Linux (packet(7)): frames with the kernel's notes on them.

The interface is known by its name: it may go down, go, and come back as another. Whatever is done to a socket
once it is open takes no privilege.
"""

import errno
import fcntl
import socket
import struct
import time
from collections.abc import Iterator

from sensors.captured import MAX_FRAME_BYTES, Frame
from sensors.live import CaptureError, Rings, State

# of linux/if_packet.h, linux/if_ether.h, linux/sockios.h, linux/if.h, asm-generic/socket.h
_SOL_PACKET, _ADD_MEMBERSHIP, _STATISTICS, _AUXDATA, _IGNORE_OUTGOING = 263, 1, 6, 8, 23
_PROMISCUOUS = 1
_EVERY_PROTOCOL, _NO_PROTOCOL = 0x0003, 0x0009  # the latter is LocalTalk's, which no wire can bring
_ASK_FLAGS, _ASK_KIND, _ASK_INDEX = 0x8913, 0x8927, 0x8933
_IS_UP = 1
_LOOPBACK = "lo"
_RECEIVE_BYTES_FORCED, _TIMESTAMPS = 33, 35
_VLAN_VALID, _VLAN_PROTOCOL_VALID = 1 << 4, 1 << 6

_REQUEST = struct.Struct("16s24x")  # struct ifreq; what is asked for comes at 16
_AUXILIARY = struct.Struct(
    "=IIIHHHH"
)  # status, wire length, captured length, two offsets, VLAN, its protocol
_TIME = struct.Struct("@ll")
_NOTES_BYTES = socket.CMSG_SPACE(_TIME.size) + socket.CMSG_SPACE(_AUXILIARY.size)
_ADDRESSES_BYTES = 12  # of an Ethernet header: the tag of a VLAN comes behind them
_VLAN, _TAG_BYTES = 0x8100, 4
_SECOND_NS = 1_000_000_000

ETHERNET, RAW_IP = 1, 101  # LINKTYPE_ values
# By ARPHRD_ values: Ethernet and loopback; nothing in front of IP (tun, IPIP, SIT, GRE, PPP).
_LINKTYPES = {1: ETHERNET, 772: ETHERNET} | dict.fromkeys((512, 519, 768, 769, 776, 778, 823, 0xFFFE), RAW_IP)
_AWAY = (errno.ENETDOWN, errno.ENODEV, errno.ENXIO)


class Tap:
    """What is seen on an interface, from the first ``look_after`` on.

    ``packets`` are those the kernel had, ``dropped`` those among them that it had no room for.
    """

    def __init__(self, name: str, rings: Rings) -> None:
        self.name = name
        self.state: State = "down"
        self.packets = self.dropped = 0
        self._promiscuous = rings.promiscuous
        self._index: int | None = None  # of the interface that is listened to
        snap_bytes = MAX_FRAME_BYTES if rings.snap_bytes is None else rings.snap_bytes
        self._buffer = memoryview(bytearray(min(snap_bytes, MAX_FRAME_BYTES)))
        self.linktype = _linktype(name)
        self._socket = _open(name, self.linktype)
        try:
            self._prepare(rings.ring_bytes)
        except OSError as error:
            raise CaptureError(f"interface {name}: {error.strerror}; see the kernel's log") from None

    def fileno(self) -> int:
        """The socket, to wait for."""
        return self._socket.fileno()

    def look_after(self) -> None:
        """See how the interface fares; listen to it, where it is a new one."""
        try:
            index = _ask(self._socket, self.name, _ASK_INDEX, "i")
            if index != self._index:
                self._listen(index)
            flags = _ask(self._socket, self.name, _ASK_FLAGS, "H")
        except OSError as error:
            if error.errno not in _AWAY:
                raise
            flags = 0
            self._leave()
        if self._index is None:
            self.state = "gone"
        else:
            self.state = "up" if flags & _IS_UP else "down"

    def frames(self, most: int) -> Iterator[Frame]:
        """Yield what was received and not yet read, at most so many frames."""
        for _ in range(most):
            try:
                size, notes, _, _ = self._socket.recvmsg_into([self._buffer], _NOTES_BYTES)
            except BlockingIOError:
                return
            except OSError as error:  # said once, when the interface goes down
                if error.errno not in _AWAY:
                    raise
                continue
            yield self._frame(bytes(self._buffer[:size]), notes)

    def lost(self) -> int:
        """Return how many packets the kernel dropped since the last call."""
        packets, dropped = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        self.packets += packets
        self.dropped += dropped
        return int(dropped)

    def turn_off(self) -> None:
        """Receive nothing more; what was received can still be read."""
        self._socket.bind((_LOOPBACK, _NO_PROTOCOL))  # every network has one

    def close(self) -> None:
        """Have done with it."""
        self._socket.close()

    def _prepare(self, receive_bytes: int) -> None:
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        self._socket.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        if self.name == _LOOPBACK:  # each packet goes out and comes in
            self._socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        half = min(receive_bytes // 2, 2**30)  # the kernel doubles it, for its own needs
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BYTES_FORCED, half)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, half)

    def _listen(self, index: int) -> None:
        """Listen to the interface that has the name now, unless it is of another kind than before."""
        self._leave()
        if _LINKTYPES.get(_ask(self._socket, self.name, _ASK_KIND, "H")) != self.linktype:
            return
        self._socket.bind((self.name, _EVERY_PROTOCOL))
        if self._promiscuous:
            request = struct.pack("@iHH8s", index, _PROMISCUOUS, 0, b"")
            self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
        self._index = index

    def _leave(self) -> None:
        """Listen no more to the interface that had the name: it may live on under another."""
        if self._index is not None:
            self.turn_off()
        self._index = None

    def _frame(self, data: bytes, notes: list[tuple[int, int, bytes]]) -> Frame:
        """Return a frame with what the kernel notes on it; a tag that the card took off is put back."""
        ts_ns, wire_bytes = None, len(data)
        for level, kind, note in notes:
            if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS):
                seconds, nanoseconds = _TIME.unpack_from(note)
                ts_ns = seconds * _SECOND_NS + nanoseconds
            elif (level, kind) == (_SOL_PACKET, _AUXDATA):
                status, wire_bytes, _, _, _, vlan, protocol = _AUXILIARY.unpack_from(note)
                if status & _VLAN_VALID and self.linktype == ETHERNET:
                    tag = struct.pack("!HH", protocol if status & _VLAN_PROTOCOL_VALID else _VLAN, vlan)
                    data = data[:_ADDRESSES_BYTES] + tag + data[_ADDRESSES_BYTES:]
                    wire_bytes += _TAG_BYTES
        return Frame(
            time.time_ns() if ts_ns is None else ts_ns, self.linktype, data, max(wire_bytes, len(data))
        )


def _linktype(name: str) -> int:
    """Return the link type of an interface. Raises CaptureError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as any_socket:
        try:
            kind = _ask(any_socket, name, _ASK_KIND, "H")
        except OSError:
            raise CaptureError(
                f"interface {name}: there is no such interface; `ip link` lists those that are"
            ) from None
    if kind not in _LINKTYPES:
        raise CaptureError(
            f"interface {name}: its kind ({kind}) cannot be watched; "
            "name one of Ethernet, a tunnel of IP, or the loopback"
        )
    return _LINKTYPES[kind]


def _open(name: str, linktype: int) -> socket.socket:
    """Open a socket that receives nothing yet; what stands in front of IP in a tunnel stays away."""
    family = getattr(socket, "AF_PACKET", None)
    try:
        if family is not None:
            return socket.socket(family, socket.SOCK_RAW if linktype == ETHERNET else socket.SOCK_DGRAM, 0)
    except PermissionError:
        problem = "watching it is not permitted; start as root, or with CAP_NET_RAW"
        raise CaptureError(f"interface {name}: {problem}") from None
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            raise CaptureError(f"interface {name}: it cannot be watched ({error.strerror})") from None
    raise CaptureError(
        f"interface {name}: this system has no packet sockets; run on Linux with CONFIG_PACKET"
    )


def _ask(any_socket: socket.socket, name: str, what: int, form: str) -> int:
    """Ask the kernel for a number of an interface. Raises OSError where there is no such interface."""
    encoded = name.encode(errors="replace")
    if not 0 < len(encoded) < 16 or b"\0" in encoded:
        raise OSError(errno.ENODEV, "not a name")
    answer = fcntl.ioctl(any_socket, what, _REQUEST.pack(encoded))
    (number,) = struct.unpack_from(f"@{form}", answer, 16)
    return int(number)
