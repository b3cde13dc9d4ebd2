"""Reads a configuration of whatever kind: its values, the paths that they stand for, and every mistake in it.

A relative path counts from the configuration's folder; ``~`` and variables are not expanded.
"""

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from monitor.config import Location
from monitor.documents import DocumentError, Problem, Source, decode, problem_at
from monitor.files import read_source
from monitor.geography import Site
from monitor.policy.quantities import A_SIZE, size_bytes
from monitor.policy.remarks import Path as Key
from monitor.policy.remarks import Remark, locate

C = TypeVar("C")

_FOLDERS = ("data",)
_FLEET_KEY: Key = ("publish", "key")
_FILES = ("policy", "catalogs", "geoip")  # the first step of a key whose path has to be there


class Rules(NamedTuple, Generic[C]):
    """What is looked at: the values, the paths that they name, and where these lie among each other."""

    check: Callable[[C], Iterable[Remark]]
    paths: Callable[[C], Iterable[tuple[Key, str]]]
    apart: Callable[[C, Mapping[Key, Path]], Iterable[Remark]]


class Loaded(NamedTuple, Generic[C]):
    """A configuration that can be used, with the absolute paths that it names, by key."""

    config: C
    source: Source
    places: Mapping[Key, Path]
    warnings: tuple[Problem, ...]


def load_config(path: Path, kind: type[C], rules: Rules[C]) -> Loaded[C]:
    """Read and check a configuration, and that the files that it rests on are there.

    Raises InputError where the file itself cannot be read, DocumentError with every mistake in it.
    """
    source = read_source(path)
    config = decode(source, kind, lambda value: _sizes(source, value))
    named = [*rules.paths(config)]
    places = {key: path.parent.absolute() / written for key, written in named}  # links stay as they are
    remarks = [*rules.check(config)]
    refused = {each.path for each in remarks if each.level == "error"}
    for key, written in named:
        if key not in refused:
            remarks += _there(key, written, path.parent.absolute())
    problems = locate(source, [*remarks, *rules.apart(config, places)])
    if any(each.level == "error" for each in problems):
        raise DocumentError(problems)
    return Loaded(config, source, places, problems)


def site_of(place: Location | None) -> Site | None:
    """Return where sensors stand, if that is written."""
    return Site(place.latitude, place.longitude, place.name) if place is not None else None


def _sizes(source: Source, value: object, path: Key = ()) -> object:
    """The value with sizes in words ("64MiB") as numbers, wherever a key ends in _bytes."""
    if isinstance(value, list):
        return [_sizes(source, each, (*path, at)) for at, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        key: _size(source, each, (*path, key))
        if str(key).endswith("_bytes") and isinstance(each, str)
        else _sizes(source, each, (*path, key))
        for key, each in value.items()
    }


def _size(source: Source, written: str, path: Key) -> int:
    size = size_bytes(written)
    if size is None:
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
        raise DocumentError([problem_at(source, path, f"{name}: {written!r} is no size", A_SIZE)])
    return size


def _there(key: Key, written: str, folder: Path) -> Iterator[Remark]:
    """What is wrong with a file or folder that is rested on. Of a secret only `residency deliver` knows."""
    if (key[0] not in (*_FILES, *_FOLDERS, "sinks") and key != _FLEET_KEY) or key[-1] == "path":
        return
    try:
        mode = (folder / written).stat().st_mode
    except OSError as error:
        counted = "" if written.startswith("/") else f": it counts from {folder}"
        problem = f"{written}: {(error.strerror or type(error).__name__).lower()}"
        level: Literal["error", "warning"] = "warning" if key[0] == "sinks" else "error"  # may be another's
        yield Remark(key, problem, f"check the path{counted}", level)
        return
    if key[0] in _FOLDERS and not stat.S_ISDIR(mode):
        yield Remark(key, f"{written} is no folder", "name the folder that `residency data update` filled")
    elif key[0] not in _FOLDERS and stat.S_ISDIR(mode):
        yield Remark(key, f"{written} is a folder", "name a file in it")
    elif key[0] not in _FOLDERS and not stat.S_ISREG(mode):
        yield Remark(key, f"{written} is no plain file", "name a file")
