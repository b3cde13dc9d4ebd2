"""Real ClientHellos for the tests, made by the ssl module without a socket."""

import contextlib
import ssl


def client_hello(server_name: str, alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """Return the TLS records of a client's first flight."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(alpn))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()
