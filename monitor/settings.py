"""Reads the daemon's configuration: the values, and the paths that they stand for.

A relative path counts from the configuration's folder; ``~`` and variables are not expanded. What depends on
the host that runs the daemon is asked apart, by ``monitor.host``.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from monitor.config import Config
from monitor.config_checks import check_config, paths_of
from monitor.config_files import Loaded, Rules, load_config, site_of
from monitor.datasets.use import DataChoice
from monitor.documents import Problem, Source
from monitor.geography import Site
from monitor.policy.remarks import Path as Key
from monitor.policy.remarks import Remark

_LEDGER: Key = ("ledger", "folder")


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
        return site_of(self.config.location)


def load_settings(path: Path) -> Settings:
    """Read and check a configuration, and that the files that it rests on are there.

    Raises InputError where the file itself cannot be read, DocumentError with every mistake in it.
    """
    return _settings(load_config(path, Config, Rules(check_config, paths_of, _apart)))


def _settings(loaded: Loaded[Config]) -> Settings:
    config, places = loaded.config, loaded.places
    return Settings(
        config,
        loaded.source,
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
        warnings=loaded.warnings,
    )


def _apart(config: Config, places: Mapping[Key, Path]) -> Iterator[Remark]:
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
