//! Google's QUIC before it sealed its first packets (Q039, Q043, Q046): clear text behind a hash.
//!
//! The mirror of `sensors/gquic.py`. The hash is FNV-1a over header, content and the sender's role: no secret,
//! but a sealed packet does not match it, and no byte of what does not match is used. Source: Chromium,
//! `quic_framer.cc` and `null_encrypter.cc`.

use std::ops::Range;

use crate::quic_crypto::{ConnectionId, MIN_PROTECTED_BYTES, Origin};
use crate::quic_packets::Initial;
use crate::quic_version::{clear_version_of, public_version_of};

/// Of the hash, its lowest.
pub const HASH_BYTES: usize = 12;

const PUBLIC_FIRST: u8 = 0x09; // a version and an ID, no reset;
const PUBLIC_FIRST_MASK: u8 = 0xcb; // clients set 0x04 or do not
const LONG_FIRST: u8 = 0xc0; // long header, fixed bit, Initial;
const LONG_FIRST_MASK: u8 = 0xfc; // then the number's length
const LONG_ID_LENGTHS: u8 = 0x50; // an ID of 8 bytes for the server, none for the client
const MIN_BYTES: usize = 14 + MIN_PROTECTED_BYTES;
const MESSAGE_TAG: &[u8] = b"CHLO";
const TAG_WITHIN: usize = 128; // in a client's first packet it stands behind a header of 30 bytes and a frame's

const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
const SENDER: &[u8] = b"Client";

/// Return a client's packet in clear text, `None` where a payload does not look like one.
#[must_use]
pub fn clear_packet(payload: &[u8]) -> Option<Initial<'_>> {
    let &[
        first,
        b1,
        b2,
        b3,
        b4,
        b5,
        b6,
        b7,
        b8,
        b9,
        b10,
        b11,
        b12,
        b13,
    ] = payload
        .first_chunk()
        .filter(|_| payload.len() >= MIN_BYTES)?;
    let (version, id, number_at, number_bytes) =
        if let Some(version) = clear_version_of([b1, b2, b3, b4]) {
            if first & LONG_FIRST_MASK != LONG_FIRST || b5 != LONG_ID_LENGTHS {
                return None;
            }
            let id = [b6, b7, b8, b9, b10, b11, b12, b13];
            (version, id, 14, (first & 0x03) + 1)
        } else {
            if first & PUBLIC_FIRST_MASK != PUBLIC_FIRST {
                return None;
            }
            let version = public_version_of([b9, b10, b11, b12])?;
            let number_bytes = match first >> 4 & 0x03 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => 6,
            };
            (version, [b1, b2, b3, b4, b5, b6, b7, b8], 13, number_bytes)
        };
    Some(Initial {
        origin: (version, ConnectionId::new(&id)?),
        packet: payload,
        number_at,
        number_bytes,
    })
}

/// Whether a UDP payload looks like the packet with which a hello in clear text begins.
#[must_use]
pub fn is_clear_hello(payload: &[u8]) -> bool {
    clear_packet(payload).is_some() && {
        let begin = payload.get(..TAG_WITHIN).unwrap_or(payload);
        begin
            .windows(MESSAGE_TAG.len())
            .any(|window| window == MESSAGE_TAG)
    }
}

/// What stands in for keys: the connection's version and ID.
#[derive(Clone, Copy, Debug)]
pub struct ClearKeys {
    origin: Origin,
}

impl ClearKeys {
    /// Those of a connection.
    #[must_use]
    pub const fn new(origin: Origin) -> Self {
        Self { origin }
    }

    /// What they are of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Append the frames of a packet to `opened`; return where they stand in it, or `None` where the packet is
    /// another connection's, or its hash is wrong.
    pub fn open(&self, packet: &[u8], opened: &mut Vec<u8>) -> Option<Range<usize>> {
        let parts = clear_packet(packet).filter(|parts| parts.origin == self.origin)?;
        let hash_at = parts.number_at + usize::from(parts.number_bytes);
        let (header, rest) = packet.split_at_checked(hash_at)?;
        let (hash, frames) = rest.split_first_chunk::<HASH_BYTES>()?;
        let right = fnv(&[header, frames, SENDER]).to_le_bytes();
        if !right.starts_with(hash) {
            return None;
        }
        let start = opened.len();
        opened.extend_from_slice(frames);
        Some(start..opened.len())
    }
}

/// The 128-bit FNV-1a hash of the parts together.
#[must_use]
pub fn fnv(parts: &[&[u8]]) -> u128 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(FNV_BASIS, |value, &byte| {
        (value ^ u128::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

#[cfg(test)]
mod tests;
