//! QUIC from the client's side up to its hello (RFC 9000, RFC 9001, RFC 9369): Initial packets alone.
//!
//! A datagram has one outcome. It is unknown (no Initial, another version), closed (does not authenticate, cut by
//! the capture) or malformed, each told apart; only bytes that authenticated reach the CRYPTO stream.

use std::ops::Range;

use crate::gquic::ClearKeys;
use crate::gquic_frames::handshake_pieces;
use crate::quic_crypto::{InitialKeys, Origin};
use crate::quic_frames::{CryptoPiece, crypto_pieces};
use crate::quic_packets::{End, Initial, split};
use crate::ranges::RangeBuffer;
use crate::wire::Malformed;

/// Of one CRYPTO stream; the largest hellos of today have some 2,000.
pub const MAX_CRYPTO_BYTES: usize = 65_536;
/// Of one flow, with nothing in them that could be used.
pub const MAX_FAILED_DATAGRAMS: u32 = 32;

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An Initial was opened.
    Initial,
    /// Other packets, or no QUIC.
    NoInitial,
    /// Another version of QUIC.
    UnknownVersion,
    /// Does not authenticate: the server's, midstream, or no QUIC.
    Undecryptable,
    /// Cut by the capture, so that it cannot authenticate.
    Truncated,
    /// Breaks the protocol's rules.
    Malformed,
    /// Not looked at: `MAX_FAILED_DATAGRAMS` was reached.
    OverLimit,
}

impl Outcome {
    /// The outcome's name, fit for a counter's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::NoInitial => "no-initial",
            Self::UnknownVersion => "unknown-version",
            Self::Undecryptable => "undecryptable",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::OverLimit => "over-limit",
        }
    }
}

/// What opens a connection's packets.
#[derive(Debug)]
enum Keys {
    Initial(InitialKeys),
    Clear(ClearKeys),
}

impl Keys {
    /// What opens a packet, if it is its connection's first.
    fn of(initial: &Initial<'_>) -> Self {
        if initial.number_bytes > 0 {
            Self::Clear(ClearKeys::new(initial.origin))
        } else {
            Self::Initial(InitialKeys::new(initial.origin))
        }
    }

    fn origin(&self) -> &Origin {
        match self {
            Self::Initial(keys) => keys.origin(),
            Self::Clear(keys) => keys.origin(),
        }
    }

    fn open(
        &self,
        initial: &Initial<'_>,
        opened: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Malformed> {
        match self {
            Self::Initial(keys) => keys.open(initial.packet, initial.number_at, opened),
            Self::Clear(keys) => Ok(keys.open(initial.packet, opened)),
        }
    }
}

/// Reads the CRYPTO stream out of the datagrams that one client sends on one UDP flow.
#[derive(Debug)]
pub struct InitialReader {
    outcome: Outcome,
    connections: u32,
    failed: u32,
    buffer: RangeBuffer,
    keys: Option<Keys>,  // those that opened the connection's first packet
    trial: Option<Keys>, // those of the last packet's own connection ID, which opened nothing
}

impl Default for InitialReader {
    fn default() -> Self {
        Self {
            outcome: Outcome::NoInitial,
            connections: 0,
            failed: 0,
            buffer: RangeBuffer::new(0, MAX_CRYPTO_BYTES),
            keys: None,
            trial: None,
        }
    }
}

impl InitialReader {
    /// What the last datagram was.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How many connections began.
    ///
    /// When it grows past 1, the bytes returned begin a new CRYPTO stream (after a Retry or a Version Negotiation,
    /// or because the client used its port again), and those returned before belong to an abandoned one.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Whether the connection's handshake is TLS, and not Google's own.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.origin().0.tls)
    }

    /// Take one UDP payload; return the CRYPTO bytes that became contiguous, often none.
    ///
    /// `complete` is false when the capture cut the datagram: an Initial that runs past its end is then truncated,
    /// else malformed. One malformed packet spoils its whole datagram.
    pub fn feed(&mut self, payload: &[u8], complete: bool) -> Result<Vec<u8>, Malformed> {
        if self.failed >= MAX_FAILED_DATAGRAMS {
            self.outcome = Outcome::OverLimit;
            return Ok(Vec::new());
        }
        self.outcome = Outcome::Malformed;
        self.failed += 1; // until the datagram proves better
        let (initials, end) = split(payload)?;
        let mut opened = Vec::new();
        let frames = self.open_all(&initials, &mut opened)?;
        let mut pieces = Vec::new();
        for (initial, frames) in &frames {
            if initial.origin.0.google {
                handshake_pieces(&opened, frames.clone(), initial.number_bytes, &mut pieces)?;
            } else {
                crypto_pieces(&opened, frames.clone(), &mut pieces)?;
            }
        }
        let has_no_length = initials
            .first()
            .is_some_and(|initial| initial.number_bytes > 0); // its hash says that it is whole
        self.outcome = match end {
            _ if !frames.is_empty() => Outcome::Initial,
            _ if has_no_length && !complete => Outcome::Truncated,
            _ if !initials.is_empty() => Outcome::Undecryptable,
            End::Truncated if complete => return Err(Malformed("quic-past-end")),
            End::Truncated => Outcome::Truncated,
            End::UnknownVersion => Outcome::UnknownVersion,
            End::NoInitial => Outcome::NoInitial,
        };
        if matches!(self.outcome, Outcome::Initial | Outcome::NoInitial) {
            self.failed -= 1;
        }
        Ok(self.ready(&opened, &pieces))
    }

    /// Open what can be opened into `opened`; return the packets that could, and where their frames stand.
    fn open_all<'i, 'p>(
        &mut self,
        initials: &'i [Initial<'p>],
        opened: &mut Vec<u8>,
    ) -> Result<Vec<(&'i Initial<'p>, Range<usize>)>, Malformed> {
        let mut frames = Vec::new();
        for initial in initials {
            frames.extend(self.open(initial, opened)?.map(|frames| (initial, frames)));
        }
        Ok(frames)
    }

    /// Open a packet with the connection's keys, else with those of its own connection ID.
    ///
    /// A connection keeps the keys of its first ID when the server replaces that (RFC 9001 section 5.2); after a
    /// Retry, and in another connection, the packet's own ID counts.
    fn open(
        &mut self,
        initial: &Initial<'_>,
        opened: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Malformed> {
        if let Some(keys) = &self.keys {
            let frames = keys.open(initial, opened)?;
            if frames.is_some() || *keys.origin() == initial.origin {
                return Ok(frames);
            }
        }
        let trial = match self.trial.take() {
            Some(trial) if *trial.origin() == initial.origin => trial,
            _ => Keys::of(initial),
        };
        let frames = trial.open(initial, opened)?;
        if frames.is_some() {
            self.keys = Some(trial);
            self.buffer = RangeBuffer::new(0, MAX_CRYPTO_BYTES);
            self.connections += 1;
        } else {
            self.trial = Some(trial);
        }
        Ok(frames)
    }

    fn ready(&mut self, opened: &[u8], pieces: &[CryptoPiece]) -> Vec<u8> {
        let mut ready = Vec::new();
        for (offset, data) in pieces {
            let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
            let data = opened.get(data.clone()).unwrap_or_default();
            ready.extend_from_slice(&self.buffer.push(offset, data));
        }
        ready
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod kit;
#[cfg(test)]
mod tests;
