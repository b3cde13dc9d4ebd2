"""Tells the supervisor how the daemon fares (sd_notify(3)): ready, reloading, stopping, status, still alive.

The socket is opened and connected before the process is confined; from then on nothing here raises or waits.
Where no supervisor asked to be told, nothing is sent.
"""

import socket
from collections.abc import Mapping

from monitor.files import InputError

SOCKET = "NOTIFY_SOCKET"
MAX_STATUS_CHARACTERS = 240
MAX_DIGITS = 20  # of a 64-bit number
_NS_PER_US = 1_000
_US_PER_SECOND = 1_000_000


class Supervisor:
    """Who started this process and wants to hear from it; ``channel`` is None where nobody does.

    ``watchdog_seconds`` is how often ``alive`` has to be said (half of what the supervisor waits), None where
    it does not watch. ``lost`` counts messages that could not be handed over.
    """

    def __init__(self, channel: socket.socket | None, watchdog_seconds: float | None = None) -> None:
        self.watchdog_seconds = watchdog_seconds
        self.lost = 0
        self._channel = channel

    def ready(self, status: str) -> None:
        """Say that packets are judged from now on, at the start and after each reload."""
        self._send("READY=1", _status(status))

    def reloading(self, monotonic_ns: int) -> None:
        """Say that a reload begins; ``ready`` ends it. ``monotonic_ns`` is now, on CLOCK_MONOTONIC."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns // _NS_PER_US}", _status("reloading"))

    def stopping(self) -> None:
        """Say that the daemon drains and ends."""
        self._send("STOPPING=1", _status("draining"))

    def status(self, text: str) -> None:
        """Say in a line how things are, as `systemctl status` shows it."""
        self._send(_status(text))

    def alive(self) -> None:
        """Keep the watchdog from acting."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Let go of the socket; what is said after that goes nowhere."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _send(self, *lines: str) -> None:
        if self._channel is None:
            return
        try:
            self._channel.send("\n".join(lines).encode(), socket.MSG_NOSIGNAL)
        except OSError:
            self.lost += 1


def open_supervisor(environment: Mapping[str, str], pid: int) -> Supervisor:
    """Connect to the supervisor that the environment names, if it does.

    Raises InputError when it names one that cannot be reached: the supervisor would wait in vain.
    """
    address = environment.get(SOCKET, "")
    if not address:
        return Supervisor(None)
    if address[0] not in "/@":
        raise InputError(f"{SOCKET}={address}", "neither a path nor an abstract name", "unset it")
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        channel.connect("\0" + address[1:] if address[0] == "@" else address)
    except OSError as error:
        channel.close()
        problem = str(error.strerror or error).lower()
        raise InputError(
            f"{SOCKET}={address}", problem, "start it from the supervisor, or unset it"
        ) from None
    return Supervisor(channel, _watchdog_seconds(environment, pid))


def _watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    """Half of the supervisor's patience (sd_watchdog_enabled(3)), None where it watches not this process."""
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    patience = environment.get("WATCHDOG_USEC", "")
    if not (patience.isascii() and patience.isdigit() and len(patience) <= MAX_DIGITS):
        return None
    return int(patience) / _US_PER_SECOND / 2 or None


def _status(text: str) -> str:
    """A status is one line of printable text: a line break would begin another message."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return f"STATUS={line[:MAX_STATUS_CHARACTERS]}"
