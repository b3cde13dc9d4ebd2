"""What a client says first in datagrams: which protocol it is, and whom the client wants to reach."""

from sensors.dtls import DtlsClient, begins_dtls
from sensors.quic import is_client_initial_candidate
from sensors.quic_client import QuicClient

DatagramClient = QuicClient | DtlsClient


def reader_for(payload: bytes) -> DatagramClient | None:
    """Return a reader for the handshake that a UDP payload begins, on any port; None where it begins none."""
    if is_client_initial_candidate(payload):
        return QuicClient()
    return DtlsClient() if begins_dtls(payload) else None
