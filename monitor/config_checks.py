"""What is wrong, or odd, with a configuration whose form is right. Asks no host and opens no file. Pure."""

import ipaddress
import re
from collections.abc import Iterator

from monitor.config import Capture, Config, Listening, Metrics
from monitor.policy.remarks import Path, Remark
from monitor.sink_checks import check_dead_after, check_sinks, sink_paths

MAX_NAME_BYTES = 15  # IFNAMSIZ without its zero (linux/if.h)
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
LOSING = frozenset({
    "acks", "request.required.acks", "enable.idempotence", "retries", "message.send.max.retries",
    "message.timeout.ms", "delivery.timeout.ms", "max.in.flight", "max.in.flight.requests.per.connection",
    "enable.gapless.guarantee", "transactional.id", "partitioner",
})  # fmt: skip
_ONLY_LIVE = ("promiscuous", "ring_bytes", "snaplen")  # keys that a folder of captures has no use for
_AN_INTERFACE = "write an interface's name as `ip link` shows it, such as eth0"


def check_config(config: Config) -> Iterator[Remark]:
    """Every remark on a configuration by itself."""
    yield from _capture(config.capture)
    yield from _interfaces(config.capture.interfaces)
    yield from _written_paths(config)
    yield from check_address(config.metrics.address)
    yield from _user(config.security.user)
    yield from _limits(config)
    yield from _processes(config)
    yield from _policy(config)
    yield from _publish(config)
    yield from check_dead_after(config.outbox.dead_after)
    yield from check_sinks(config.sinks)


def paths_of(config: Config) -> Iterator[tuple[Path, str]]:
    """Every path that a configuration names, by its key."""
    single: tuple[tuple[Path, str | None], ...] = (
        (("capture", "watch"), config.capture.watch),
        (("policy",), config.policy),
        (("data",), config.data),
        (("ledger", "folder"), config.ledger.folder),
        (("ledger", "key"), config.ledger.key),
        (("state",), config.state),
        (("privacy", "pseudonyms", "keys"), config.privacy.pseudonyms.keys),
        (("publish", "key"), config.publish.key if config.publish is not None else None),
        (("publish", "spool"), config.publish.spool if config.publish is not None else None),
        (("kafka", "password_file"), config.kafka.password_file if config.kafka is not None else None),
    )
    yield from ((key, written) for key, written in single if written is not None)
    for name, several in (("catalogs", config.catalogs), ("geoip", config.geoip)):
        yield from (((name, at), written) for at, written in enumerate(several))
    yield from sink_paths(config.sinks)


def _capture(capture: Capture) -> Iterator[Remark]:
    if capture.watch is None and not capture.interfaces:
        mend = "add `interfaces: [eth0]`, or `watch:` and a folder"
        yield Remark(("capture", "interfaces"), "neither interfaces nor a folder to watch", mend)
    if capture.watch is not None and capture.interfaces:
        mend = "keep `interfaces:` or `watch:`"
        yield Remark(("capture", "watch"), "interfaces, and a folder to watch as well", mend)
    elif capture.watch is not None:
        for key in _ONLY_LIVE:
            if getattr(capture, key) != getattr(Capture(), key):
                problem = f"{key} means nothing for a folder of captures"
                yield Remark(("capture", key), problem, "remove it", "warning")
    if capture.engine == "dpkt" and capture.threads > 1:
        mend = "write `threads: 1`, or `engine: native`"
        yield Remark(("capture", "threads"), "engine dpkt works in one thread", mend)


def _interfaces(names: tuple[str, ...]) -> Iterator[Remark]:
    for at, name in enumerate(names):
        path: Path = ("capture", "interfaces", at)
        if name in names[:at]:
            yield Remark(path, f"interface {name!r} stands twice", "keep one of them")
        elif len(name.encode()) > MAX_NAME_BYTES:
            problem = f"interface {name!r} is longer than {MAX_NAME_BYTES} bytes"
            yield Remark(path, problem, _AN_INTERFACE)
        elif name in (".", "..") or re.search(r"[\s/:]", name):
            yield Remark(path, f"{name!r} is no interface's name", _AN_INTERFACE)


def _written_paths(config: Config) -> Iterator[Remark]:
    for key, written in paths_of(config):
        if written.startswith("~"):
            yield Remark(key, f"~ is not expanded in {written!r}", "write the whole path")
    for name, several in (("catalogs", config.catalogs), ("geoip", config.geoip)):
        for at, written in enumerate(several):
            if written in several[:at]:
                yield Remark((name, at), f"{written!r} stands twice", "keep one of them")


def check_address(written: str, path: Path = ("metrics", "address")) -> Iterator[Remark]:
    """What is wrong, or odd, with where metrics are served."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        yield Remark(path, f"{written!r} is not an IP address", _address_mend(written))
        return
    if not address.is_loopback:
        problem = f"metrics are served on {written} to whoever asks, without authentication"
        mend = "write 127.0.0.1, or let a firewall or a proxy decide who may ask"
        yield Remark(path, problem, mend, "warning")


def _address_mend(written: str) -> str:
    if written.lower() == "localhost":
        return "write 127.0.0.1"
    host, colon, port = written.rpartition(":")
    if colon and port.isdecimal():
        return f"write {host.strip('[]') or '0.0.0.0'}, and `port: {port}`"  # noqa: S104  what an empty host says
    inside = written.strip("[]")
    return f"write {inside}" if inside != written else "write the address to listen on, such as 127.0.0.1"


def _user(name: str) -> Iterator[Remark]:
    path: Path = ("security", "user")
    if not _USER.fullmatch(name):
        yield Remark(path, f"{name!r} is no user's name", "write the name of a user, such as residency")
    elif name == "root":
        mend = "write a user with no rights of its own, such as residency"
        yield Remark(path, "user root gives nothing up", mend)


def _limits(config: Config) -> Iterator[Remark]:
    limits = config.limits
    if limits.stream_bytes > limits.reading_bytes:
        problem = f"stream_bytes of one flow ({limits.stream_bytes}) are more than reading_bytes of all"
        mend = f"write at most {limits.reading_bytes}, or raise `reading_bytes:`"
        yield Remark(("limits", "stream_bytes"), problem, mend)


def _processes(config: Config) -> Iterator[Remark]:
    if config.processes and config.capture.watch is not None:
        problem = "captures in a folder have no processes: connections of this host are not theirs"
        yield Remark(("processes",), problem, "write `processes: false`, or capture from interfaces")


def _listening(publisher: Listening, daemon: Metrics) -> Iterator[Remark]:
    """Where the publisher listens, which is another process than the daemon."""
    yield from check_address(publisher.address, ("kafka", "metrics", "address"))
    if publisher.port == daemon.port != 0 and publisher.address == daemon.address:
        problem = f"the daemon listens on port {daemon.port}: see `metrics:`"
        yield Remark(("kafka", "metrics", "port"), problem, "write another, such as 9478")


def _publish(config: Config) -> Iterator[Remark]:
    if config.kafka is not None:
        if config.publish is None:
            yield Remark(("kafka",), "nothing is published", "add `publish:`, or remove `kafka:`")
        if config.kafka.metrics is not None:
            yield from _listening(config.kafka.metrics, config.metrics)
        if "bootstrap.servers" not in config.kafka.options:
            problem = "no bootstrap.servers: nobody knows where the brokers are"
            mend = 'add `bootstrap.servers: "kafka.example.net:9093"`'
            yield Remark(("kafka", "options"), problem, mend)
        for name in LOSING & config.kafka.options.keys():
            problem = f"{name} is set by this program, so that nothing is lost or put out of order"
            yield Remark(("kafka", "options", name), problem, "remove it")
        if "sasl.password" in config.kafka.options:
            problem, mend = "a password in the configuration", "put it into a file: `password_file:`"
            yield Remark(("kafka", "options", "sasl.password"), problem, mend)
    if config.publish is None or config.publish.judge:
        return
    if config.sinks:
        problem = "with `publish.judge: false` nothing is judged here, and sinks get nothing"
        yield Remark(("sinks",), problem, "remove them, or write `judge: true`")
    if config.processes:
        problem = "with `publish.judge: false` nobody asks for processes"
        yield Remark(("processes",), problem, "write `processes: false`, or `judge: true`")


def _policy(config: Config) -> Iterator[Remark]:
    if config.policy is not None:
        return
    problem = "no policy: connections are listed, and none is judged"
    yield Remark(("policy",), problem, "add `policy:` and its file", "warning")
    if config.privacy.pseudonyms.enabled:
        problem = "pseudonyms without a policy: it has no tenants, so one key serves all clients"
        mend = "add `policy:` and its file"
        yield Remark(("privacy", "pseudonyms", "enabled"), problem, mend, "warning")
