"""What a configuration asks of the host that runs the daemon, and this host lacks.

Apart from ``monitor.settings``, so that a configuration can be checked on another machine.
"""

import importlib.util
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from monitor.documents import Problem
from monitor.policy.remarks import Path as Key
from monitor.policy.remarks import Remark, locate, suggest
from monitor.settings import Settings
from sensors.engine import EngineError, choose

_KEYS: Key = ("privacy", "pseudonyms", "keys")
_WATCH: Key = ("capture", "watch")
SINK_LIBRARIES = {  # what a type of sink needs beside Python itself; the extra has the type's name
    "alertmanager": "urllib3",
    "kafka": "confluent_kafka",
    "redis": "redis",
    "webhook": "urllib3",
}


def host_problems(settings: Settings) -> tuple[Problem, ...]:
    """What hinders the daemon here (errors), or should not be so (warnings), each with its line."""
    remarks = [
        *_interfaces(settings),
        *_rings(settings),
        *_engine(settings),
        *_watch(settings.watch),
        *_written_to(("ledger", "folder"), settings.ledger),
        *_written_to(("ledger", "key"), settings.ledger_key.parent),
        *_state(settings.state),
        *_extras(settings),
        *_keys(settings),
        *_user(settings),
        *_file(Path(settings.source.path)),
    ]
    return locate(settings.source, remarks)


def absent_interfaces(settings: Settings) -> tuple[Problem, ...]:
    """Which of the interfaces to watch are not here: they may come yet."""
    return locate(settings.source, [*_interfaces(settings)])


def _interfaces(settings: Settings) -> Iterator[Remark]:
    for at, name in enumerate(settings.config.capture.interfaces):
        if not _is_interface(name):
            mend = suggest(name, _interface_names(), "`ip link` shows those there are")
            yield Remark(("capture", "interfaces", at), f"no interface {name!r} on this host", mend)


def _is_interface(name: str) -> bool:
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


def _interface_names() -> set[str]:
    """The interfaces there are; none where netlink is not for us, as under the unit."""
    try:
        return {name for _, name in socket.if_nameindex()}
    except OSError:
        return set()


def _rings(settings: Settings) -> Iterator[Remark]:
    capture = settings.config.capture
    rings = len(capture.interfaces) * capture.threads * capture.ring_bytes
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if rings > memory // 2:
        problem = f"the rings take {_mib(rings)}, more than half of the memory of this host ({_mib(memory)})"
        yield Remark(("capture", "ring_bytes"), problem, "write less, or use fewer threads")


def _engine(settings: Settings) -> Iterator[Remark]:
    capture = settings.config.capture
    try:
        choice = choose(capture.engine)
    except EngineError as error:
        yield Remark(("capture", "engine"), str(error), "or write `engine: auto`")
        return
    if choice.note:
        yield Remark(("capture", "engine"), choice.note, "see `residency doctor`", "warning")
        if capture.threads > 1:
            problem = "engine dpkt works in one thread, and no other is here"
            yield Remark(("capture", "threads"), problem, "write `threads: 1`")


def _watch(folder: Path | None) -> Iterator[Remark]:
    if folder is not None and not _is_folder(folder):
        what = "is no folder" if _mode(folder) else "does not exist"
        mend = "name the folder that captures are put into, or make it"
        yield Remark(_WATCH, f"{folder} {what}", mend)


def _written_to(key: Key, folder: Path) -> Iterator[Remark]:
    """What hinders a folder that the daemon makes where its parent is there."""
    if _mode(folder) and not _is_folder(folder):
        yield Remark(key, f"{folder} is no folder", "name another")
    elif not _is_folder(folder.parent):
        yield Remark(key, f"{folder.parent} does not exist", f"make it: mkdir -p {folder.parent}")


def _state(folder: Path) -> Iterator[Remark]:
    """What hinders a folder that is made together with those above it."""
    if _mode(folder) and not _is_folder(folder):
        yield Remark(("state",), f"{folder} is no folder", "name another")


def _extras(settings: Settings) -> Iterator[Remark]:
    """Which sinks need what is not installed here; the sensor works without."""
    for at, sink in enumerate(settings.config.sinks):
        kind = type(sink).__struct_config__.tag
        module = SINK_LIBRARIES.get(str(kind))
        if module is not None and importlib.util.find_spec(module) is None:
            problem = f"sink {sink.name} needs the {kind} extra, which is not installed"
            mend = f"install it: pip install 'residency-monitor[{kind}]'"
            yield Remark(("sinks", at), problem, mend, "warning")


def _keys(settings: Settings) -> Iterator[Remark]:
    folder = settings.keys
    if not settings.config.privacy.pseudonyms.enabled:
        return
    yield from _written_to(_KEYS, folder)
    if _is_folder(folder) and _mode(folder) & 0o077:
        problem = f"others than its owner may enter {folder}, and undo pseudonyms"
        yield Remark(_KEYS, problem, f"close it: chmod 700 {folder}", "warning")


def _user(settings: Settings) -> Iterator[Remark]:
    """Root becomes another user, who has to be there, and to read again what a reload reads."""
    name = settings.config.security.user
    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        mend = f"add it: useradd --system --no-create-home --shell /usr/sbin/nologin {name}"
        yield Remark(("security", "user"), f"no user {name!r} on this host", mend)
        return
    single = (((), Path(settings.source.path)), (("policy",), settings.policy))
    several = ((("catalogs", at), path) for at, path in enumerate(settings.catalogs))
    databases = ((("geoip", at), path) for at, path in enumerate(settings.geoips))
    for key, path in (*single, *several, *databases):
        if path is not None and not may_read(path, user):
            problem = f"user {name} may not read {path}, so that it cannot be reloaded"
            yield Remark(key, problem, "let it read the file and enter all folders above", "warning")
    if settings.watch is not None and settings.watch.is_dir() and not may_read(settings.watch, user):
        problem = f"user {name} may not read {settings.watch}"
        yield Remark(_WATCH, problem, "let it list and read the folder, and enter all folders above")


def may_read(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the permissions of a file, and of the folders above it, let a user read it."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    whole = path.absolute()
    wanted = ((whole, stat.S_IROTH), *((folder, stat.S_IXOTH) for folder in whole.parents))
    return all(_permits(each, bit, user.pw_uid, groups) for each, bit in wanted)


def _permits(path: Path, bit: int, user: int, groups: list[int]) -> bool:
    """Whether ``bit``, as it counts for others, is set for a user of these groups."""
    try:
        status = path.stat()
    except OSError:
        return False
    shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
    return bool(status.st_mode & bit << shift)


def _file(path: Path) -> Iterator[Remark]:
    if _mode(path) & stat.S_IWOTH:
        yield Remark((), "everyone may write this file", f"close it: chmod o-w {path}", "warning")


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """Kind and permissions; nothing where there is no such path, or it is out of reach."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _mib(number: int) -> str:
    return f"{number // 1_048_576} MiB"
