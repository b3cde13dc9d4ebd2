"""The syslog sink, and a real rsyslogd that takes its messages over TCP and TLS."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.events import render
from monitor.sink_options import SyslogOptions, Tls
from monitor.sinks.protocol import Delivered, Parcel, RetryAfter
from monitor.sinks.syslog import SyslogSink
from tests.certificates_kit import Authority
from tests.rsyslog_kit import Rsyslog
from tests.sinks_kit import (
    HOST,
    HOSTILE,
    checkpoint,
    finding,
    needs,
    opened,
    parcels,
    running,
    serving,
    some,
    summary,
    told,
    until,
)

pytestmark = [pytest.mark.enable_socket, needs("rsyslogd")]


def plain_options(port: int) -> SyslogOptions:
    return SyslogOptions(
        name="log", host=HOST, port=port, transport="tcp", format="native", timeout_seconds=5
    )


def keys_of(server: Rsyslog) -> list[str]:
    return [re.findall(r'key="([^"]*)"', each["data"])[0] for each in server.messages()]


def arrived(server: Rsyslog, batch: list[Parcel]) -> Callable[[], bool]:
    return lambda: {each.key for each in batch} <= set(keys_of(server))


def test_rsyslog_understands_each_kind_of_event(tmp_path: Path) -> None:
    batch = parcels([opened(1, "critical"), told(finding(2, "cured"), "closed"), summary(), checkpoint()])
    with running(Rsyslog(tmp_path)) as server:
        sink = SyslogSink(plain_options(server.port), tmp_path)
        assert sink.deliver(batch) == Delivered()
        until(lambda: len(server.messages()) == 4, "four messages")
        sink.close()
    shown = [(each["pri"], each["msgid"], each["host"], each["app"]) for each in server.messages()]
    assert shown == [
        ("130", "finding-opened", "edge-1", "residency"),  # local0.crit
        ("134", "finding-closed", "edge-1", "residency"),  # local0.info
        ("130", "summary", "edge-1", "residency"),
        ("134", "checkpoint", "edge-1", "residency"),
    ]
    assert keys_of(server) == [each.key for each in batch]
    first = server.messages()[0]
    assert first["at"] == "2026-03-10T09:01:00.000000Z"
    assert (
        first["data"]
        == f'[residency@32473 key="{batch[0].key}" finding="{finding(1).id}" state="open" tenant="acme"]'
    )
    assert json.loads(first["text"].strip().removeprefix("\ufeff")) == json.loads(
        render(batch[0].event, "native")
    )
