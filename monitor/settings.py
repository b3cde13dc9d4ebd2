"""Reads the daemon's configuration: the values, and the paths that they stand for.

A relative path counts from the configuration's folder; ``~`` and variables are not expanded. What depends on
the host that runs the daemon is asked apart, by ``monitor.host``.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from monitor.config import Config
from monitor.config_checks import check_config, paths_of
from monitor.datasets.use import DataChoice
from monitor.documents import DocumentError, Problem, Source, decode, problem_at
from monitor.files import read_source
from monitor.geography import Site
from monitor.policy.quantities import A_SIZE, size_bytes
from monitor.policy.remarks import Path as Key
from monitor.policy.remarks import Remark, locate

_FOLDERS = ("data",)
_LEDGER: Key = ("ledger", "folder")
_FLEET_KEY: Key = ("publish", "key")
_FILES = ("policy", "catalogs", "geoip")  # the first step of a key whose path has to be there


class Settings(Struct, frozen=True):
    """A configuration that can be used: ``config`` as it was written, its paths made absolute."""

    config: Config
    source: Source
    sensor: str  # its name in metrics and decisions
    policy: Path | None
    catalogs: tuple[Path, ...]
    data: Path | None
    geoips: tuple[Path, ...]
    watch: Path | None
    ledger: Path
    ledger_key: Path
    state: Path
    keys: Path
    spool: Path | None = None
    spool_key: Path | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def choice(self) -> DataChoice | None:
        """Which store of data sets is used: the one that is named, and none of a user's."""
        return DataChoice(self.data, spare=self.ranges) if self.data is not None else None

    @property
    def ranges(self) -> Path:
        """Where ranges are compiled by a daemon that may no longer write in the store."""
        return self.state / ".ranges"

    @property
    def site(self) -> Site | None:
        """Where the sensor stands, if that is written."""
        place = self.config.location
        return Site(place.latitude, place.longitude, place.name) if place is not None else None


def load_settings(path: Path) -> Settings:
    """Read and check a configuration, and that the files that it rests on are there.

    Raises InputError where the file itself cannot be read, DocumentError with every mistake in it.
    """
    source = read_source(path)
    config = decode(source, Config, lambda value: sizes(source, value))
    places = {key: resolve(path, written) for key, written in paths_of(config)}
    remarks = [*check_config(config)]
    refused = {each.path for each in remarks if each.level == "error"}
    for key, written in paths_of(config):
        if key not in refused:
            remarks += there(key, written, path.parent.absolute())
    problems = locate(source, [*remarks, *_apart(config, places)])
    if any(each.level == "error" for each in problems):
        raise DocumentError(problems)
    return _settings(source, config, places, problems)


def resolve(path: Path, written: str) -> Path:
    """What a path in the configuration at ``path`` stands for; symbolic links are left as they are."""
    return path.parent.absolute() / written


def _settings(
    source: Source, config: Config, places: dict[Key, Path], warnings: tuple[Problem, ...]
) -> Settings:
    return Settings(
        config,
        source,
        config.sensor or os.uname().nodename,
        policy=places.get(("policy",)),
        catalogs=tuple(places["catalogs", at] for at in range(len(config.catalogs))),
        data=places.get(("data",)),
        geoips=tuple(places["geoip", at] for at in range(len(config.geoip))),
        watch=places.get(("capture", "watch")),
        ledger=places["ledger", "folder"],
        ledger_key=places["ledger", "key"],
        state=places["state",],
        keys=places["privacy", "pseudonyms", "keys"],
        spool=places.get(("publish", "spool")),
        spool_key=places.get(("publish", "key")),
        warnings=warnings,
    )


def sizes(source: Source, value: object, path: Key = ()) -> object:
    """The value with sizes in words ("64MiB") as numbers, wherever a key ends in _bytes."""
    if isinstance(value, list):
        return [sizes(source, each, (*path, at)) for at, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        key: _size(source, each, (*path, key))
        if str(key).endswith("_bytes") and isinstance(each, str)
        else sizes(source, each, (*path, key))
        for key, each in value.items()
    }


def _size(source: Source, written: str, path: Key) -> int:
    size = size_bytes(written)
    if size is None:
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
        raise DocumentError([problem_at(source, path, f"{name}: {written!r} is no size", A_SIZE)])
    return size


def there(key: Key, written: str, folder: Path) -> Iterator[Remark]:
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


def _apart(config: Config, places: dict[Key, Path]) -> Iterator[Remark]:
    """What is written has folders of its own."""
    ledger, key, state, keys = _LEDGER, ("ledger", "key"), ("state",), ("privacy", "pseudonyms", "keys")
    watch = places.get(("capture", "watch"))
    spool: Key = ("publish", "spool")
    for written in (ledger, state, *((spool,) if spool in places else ())):
        if watch is not None and _inside(places[written], watch):
            yield Remark(written, "it would be written into the folder that is watched", "name another")
    if _inside(places[state], places[ledger]) or _inside(places[ledger], places[state]):
        yield Remark(ledger, "the ledger and `state` lie in one another", "name a folder elsewhere")
    if _inside(places[key], places[ledger]):
        problem = "the key lies in the ledger that it signs: who may read that could sign another"
        yield Remark(key, problem, "name a file elsewhere")
    if config.privacy.pseudonyms.enabled and _inside(places[keys], places[ledger]):
        problem = "the keys of pseudonyms lie in the ledger: who reads that can undo them"
        yield Remark(keys, problem, "name a folder elsewhere")


def _inside(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
