"""Opens the sink that an item of the configuration asks for; each one's module is imported only then."""

from importlib import import_module
from pathlib import Path
from typing import cast

from monitor.files import InputError
from monitor.sink_options import (
    AlertmanagerOptions,
    AnySink,
    JsonlOptions,
    KafkaOptions,
    RedisOptions,
    SinkOptions,
    SmtpOptions,
    SyslogOptions,
    WebhookOptions,
)
from monitor.sinks.protocol import Sink

_SINKS: dict[type[SinkOptions], tuple[str, str]] = {
    AlertmanagerOptions: ("monitor.sinks.alertmanager", "AlertmanagerSink"),
    JsonlOptions: ("monitor.sinks.jsonl", "JsonlSink"),
    KafkaOptions: ("monitor.sinks.kafka", "KafkaSink"),
    RedisOptions: ("monitor.sinks.redis_stream", "RedisSink"),
    SmtpOptions: ("monitor.sinks.smtp", "SmtpSink"),
    SyslogOptions: ("monitor.sinks.syslog", "SyslogSink"),
    WebhookOptions: ("monitor.sinks.webhook", "WebhookSink"),
}


def open_sink(options: AnySink, folder: Path) -> Sink:
    """Return a sink that is ready to deliver; relative paths count from ``folder``. Connects nowhere yet.

    Raises InputError where a file that it needs cannot be used, MissingExtraError where a library is missing.
    """
    module, name = _SINKS[type(options)]
    try:
        return cast("Sink", getattr(import_module(module), name)(options, folder))
    except ModuleNotFoundError as error:  # also of a library that this user may not read
        problem = f"{error.name} cannot be imported by this user"
        mend = "install it where that user may read it, and start again"
        raise InputError(f"sink {options.name}", problem, mend) from None
