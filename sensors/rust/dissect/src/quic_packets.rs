//! The packets of a QUIC datagram (RFC 9000 sections 12.2 and 17.2): the Initials in it, closed as they are.
//!
//! The walk ends at the first packet that cannot be passed over, or that is for another connection ID. A packet
//! of Google's in clear text (`gquic`) fills its datagram.

use crate::gquic::{clear_packet, is_clear_hello};
use crate::quic_crypto::{ConnectionId, MAX_ID_BYTES, MIN_PROTECTED_BYTES, Origin};
use crate::quic_frames::{PastEnd, bytes_after_length};
use crate::quic_version::version_of;
use crate::wire::Malformed;

/// Of one datagram; real clients send one or two.
pub const MAX_COALESCED_INITIALS: usize = 16;

const LONG_HEADER: u8 = 0x80;
const LONG_HEADER_FIXED: u8 = 0xc0; // with the fixed bit
const TYPE_BITS: u8 = 0xf0; // long header, fixed bit, packet type: no header protection over them
const MIN_CLIENT_ID_BYTES: usize = 8; // RFC 9000 section 7.2
const MIN_LONG_HEADER_BYTES: usize = 7; // first byte, version, two empty connection IDs
const VERSION_END: usize = 5;

/// A closed Initial packet, from its first byte to its tag. Protection begins at `number_at`.
#[derive(Clone, Copy, Debug)]
pub struct Initial<'p> {
    /// What its keys follow from, if it is a connection's first.
    pub origin: Origin,
    /// The packet's bytes.
    pub packet: &'p [u8],
    /// Where its packet number stands in them.
    pub number_at: usize,
    /// The number's length where the packet is in clear text, else 0.
    pub number_bytes: u8,
}

/// What the walk over a datagram ended at, and what to call a datagram that has no Initial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No long header, or nothing.
    NoInitial,
    /// A packet of another version.
    UnknownVersion,
    /// A packet that is longer than the payload.
    Truncated,
}

/// Whether a UDP payload looks like the first Initial of a client, on any port.
///
/// The version alone rules out all but one in a billion random payloads; type, fixed bit and the lengths of both
/// connection IDs have to fit as well. Asks for no 1,200 bytes: the capture may have cut the datagram. Google's
/// versions in clear text have another form, and their hello can be seen.
#[must_use]
pub fn is_client_initial_candidate(payload: &[u8]) -> bool {
    begins_sealed(payload) || is_clear_hello(payload)
}

fn begins_sealed(payload: &[u8]) -> bool {
    let Some((&[first @ (LONG_HEADER_FIXED..), v0, v1, v2, v3, id_bytes], ids)) =
        payload.split_first_chunk()
    else {
        return false;
    };
    let Some(version) = version_of([v0, v1, v2, v3]) else {
        return false;
    };
    let id_bytes = usize::from(id_bytes);
    first & TYPE_BITS == version.initial
        && (MIN_CLIENT_ID_BYTES..=MAX_ID_BYTES).contains(&id_bytes)
        && ids
            .get(id_bytes)
            .is_some_and(|&source| usize::from(source) <= MAX_ID_BYTES)
}

/// Whether a UDP payload has QUIC's long header, as a server's first answer of any kind has.
#[must_use]
pub fn is_long_header(payload: &[u8]) -> bool {
    matches!(payload, [(LONG_HEADER..), ..]) && payload.len() >= MIN_LONG_HEADER_BYTES
}

/// Whether a client's datagram may hold application data: a packet of 0-RTT or 1-RTT.
///
/// Long headers of the other types are passed over, and zeros behind them.
#[must_use]
pub fn may_hold_data(payload: &[u8]) -> bool {
    if is_clear_hello(payload) {
        return false;
    }
    let mut rest = payload;
    while is_long_header(rest) {
        let Some(&[first, v0, v1, v2, v3]) = rest.first_chunk() else {
            return false;
        };
        let version = version_of([v0, v1, v2, v3]);
        if version.is_some_and(|version| first & TYPE_BITS == version.zero_rtt()) {
            return true;
        }
        let Ok((_, after)) = next_packet(rest) else {
            return false;
        };
        rest = after;
    }
    let behind = rest.len() < payload.len();
    rest.first()
        .is_some_and(|&first| first < LONG_HEADER && !(behind && first == 0))
}

/// Return the Initials of a datagram, and where the walk over it ended.
///
/// Malformed where not even the first packet makes sense.
pub fn split(payload: &[u8]) -> Result<(Vec<Initial<'_>>, End), Malformed> {
    if let Some(clear) = clear_packet(payload) {
        return Ok((vec![clear], End::NoInitial));
    }
    let mut initials: Vec<Initial<'_>> = Vec::new();
    let mut rest = payload;
    while initials.len() < MAX_COALESCED_INITIALS && is_long_header(rest) {
        let initial = match next_packet(rest) {
            Ok((initial, after)) => {
                rest = after;
                initial
            }
            Err(Stop::UnknownVersion) => return Ok((initials, End::UnknownVersion)),
            Err(Stop::PastEnd) => return Ok((initials, End::Truncated)),
            Err(Stop::Malformed(malformed)) if initials.is_empty() => return Err(malformed),
            Err(Stop::Malformed(_)) => break,
        };
        let Some(initial) = initial else { continue };
        let first = initials.first().unwrap_or(&initial);
        if first.origin.1 != initial.origin.1 {
            break;
        }
        initials.push(initial);
    }
    Ok((initials, End::NoInitial))
}

/// Why a packet cannot be passed over.
enum Stop {
    UnknownVersion,
    PastEnd,
    Malformed(Malformed),
}

impl From<PastEnd> for Stop {
    fn from(_: PastEnd) -> Self {
        Stop::PastEnd
    }
}

/// Return the long-header packet that `payload` begins with, if it is an Initial, and the bytes after it.
fn next_packet(payload: &[u8]) -> Result<(Option<Initial<'_>>, &[u8]), Stop> {
    let &[first, v0, v1, v2, v3] = payload.first_chunk().ok_or(Stop::PastEnd)?;
    let version = version_of([v0, v1, v2, v3]).ok_or(Stop::UnknownVersion)?;
    let kind = first & TYPE_BITS;
    if kind == version.retry {
        return Ok((None, &[])); // has no length: fills the datagram
    }
    let (connection_id, source_at) = connection_id(payload, VERSION_END)?;
    let (_, mut after) = self::connection_id(payload, source_at)?;
    if kind == version.initial {
        after = bytes_after_length(payload, after)?.end; // the token
    }
    let protected = bytes_after_length(payload, after)?;
    let (packet, rest) = payload
        .split_at_checked(protected.end)
        .ok_or(Stop::PastEnd)?;
    if kind != version.initial {
        return Ok((None, rest));
    }
    if protected.len() < MIN_PROTECTED_BYTES {
        return Err(Stop::Malformed(Malformed("quic-initial-too-short")));
    }
    let initial = Initial {
        origin: (version, connection_id),
        packet,
        number_at: protected.start,
        number_bytes: 0,
    };
    Ok((Some(initial), rest))
}

/// Return the connection ID whose length stands at `at`, and the offset after it.
fn connection_id(payload: &[u8], at: usize) -> Result<(ConnectionId, usize), Stop> {
    let length = usize::from(*payload.get(at).ok_or(Stop::PastEnd)?);
    if length > MAX_ID_BYTES {
        return Err(Stop::Malformed(Malformed("quic-connection-id")));
    }
    let end = at + 1 + length;
    let id = payload
        .get(at + 1..end)
        .and_then(ConnectionId::new)
        .ok_or(Stop::PastEnd)?;
    Ok((id, end))
}

#[cfg(test)]
mod tests;
