"""Finds who owns a connection: its socket by netlink, its unit by cgroup, its process by ``/proc``."""

from collections.abc import Callable
from pathlib import Path

from monitor.owners.addresses import LocalAddresses
from monitor.owners.cgroups import MOUNTS, Cgroups, cgroup_mount
from monitor.owners.diag import Held
from monitor.owners.link import Link
from monitor.owners.outcomes import OwnerOutcome
from monitor.owners.processes import Holder, Processes
from monitor.owners.sockets import Sockets
from monitor.owners.units import container_of, unit_of
from monitor.types import Owner
from sensors.observations import FlowKey

PROC = Path("/proc")

_NETLINK_ROUTE, _NETLINK_SOCK_DIAG = 0, 4


class Finder:
    """``clock`` gives monotonic nanoseconds. Netlink sockets are opened when it is made."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._diag = Link(_NETLINK_SOCK_DIAG)
        self._route = Link(_NETLINK_ROUTE)
        self._sockets = Sockets(self._diag)
        self._local = LocalAddresses(self._route)
        self._cgroups = Cgroups(cgroup_mount(MOUNTS.read_bytes()))
        self._processes = Processes(PROC, clock)

    def check(self) -> None:
        """Raise UnansweredError where the kernel cannot diagnose sockets."""
        self._sockets.check()

    def close(self) -> None:
        """Close the netlink sockets."""
        self._diag.close()
        self._route.close()

    def find(self, flow: FlowKey) -> tuple[OwnerOutcome, Owner | None]:
        """Return who owns the flow's client socket now, as far as it can be told."""
        if not self._local.holds(flow.client, self._clock()):
            return "not-local", None
        socket = self._sockets.find(flow)
        return self._owner(socket) if isinstance(socket, Held) else (socket, None)

    def _owner(self, socket: Held) -> tuple[OwnerOutcome, Owner]:
        path = None if socket.cgroup is None else self._cgroups.path(socket.cgroup)
        unit, container = (None, None) if path is None else (unit_of(path), container_of(path))
        found = self._processes.holder(socket.inode, self._cgroups.pids(path or "/"))
        if isinstance(found, Holder):
            return "attributed", Owner(socket.uid, found.process, unit, container)
        return found, Owner(socket.uid, None, unit, container)
