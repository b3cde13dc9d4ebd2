//! From a QUIC client's datagrams to its `ClientHello` (RFC 9001 section 4): one greeting a connection.
//!
//! The mirror of `sensors/quic_client.py`. The CRYPTO stream of the Initials carries bare handshake messages,
//! without TLS records; in Google's versions before TLS it carries their own hello, which has a name and nothing
//! else that is reported.

use std::borrow::Cow;

use crate::clienthello::{HANDSHAKE_CLIENT_HELLO, MESSAGE_HEADER_BYTES, parse_client_hello};
use crate::gquic_hello::parse_chlo;
use crate::observations::Carrier;
use crate::quic::{InitialReader, Outcome};
use crate::streams::Greeting;
use crate::wire::Malformed;

/// Of one flow that are read for a `ClientHello`.
pub const MAX_DATAGRAMS: u32 = 64;

/// Reads one flow's datagrams until the `ClientHello` is whole, or will never be.
///
/// A datagram that is malformed before it authenticated may be anybody's: it is reported, and the next ones are
/// read all the same.
#[derive(Debug, Default)]
pub struct QuicClient {
    done: bool,
    initials: InitialReader,
    connection: u32,
    datagrams: u32,
    fed_bytes: usize,
    stream: Vec<u8>,
}

impl QuicClient {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing more is to be learnt.
    #[must_use]
    pub fn done(&self) -> bool {
        self.done
    }

    /// How much is kept, at the most: all that was fed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.fed_bytes
    }

    /// What the last datagram was.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.initials.outcome()
    }

    /// What was odd about the last datagram, as a counter's name.
    #[must_use]
    pub fn oddity(&self) -> Option<String> {
        let odd = !matches!(self.outcome(), Outcome::Initial | Outcome::NoInitial);
        odd.then(|| format!("quic-{}", self.outcome().as_str()))
    }

    /// Take one datagram of the client; `complete` is false when the snap length cut it.
    pub fn feed(
        &mut self,
        payload: &[u8],
        complete: bool,
    ) -> Result<Option<Greeting<'static>>, Malformed> {
        self.datagrams += 1;
        self.fed_bytes += payload.len();
        self.done = self.datagrams >= MAX_DATAGRAMS;
        let ready = self.initials.feed(payload, complete)?;
        let greeting = self.read(ready);
        self.done |= !matches!(greeting, Ok(None));
        greeting
    }

    /// What can be said of a `ClientHello` whose rest never came.
    #[must_use]
    pub fn partial(&self) -> Option<Greeting<'_>> {
        let begun = self.initials.speaks_tls();
        if self.done || !begun || self.stream.len() <= MESSAGE_HEADER_BYTES {
            return None;
        }
        let hello = parse_client_hello(Cow::Borrowed(&self.stream), false).ok()?;
        Some(Greeting::of_hello(Carrier::Quic, hello))
    }

    fn read(&mut self, ready: Vec<u8>) -> Result<Option<Greeting<'static>>, Malformed> {
        if self.initials.connections() == self.connection {
            self.stream.extend_from_slice(&ready);
        } else {
            self.connection = self.initials.connections();
            self.stream = ready;
        }
        let Some(&[kind, length @ ..]) = self.stream.first_chunk::<MESSAGE_HEADER_BYTES>() else {
            return Ok(None);
        };
        if !self.initials.speaks_tls() {
            let hello = parse_chlo(&self.stream)?;
            return Ok(hello.map(|hello| Greeting::of_name(Carrier::Quic, hello.server_name)));
        }
        if kind != HANDSHAKE_CLIENT_HELLO {
            return Err(Malformed("quic-not-a-client-hello"));
        }
        let end = length
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte));
        let end = MESSAGE_HEADER_BYTES + end;
        if self.stream.len() < end {
            return Ok(None);
        }
        let mut message = std::mem::take(&mut self.stream);
        message.truncate(end);
        let hello = parse_client_hello(Cow::Owned(message), true)?;
        Ok(Some(Greeting::of_hello(Carrier::Quic, hello)))
    }
}

#[cfg(test)]
mod tests;
