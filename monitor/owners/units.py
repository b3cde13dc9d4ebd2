r"""Reads a cgroup's path: which systemd unit and which container it belongs to. Pure.

What stands outermost counts, for that was named by the host's root; what is inside may be named by whoever
was given that part of the tree. The one exception: a user's own manager (`user@1000.service`) says which of
its units it is, and that is written behind it: `user@1000.service/app-firefox.scope`.

Paths as systemd (systemd.unit(5)), Docker, Podman, containerd, CRI-O, the kubelet and LXC make them, under
both cgroup drivers.
"""

import re
from itertools import pairwise

_NAME = r"[A-Za-z0-9:_.\\@-]+"  # systemd's own alphabet: nothing in it wants escaping
_SLICE = re.compile(rf"{_NAME}\.slice")
_UNIT = re.compile(rf"{_NAME}\.(?:service|scope|socket|mount|swap)")
_USER_MANAGER = re.compile(r"user@[0-9]+\.service")
_RESERVED = "_"  # systemd's mark before a name that the kernel might use itself
_ID = r"([0-9a-f]{64})"

# Runtime, and the last two directories of the path of one of its containers. Its monitors ("crio-conmon-...")
# are none. The kubelet's own driver does not say which runtime it asked.
_CONTAINERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (runtime, re.compile(pattern))
    for runtime, pattern in (
        ("docker", rf".*/docker-{_ID}\.scope"),
        ("docker", rf"docker/{_ID}"),
        ("docker", rf"[0-9a-f-]{{32,36}}/{_ID}"),  # ecs/<task>/<container>
        ("containerd", rf".*/cri-containerd-{_ID}\.scope"),
        ("containerd", rf".*:cri-containerd:{_ID}"),
        ("containerd", rf".*/nerdctl-{_ID}\.scope"),
        ("cri-o", rf".*/crio-{_ID}(?:\.scope)?"),
        ("podman", rf".*/libpod-{_ID}(?:\.scope)?"),
        ("kubernetes", rf"pod[0-9a-f-]{{32,36}}/{_ID}"),
        ("lxc", r".*/lxc\.payload\.([A-Za-z0-9_.-]{1,64})"),
        ("lxc", r"lxc/([A-Za-z0-9_.-]{1,64})"),
    )
)


def unit_of(path: str) -> str | None:
    """Return the systemd unit that a cgroup belongs to."""
    rest = _behind_slices(path.split("/")[1:])
    unit = _unit(rest)
    if unit is None or not _USER_MANAGER.fullmatch(unit):
        return unit
    inner = _unit(_behind_slices(rest[1:]))
    return unit if inner is None else f"{unit}/{inner}"


def container_of(path: str) -> str | None:
    """Return the container that a cgroup belongs to, as "runtime:identifier"."""
    parts = path.split("/")
    for parent, name in pairwise(parts):
        for runtime, pattern in _CONTAINERS:
            if found := pattern.fullmatch(f"{parent}/{name}"):
                return f"{runtime}:{found[1]}"
    return None


def _behind_slices(parts: list[str]) -> list[str]:
    for at, part in enumerate(parts):
        if not _SLICE.fullmatch(part):
            return parts[at:]
    return []


def _unit(parts: list[str]) -> str | None:
    name = parts[0].removeprefix(_RESERVED) if parts else ""
    return name if _UNIT.fullmatch(name) else None
