"""The webhook against real servers: what is sent, signed, taken, refused, tried again; TLS."""

import datetime as dt
import json
import math
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import __version__
from monitor.events import read_native, render
from monitor.files import InputError
from monitor.sink_options import Tls, WebhookOptions
from monitor.sinks.factory import open_sink
from monitor.sinks.posting import MAX_SAID, retry_after
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter
from monitor.sinks.webhook import WebhookSink
from tests.certificates_kit import Authority
from tests.courier_kit import Handler, Server, answering, serving, taken
from tests.outbox_kit import events

pytestmark = pytest.mark.enable_socket
PARCELS = [Parcel(at, each) for at, each in enumerate(events(0, 3), 1)]
KEYS = [each.key for each in PARCELS]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as made:
        yield made


def secret(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return name


def deliver(server: Server, folder: Path, **keys: object) -> Outcome:
    """Deliver all parcels over one sink."""
    url = f"http://127.0.0.1:{server.server_port}/hook?of=soc"
    options = WebhookOptions(name="soc", url=url, **keys)  # type: ignore[arg-type]
    sink = open_sink(options, folder)
    try:
        return sink.deliver(PARCELS)
    finally:
        sink.close()


def is_genuine(header: str, body: bytes, key: bytes, most_seconds: int = 300) -> bool:
    """A receiver's check, as the page on sinks has it."""
    page = (Path(__file__).parents[1] / "docs/68-sinks.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  our own page
    return bool(names["is_genuine"](header, body, key, most_seconds))


@pytest.mark.parametrize("form", ["native", "ocsf", "ecs"])
def test_each_event_is_a_request(form: str, server: Server, tmp_path: Path) -> None:
    assert deliver(server, tmp_path, format=form) == Delivered()
    assert server.keys == KEYS
    for request, parcel in zip(server.requests, PARCELS, strict=True):
        assert request.body == render(parcel.event, form)  # type: ignore[arg-type]
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["User-Agent"] == f"residency/{__version__}"
        assert "Residency-Signature" not in request.headers
        assert "Authorization" not in request.headers
        assert json.loads(request.body)


def test_who_we_are_is_signed_and_said(server: Server, tmp_path: Path) -> None:
    keys = {
        "secret_file": secret(tmp_path, "key", "geheim ß\nnot this\n"),
        "token_file": secret(tmp_path, "token", "abc.def\r\n"),
    }
    assert deliver(server, tmp_path, **keys) == Delivered()
    for request in server.requests:
        header = request.headers["Residency-Signature"]
        key = "geheim ß".encode()
        assert is_genuine(header, request.body, key)
        assert not is_genuine(header, request.body + b" ", key)
        assert not is_genuine(header, request.body, b"another")
        assert not is_genuine(header, request.body, key, -1)  # too old
        for wrong in ("", "t=1", "t=x,v1=y", "t=²,v1=", f"{header}0", header.replace("t=", "t=0x")):
            assert not is_genuine(wrong, request.body, key)
        assert request.headers["Authorization"] == "Bearer abc.def"


def test_the_key_and_the_body_stay_the_same_when_it_comes_again(server: Server, tmp_path: Path) -> None:
    server.answers = [answering(500)]
    deliver(server, tmp_path)
    deliver(server, tmp_path)
    first, again = server.requests[:2]
    assert (first.key, first.body) == (again.key, again.body)


ANSWERS = [
    (200, {}, b"", None),
    (202, {}, b"x" * 100_000, None),
    (400, {}, b'{"error": "no\x1b[31m such field"}',
     Dead('answered 400: {"error": "no [31m such field"}', 1)),
    (403, {}, b"", Dead("answered 403", 1)),
    (404, {}, b"", Dead("answered 404", 1)),
    (413, {}, b"x" * 9_000, Dead(f"answered 413: {'x' * 200}", 1)),
    (422, {}, b"", Dead("answered 422", 1)),
    (401, {}, b"", RetryAfter("answered 401: check token_file", None, 1)),
    (301, {"Location": "/elsewhere"}, b"",
     RetryAfter("answered 301, which is not followed: write the address", None, 1)),
    (304, {}, b"", RetryAfter("answered 304, which is not followed: write the address", None, 1)),
    (408, {}, b"", RetryAfter("answered 408", None, 1)),
    (425, {"Retry-After": "0"}, b"", RetryAfter("answered 425", 0.0, 1)),
    (429, {"Retry-After": "17"}, b"slow down", RetryAfter("answered 429: slow down", 17.0, 1)),
    (429, {"Retry-After": "soon"}, b"", RetryAfter("answered 429", None, 1)),
    (500, {}, b"", RetryAfter("answered 500", None, 1)),
    (503, {"Retry-After": "120"}, b"", RetryAfter("answered 503", 120.0, 1)),
    (599, {}, b"", RetryAfter("answered 599", None, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "expected"), ANSWERS)
def test_what_an_answer_means(
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: Outcome | None,
    *,
    server: Server,
    tmp_path: Path,
) -> None:
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    server.answers = [taken, answering(status, body, **named)]
    assert deliver(server, tmp_path) == (expected or Delivered())
    assert server.keys == (KEYS if expected is None else KEYS[:2])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("3", 3.0),
        ("9" * 20, 1e20),
        ("9" * 400, math.inf),
        (format_datetime(dt.datetime(2026, 3, 10, 12, 0, 30, tzinfo=dt.UTC), usegmt=True), 30.0),
        (format_datetime(dt.datetime(2026, 3, 9, tzinfo=dt.UTC), usegmt=True), 0.0),
        ("Wed, 99 Foo 2026", None),
    ],
)
def test_retry_after(written: str | None, seconds: float | None) -> None:
    now = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC).timestamp()
    assert retry_after(written, now) == seconds


# servers that fail


def _hangs(handler: Handler) -> None:
    time.sleep(1.0)
    handler.close_connection = True


def _resets(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _babbles(handler: Handler) -> None:
    handler.connection.sendall(b"\xff\xfe garbage\r\n\r\n")
    handler.close_connection = True


def _ends(handler: Handler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("answer", [_hangs, _resets, _babbles, _ends])
def test_a_server_that_does_not_answer_is_tried_again(answer: object, server: Server, tmp_path: Path) -> None:
    server.answers = [taken, answer]  # type: ignore[list-item]
    outcome = deliver(server, tmp_path, timeout_seconds=0.3)
    assert isinstance(outcome, RetryAfter)
    assert outcome.done == 1
    assert outcome.reason.startswith("no answer: ")
    assert "0x" not in outcome.reason


def _dies(status: int) -> object:
    def answer(handler: Handler) -> None:
        head = f"HTTP/1.1 {status} x\r\nContent-Length: 4000\r\n\r\n".encode()
        handler.connection.sendall(head + b"only this")
        handler.close_connection = True

    return answer


def _drips(status: int) -> object:
    def answer(handler: Handler) -> None:
        handler.connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: 4000\r\n\r\n".encode())
        for _ in range(20):
            handler.connection.sendall(b"x")
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize("make", [_dies, _drips])
def test_a_server_that_dies_in_its_answer_said_enough(make: object, server: Server, tmp_path: Path) -> None:
    server.answers = [make(200), make(500)]  # type: ignore[operator]
    outcome = deliver(server, tmp_path, timeout_seconds=0.3)
    assert isinstance(outcome, RetryAfter)
    assert outcome.done == 1
    assert outcome.reason.startswith("answered 500: ")


def test_an_endless_answer_is_read_to_a_bound(server: Server, tmp_path: Path) -> None:
    sent = []

    def endless(handler: Handler) -> None:
        handler.connection.sendall(b"HTTP/1.1 400 x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                handler.connection.sendall(b"ffff\r\n" + b"y" * 0xFFFF + b"\r\n")
                sent.append(0xFFFF)
        except OSError:
            handler.close_connection = True

    server.answers = [endless]
    outcome = deliver(server, tmp_path)
    assert isinstance(outcome, Dead)
    assert len(outcome.reason) < 2 * MAX_SAID
    assert sum(sent) < 100_000_000


def test_a_closed_port_is_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sink = WebhookSink(WebhookOptions(name="soc", url=f"http://127.0.0.1:{port}/"), tmp_path)
    assert sink.deliver(PARCELS) == RetryAfter("no answer: Connection refused")


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tls_server(authority: Authority) -> Iterator[Server]:
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("hook.example.net"))
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as made:
        yield made


def over_tls(server: Server, folder: Path, tls: Tls) -> Outcome:
    url = f"https://127.0.0.1:{server.server_port}/"
    sink = open_sink(WebhookOptions(name="soc", url=url, tls=tls), folder)
    try:
        return sink.deliver(PARCELS)
    finally:
        sink.close()


def test_a_private_authority_and_a_name_of_its_own(tls_server: Server, authority: Authority) -> None:
    tls = Tls(ca="authority.pem", server_name="hook.example.net")
    assert over_tls(tls_server, authority.ca.parent, tls) == Delivered()
    assert tls_server.keys == KEYS


@pytest.mark.parametrize(
    "tls", [Tls(), Tls(ca="authority.pem"), Tls(ca="authority.pem", server_name="other.example.net")]
)
def test_a_server_that_nobody_vouches_for_gets_nothing(
    tls: Tls, tls_server: Server, authority: Authority
) -> None:
    outcome = over_tls(tls_server, authority.ca.parent, tls)
    assert isinstance(outcome, RetryAfter)
    assert re.search("its certificate is not accepted|hostname .* doesn't match", outcome.reason)
    assert tls_server.keys == []


def test_a_client_shows_its_certificate(authority: Authority) -> None:
    seen = []

    def look(handler: Handler) -> None:
        seen.append(handler.connection.getpeercert())
        handler.say(204)

    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("hook.example.net"))
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    certificate, key = authority.issue("courier")
    tls = Tls("authority.pem", certificate.name, key.name, "hook.example.net")
    with serving(server):
        server.answers = [look]
        assert over_tls(server, authority.ca.parent, tls) == Delivered()
        nobody = Tls(ca="authority.pem", server_name="hook.example.net")
        assert isinstance(over_tls(server, authority.ca.parent, nobody), RetryAfter)
    assert seen[0]["subject"] == ((("commonName", "courier"),),)


# files


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (None, 0o600, "no such file or directory; check the path"),
        (b"key", 0o644, "everyone may read this secret; close it: chmod o-r"),
        (b"", 0o600, "the first line is empty; write the secret there, and nothing else"),
        (b"\nkey", 0o600, "the first line is empty; write the secret there, and nothing else"),
        (b"\xff", 0o600, "the first line is not UTF-8; write the secret as text"),
        (
            b"a\x00b",
            0o600,
            "the first line holds control characters; write the secret there, and nothing else",
        ),
    ],
)
@pytest.mark.parametrize("key", ["secret_file", "token_file"])
def test_a_secret_that_cannot_be_used(
    key: str, content: bytes | None, mode: int, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    options = WebhookOptions(name="soc", url="http://127.0.0.1/", **{key: "secret"})  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        open_sink(options, tmp_path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_token_has_to_fit_into_a_header(tmp_path: Path) -> None:
    secret(tmp_path, "token", "a b")
    options = WebhookOptions(name="soc", url="http://127.0.0.1/", token_file="token")  # noqa: S106  a file
    with pytest.raises(InputError, match="no bearer token; write the token alone, in ASCII"):
        open_sink(options, tmp_path)


@pytest.mark.parametrize(
    "tls", [Tls(ca="none.pem"), Tls(ca="bad.pem"), Tls(certificate="bad.pem"), Tls(certificate="none.pem")]
)
def test_a_certificate_that_cannot_be_used(tls: Tls, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate\n")
    options = WebhookOptions(name="soc", url="https://127.0.0.1/", tls=tls)
    with pytest.raises(InputError, match=r"\.pem: (not usable for TLS|no such file)"):
        open_sink(options, tmp_path)


def test_what_was_posted_is_what_was_meant(server: Server, tmp_path: Path) -> None:
    deliver(server, tmp_path)
    assert [read_native(each.body) for each in server.requests] == [each.event for each in PARCELS]
