"""The Redis sink, and a real redis-server that is killed, full, locked, a replica, and half of a cluster."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from monitor.events import read_native
from monitor.files import InputError
from monitor.sink_options import RedisOptions, Tls
from monitor.sinks.protocol import Dead, Delivered, Outcome, RetryAfter
from monitor.sinks.redis_stream import RedisSink
from tests.certificates_kit import Authority
from tests.sinks_kit import HOST, Program, free_port, needs, parcels, running, serving, some, summary

pytestmark = [pytest.mark.enable_socket, needs("redis-server")]

STREAM = "residency:events"


class Redis(Program):
    """A server with an append-only file that is synced at each write."""

    def __init__(self, folder: Path, *options: str | Path) -> None:
        port = free_port()
        own: list[str | Path] = ["--port", str(port), "--bind", HOST, "--dir", folder, "--save", ""]
        command: list[str | Path] = [
            "redis-server",
            *own,
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            *options,
        ]
        super().__init__(command, folder, port)

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of its own."""
        return redis.Redis(HOST, self.port, **options)

    def entries(self, **options: Any) -> list[dict[bytes, bytes]]:
        """Return what the stream holds."""
        with self.client(**options) as client:
            return [fields for _, fields in client.xrange(STREAM)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with running(Redis(tmp_path)) as started:
        yield started


def options_of(server: Program, **changes: Any) -> RedisOptions:
    base = RedisOptions(name="stream", url=f"redis://{HOST}:{server.port}/0", timeout_seconds=5)
    return msgspec.structs.replace(base, **changes)


def once(options: RedisOptions, folder: Path, first: int = 1, count: int = 2) -> Outcome:
    """Deliver a batch by a sink of its own."""
    with closing(RedisSink(options, folder)) as sink:
        return sink.deliver(some(first, count))


def later(server: Program, reason: str, done: int = 0) -> RetryAfter:
    return RetryAfter(f"{HOST}:{server.port}: {reason}", done=done)


def test_an_entry_has_key_type_and_event(server: Redis, tmp_path: Path) -> None:
    batch = [*some(1, 2), *parcels([summary()], 3)]
    with closing(RedisSink(options_of(server), tmp_path)) as sink:
        assert sink.deliver(batch) == Delivered()
        assert sink.deliver(batch[:1]) == Delivered()
    entries = server.entries()
    assert [each[b"key"].decode() for each in entries] == [each.key for each in [*batch, batch[0]]]
    assert [each[b"type"] for each in entries] == [b"finding", b"finding", b"summary", b"finding"]
    assert read_native(entries[0][b"event"]) == batch[0].event


def test_a_stream_is_cut_to_about_its_longest(server: Redis, tmp_path: Path) -> None:
    with closing(RedisSink(options_of(server, max_length=10), tmp_path)) as sink:
        assert sink.deliver(some(1, 1_000)) == Delivered()
    assert 10 <= len(server.entries()) < 300  # whole nodes of 100 entries go


def test_ocsf_is_what_its_reader_expects(server: Redis, tmp_path: Path) -> None:
    assert once(options_of(server, format="ocsf"), tmp_path) == Delivered()
    assert json.loads(server.entries()[0][b"event"])["class_uid"]


def test_a_killed_server_has_all_that_it_took_and_the_same_sink_goes_on(
    server: Redis, tmp_path: Path
) -> None:
    with closing(RedisSink(options_of(server), tmp_path)) as sink:
        assert sink.deliver(some(1, 50)) == Delivered()
        server.kill()
        assert isinstance(sink.deliver(some(51, 50)), RetryAfter)
        assert sink.deliver(some(51, 50)) == later(server, "Connection refused")
        server.start()
        assert sink.deliver(some(51, 50)) == Delivered()
    assert [each[b"key"].decode() for each in server.entries()] == [each.key for each in some(1, 100)]


def test_a_full_server_is_tried_again_from_where_it_was_full(server: Redis, tmp_path: Path) -> None:
    with server.client() as client, closing(RedisSink(options_of(server), tmp_path)) as sink:
        assert sink.deliver(some(1, 3)) == Delivered()
        client.config_set("maxmemory", 1)
        outcome = sink.deliver(some(4, 3))
        assert outcome == later(server, "OOM command not allowed when used memory > 'maxmemory'.")
        client.config_set("maxmemory", 0)
        assert sink.deliver(some(4, 3)) == Delivered()
    assert len(server.entries()) == 6


def test_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    for name, text in (("right", "horse"), ("wrong", "donkey")):
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    with running(Redis(tmp_path, "--requirepass", "horse")) as server:
        none = once(options_of(server), tmp_path)
        assert none == later(server, "NOAUTH Authentication required.")
        wrong = once(options_of(server, password_file="wrong"), tmp_path)  # noqa: S106  a file's name
        assert isinstance(wrong, RetryAfter)
        assert "WRONGPASS" in wrong.reason
        right = options_of(server, password_file="right")  # noqa: S106
        assert once(right, tmp_path) == Delivered()
        named = msgspec.structs.replace(right, url=f"redis://default@{HOST}:{server.port}")
        assert once(named, tmp_path, 3) == Delivered()
        assert len(server.entries(password="horse")) == 4  # noqa: S106


def test_over_tls_the_server_is_known_by_its_certificate(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate, key = authority.issue("redis.example.org")
    files: list[str | Path] = ["--tls-cert-file", certificate, "--tls-key-file", key]
    secure = Redis(tmp_path, *files, "--tls-ca-cert-file", authority.ca, "--tls-auth-clients", "no")
    with running(secure) as server, server.client() as client:
        client.config_set("tls-port", tls := free_port())
        url = f"rediss://{HOST}:{tls}"
        named = Tls(ca=authority.ca.name, server_name="redis.example.org")
        assert once(options_of(server, url=url, tls=named), tmp_path) == Delivered()
        for trust, why in (
            (Tls(ca=authority.ca.name), "IP address mismatch, certificate is not valid for '127.0.0.1'"),
            (
                Tls(ca=other.ca.name, server_name="redis.example.org"),
                "self-signed certificate in certificate chain",
            ),
        ):
            reason = f"{HOST}:{tls}: its certificate is not accepted: {why}"
            assert once(options_of(server, url=url, tls=trust), tmp_path) == RetryAfter(reason)
        assert len(server.entries()) == 2


def test_what_a_server_says_of_itself_is_tried_again(server: Redis, tmp_path: Path) -> None:
    options = options_of(server)
    with server.client() as client, closing(RedisSink(options, tmp_path)) as sink:
        client.execute_command("ACL SETUSER default -xadd")
        outcome = sink.deliver(some(1, 2))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason.startswith(f"{HOST}:{server.port}: NOPERM")
        client.execute_command("ACL SETUSER default +xadd")
        client.set(STREAM, "taken")
        outcome = sink.deliver(some(1, 2))
        assert isinstance(outcome, RetryAfter)
        assert "WRONGTYPE" in outcome.reason
        client.delete(STREAM)
        client.replicaof(HOST, str(free_port()))
        assert sink.deliver(some(1, 2)) == later(
            server, "READONLY You can't write against a read only replica."
        )
        client.replicaof("NO", "ONE")
        assert sink.deliver(some(1, 2)) == Delivered()


def test_a_stream_that_can_take_no_entry_any_more_is_dead_for_it(server: Redis, tmp_path: Path) -> None:
    with server.client() as client:
        client.xadd(STREAM, {"key": "last"}, f"{2**64 - 1}-{2**64 - 2}")
    outcome = once(options_of(server), tmp_path, count=3)
    assert isinstance(outcome, Dead)
    assert outcome.done == 1
    assert "stream has exhausted the last possible ID" in outcome.reason


def test_a_cluster_without_slots_is_tried_again(tmp_path: Path) -> None:
    with running(Redis(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))) as server:
        assert once(options_of(server), tmp_path) == later(server, "CLUSTERDOWN Hash slot not served")


def commands(sock: socket.socket) -> Iterator[list[bytes]]:
    """Read commands as RESP has them."""
    with sock.makefile("rb") as lines:
        while head := lines.readline():
            yield [lines.read(int(lines.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]


@pytest.mark.parametrize(
    "answer",
    [
        "MOVED 4711 10.0.0.2:6379",
        "ASK 4711 10.0.0.2:6379",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "ERR unknown command 'XADD', with args beginning with:",
        "ERR max number of clients reached",
    ],
)
def test_a_state_that_is_hard_to_bring_about_is_tried_again(tmp_path: Path, answer: str) -> None:
    """The second entry is refused: the first one was taken, or nothing is known of it."""

    def handle(sock: socket.socket) -> None:
        added = 0
        for command in commands(sock):
            added += command[0] == b"XADD"
            sock.sendall(f"-{answer}\r\n".encode() if added == 2 else b"+1-1\r\n")

    with serving(handle) as port:
        options = RedisOptions(name="stream", url=f"redis://{HOST}:{port}", timeout_seconds=5)
        outcome = once(options, tmp_path, count=3)
    assert isinstance(outcome, RetryAfter)
    assert outcome.reason.startswith(f"{HOST}:{port}: {answer[:40]}")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1", "is no URL of Redis"),
        ("redis://:secret@127.0.0.1", "a password stands in the URL; put it into a file: password_file"),
        ("redis://127.0.0.1/0?ssl_cert_reqs=none", "holds something else than a server"),
        ("unix:///run/redis.sock", "holds something else than a server"),
    ],
)
def test_a_url_that_is_no_server_is_refused_at_once(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        RedisSink(RedisOptions(name="stream", url=url), tmp_path)
