"""The syslog sink, and a real rsyslogd that takes its messages over TCP and TLS."""

import queue
import re
import socket
import struct
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from monitor.events import render
from monitor.sink_options import Format, SyslogOptions, Tls
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


def plain_options(port: int, form: Format = "native") -> SyslogOptions:
    return SyslogOptions(name="log", host=HOST, port=port, transport="tcp", format=form, timeout_seconds=5)


def tls_options(port: int, tls: Tls, host: str = "localhost") -> SyslogOptions:
    return SyslogOptions(name="log", host=host, port=port, tls=tls, timeout_seconds=5)


def keys_of(server: Rsyslog) -> list[str]:
    return [re.findall(r'key="([^"]*)"', each["data"])[0] for each in server.messages()]


def await_all(server: Rsyslog, batch: list[Parcel]) -> None:
    until(lambda: {each.key for each in batch} <= set(keys_of(server)), "all keys are in the file")


def test_rsyslog_understands_each_kind_of_event(tmp_path: Path) -> None:
    batch = parcels([opened(1, "critical"), told(finding(2, "cured"), "closed"), summary(), checkpoint()])
    with (
        running(Rsyslog(tmp_path)) as server,
        closing(SyslogSink(plain_options(server.port), tmp_path)) as sink,
    ):
        assert sink.deliver(batch) == Delivered()
        await_all(server, batch)
    shown = [(each["pri"], each["msgid"], each["host"], each["app"]) for each in server.messages()]
    assert shown == [
        ("130", "finding-opened", "edge-1", "residency"),  # local0.crit
        ("134", "finding-closed", "edge-1", "residency"),  # local0.info
        ("130", "summary", "edge-1", "residency"),
        ("134", "checkpoint", "edge-1", "residency"),
    ]
    assert keys_of(server) == [each.key for each in batch]
    first = server.messages()[0]
    identity = f'key="{batch[0].key}" finding="{finding(1).id}" state="open" tenant="acme"'
    assert first["at"] == "2026-03-10T09:01:00.000000Z"
    assert first["data"] == f"[residency@32473 {identity}]"
    assert first["text"].strip().removeprefix("\ufeff") == render(batch[0].event, "native").decode()


@pytest.mark.parametrize("form", ["native", "cef"])
def test_hostile_names_stay_within_their_message(tmp_path: Path, form: Format) -> None:
    event = told(finding(1, name=HOSTILE, title=HOSTILE), why=HOSTILE)
    hostile = msgspec.structs.replace(event, key=HOSTILE)
    after = opened(2)
    with (
        running(Rsyslog(tmp_path)) as server,
        closing(SyslogSink(plain_options(server.port, form), tmp_path)) as sink,
    ):
        assert sink.deliver(parcels([hostile, after])) == Delivered()
        until(lambda: len(server.messages()) == 2, "two messages")
    first, second = server.messages()
    assert r'key="evil??Bcc: all@example.org????.??\"\]\\ ?[31m ?gnp ?"' in first["data"]
    assert first["text"].strip().startswith("CEF:" if form == "cef" else "\ufeff{")
    assert f'key="{after.key}"' in second["data"]


def test_what_the_kernel_took_and_a_killed_server_never_read_is_sent_again(tmp_path: Path) -> None:
    with (
        running(Rsyslog(tmp_path)) as server,
        closing(SyslogSink(plain_options(server.port), tmp_path)) as sink,
    ):
        assert sink.deliver(some(1, 3)) == Delivered()
        await_all(server, some(1, 3))
        server.freeze()
        assert sink.deliver(some(4, 3)) == Delivered()
        server.kill()
        refused = sink.deliver(some(7, 3))
        assert refused == RetryAfter(f"{HOST}:{server.port}: Connection refused")
        server.start()
        assert sink.deliver(some(7, 3)) == Delivered()
        await_all(server, some(1, 9))


def test_a_server_that_closed_in_good_order_gets_its_last_batch_again(tmp_path: Path) -> None:
    with (
        running(Rsyslog(tmp_path)) as server,
        closing(SyslogSink(plain_options(server.port), tmp_path)) as sink,
    ):
        for number in (1, 2):
            assert sink.deliver(some(number, 1)) == Delivered()
        await_all(server, some(1, 2))
        server.stop()
        server.start()
        assert sink.deliver(some(3, 1)) == Delivered()
        await_all(server, some(1, 3))
        assert sink.deliver(some(4, 1)) == Delivered()
        await_all(server, some(1, 4))
    assert keys_of(server) == [each.key for number in (1, 2, 2, 3, 4) for each in some(number, 1)]


def test_over_tls_the_server_is_known_by_its_certificate(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with running(Rsyslog(tmp_path, authority)) as server:
        trusted = Tls(ca=authority.ca.name)
        named = msgspec.structs.replace(trusted, server_name="localhost")
        mismatch = "IP address mismatch, certificate is not valid for '127.0.0.1'"
        for host, tls, why in (
            ("localhost", Tls(ca=other.ca.name), "unable to get local issuer certificate"),
            (HOST, trusted, mismatch),
        ):
            sink = SyslogSink(tls_options(server.port, tls, host), tmp_path)
            reason = f"{host}:{server.port}: its certificate is not accepted: {why}"
            assert sink.deliver(some(1, 1)) == RetryAfter(reason)
        for number, (host, tls) in enumerate([("localhost", trusted), (HOST, named)], 1):
            with closing(SyslogSink(tls_options(server.port, tls, host), tmp_path)) as sink:
                assert sink.deliver(some(number, 1)) == Delivered()
                assert sink.deliver(some(number + 2, 1)) == Delivered()
        await_all(server, some(1, 4))
    assert len(server.messages()) == 4


def test_an_expired_certificate_is_not_accepted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with running(Rsyslog(tmp_path, authority, expired=True)) as server:
        sink = SyslogSink(tls_options(server.port, Tls(ca=authority.ca.name)), tmp_path)
        reason = f"localhost:{server.port}: its certificate is not accepted: certificate has expired"
        assert sink.deliver(some(1, 1)) == RetryAfter(reason)


def test_a_server_that_wants_a_certificate_of_ours(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("edge-1")
    without = Tls(ca=authority.ca.name)
    ours = msgspec.structs.replace(without, certificate=certificate.name, key=key.name)
    with running(Rsyslog(tmp_path, authority, mutual=True)) as server:
        refused = SyslogSink(tls_options(server.port, without), tmp_path).deliver(some(1, 1))
        why = "it closed the connection after the handshake: it may want a certificate (tls.certificate)"
        assert refused == RetryAfter(f"localhost:{server.port}: {why}")
        with closing(SyslogSink(tls_options(server.port, ours), tmp_path)) as sink:
            assert sink.deliver(some(1, 1)) == Delivered()
            await_all(server, some(1, 1))


def test_a_server_that_reads_nothing_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    done = threading.Event()

    def handle(_: socket.socket) -> None:
        done.wait(30)

    with serving(handle) as port:
        options = msgspec.structs.replace(plain_options(port), timeout_seconds=0.3, batch=1_000)
        with closing(SyslogSink(options, tmp_path)) as sink:
            outcome = sink.deliver(some(1, 1_000))
        done.set()
    assert outcome == RetryAfter(f"{HOST}:{port}: no answer in time")


def test_a_server_that_breaks_each_connection_is_told_of_nothing_new_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel takes all and the program resets, nothing is proven, and nothing is forgotten."""
    monkeypatch.setattr("monitor.sinks.syslog.MAX_UNPROVEN_BYTES", 4_000)
    resets: queue.Queue[None] = queue.Queue()
    closed: queue.Queue[None] = queue.Queue()

    def handle(sock: socket.socket) -> None:
        resets.get(timeout=30)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        closed.put(None)

    outcomes = []
    with serving(handle) as port, closing(SyslogSink(plain_options(port), tmp_path)) as sink:
        for number in range(1, 5):
            outcomes.append(sink.deliver(some(number, 1)))
            resets.put(None)
            closed.get(timeout=30)
    assert outcomes[:3] == [Delivered()] * 3
    assert outcomes[3] == RetryAfter(f"{HOST}:{port}: it breaks each connection after the last message")
