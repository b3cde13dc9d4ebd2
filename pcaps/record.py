"""Records the handshakes in ``material/``: real ones, made by real libraries, and so never the same twice.

Run it only to add a name or to renew a profile; ``make.py`` works from what is committed. Its rule: nothing
here is written by hand, every byte is what OpenSSL or aioquic sent to a server in the same process.
"""

import argparse
import datetime as dt
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from unittest import mock

from aioquic import tls as quic_tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import pull_quic_header
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from OpenSSL import SSL

MATERIAL = Path(__file__).resolve().parent / "material"
X25519MLKEM768 = 0x11EC  # draft-ietf-tls-ecdhe-mlkem
SERVICES = (  # what an SDK in a backend reaches: HTTP/1.1 only
    "api.anthropic.com",
    "api.deepseek.com",
    "api.eu.mistral.ai",
    "api.mistral.ai",
    "api.openai.com",
    "bedrock-runtime.eu-central-1.amazonaws.com",
    "bedrock-runtime.eusc-de-east-1.amazonaws.eu",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "contoso-crm.openai.azure.com",
    "eu.api.openai.com",
    "europe-west3-aiplatform.googleapis.com",
    "api.hubapi.com",
    "contoso.my.salesforce.com",
    "hooks.slack.com",
    "llm.fra.corp.example",
    "pypi.org",
    "s3.eu-central-1.amazonaws.com",
)
SITES = (  # what a browser reaches: HTTP/2 first
    "cloudflare-ech.com",
    "fonts.gstatic.com",
    "github.com",
    "login.microsoftonline.com",
    "mozilla.cloudflare-dns.com",
    "outlook.office365.com",
    "www.bahn.de",
    "www.heise.de",
    "www.wikipedia.org",
)
RESOLVERS = ("dns.corp.example",)  # what a DNS client reaches: no ALPN over TLS, doq over QUIC
MLKEM_NAMES = ("api.mistral.ai", "api.openai.com", "www.heise.de")
QUIC_NAMES = ("chatgpt.com", "mask.icloud.com", "www.google.com", "www.youtube.com")
DTLS_NAMES = ("api.openai.com",)
COOKIE = b"a server's cookie"
QUIC_MLKEM_NAMES = ("gemini.google.com", "generativelanguage.googleapis.com")


def main() -> int:
    """Record what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="record everything anew: all captures change")
    parser.add_argument("recordings", nargs="*", metavar="FOLDER/NAME")
    options = parser.parse_args()
    with _credentials("host.example") as credentials:
        known = recordings(credentials)
        unknown = sorted(set(options.recordings) - set(known))
        if unknown or not (options.all or options.recordings):
            parser.error(f"unknown: {', '.join(unknown)}" if unknown else "name recordings, or --all")
        for name in known if options.all else options.recordings:
            _write(name, known[name]())
    return 0


def recordings(credentials: tuple[Path, Path]) -> dict[str, Callable[[], list[bytes]]]:
    """Return how to make each file below ``material/``."""
    hellos: dict[str, Callable[[], list[bytes]]] = {
        **{f"tls/{name}": partial(openssl_hello, name, ["http/1.1"]) for name in SERVICES},
        **{f"tls/{name}": partial(openssl_hello, name, ["h2", "http/1.1"]) for name in SITES},
        **{f"tls/{name}": partial(openssl_hello, name, []) for name in RESOLVERS},
        "tls/no-name": partial(openssl_hello, "192.0.2.1", ["http/1.1"]),  # no SNI for an address
        "tls/server-flight": partial(server_flight, credentials),
        **{f"tls-mlkem/{name}": partial(mlkem_hello, name) for name in MLKEM_NAMES},
    }
    for name in QUIC_NAMES:
        hellos[f"quic/{name}"] = partial(quic_handshake, name, credentials)
    for name in RESOLVERS:
        hellos[f"quic/{name}"] = partial(quic_handshake, name, credentials, "doq")
    for name in QUIC_MLKEM_NAMES:
        hellos[f"quic/{name}"] = partial(large_quic_handshake, name, credentials)
    for name in DTLS_NAMES:
        hellos[f"dtls/{name}"] = partial(dtls_handshake, name, credentials)
    return hellos


def openssl_hello(name: str, alpn: list[str]) -> list[bytes]:
    """Return the TLS record with the ClientHello that this interpreter's OpenSSL sends to ``name``."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        return [outgoing.read()]
    raise AssertionError("a handshake cannot end without a server")


def mlkem_hello(name: str) -> list[bytes]:
    """Return a record with a post-quantum ClientHello, from the newer OpenSSL inside ``cryptography``."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_alpn_protos([b"h2", b"http/1.1"])
    connection = SSL.Connection(context, None)
    connection.set_tlsext_host_name(name.encode())
    connection.set_connect_state()
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return [connection.bio_read(65_536)]
    raise AssertionError("a handshake cannot end without a server")


def server_flight(credentials: tuple[Path, Path]) -> list[bytes]:
    """Return all that a TLS 1.3 server answers to a ClientHello: ServerHello to Finished."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(*credentials)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(openssl_hello("host.example", ["http/1.1"])[0])
    try:
        server_context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return [outgoing.read()]
    raise AssertionError("a handshake cannot end without the client's Finished")


def quic_handshake(name: str, credentials: tuple[Path, Path], alpn: str = "h3") -> list[bytes]:
    """Return the datagrams of a QUIC handshake in order, each after one byte: ``>`` up or ``<`` down."""
    client = QuicConnection(
        configuration=QuicConfiguration(server_name=name, alpn_protocols=[alpn], verify_mode=ssl.CERT_NONE)
    )
    client.connect(("192.0.2.1", 443), now=0.0)
    lines = [b">" + datagram for datagram, _ in client.datagrams_to_send(now=0.0)]
    first = pull_quic_header(Buffer(data=lines[0][1:]), host_cid_length=8)
    configuration = QuicConfiguration(is_client=False, alpn_protocols=[alpn])
    configuration.load_cert_chain(*credentials)
    server = QuicConnection(
        configuration=configuration, original_destination_connection_id=first.destination_cid
    )
    for line in list(lines):
        server.receive_datagram(line[1:], ("192.0.2.2", 50_000), now=0.01)
    down = [datagram for datagram, _ in server.datagrams_to_send(now=0.01)]
    for datagram in down:
        client.receive_datagram(datagram, ("192.0.2.1", 443), now=0.02)
    up = [datagram for datagram, _ in client.datagrams_to_send(now=0.02)]
    return lines + [b"<" + datagram for datagram in down] + [b">" + datagram for datagram in up]


def large_quic_handshake(name: str, credentials: tuple[Path, Path]) -> list[bytes]:
    """Let aioquic offer X25519MLKEM768 too, as browsers do: the hello then needs two Initials."""
    push = quic_tls.push_client_hello

    def push_with_mlkem(buffer: Buffer, hello: quic_tls.ClientHello) -> None:
        encapsulation = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
        exchange = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
        hello.supported_groups = [X25519MLKEM768, *(hello.supported_groups or [])]
        hello.key_share = [(X25519MLKEM768, encapsulation + exchange), *(hello.key_share or [])]
        push(buffer, hello)

    with mock.patch.object(quic_tls, "push_client_hello", push_with_mlkem):
        return quic_handshake(name, credentials)


def dtls_handshake(name: str, credentials: tuple[Path, Path]) -> list[bytes]:
    """Return the datagrams of a DTLS 1.2 handshake with a cookie, each after ``>`` up or ``<`` down."""
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_alpn_protos([b"h2", b"http/1.1"])
    client = SSL.Connection(context, None)
    client.set_tlsext_host_name(name.encode())
    client.set_connect_state()
    server_context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    server_context.use_certificate_file(str(credentials[0]))
    server_context.use_privatekey_file(str(credentials[1]))
    server_context.set_cookie_generate_callback(lambda _: COOKIE)
    server_context.set_cookie_verify_callback(lambda _, cookie: cookie == COOKIE)
    server = SSL.Connection(server_context, None)
    server.set_accept_state()
    for connection in (client, server):
        connection.set_ciphertext_mtu(1_400)
    lines = []
    for answer in (server.DTLSv1_listen, server.do_handshake):
        up = _step(client.do_handshake, client)
        server.bio_write(up)
        if answer == server.do_handshake:
            server.DTLSv1_listen()  # takes the hello with the cookie
        down = _step(answer, server)
        client.bio_write(down)
        lines += [b">" + up, b"<" + down]
    return [*lines, b">" + _step(client.do_handshake, client)]


def _step(act: Callable[[], None], connection: SSL.Connection) -> bytes:
    """Let one side go on as far as it can; return what it sends."""
    with suppress(SSL.WantReadError):
        act()
    return connection.bio_read(65_536)


@contextmanager
def _credentials(name: str) -> Iterator[tuple[Path, Path]]:
    """Yield the files of a throw-away certificate for ``name`` and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    with tempfile.TemporaryDirectory() as folder:
        certificate_file, key_file = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate_file.write_bytes(certificate.public_bytes(pem))
        key_file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        yield certificate_file, key_file


def _write(name: str, messages: list[bytes]) -> None:
    """Write messages as hexadecimal lines of 50 bytes, with an empty line between messages."""
    path = MATERIAL / f"{name}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = ["\n".join(_lines(message)) for message in messages]
    path.write_text("\n\n".join(texts) + "\n", encoding="ascii")


def _lines(message: bytes) -> Iterator[str]:
    marker = message[:1].decode() if message[:1] in {b">", b"<"} else ""
    body = message[len(marker) :].hex()
    for at in range(0, len(body), 100):
        yield f"{marker} {body[at : at + 100]}".lstrip()


if __name__ == "__main__":
    sys.exit(main())
