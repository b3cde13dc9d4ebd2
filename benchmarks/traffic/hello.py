"""ClientHellos from recorded ones: another server name, random and session identifier, the same structure."""

from typing import NamedTuple, Self

_SERVER_NAME, _PADDING = 0, 21  # RFC 6066 section 3, RFC 7685


class Hello(NamedTuple):
    """A ClientHello message (RFC 8446 section 4.1.2), cut where a new one differs."""

    version: bytes
    session_bytes: int
    suites: bytes  # with the compression methods
    before: bytes  # extensions before the server name
    after: bytes
    padded: bool

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Take a recorded message apart. It is our own, so that a fault is an error of the program."""
        at = 39 + message[38]
        suites_end = at + 2 + int.from_bytes(message[at : at + 2], "big")
        suites_end += 1 + message[suites_end]
        extensions = _extensions(message[suites_end + 2 :])
        kinds = [kind for kind, _ in extensions]
        name_at = kinds.index(_SERVER_NAME)
        kept = [body for kind, body in extensions[name_at + 1 :] if kind != _PADDING]
        return cls(
            message[4:6],
            message[38],
            message[at:suites_end],
            b"".join(body for _, body in extensions[:name_at]),
            b"".join(kept),
            _PADDING in kinds,
        )

    def message(self, name: bytes, entropy: bytes) -> bytes:
        """Return a hello to ``name``. ``entropy`` are 64 bytes: the random and the session identifier."""
        size = len(name)
        extensions = (
            self.before
            + b"\0\0"
            + (size + 5).to_bytes(2, "big")
            + (size + 3).to_bytes(2, "big")
            + b"\0"
            + size.to_bytes(2, "big")
            + name
            + self.after
        )
        head = self.version + entropy[:32] + bytes([self.session_bytes])
        head += entropy[32 : 32 + self.session_bytes] + self.suites
        if self.padded:
            missing = max(512 - 4 - len(head) - 2 - len(extensions) - 4, 0)
            extensions += b"\0\x15" + missing.to_bytes(2, "big") + bytes(missing)
        body = head + len(extensions).to_bytes(2, "big") + extensions
        return b"\x01" + len(body).to_bytes(3, "big") + body


def record(message: bytes) -> bytes:
    """Return the message in one TLS record (RFC 8446 section 5.1)."""
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def _extensions(data: bytes) -> list[tuple[int, bytes]]:
    """Return the type and the whole of every extension."""
    found = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((int.from_bytes(data[at : at + 2], "big"), data[at:end]))
        at = end
    return found
