"""Whose account the courier works under: never root's where the state folder is somebody else's.

What it makes there, and for the sinks, is then the service's, which has to go on with it later.
"""

import os
import pwd
from pathlib import Path

from monitor.files import InputError


def become_owner(state: Path) -> int | None:
    """Where this process is root, become whom the state folder belongs to, for good; return who that is.

    Where there is no such folder yet, the one above says. None where nothing changed. Raises InputError.
    """
    found = next(each for each in (state, *state.absolute().parents) if each.exists()).stat()
    if os.geteuid() != 0 or found.st_uid == 0:
        return None
    gid, groups = found.st_gid, [found.st_gid]
    try:
        entry = pwd.getpwuid(found.st_uid)
    except KeyError:
        pass  # a number without a name, as in containers
    else:
        gid, groups = entry.pw_gid, os.getgrouplist(entry.pw_name, entry.pw_gid)
    try:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(found.st_uid)
    except OSError as error:
        problem = f"it belongs to user {found.st_uid}, whom this process cannot become ({error.strerror})"
        raise InputError(str(state), problem, "run this as that user") from None
    return found.st_uid
