"""What is wrong, or odd, with the sinks of a configuration whose form is right. Asks no host. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from monitor.policy.quantities import A_DURATION, MAX_WINDOW_NS, duration_ns
from monitor.policy.remarks import Path, Remark
from monitor.sink_options import (
    AlertmanagerOptions,
    AnySink,
    JsonlOptions,
    KafkaOptions,
    RedisOptions,
    SmtpOptions,
    SyslogOptions,
    Tls,
    WebhookOptions,
)

MIN_DEAD_AFTER_NS = 60_000_000_000
_SCHEMES = {
    WebhookOptions: ("https", "http"),
    AlertmanagerOptions: ("https", "http"),
    RedisOptions: ("rediss", "redis"),
}
_EXAMPLES = {
    WebhookOptions: "https://soc.example.net/hook",
    AlertmanagerOptions: "https://alerts.example.net:9093",
    RedisOptions: "rediss://redis.example.net:6379/0",
}
_FILES = ("secret_file", "token_file", "password_file")
_TLS_FILES = ("ca", "certificate", "key")


def check_sinks(sinks: Sequence[AnySink]) -> Iterator[Remark]:
    """Every remark on the sinks."""
    for at, sink in enumerate(sinks):
        path: Path = ("sinks", at)
        if any(sink.name == other.name for other in sinks[:at]):
            problem = f"two sinks are named {sink.name!r}"
            mend = "give each a name of its own: what was delivered is known by it"
            yield Remark((*path, "name"), problem, mend)
        yield from _address(path, sink)
        yield from _transport(path, sink)
        yield from _tls(path, sink)
        yield from _secrets(path, sink)
    yield from _files(sinks)


def check_dead_after(written: str) -> Iterator[Remark]:
    """What is wrong with the time after which an event is put aside."""
    path: Path = ("outbox", "dead_after")
    found = duration_ns(written)
    if found is None:
        yield Remark(path, f"{written!r} is no duration", A_DURATION)
    elif not MIN_DEAD_AFTER_NS <= found <= MAX_WINDOW_NS:
        yield Remark(path, f"{written} is out of bounds", "write from 1m to 366d")


def sink_paths(sinks: Sequence[AnySink]) -> Iterator[tuple[Path, str]]:
    """Every path that sinks name, by its key."""
    for at, sink in enumerate(sinks):
        if isinstance(sink, JsonlOptions):
            yield ("sinks", at, "path"), sink.path
    yield from read_paths(sinks)


def read_paths(sinks: Sequence[AnySink]) -> Iterator[tuple[Path, str]]:
    """Those of them that sinks only read: secrets, and what TLS needs."""
    for at, sink in enumerate(sinks):
        for key in _FILES:
            written = getattr(sink, key, None)
            if written is not None:
                yield ("sinks", at, key), written
        tls = getattr(sink, "tls", Tls())
        for key in _TLS_FILES:
            written = getattr(tls, key)
            if written is not None:
                yield ("sinks", at, "tls", key), written


def _files(sinks: Sequence[AnySink]) -> Iterator[Remark]:
    paths = [sink.path if isinstance(sink, JsonlOptions) else None for sink in sinks]
    for at, path in enumerate(paths):
        if path is not None and path in paths[:at]:
            yield Remark(("sinks", at, "path"), f"two sinks write to {path}", "give each a file of its own")


def _address(path: Path, sink: AnySink) -> Iterator[Remark]:
    if not isinstance(sink, WebhookOptions | AlertmanagerOptions | RedisOptions):
        return
    key, kind = (*path, "url"), type(sink)
    example = f"write it as {_EXAMPLES[kind]}"
    parts = _split(sink.url)
    if parts is None or parts.scheme not in _SCHEMES[kind] or not parts.hostname or " " in sink.url:
        shown = "this" if "@" in sink.url else repr(sink.url)  # a secret may stand there
        yield Remark(key, f"{shown} is no address of {_kind(sink)}", example)
        return
    if parts.password is not None or (parts.username and kind is not RedisOptions):
        secret = "password_file" if kind is RedisOptions else "token_file"
        yield Remark(key, "a secret stands in the address", f"remove it, and write `{secret}:` and its file")
    if parts.query and kind is AlertmanagerOptions:
        yield Remark(key, "a query stands in the address", "remove it: /api/v2/alerts goes behind the path")
    if parts.fragment:
        yield Remark(key, f"#{parts.fragment} is sent to nobody", "remove it", "warning")


def _transport(path: Path, sink: AnySink) -> Iterator[Remark]:
    """Who goes without TLS beyond this host."""
    if isinstance(sink, WebhookOptions | AlertmanagerOptions | RedisOptions):
        parts = _split(sink.url)
        if parts is None or parts.scheme not in ("http", "redis") or not parts.hostname:
            return
        key, host, plain, mend = "url", parts.hostname, parts.scheme, f"write {parts.scheme}s://"
    elif isinstance(sink, SmtpOptions) and sink.security == "none":
        key, host, plain, mend = "security", sink.host, "SMTP", "write `security: starttls`, or tls"
    elif isinstance(sink, SyslogOptions) and sink.transport == "tcp":
        key, host, plain, mend = "transport", sink.host, "TCP", "write `transport: tls`"
    else:
        return
    if not _is_loopback(host):
        problem = f"findings go to {host} over plain {plain}: whoever is on the way can read and change them"
        yield Remark((*path, key), problem, mend, "warning")


def _tls(path: Path, sink: AnySink) -> Iterator[Remark]:
    tls = getattr(sink, "tls", Tls())
    if tls.key is not None and tls.certificate is None:
        yield Remark((*path, "tls", "key"), "a key without its certificate", "write `certificate:`, too")
    parts = _split(getattr(sink, "url", ""))
    if tls != Tls() and parts is not None and parts.scheme in ("http", "redis"):
        problem = f"{parts.scheme}:// uses no TLS"
        yield Remark((*path, "tls"), problem, f"remove it, or write {parts.scheme}s://", "warning")


def _secrets(path: Path, sink: AnySink) -> Iterator[Remark]:
    if isinstance(sink, SmtpOptions) and (sink.user is None) != (sink.password_file is None):
        key, other = ("user", "password_file") if sink.password_file is None else ("password_file", "user")
        yield Remark((*path, key), f"{key} without {other}", f"write `{other}:`, or remove it")
    if isinstance(sink, KafkaOptions):
        for option in sink.options:
            if option.endswith("password"):
                problem = f"the secret {option} stands in the configuration"
                mend = "remove it, and write `password_file:` and its file"
                yield Remark((*path, "options", option), problem, mend)


def _split(url: str) -> SplitResult | None:
    """Return an address's parts, None where it has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _kind(sink: AnySink) -> str:
    kinds = {WebhookOptions: "a webhook", AlertmanagerOptions: "an Alertmanager"}
    return kinds.get(type(sink), "a Redis server")
