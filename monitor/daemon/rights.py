"""What the daemon gives up once it has opened what takes rights."""

import os
import pwd
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from monitor.files import InputError
from monitor.settings import Settings
from sensors import confinement

OWN_STATUS = Path("/proc/self")  # which the metrics of the process are read from


def give_up_rights(settings: Settings, log: FilteringBoundLogger) -> None:
    """Become the user of the configuration where the process is root, without any capability.

    Raises InputError.
    """
    config = settings.config
    try:
        dropped = confinement.drop_privileges(config.security.user)
    except confinement.ConfinementError as error:
        raise InputError("security.user", str(error), "see docs/61-service.md") from None
    log.info("rights given up", user=dropped.uid, group=dropped.gid, kept=list(dropped.kept))


def confine_process(settings: Settings, log: FilteringBoundLogger) -> None:
    """Confine the process to the files that it needs, and to few system calls; say what does not hold."""
    security = settings.config.security
    rules = confinement.Rules(
        read=readable_paths(settings),
        write=writable_paths(settings),
        seccomp=security.seccomp,
        landlock=security.landlock,
    )
    confined = confinement.confine(rules)
    log.info("confined", seccomp=confined.seccomp, landlock=confined.landlock)
    for reason in confined.reasons:
        log.warning("not confined", reason=reason)


def readable_paths(settings: Settings) -> tuple[Path, ...]:
    """Return what is read later: of files that a reload reads the folders, as a new file is another.

    So may a file be that is a link.
    """
    named = (Path(settings.source.path).absolute(), settings.policy, *settings.catalogs, *settings.geoips)
    files = [path for path in named if path is not None]
    folders = {OWN_STATUS, *(folder for path in files for folder in (path.parent, path.resolve().parent))}
    folders |= {path for path in (settings.data, settings.watch) if path is not None}
    return tuple(sorted(path for path in folders if path.exists()))


def writable_paths(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that the daemon writes to."""
    keys = (settings.keys,) if settings.config.privacy.pseudonyms.enabled else ()
    spool = (settings.spool,) if settings.spool is not None else ()
    return (settings.ledger, settings.state, *keys, *spool)


def make_folders(settings: Settings) -> None:
    """Make the folders that are written to where they are missing, as the user's who will be left.

    Raises InputError.
    """
    root = os.geteuid() == 0
    owner = pwd.getpwnam(settings.config.security.user) if root else None
    for folder in (*writable_paths(settings), settings.ledger_key.parent):
        try:
            if folder.is_dir():
                continue
            folder.mkdir(0o700)
            if owner is not None:
                # Not what a link leads to: the user may own the folder above, and put one there meanwhile.
                os.chown(folder, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        except OSError as error:
            mend = f"make it by hand, for the user {settings.config.security.user}"
            raise InputError(str(folder), error.strerror or "cannot be made", mend) from None
