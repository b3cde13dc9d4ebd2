"""Whose account is used in a state folder: never root's where it is somebody else's.

What is made there, and for the sinks, is then the service's, which has to go on with it later; and no link
that the service's user puts there leads root anywhere.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.files import InputError


def owner_of(state: Path) -> int | None:
    """Return whom root has to become to work in a state folder, None where nobody.

    Where there is no such folder yet, the one above says.
    """
    found = next(each for each in (state, *state.absolute().parents) if each.exists())
    uid = found.stat().st_uid
    return uid if os.geteuid() == 0 and uid != 0 else None


def become(uid: int) -> None:
    """Become a user, with all his groups, for good. Raises InputError."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a number without a name, as in containers
        gid, groups = uid, []
    else:
        gid, groups = entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid)
    try:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        raise _not_him(uid, error) from None


@contextmanager
def acting_as(uid: int | None) -> Iterator[None]:
    """Make and open files as a user, if any, and be root again. Raises InputError."""
    if uid is None:
        yield
        return
    try:
        os.seteuid(uid)
    except OSError as error:
        raise _not_him(uid, error) from None
    try:
        yield
    finally:
        os.seteuid(0)


def _not_him(uid: int, error: OSError) -> InputError:
    problem = f"this process cannot become him ({error.strerror})"
    return InputError(f"user {uid}, whose state folder it is", problem, "run this as that user")
