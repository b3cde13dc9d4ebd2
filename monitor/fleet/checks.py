"""What is wrong, or odd, with a fleet's configuration whose form is right. Opens no file. Pure."""

import posixpath
from collections.abc import Iterator

from monitor.config_checks import check_address
from monitor.fleet.config import FleetConfig
from monitor.policy.quantities import A_DURATION, duration_ns
from monitor.policy.remarks import Path, Remark
from monitor.sink_checks import check_dead_after, check_sinks, sink_paths
from monitor.sink_options import JsonlOptions

LEAST_COVERAGE_NS = 60_000_000_000
OWN_OPTIONS = frozenset(
    {
        "acks", "auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store",
        "enable.gapless.guarantee", "enable.idempotence", "enable.partition.eof", "group.id",
        "group.protocol", "isolation.level", "max.in.flight", "max.in.flight.requests.per.connection",
        "message.timeout.ms", "delivery.timeout.ms", "partition.assignment.strategy",
        "request.required.acks", "transactional.id",
    }
)  # fmt: skip


def check_fleet(config: FleetConfig) -> Iterator[Remark]:
    """Every remark on a configuration by itself."""
    yield from _options(config)
    yield from _waiting(config)
    yield from _topics(config)
    yield from _written_paths(config)
    yield from _pseudonyms(config)
    yield from check_address(config.metrics.address)
    if config.policy is None:
        problem = "no policy: connections are listed, and none is judged"
        yield Remark(("policy",), problem, "add `policy:` and its file", "warning")
    yield from check_dead_after(config.outbox.dead_after)
    yield from check_sinks(config.sinks)
    yield from _shared_files(config)


def paths_in(config: FleetConfig) -> Iterator[tuple[Path, str]]:
    """Every path that a configuration names, by its key."""
    single: tuple[tuple[Path, str | None], ...] = (
        (("policy",), config.policy),
        (("data",), config.data),
        (("root",), config.root),
        (("ledger", "key"), config.ledger.key),
        (("privacy", "pseudonyms", "secret"), config.privacy.pseudonyms.secret),
        (("kafka", "password_file"), config.kafka.password_file),
    )
    yield from ((key, written) for key, written in single if written is not None)
    for name, several in (("catalogs", config.catalogs), ("geoip", config.geoip)):
        yield from (((name, at), written) for at, written in enumerate(several))
    yield from sink_paths(config.sinks)


def _options(config: FleetConfig) -> Iterator[Remark]:
    if not config.kafka.options.keys() & {"bootstrap.servers", "metadata.broker.list"}:
        mend = "add `bootstrap.servers: broker1:9092,broker2:9092`"
        yield Remark(("kafka", "options"), "no brokers are named", mend)
    for name in config.kafka.options:
        key: Path = ("kafka", "options", name)
        if name == "sasl.password":
            yield Remark(key, "a password in the configuration", "put it into a file: `password_file:`")
        elif name in OWN_OPTIONS:
            problem = f"{name!r} is set by this program: nothing may be lost or said twice"
            yield Remark(key, problem, "remove it")


def _waiting(config: FleetConfig) -> Iterator[Remark]:
    merging = config.merging
    window_ns, coverage_ns = duration_ns(merging.window), duration_ns(merging.coverage)
    if window_ns is None:
        yield Remark(("merging", "window"), f"{merging.window!r} is no duration", A_DURATION)
    if coverage_ns is None:
        yield Remark(("merging", "coverage"), f"{merging.coverage!r} is no duration", A_DURATION)
    elif not LEAST_COVERAGE_NS <= coverage_ns <= (window_ns or coverage_ns):
        problem = f"{merging.coverage} is no length for a window of coverage"
        mend = f"write at least 1m, and at most what is read again (window: {merging.window})"
        yield Remark(("merging", "coverage"), problem, mend)
    if merging.patience_seconds < merging.hold_seconds:
        problem = f"patience_seconds ({merging.patience_seconds:g}) is shorter than hold_seconds"
        mend = f"write at least {merging.hold_seconds:g}"
        yield Remark(("merging", "patience_seconds"), problem, mend)


def _topics(config: FleetConfig) -> Iterator[Remark]:
    if config.topics.observations == config.topics.decisions:
        yield Remark(("topics", "decisions"), "both topics are the same", "name another")
    if config.groups.correlate == config.groups.record:
        yield Remark(("groups", "record"), "both groups are the same", "name another")


def _written_paths(config: FleetConfig) -> Iterator[Remark]:
    for key, written in paths_in(config):
        if written.startswith("~"):
            yield Remark(key, f"~ is not expanded in {written!r}", "write the whole path")


def _shared_files(config: FleetConfig) -> Iterator[Remark]:
    """Sinks that write to a file outside of the partitions' folders."""
    for at, sink in enumerate(config.sinks):
        if isinstance(sink, JsonlOptions) and _leads_out(sink.path):
            problem = f"{sink.path!r} would be written for every partition at once"
            mend = "write a path that counts from each partition's folder, such as events.jsonl"
            yield Remark(("sinks", at, "path"), problem, mend)


def _leads_out(path: str) -> bool:
    return path.startswith("/") or posixpath.normpath(path).startswith("..")


def _pseudonyms(config: FleetConfig) -> Iterator[Remark]:
    pseudonyms = config.privacy.pseudonyms
    if pseudonyms.enabled and pseudonyms.secret is None:
        mend = "add `secret:` and a file with 32 characters or more, the same for all correlators"
        yield Remark(("privacy", "pseudonyms", "enabled"), "pseudonyms without a secret", mend)
