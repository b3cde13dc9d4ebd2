"""The HTTP endpoint, over loopback: what it answers, and what a client cannot do to it."""

import gzip
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.daemon import http as endpoint
from monitor.daemon import requests
from monitor.daemon.health import Health
from monitor.daemon.http import MAX_CONNECTIONS, Endpoint
from monitor.daemon.listening import listen
from monitor.files import InputError
from monitor.metrics import Metrics
from sensors.observations import Accounting, Count
from tests.metrics_kit import NAME, ROOMY, loaded

pytestmark = pytest.mark.enable_socket
LOOPBACK = "127.0.0.1"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what is overdue, and for the wish to stop, so often that tests are short."""
    monkeypatch.setattr(endpoint, "POLL_SECONDS", 0.02)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Serving:
    """An endpoint at work."""

    def __init__(self, address: str = LOOPBACK, metrics: Metrics | None = None) -> None:
        self.clock = Clock()
        self.health = Health(clock=self.clock)
        self.listener = listen(address, 0)
        self.address: tuple[str, int] = self.listener.getsockname()[:2]
        self.endpoint = Endpoint(self.listener, (metrics or Metrics(NAME, ROOMY)).expose, self.health)

    def __enter__(self) -> Self:
        self.endpoint.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoint.stop()

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    def send(self, data: bytes) -> bytes:
        """Return all that is answered to some bytes."""
        with self.connect() as connection:
            connection.sendall(data)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    """Read until the other end closes, or cuts."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@contextmanager
def short_times(monkeypatch: pytest.MonkeyPatch, wait: float = 0.3, whole: float = 0.6) -> Iterator[None]:
    """Make the times short, so that the test is."""
    monkeypatch.setattr(requests.Request, "timeout", wait)
    monkeypatch.setattr(endpoint, "CONNECTION_SECONDS", whole)
    yield


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_a_scrape(address: str) -> None:
    with Serving(address, loaded()) as serving:
        response, body = serving.ask("/metrics?name[]=ignored")
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert response.getheader("Server") is None
    assert b'residency_policy_info{policy="eu-crm@' in body
    assert b'sensor="edge-1"' in body


def test_openmetrics_and_gzip_where_asked_for() -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}
    with Serving() as serving:
        response, body = serving.ask("/metrics", headers=headers)
    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text; version=1.0.0")
    assert response.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(body).endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/", 200, b"Residency Monitor\n\n/metrics\n/healthz\n/readyz\n"),
        ("HEAD", "/", 200, b""),
        ("HEAD", "/metrics", 200, b""),
        ("GET", "/healthz", 200, b"ok\n"),
        ("GET", "/readyz", 503, b"starting\n"),
        ("HEAD", "/readyz", 503, b""),
        ("GET", "/metricsx", 404, b"404 Not Found\n"),
        ("GET", "/../etc/passwd", 404, b"404 Not Found\n"),
        ("GET", "http://elsewhere/metrics", 404, b"404 Not Found\n"),
        ("HEAD", "/nothing", 404, b""),
        ("POST", "/metrics", 405, b"405 Method Not Allowed\n"),
        ("DELETE", "/", 405, b"405 Method Not Allowed\n"),
        ("__class__", "/", 405, b"405 Method Not Allowed\n"),
    ],
)
def test_paths_and_methods(method: str, path: str, status: int, said: bytes) -> None:
    with Serving() as serving:
        response, body = serving.ask(path, method)
    assert (response.status, body) == (status, said)
    assert response.getheader("Connection") == "close"
    assert response.getheader("Allow") == ("GET, HEAD" if status == 405 else None)
    if method == "HEAD" and path == "/":
        assert response.getheader("Content-Length") == "45"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz\r\n\r\n", b"200"),
        (b"GET /healthz HTTP/1.1\n\n", b"200"),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 9_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 10_000 + b"\r\n", b"431"),
        (b"GET / HTTP/2.0\r\n\r\n", b"505"),
        (b"GET / FTP/1.0\r\n\r\n", b"400"),
        (b"GET / a b HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nAccept: application/openmetrics-text; version=abc\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nnot a header\r\n\r\n", b"200"),
    ],
)
def test_requests_that_are_odd_or_too_long(sent: bytes, status: bytes) -> None:
    with Serving() as serving:
        answer = serving.send(sent)
    assert answer.startswith(b"HTTP/1.0 " + status)
    assert b"aaaa" not in answer


def test_noise_gets_an_answer_or_none() -> None:
    """An exception in a thread would be a warning, and so a failure."""
    pieces = st.sampled_from(
        [b"GET", b"HEAD", b" ", b"/metrics", b"HTTP/1.1", b"\r\n", b"\r", b"\n", b":", b"\0"]
    )
    noise = st.lists(pieces | st.binary(max_size=8), max_size=20).map(b"".join)

    with Serving() as serving:

        @settings(max_examples=100)
        @given(noise)
        def send(data: bytes) -> None:
            with serving.connect() as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                answer = everything(connection)
            assert not answer or answer.startswith(b"HTTP/1.0 ")

        send()


def test_what_a_client_sends_is_not_given_back() -> None:
    with Serving() as serving:
        assert b"<script>" not in serving.send(b"GET /<script> HTTP/1.1\r\n\r\n")
        assert b"<script>" not in serving.send(b"<script> / HTTP/1.1\r\nA: <script>\r\n\r\n")


def test_health_and_readiness_follow_the_main_loop() -> None:
    with Serving() as serving:
        seen = []

        def look() -> None:
            seen.append([serving.ask(path)[1].decode().strip() for path in ("/healthz", "/readyz")])

        serving.health.ready()
        look()
        serving.clock.now = 11
        look()
        serving.health.beat()
        serving.health.not_ready("no interface is up")
        look()
    stuck = "the main loop has not gone round for 11 seconds"
    assert seen == [["ok", "ok"], [stuck, stuck], ["ok", "no interface is up"]]


def test_clients_that_say_nothing_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with short_times(monkeypatch), Serving() as serving, ExitStack() as stack:
        silent = [stack.enter_context(serving.connect()) for _ in range(MAX_CONNECTIONS)]
        assert everything(stack.enter_context(serving.connect())).startswith(b"HTTP/1.0 503 ")
        before = time.monotonic()
        assert [everything(each) for each in silent] == [b""] * MAX_CONNECTIONS
        assert time.monotonic() - before < 3
        assert serving.ask("/healthz")[0].status == 200


def test_a_client_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    with short_times(monkeypatch), Serving() as serving, serving.connect() as connection:
        before = time.monotonic()
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            drip(connection)
        assert 0.4 < time.monotonic() - before < 3


def test_a_stopped_scrape_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients ask for much and do not read: feeding goes on, others are served, threads end."""
    metrics = Metrics("long" * 100, 100_000)
    events = {f"event-{number}": number for number in range(12_000)}  # more than a connection's buffers hold
    metrics.accounted(Accounting(Count(), {}, {}, events))
    with short_times(monkeypatch, 0.5, 1.0), Serving(metrics=metrics) as serving, ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect(serving.address)
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        worst = 0.0
        end = time.monotonic() + 4
        while time.monotonic() < end and clients():
            before = time.monotonic()
            metrics.lost("ring", 1)
            worst = max(worst, time.monotonic() - before)
            time.sleep(0.001)
        assert not clients()
        assert worst < 0.5
        assert serving.ask("/healthz")[0].status == 200


def test_stop_cuts_what_is_open_and_leaves_no_thread() -> None:
    serving = Serving()
    with serving, serving.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while not clients():
            time.sleep(0.01)
        before = time.monotonic()
        serving.endpoint.stop()
        while clients() and time.monotonic() - before < 2:
            time.sleep(0.001)
        assert time.monotonic() - before < 2
        assert everything(connection) == b""
    with pytest.raises(ConnectionRefusedError):
        serving.connect()


def test_an_endpoint_that_was_not_started_stops() -> None:
    Serving().endpoint.stop()


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("localhost", "that is no IP address; write one, such as 127.0.0.1 or ::1"),
        ("192.0.2.1", "this host has no such address; set metrics.address to 127.0.0.1, or to one it has"),
    ],
)
def test_an_address_that_cannot_be_listened_on(address: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        listen(address, 0)
    assert str(caught.value) == f"metrics: {address} port 0: {line}"


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_a_port_that_is_taken(address: str) -> None:
    with listen(address, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError) as caught:
            listen(address, port)
    mend = "another process listens there; stop it, or set another metrics.port"
    assert str(caught.value) == f"metrics: {address} port {port}: {mend}"


def test_all_addresses_of_both_kinds() -> None:
    with Serving("::") as serving, socket.create_connection((LOOPBACK, serving.address[1]), 10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert everything(connection).endswith(b"ok\n")


def drip(connection: socket.socket) -> None:
    """Send a byte now and then, for longer than is allowed."""
    for _ in range(100):
        connection.sendall(b"a")
        time.sleep(0.05)


def clients() -> list[threading.Thread]:
    """Return the threads that serve clients."""
    return [each for each in threading.enumerate() if each.name == "http client"]
