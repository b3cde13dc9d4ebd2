"""A small TLS server, and a client that comes again and again: real ends, which wait for answers.

``tls_pair.py server FOLDER RTT_SECONDS`` answers 192.0.2.1:443, each hello after so long.
``tls_pair.py client NAME EVERY_SECONDS SECONDS`` says NAME, asks and reads the answer; prints how often.
"""

import datetime as dt
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ADDRESS = ("192.0.2.1", 443)
_TIMEOUT_SECONDS = 5.0
_REQUEST = b"POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def serve(folder: Path, rtt_seconds: float) -> None:
    """Answer until the process is ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    listener = socket.create_server(ADDRESS, backlog=128)
    while True:
        connection, _ = listener.accept()
        Thread(target=_answer, args=(context, connection, rtt_seconds), daemon=True).start()


def come_again(name: str, every_seconds: float, seconds: float) -> int:
    """Connect again and again; return how often all went well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    done, end = 0, time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        with suppress(OSError):
            done += _ask(context, name)
        time.sleep(max(0.0, now + every_seconds - time.monotonic()))
    return done


def _ask(context: ssl.SSLContext, name: str) -> bool:
    with (
        socket.create_connection(ADDRESS, _TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        connection.sendall(_REQUEST)
        return bool(connection.recv(4_096))


def _answer(context: ssl.SSLContext, plain: socket.socket, rtt_seconds: float) -> None:
    plain.settimeout(_TIMEOUT_SECONDS)
    with suppress(OSError), plain:
        plain.recv(1, socket.MSG_PEEK)
        time.sleep(rtt_seconds)  # as far away as that
        with context.wrap_socket(plain, server_side=True) as connection:
            connection.recv(4_096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _certificate(folder: Path) -> Path:
    """Write a key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench.example")])
    day = dt.timedelta(days=1)
    now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    certificate = builder.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem)
    )
    return path


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        print(come_again(sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
