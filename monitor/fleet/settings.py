"""Reads the configuration of a fleet's correlators: the values, the paths they stand for, and the secrets.

A relative path counts from the configuration's folder, as in the daemon's.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from monitor.config_files import Rules, load_config, site_of
from monitor.datasets.use import DataChoice
from monitor.documents import Problem, Source
from monitor.files import InputError
from monitor.fleet.checks import check_fleet, paths_in
from monitor.fleet.config import FleetConfig, Kafka
from monitor.geography import Site
from monitor.policy.quantities import duration_ns
from monitor.policy.remarks import Path as Key
from monitor.policy.remarks import Remark
from monitor.sinks.files import read_secret
from monitor.windows import WINDOW_NS

MIN_SECRET = 32  # characters

Options = dict[str, str | int | float | bool]


class FleetSettings(Struct, frozen=True):
    """A configuration that can be used: ``config`` as it was written, its paths made absolute."""

    config: FleetConfig
    source: Source
    policy: Path | None
    catalogs: tuple[Path, ...]
    data: Path | None
    geoips: tuple[Path, ...]
    root: Path
    ledger_key: Path
    warnings: tuple[Problem, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the configuration, from which relative paths count."""
        return Path(self.source.path).parent.absolute()

    @property
    def choice(self) -> DataChoice | None:
        """Which store of data sets is used: the one that is named, and none of a user's."""
        return DataChoice(self.data) if self.data is not None else None

    @property
    def site(self) -> Site | None:
        """Where the sensors stand, if that is one place and written."""
        return site_of(self.config.location)

    @property
    def coverage_ns(self) -> int:
        """How long the windows are that coverage is told of."""
        return duration_ns(self.config.merging.coverage) or WINDOW_NS

    @property
    def window_ms(self) -> int:
        """How much is read again, in milliseconds of the brokers' time."""
        return (duration_ns(self.config.merging.window) or 0) // 1_000_000


def is_fleet(source: Source) -> bool:
    """Tell whether a configuration is a fleet's, by the key that it begins with."""
    return any(line.startswith("fleet:") for line in source.text.splitlines())


def load_fleet(path: Path) -> FleetSettings:
    """Read and check a configuration, and that the files that it rests on are there.

    Raises InputError where the file itself cannot be read, DocumentError with every mistake in it.
    """
    loaded = load_config(path, FleetConfig, Rules(check_fleet, paths_in, _apart))
    config, places = loaded.config, loaded.places
    return FleetSettings(
        config,
        loaded.source,
        policy=places.get(("policy",)),
        catalogs=tuple(places["catalogs", at] for at in range(len(config.catalogs))),
        data=places.get(("data",)),
        geoips=tuple(places["geoip", at] for at in range(len(config.geoip))),
        root=places["root",],
        ledger_key=places["ledger", "key"],
        warnings=loaded.warnings,
    )


def connection(kafka: Kafka, folder: Path) -> Options:
    """Return what librdkafka is told of the brokers. Raises InputError where the password cannot be read."""
    own: Options = {"log_level": 0}
    if kafka.password_file is not None:
        own["sasl.password"] = read_secret(kafka.password_file, folder)
    return {**kafka.options, **own}


def secret_of(settings: FleetSettings) -> bytes | None:
    """Return what pseudonyms follow from, or None where there are none. Raises InputError."""
    pseudonyms = settings.config.privacy.pseudonyms
    if not pseudonyms.enabled or pseudonyms.secret is None:
        return None
    secret = read_secret(pseudonyms.secret, settings.folder)
    if len(secret) < MIN_SECRET:
        problem = f"a secret of {len(secret)} characters can be guessed"
        mend = "write 64 random ones: openssl rand -hex 32"
        raise InputError(str(settings.folder / pseudonyms.secret), problem, mend)
    return secret.encode()


def _apart(_config: FleetConfig, places: Mapping[Key, Path]) -> Iterator[Remark]:
    """The key that signs lies apart from what it signs."""
    root, key = places["root",], places["ledger", "key"]
    if key.is_relative_to(root):
        problem = "the key lies beside the ledgers that it signs: who may read those could sign another"
        yield Remark(("ledger", "key"), problem, "name a file elsewhere")
