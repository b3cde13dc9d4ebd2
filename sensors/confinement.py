"""What the daemon gives up once it has opened what it needs: its user, capabilities, files and system calls.

All of it is for good, and done by the native engine: ``support`` says what is there. The order: open sockets
and files; ``drop_privileges``; ``confine``; only then start threads, for Landlock before version 8 does not
hold those that run already. After that there is no new connection, no datagram to an address, no listener and
no program.
"""

import os
import pwd
import sys
from pathlib import Path
from typing import Literal

import msgspec

from sensors.native import MISSING

if not MISSING:
    from sensors import _native

LANDLOCK_WHOLE = 6  # the version of Landlock that holds all of the rules

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_CLOCK = ("/etc/localtime", "/usr/share/zoneinfo")
_CHANCE = ("/dev/urandom",)


class ConfinementError(RuntimeError):
    """Privileges could not be dropped; the process must not go on. The message says what to do."""


class Support(msgspec.Struct, frozen=True):
    """What this kernel and installation have. ``landlock_abi`` 0 is none; ``missing`` says why nothing is."""

    seccomp: bool = False
    landlock_abi: int = 0
    missing: str = ""


class Dropped(msgspec.Struct, frozen=True):
    """Who the process is now, and the capabilities it kept.

    ``bounding_emptied``: no program could gain any; without CAP_SETPCAP only ``no_new_privs``, which always
    holds, says so.
    """

    uid: int
    gid: int
    changed_user: bool
    bounding_emptied: bool
    kept: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True):
    """What the process may still do. Paths are files, or folders with all below; they are opened at once.

    Name the folder of a file that may be replaced: for the new file, a rule for the old one does not count.
    What Python needs to import modules is always readable. ``sock_diag`` allows netlink sockets that ask
    whose a socket is. Landlock forbids to look into other processes (`/proc/<pid>/fd`), whatever ``read``
    holds.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    seccomp: bool = True
    landlock: bool = True
    sock_diag: bool = False


class Confined(msgspec.Struct, frozen=True):
    """What holds, and one line for each thing that does not."""

    seccomp: bool = False
    landlock: Literal["full", "partial", "none"] = "none"
    reasons: tuple[str, ...] = ()


def support() -> Support:
    """Say what this kernel and this installation have."""
    if MISSING:
        return Support(missing=_not_here())
    seccomp, landlock_abi = _native.support()
    return Support(seccomp, landlock_abi)


def drop_privileges(user: str, keep: tuple[str, ...] = ()) -> Dropped:
    """Become the user, where the process is root, and keep no capability but those named ("cap_sys_ptrace").

    Must come before threads start. Without the native engine only the user changes, and what root could do
    goes with it. Raises ConfinementError.
    """
    root = os.geteuid() == 0
    identity = _identity(user) if root else (os.geteuid(), os.getegid(), os.getgroups())
    if MISSING:
        return _become(identity, root=root)
    try:
        changed_user, bounding_emptied, kept = _native.drop_privileges(identity, list(keep))
    except RuntimeError as error:
        raise ConfinementError(f"privileges cannot be dropped: {error}") from error
    return Dropped(os.geteuid(), os.getegid(), changed_user, bounding_emptied, tuple(kept))


def confine(rules: Rules) -> Confined:
    """Hold the process to the rules, as far as kernel and installation can."""
    if MISSING:
        return Confined(reasons=(_not_here(),))
    read = (*rules.read, *_runtime())
    seccomp, landlock, reasons = _native.confine_process(msgspec.structs.replace(rules, read=read))
    return Confined(seccomp, landlock, tuple(reasons))


def _become(identity: tuple[int, int, list[int]], *, root: bool) -> Dropped:
    """Become a user without the native engine: the kernel takes root's capabilities, and nobody else's."""
    uid, gid, groups = identity
    if root:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
        except OSError as error:
            problem = f"user {uid} cannot be become: {(error.strerror or str(error)).lower()}"
            raise ConfinementError(f"{problem}; start as that user, with CAP_NET_RAW") from None
    return Dropped(uid, gid, root, bounding_emptied=False, kept=())


def _not_here() -> str:
    return f"confinement is part of the native engine, which is not here: {MISSING}"


def _identity(user: str) -> tuple[int, int, list[int]]:
    """Return the ids of a user, its group and all its groups."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        mend = f"create it (useradd --system {user}), or name another under security: user:"
        raise ConfinementError(f"there is no user {user!r}; {mend}") from None
    return entry.pw_uid, entry.pw_gid, os.getgrouplist(user, entry.pw_gid)


def _runtime() -> tuple[Path, ...]:
    """Return what Python reads when a module is imported late, or a time zone or chance is wanted.

    Packages that are but linked where Python looks for them are not among it.
    """
    ours = str(Path(__file__).parents[1])
    paths = dict.fromkeys((ours, *sys.path, *_LIBRARIES, *_CLOCK, *_CHANCE))
    return tuple(Path(path) for path in paths if path.startswith("/") and os.access(path, os.R_OK))
