"""A Redis stream: one entry an event, appended in one pipeline a batch, cut to about its longest.

An answer that says how the server is (loading, full, read-only, locked) is tried again; one that refuses the
entry is dead. An entry that was appended and not heard of is appended again, with the same key.
"""

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from monitor.events import render
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sink_options import RedisOptions
from monitor.sinks.files import read_secret, tls_context
from monitor.sinks.guarded import Guard, GuardedSocket
from monitor.sinks.plain import plain
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter
from monitor.sinks.reasons import reason_of

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ModuleNotFoundError:
    raise MissingExtraError(
        "Redis needs the redis extra; install it: pip install 'residency-monitor[redis]'"
    ) from None

MAX_BATCH = 1_000  # entries of a pipeline, which stands in memory
MAX_ANSWER_BYTES = 1_048_576  # to one pipeline: an identifier an entry
_MEND = "write redis://HOST:PORT/DB or rediss://HOST:PORT/DB, with USER@ before the host if need be"
# The first words of answers that say how the server is, not what is wrong with an entry.
_STATES = frozenset(
    {
        "ASK", "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "MOVED", "NOPERM", "NOREPLICAS",
        "OOM", "READONLY", "TRYAGAIN", "UNBLOCKED", "WRONGTYPE",
    }
)  # fmt: skip
# What redis-py makes of answers that are none: no number, one beyond any length, arrays without end.
_NOT_REDIS = (ValueError, OverflowError, RecursionError)
_TOO_OLD = "ERR unknown command"


class RedisSink:
    """One stream of one server. A cluster's redirections are not followed: name the node that has it."""

    def __init__(self, options: RedisOptions, folder: Path) -> None:
        """Raises InputError where the URL or files are no good."""
        self.name = options.name
        self.batch = min(options.batch, MAX_BATCH)
        self._options = options
        self._guard = Guard(options.timeout_seconds, MAX_ANSWER_BYTES)
        self._place, is_tls = _parsed(options)
        self._client = redis.Redis(
            connection_pool=redis.ConnectionPool(
                connection_class=_Connection,
                **self._place,
                password=read_secret(options.password_file, folder) if options.password_file else None,
                guard=self._guard,
                context=tls_context(options.tls, folder) if is_tls else None,
                server_name=options.tls.server_name,
                socket_timeout=options.timeout_seconds,
                socket_connect_timeout=options.timeout_seconds,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        )

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Append an entry for each parcel; those before the first refusal are done."""
        self._guard.begin()
        pipeline = self._client.pipeline(transaction=False)
        for parcel in parcels:
            pipeline.xadd(
                self._options.stream, self._entry(parcel), maxlen=self._options.max_length, approximate=True
            )
        try:
            answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError, *_NOT_REDIS) as error:
            self._client.connection_pool.disconnect()
            return self._later(_said(self._clearer(error)))
        for done, answer in enumerate(answers):
            if isinstance(answer, Exception):
                return self._refused(answer, done)
        return Delivered()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
        self._client.connection_pool.disconnect()

    def _clearer(self, error: BaseException) -> BaseException:
        """Return what the server says to a PING, where it only closed the connection.

        Redis does so to a long command of one that has not logged in, and tells a short one what is missing.
        """
        if type(error) is not redis.ConnectionError or isinstance(error.__context__, OSError):
            return error
        try:
            self._client.ping()
        except redis.AuthenticationError as said:
            return said
        except (redis.RedisError, OSError, *_NOT_REDIS):
            pass
        return error

    def _entry(self, parcel: Parcel) -> dict[Any, Any]:
        kind = parcel.event.__struct_config__.tag
        return {"key": parcel.key, "type": kind, "event": render(parcel.event, self._options.format)}

    def _refused(self, answer: Exception, done: int) -> Outcome:
        said = _said(answer)
        is_entry = isinstance(answer, redis.ResponseError) and said.partition(" ")[0] not in _STATES
        if not is_entry or said.startswith(_TOO_OLD):
            return self._later(said, done)
        return Dead(self._where(said), done)

    def _later(self, reason: str, done: int = 0) -> RetryAfter:
        return RetryAfter(self._where(reason), done=done)

    def _where(self, reason: str) -> str:
        return f"{self._place['host']}:{self._place['port']}: {reason}"


class _Connection(redis.Connection):
    """A connection under a guard, over TLS where there is a context."""

    def __init__(
        self, *, guard: Guard, context: ssl.SSLContext | None, server_name: str | None, **options: Any
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._guard = guard
        self._context = context
        self._server_name = server_name

    def _connect(self) -> socket.socket:
        sock: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        if self._context is not None:
            try:
                sock = self._context.wrap_socket(sock, server_hostname=self._server_name or self.host)
            except BaseException:
                sock.close()
                raise
        return cast("socket.socket", GuardedSocket(sock, self._guard))


def _parsed(options: RedisOptions) -> tuple[dict[str, Any], bool]:
    """Return where the server is, and whether TLS leads there. Raises InputError."""
    where = f"sink {options.name}"
    try:
        parsed = redis.connection.parse_url(options.url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise InputError(where, f"{options.url!r} is no URL of Redis", _MEND) from None
    if "password" in parsed:
        raise InputError(where, "a password stands in the URL", "put it into a file: password_file")
    known = {"host", "port", "db", "username", "connection_class"}
    if parsed.keys() - known or "host" not in parsed:
        raise InputError(where, f"{options.url!r} holds something else than a server", _MEND)
    is_tls = options.url.lower().startswith("rediss:")
    return {"port": 6379} | {name: parsed[name] for name in parsed if name != "connection_class"}, is_tls


def _said(error: BaseException) -> str:
    """Return in one line what the server, or the way to it, said."""
    code = getattr(error, "status_code", None)
    under = error.__cause__ or error.__context__
    if isinstance(error, redis.TimeoutError):
        return "no answer in time"
    if code is None and isinstance(error, redis.ConnectionError) and isinstance(under, OSError):
        return reason_of(under)
    if isinstance(error, _NOT_REDIS):
        return "its answer is not Redis's"
    return plain(f"{code} {error}" if code else str(error)) or type(error).__name__
