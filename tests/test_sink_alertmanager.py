"""The Alertmanager sink, and a real Alertmanager with a short resolve_timeout, killed and started anew."""

import itertools
import json
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, get_args

import msgspec
import pytest

from monitor.files import InputError
from monitor.findings.types import State
from monitor.sink_options import AlertmanagerOptions, Tls
from monitor.sinks.alert import finding_alert
from monitor.sinks.alertmanager import MAX_ALERTS, AlertmanagerSink
from monitor.sinks.protocol import Dead, Delivered, RetryAfter
from tests.certificates_kit import Authority
from tests.observed import at
from tests.sinks_kit import (
    HOST,
    HOSTILE,
    Program,
    checkpoint,
    finding,
    free_port,
    needs,
    opened,
    parcels,
    running,
    some,
    summary,
    told,
    until,
)

RESOLVE_SECONDS = 3
CONFIG = {
    "global": {"resolve_timeout": f"{RESOLVE_SECONDS}s"},
    "route": {"receiver": "nobody"},
    "receivers": [{"name": "nobody"}],
}
IDENTITY = {
    "alertname": "ResidencyFinding", "finding": finding(1).id, "kind": "violation", "provider": "openai",
    "rule": "RES-010", "severity": "high", "source_group": "crm-backend", "tenant": "acme", "team": "soc",
}  # fmt: skip
pytestmark = pytest.mark.enable_socket


class Alertmanager(Program):
    """A server that keeps all in memory."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        (folder / "alertmanager.yml").write_text(json.dumps(CONFIG))
        options = [
            "--config.file=alertmanager.yml", "--storage.path=store", "--cluster.listen-address=",
            f"--web.listen-address={HOST}:{port}", "--log.level=error",
        ]  # fmt: skip
        super().__init__(["prometheus-alertmanager", *options], folder, port)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that fire."""
        with urllib.request.urlopen(
            f"http://{HOST}:{self.port}/api/v2/alerts?active=true", timeout=5
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def fires(self) -> bool:
        """Whether any does."""
        return bool(self.alerts())


def options_of(port: int, **changes: Any) -> AlertmanagerOptions:
    base = AlertmanagerOptions(
        name="am",
        url=f"http://{HOST}:{port}",
        timeout_seconds=5,
        resolve_timeout_seconds=RESOLVE_SECONDS,
        labels={"team": "soc"},
    )
    return msgspec.structs.replace(base, **changes)


def labels_of(alerts: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [each["labels"] for each in alerts]


@needs("prometheus-alertmanager")
def test_a_finding_fires_until_it_is_closed_and_comes_back_after_a_restart(tmp_path: Path) -> None:
    event = opened(1)
    acknowledged = told(finding(1, "acknowledged"), "updated")
    cured = told(finding(1, "cured"), "closed", "a person confirmed the cure")
    with (
        running(Alertmanager(tmp_path)) as server,
        closing(AlertmanagerSink(options_of(server.port), tmp_path)) as sink,
    ):
        assert sink.deliver(parcels([event])) == Delivered()
        (alert,) = server.alerts()
        assert alert["labels"] == IDENTITY
        assert alert["startsAt"] == "2026-03-10T09:00:00.000Z"
        assert alert["annotations"]["state"] == "open"
        assert alert["annotations"]["deadline"] == "2026-03-11 09:00:00 UTC"
        assert alert["annotations"]["show"] == f"residency findings show {finding(1).id}"
        end = time.monotonic() + RESOLVE_SECONDS + 1
        assert sink.refresh_seconds <= RESOLVE_SECONDS / 3
        while time.monotonic() < end:
            assert sink.refresh([acknowledged]) == Delivered()
            assert server.fires()
            time.sleep(sink.refresh_seconds)
        (alert,) = server.alerts()
        assert (alert["labels"], alert["annotations"]["state"]) == (IDENTITY, "acknowledged")
        server.kill()
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        server.start()
        assert not server.fires()
        assert sink.refresh([acknowledged]) == Delivered()
        assert labels_of(server.alerts()) == [IDENTITY]
        assert sink.deliver(parcels([cured])) == Delivered()
        until(lambda: not server.fires(), "the alert is resolved")


@needs("prometheus-alertmanager")
def test_without_a_refresh_an_alert_ends_and_amtool_sees_what_fires(tmp_path: Path) -> None:
    with (
        running(Alertmanager(tmp_path)) as server,
        closing(AlertmanagerSink(options_of(server.port), tmp_path)) as sink,
    ):
        future = msgspec.structs.replace(finding(2), opened_ns=2**62, last_ns=2**62)
        hostile = told(finding(3, name=HOSTILE, title=HOSTILE), why=HOSTILE)
        assert sink.deliver(parcels([summary(), checkpoint(), told(future), hostile])) == Delivered()
        if shutil.which("amtool"):
            asked = [
                "amtool",
                f"--alertmanager.url=http://{HOST}:{server.port}",
                "alert",
                "query",
                "-o",
                "json",
            ]
            said = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
            names = sorted(each["labels"]["alertname"] for each in said)
            assert names == ["ResidencyEventsFolded", "ResidencyFinding", "ResidencyFinding"]
        until(lambda: not server.fires(), "all time out")


class Scripted(ThreadingHTTPServer):
    """A server that answers as it is told, and keeps what it was sent."""

    block_on_close = False

    def __init__(self, answer: Callable[[list[dict[str, Any]]], tuple[int, dict[str, str]]]) -> None:
        super().__init__((HOST, 0), _Handler)
        self.answer = answer
        self.posts: list[list[dict[str, Any]]] = []
        self.heads: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        alerts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append(alerts)
        self.server.heads.append({"path": self.path, **self.headers})
        status, fields = self.server.answer(alerts)
        self.send_response(status)
        for name, value in ({"Content-Length": "4"} | fields).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"said")

    def handle(self) -> None:
        """Serve until the client goes, however it does."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    """Return a function that starts servers."""
    servers: list[Scripted] = []

    def start(
        answer: Callable[[list[dict[str, Any]]], tuple[int, dict[str, str]]],
        context: ssl.SSLContext | None = None,
    ) -> Scripted:
        servers.append(Scripted(answer))
        if context is not None:
            servers[-1].socket = context.wrap_socket(servers[-1].socket, server_side=True)
        Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return servers[-1]

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def test_a_request_holds_a_bounded_number_of_alerts(
    tmp_path: Path, scripted: Callable[..., Scripted]
) -> None:
    statuses = itertools.chain([200, 200], itertools.repeat(503))
    server = scripted(lambda _: (next(statuses), {"Retry-After": "7"}))
    with closing(AlertmanagerSink(options_of(server.server_port), tmp_path)) as sink:
        outcome = sink.deliver(some(1, 2 * MAX_ALERTS + 50))
        url = f"http://{HOST}:{server.server_port}"
        assert outcome == RetryAfter(f"{url}: HTTP status 503: said", 7.0, 2 * MAX_ALERTS)
    assert [len(each) for each in server.posts] == [MAX_ALERTS, MAX_ALERTS, 50]
    assert {each["path"] for each in server.heads} == {"/api/v2/alerts"}


def test_of_a_request_that_is_refused_the_guilty_alert_is_found(
    tmp_path: Path, scripted: Callable[..., Scripted]
) -> None:
    guilty = finding(4).id
    server = scripted(lambda alerts: (400 if guilty in str(alerts) else 200, {}))
    with closing(AlertmanagerSink(options_of(server.server_port), tmp_path)) as sink:
        dead = Dead(f"http://{HOST}:{server.server_port}: HTTP status 400: said", 3)
        assert sink.deliver(some(1, 9)) == dead
        assert sink.deliver(some(5, 5)) == Delivered()
        assert sink.refresh([opened(number) for number in range(1, 9)]) == dead


@pytest.mark.parametrize("state", get_args(State))
def test_an_alert_ends_only_with_its_finding(state: State) -> None:
    alert = finding_alert(told(finding(1, state)), {}, at(90))
    assert ("endsAt" in alert) == (state in ("cured", "excepted"))


def test_the_last_event_of_a_finding_counts(tmp_path: Path, scripted: Callable[..., Scripted]) -> None:
    server = scripted(lambda _: (200, {}))
    options = options_of(server.server_port, url=f"http://{HOST}:{server.server_port}/am/")
    with closing(AlertmanagerSink(options, tmp_path, lambda: at(30))) as sink:
        batch = parcels([opened(1), told(finding(1, "cured"), "closed"), checkpoint()])
        assert sink.deliver(batch) == Delivered()
        assert sink.deliver(parcels([checkpoint()])) == Delivered()
    (post,) = server.posts
    assert [(each["startsAt"], each["endsAt"]) for each in post] == [
        ("2026-03-10T09:00:00.000Z", "2026-03-10T09:00:30.000Z")  # closed after now: packets may be ahead
    ]
    assert server.heads[0]["path"] == "/am/api/v2/alerts"


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
def test_what_says_nothing_of_the_alerts_is_tried_again(
    tmp_path: Path, scripted: Callable[..., Scripted], status: int
) -> None:
    server = scripted(lambda _: (status, {"Location": "http://192.0.2.1/", "Retry-After": "soon"}))
    url = f"http://{HOST}:{server.server_port}"
    with closing(AlertmanagerSink(options_of(server.server_port), tmp_path)) as sink:
        assert sink.deliver(some(1, 3)) == RetryAfter(f"{url}: HTTP status {status}: said")


def test_a_token_goes_along(tmp_path: Path, scripted: Callable[..., Scripted]) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    (tmp_path / "token").chmod(0o600)
    server = scripted(lambda _: (200, {}))
    with closing(AlertmanagerSink(options_of(server.server_port, token_file="token"), tmp_path)) as sink:  # noqa: S106
        assert sink.deliver(some(1, 1)) == Delivered()
    assert server.heads[0]["Authorization"] == "Bearer t0ken"


def test_over_tls_the_server_is_known_by_its_certificate(
    tmp_path: Path, scripted: Callable[..., Scripted]
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("am.example.org"))
    server = scripted(lambda _: (200, {}), context)
    url = f"https://{HOST}:{server.server_port}"
    for tls, outcome in (
        (Tls(ca=authority.ca.name, server_name="am.example.org"), Delivered()),
        (Tls(ca=authority.ca.name), "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (Tls(ca=other.ca.name), "unable to get local issuer certificate"),
    ):
        options = options_of(server.server_port, url=url, tls=tls)
        with closing(AlertmanagerSink(options, tmp_path)) as sink:
            refused = RetryAfter(f"{url}: its certificate is not accepted: {outcome}")
            assert sink.deliver(some(1, 2)) == (outcome if isinstance(outcome, Delivered) else refused)
    assert [len(each) for each in server.posts] == [2]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"labels": {"the-team": "soc"}}, "labels: 'the-team' is no label name"),
        ({"labels": {"finding": "x"}}, "labels: 'finding' is set by this program"),
    ],
)
def test_options_that_cannot_work_are_refused_at_once(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        AlertmanagerSink(options_of(1, **changes), tmp_path)
