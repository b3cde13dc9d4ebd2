"""Runs a command under what the service's unit restricts, as far as this can be had without systemd.

As root: ``python -m tests.under_unit UNIT WRITABLE USER COMMAND...``. Applied are system calls, address
families, namespaces, no memory that is writable and executable, capabilities, no_new_privs, read-only files
except below WRITABLE, what /proc shows, limits, the umask and, where USER is not root, an account. Not
applied: private /tmp, /home and /dev, cgroups (IPAddressDeny=, TasksMax=).
"""

import ctypes
import errno
import mmap
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from socket import AddressFamily

UNIT = Path(__file__).parents[1] / "packaging/systemd/residency-monitor.service"

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # libseccomp's actions
_EQUAL, _MASKED_EQUAL = 4, 7  # and comparisons
_MOUNT_SETATTR, _RECURSIVE, _READ_ONLY = 442, 0x8000, 1
_NEW_MOUNTS, _PRIVATE, _BIND = 0x00020000, 0x4000 | 0x40000, 0x1000
_SHM_EXEC = 0o100000
_FAMILIES = 64
_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


def under_unit(writable: Path, *command: str, user: str = "root", unit: Path = UNIT) -> list[str]:
    """Return the command that runs a command under the unit."""
    return [sys.executable, "-m", "tests.under_unit", str(unit), str(writable), user, *command]


def settings(path: Path = UNIT) -> dict[str, list[str]]:
    """Return the settings of a unit's section [Service]; each may be given more than once."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def system_calls(lines: Iterable[str]) -> set[str]:
    """Return the names that the lines of SystemCallFilter= come to, of which the first has to allow."""
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    groups: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())

    def calls(name: str) -> set[str]:
        return set().union(*map(calls, groups[name])) if name in groups else {name}

    allowed = calls("@default")
    for line in lines:
        named = set().union(*map(calls, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed | calls("@default")


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Filter:
    """A filter of system calls; those without a rule get ``otherwise``."""

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, action: int, name: str, *comparisons: _Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # on this architecture
            array = (_Comparison * len(comparisons))(*comparisons)
            _check(
                self._library.seccomp_rule_add_array(
                    self._context, ctypes.c_uint32(action), number, len(comparisons), array
                )
            )

    def load(self) -> None:
        _check(self._library.seccomp_load(self._context))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno() or -result
        raise OSError(number, os.strerror(number))


def mount_read_only(writable: Path, *, open_to_all: bool) -> None:
    """ProtectSystem=strict, ProtectProc=invisible and ProcSubset=pid, in a mount namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_NEW_MOUNTS))
    _check(libc.mount(None, b"/", None, _PRIVATE, None))
    if open_to_all:
        open_installation()
    folder = os.fsencode(writable)
    _check(libc.mount(folder, folder, None, _BIND, None))
    _check(libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=invisible,subset=pid"))
    for path, recursive, change in (
        (b"/", _RECURSIVE, (ctypes.c_uint64 * 4)(_READ_ONLY, 0)),
        (folder, 0, (ctypes.c_uint64 * 4)(0, _READ_ONLY)),
    ):
        _check(libc.syscall(_MOUNT_SETATTR, -100, path, recursive, change, ctypes.sizeof(change)))


def open_installation() -> None:
    """Let everybody reach the interpreter, and nothing else of root's home, where it is there."""
    home, installed = Path("/root"), Path(sys.base_prefix).resolve()
    if not installed.is_relative_to(home):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    kept = os.open(installed, os.O_PATH)
    _check(libc.mount(b"tmpfs", os.fsencode(home), b"tmpfs", 0, b"mode=0755"))
    installed.mkdir(parents=True)
    _check(libc.mount(f"/proc/self/fd/{kept}".encode(), os.fsencode(installed), None, _BIND, None))
    os.close(kept)


def filter_calls(unit: dict[str, list[str]]) -> None:
    """All that systemd does with seccomp here, which has no clone3, since its flags cannot be looked at."""
    held = _Filter(_ALLOW)
    refused = _ERRNO | errno.EPERM
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    held.add(refused, "mmap", _Comparison(2, _MASKED_EQUAL, both, both))
    for name in ("mprotect", "pkey_mprotect"):
        held.add(refused, name, _Comparison(2, _MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
    held.add(refused, "shmat", _Comparison(2, _MASKED_EQUAL, _SHM_EXEC, _SHM_EXEC))
    held.add(_ERRNO | errno.ENOSYS, "clone3")
    held.add(refused, "setns")
    for flag in _NAMESPACES:
        for name in ("clone", "unshare"):
            held.add(refused, name, _Comparison(0, _MASKED_EQUAL, flag, flag))
    families = {int(AddressFamily[name]) for name in " ".join(unit["RestrictAddressFamilies"]).split()}
    for family in set(range(_FAMILIES)) - families:
        held.add(_ERRNO | errno.EAFNOSUPPORT, "socket", _Comparison(0, _EQUAL, family, 0))
    calls = _Filter(refused)
    for name in system_calls(unit["SystemCallFilter"]):
        calls.add(_ALLOW, name)
    calls.add(_ALLOW, "seccomp")  # to put the other in place
    calls.load()
    held.load()


def main(path: str, writable: str, user: str, *command: str) -> None:
    """Restrict this process, and become the command."""
    unit = settings(Path(path))
    if writable != "-":
        account = [f"--reuid={user}", "--regid=nogroup", "--clear-groups"] if user != "root" else []
        mount_read_only(Path(writable), open_to_all=bool(account))
        names = [f"+{each.removeprefix('CAP_').lower()}" for each in unit["CapabilityBoundingSet"][0].split()]
        kept = ",".join(["-all", *names])
        setpriv = [
            "setpriv",
            *account,
            f"--bounding-set={kept}",
            f"--inh-caps={kept}",
            f"--ambient-caps={kept}",
        ]
        again = under_unit(Path("-"), *command, user=user, unit=Path(path))
        os.execvp("setpriv", [*setpriv, "--no-new-privs", *again])  # noqa: S606, S607
    os.umask(int(unit["UMask"][0], 8))
    for name in ("CORE", "NOFILE"):
        most = int(unit[f"Limit{name}"][0])
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    filter_calls(unit)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
