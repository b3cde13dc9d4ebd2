//! What a client says first in datagrams: which protocol it is, and whom the client wants to reach.
//!
//! The mirror of `sensors/datagrams.py`.

use crate::dtls::{DtlsClient, begins_dtls};
use crate::quic_client::QuicClient;
use crate::quic_packets::is_client_initial_candidate;
use crate::streams::Greeting;
use crate::wire::Malformed;

/// Reads one client's datagrams until its hello is whole, or will never be.
#[derive(Debug)]
pub enum DatagramClient {
    /// QUIC, the IETF's or Google's.
    Quic(Box<QuicClient>),
    /// DTLS.
    Dtls(DtlsClient),
}

impl DatagramClient {
    /// A reader for the handshake that a UDP payload begins, on any port; `None` where it begins none.
    #[must_use]
    pub fn for_payload(payload: &[u8]) -> Option<Self> {
        if is_client_initial_candidate(payload) {
            Some(Self::Quic(Box::default()))
        } else {
            begins_dtls(payload).then(|| Self::Dtls(DtlsClient::new()))
        }
    }

    /// Whether nothing more is to be learnt.
    #[must_use]
    pub fn done(&self) -> bool {
        match self {
            Self::Quic(client) => client.done(),
            Self::Dtls(client) => client.done(),
        }
    }

    /// How much is kept, at the most: all that was fed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Quic(client) => client.held_bytes(),
            Self::Dtls(client) => client.held_bytes(),
        }
    }

    /// What was odd about the last datagram, as a counter's name.
    #[must_use]
    pub fn oddity(&self) -> Option<String> {
        match self {
            Self::Quic(client) => client.oddity(),
            Self::Dtls(client) => client.oddity(),
        }
    }

    /// Take one datagram of the client; `complete` is false when the snap length cut it.
    pub fn feed(
        &mut self,
        payload: &[u8],
        complete: bool,
    ) -> Result<Option<Greeting<'static>>, Malformed> {
        match self {
            Self::Quic(client) => client.feed(payload, complete),
            Self::Dtls(client) => client.feed(payload, complete),
        }
    }

    /// What can be said of a hello whose rest never came.
    #[must_use]
    pub fn partial(&self) -> Option<Greeting<'_>> {
        match self {
            Self::Quic(client) => client.partial(),
            Self::Dtls(client) => client.partial(),
        }
    }
}
