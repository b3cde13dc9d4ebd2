"""A sink whose library is not installed says what to install."""

import sys
from pathlib import Path

import pytest

from monitor.parquet import MissingExtraError
from monitor.sink_options import (
    AlertmanagerOptions,
    AnySink,
    KafkaOptions,
    RedisOptions,
    SmtpOptions,
    SyslogOptions,
    WebhookOptions,
)
from monitor.sinks.factory import open_sink

NEEDS: dict[str, tuple[str, AnySink]] = {
    "alertmanager": ("urllib3", AlertmanagerOptions(name="a", url="http://127.0.0.1")),
    "kafka": ("confluent_kafka", KafkaOptions(name="k", brokers=("127.0.0.1:1",))),
    "webhook": ("urllib3", WebhookOptions(name="w", url="http://127.0.0.1")),
    "redis": ("redis", RedisOptions(name="r", url="redis://127.0.0.1")),
}


@pytest.mark.parametrize("extra", NEEDS)
def test_what_is_missing_is_said(extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, options = NEEDS[extra]
    for name in [each for each in sys.modules if each.startswith("monitor.sinks.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"install it: pip install 'residency-monitor\[{extra}\]'"):
        open_sink(options, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        SyslogOptions(name="s", host="127.0.0.1"),
        SmtpOptions(name="m", host="127.0.0.1", sender="a@example.org", recipients=("b@example.org",)),
        *(options for _, options in NEEDS.values()),
    ],
    ids=lambda options: type(options).__name__,
)
def test_to_open_a_sink_connects_nowhere(options: AnySink, tmp_path: Path) -> None:
    """Sockets are forbidden here."""
    sink = open_sink(options, tmp_path)
    assert (sink.name, sink.batch) == (options.name, 100)
    sink.close()
