"""QUIC from the client's side up to its hello (RFC 9000, RFC 9001, RFC 9369): Initial packets alone.

A datagram has one outcome. It is unknown (no Initial, another version), closed (does not authenticate, cut by
the capture) or malformed, each told apart; only bytes that authenticated reach the CRYPTO stream.
"""

from typing import Literal, NamedTuple

from sensors.gquic import ClearKeys, clear_packet, is_clear_hello
from sensors.gquic_frames import handshake_pieces
from sensors.quic_crypto import MIN_PROTECTED_BYTES, InitialKeys
from sensors.quic_frames import PastEnd, bytes_after_length, crypto_pieces
from sensors.quic_version import VERSIONS
from sensors.ranges import RangeBuffer
from sensors.wire import Malformed

MAX_CRYPTO_BYTES = 65_536  # of one CRYPTO stream; the largest ClientHellos of today have some 2,000
MAX_FAILED_DATAGRAMS = 32  # of one flow, with nothing in them that could be used
MAX_COALESCED_INITIALS = 16  # of one datagram; real clients send one or two

_LONG_HEADER = 0x80
_LONG_HEADER_FIXED = 0xC0  # with the fixed bit
_TYPE_BITS = 0xF0  # long header, fixed bit, packet type: no header protection over them
_MIN_CLIENT_ID_BYTES = 8  # RFC 9000 section 7.2
_MAX_ID_BYTES = 20  # RFC 9000 section 17.2
_MIN_LONG_HEADER_BYTES = 7  # first byte, version, two empty connection IDs

Outcome = Literal[
    "initial",  # an Initial was opened
    "no-initial",  # other packets, or no QUIC
    "unknown-version",
    "undecryptable",  # does not authenticate: the server's, midstream, or no QUIC
    "truncated",  # cut by the capture, so that it cannot authenticate
    "malformed",
    "over-limit",  # not looked at: MAX_FAILED_DATAGRAMS was reached
]


class _Initial(NamedTuple):
    """A closed Initial packet, from its first byte to its tag. Protection begins at ``number_at``.

    ``number_bytes`` is known where the packet is in clear text (gquic.py).
    """

    version: bytes
    connection_id: bytes
    packet: bytes
    number_at: int
    number_bytes: int = 0

    def keys(self) -> "_Keys":
        """What opens it, if it is its connection's first."""
        kind = ClearKeys if self.number_bytes else InitialKeys
        return kind(self.version, self.connection_id)

    def pieces(self, frames: bytes) -> list[tuple[int, bytes]]:
        """What its frames hold of the handshake. Raises Malformed."""
        if self.number_bytes or VERSIONS[self.version].google:
            return handshake_pieces(frames, self.number_bytes)
        return crypto_pieces(frames)


_Keys = InitialKeys | ClearKeys


def is_client_initial_candidate(payload: bytes) -> bool:
    """Whether a UDP payload looks like the first Initial of a client, on any port.

    The version alone rules out all but one in a billion random payloads; type, fixed bit and the lengths of
    both connection IDs have to fit as well. Asks for no 1,200 bytes: the capture may have cut the datagram.
    Google's versions in clear text have another form, and their hello can be seen.
    """
    return _begins_sealed(payload) or is_clear_hello(payload)


def _begins_sealed(payload: bytes) -> bool:
    if len(payload) < _MIN_LONG_HEADER_BYTES + _MIN_CLIENT_ID_BYTES or payload[0] < _LONG_HEADER_FIXED:
        return False
    version = VERSIONS.get(payload[1:5])
    if version is None or payload[0] & _TYPE_BITS != version.initial:
        return False
    id_bytes = payload[5]
    if not _MIN_CLIENT_ID_BYTES <= id_bytes <= _MAX_ID_BYTES:
        return False
    source_at = 6 + id_bytes
    return source_at < len(payload) and payload[source_at] <= _MAX_ID_BYTES


def is_long_header(payload: bytes) -> bool:
    """Whether a UDP payload has QUIC's long header, as a server's first answer of any kind has."""
    return len(payload) >= _MIN_LONG_HEADER_BYTES and payload[0] & _LONG_HEADER != 0


def may_hold_data(payload: bytes) -> bool:
    """Tell whether a client's datagram may hold application data: a packet of 0-RTT or 1-RTT.

    Long headers of the other types are passed over (RFC 9000 section 12.2), and zeros behind them.
    """
    if is_clear_hello(payload):
        return False
    at = 0
    try:
        while is_long_header(payload[at : at + _MIN_LONG_HEADER_BYTES]):
            version = VERSIONS.get(payload[at + 1 : at + 5])
            if version is None:
                return False
            if payload[at] & _TYPE_BITS == version.zero_rtt:
                return True
            _, at = _next_packet(payload, at)
    except (PastEnd, Malformed):
        return False
    return at < len(payload) and payload[at] < _LONG_HEADER and (at == 0 or payload[at] != 0)


class InitialReader:
    """Reads the CRYPTO stream out of the datagrams that one client sends on one UDP flow.

    ``outcome`` says what the last datagram was. ``connections`` counts the connections begun: when it grows
    past 1, the bytes returned begin a new CRYPTO stream (after a Retry or a Version Negotiation, or because
    the client used its port again), and those returned before belong to an abandoned one.
    """

    __slots__ = ("_buffer", "_failed", "_keys", "_trial", "connections", "outcome")

    def __init__(self) -> None:
        self.outcome: Outcome = "no-initial"
        self.connections = 0
        self._failed = 0
        self._buffer = RangeBuffer(0, MAX_CRYPTO_BYTES)
        self._keys: _Keys | None = None  # those that opened the connection's first packet
        self._trial: _Keys | None = None  # those of the last packet's own connection ID

    @property
    def speaks_tls(self) -> bool:
        """Whether the connection's handshake is TLS, and not Google's own."""
        return self._keys is None or not self._keys.origin[0].startswith(b"Q")

    def feed(self, payload: bytes, *, complete: bool = True) -> bytes:
        """Take one UDP payload; return the CRYPTO bytes that became contiguous, often none.

        ``complete`` is false when the capture cut the datagram: an Initial that runs past its end is then
        truncated, else malformed. One malformed packet spoils its whole datagram. Raises Malformed.
        """
        if self._failed >= MAX_FAILED_DATAGRAMS:
            self.outcome = "over-limit"
            return b""
        self.outcome = "malformed"
        self._failed += 1  # until the datagram proves better
        initials, end = _split(payload)
        opened = [(initial, frames) for initial in initials if (frames := self._open(initial)) is not None]
        pieces = [piece for initial, frames in opened for piece in initial.pieces(frames)]
        if opened:
            self.outcome = "initial"
        elif initials:
            cut = initials[0].number_bytes and not complete  # has no length: its hash says that it is whole
            self.outcome = "truncated" if cut else "undecryptable"
        elif end == "truncated" and complete:
            raise Malformed("quic-past-end")
        else:
            self.outcome = end
        if self.outcome in ("initial", "no-initial"):
            self._failed -= 1
        return b"".join([self._buffer.push(offset, data) for offset, data in pieces])

    def _open(self, initial: _Initial) -> bytes | None:
        """Open a packet with the connection's keys, else with those of its own connection ID.

        A connection keeps the keys of its first ID when the server replaces that (RFC 9001 section 5.2);
        after a Retry, and in another connection, the packet's own ID counts.
        """
        if self._keys is not None:
            frames = self._keys.open(initial.packet, initial.number_at)
            if frames is not None:
                return frames
        origin = initial.version, initial.connection_id
        if self._trial is None or self._trial.origin != origin:
            self._trial = initial.keys()
        if self._trial is self._keys:
            return None
        frames = self._trial.open(initial.packet, initial.number_at)
        if frames is not None:
            self._keys = self._trial
            self._buffer = RangeBuffer(0, MAX_CRYPTO_BYTES)
            self.connections += 1
        return frames


def _split(payload: bytes) -> tuple[list[_Initial], Outcome]:
    """Return the Initials of a datagram (RFC 9000 section 12.2), and what to call it if there are none.

    The walk ends at the first packet that cannot be passed over, or that is for another connection ID.
    Raises Malformed where not even the first packet makes sense.
    """
    clear = clear_packet(payload)
    if clear is not None:
        version, connection_id, number_at, number_bytes = clear
        return [_Initial(version, connection_id, payload, number_at, number_bytes)], "no-initial"
    initials: list[_Initial] = []
    at = 0
    try:
        while len(initials) < MAX_COALESCED_INITIALS and is_long_header(payload[at : at + 7]):
            if payload[at + 1 : at + 5] not in VERSIONS:
                return initials, "unknown-version"
            initial, at = _next_packet(payload, at)
            if initial is None:
                continue
            if initials and initial.connection_id != initials[0].connection_id:
                break
            initials.append(initial)
    except PastEnd:
        return initials, "truncated"
    except Malformed:
        if not initials:
            raise
    return initials, "no-initial"


def _next_packet(payload: bytes, at: int) -> tuple[_Initial | None, int]:
    """Return the long-header packet at ``at`` if it is an Initial, and its end (RFC 9000 section 17.2).

    Raises Malformed, or PastEnd where the packet is longer than the payload.
    """
    version = payload[at + 1 : at + 5]
    scheme = VERSIONS[version]
    kind = payload[at] & _TYPE_BITS
    if kind == scheme.retry:  # has no length: fills the datagram
        return None, len(payload)
    connection_id, source_at = _connection_id(payload, at + 5)
    _, after = _connection_id(payload, source_at)
    if kind == scheme.initial:
        _, after = bytes_after_length(payload, after)  # the token
    number_at, end = bytes_after_length(payload, after)
    if kind != scheme.initial:
        return None, end
    if end - number_at < MIN_PROTECTED_BYTES:
        raise Malformed("quic-initial-too-short")
    return _Initial(version, connection_id, payload[at:end], number_at - at), end


def _connection_id(payload: bytes, at: int) -> tuple[bytes, int]:
    """Return the connection ID whose length stands at ``at``, and the offset after it."""
    if at >= len(payload):
        raise PastEnd("quic-past-end")
    end = at + 1 + payload[at]
    if payload[at] > _MAX_ID_BYTES:
        raise Malformed("quic-connection-id")
    if end > len(payload):
        raise PastEnd("quic-past-end")
    return payload[at + 1 : end], end
