//! Tunnels that conceal where a client's traffic goes, known by the message with which they begin.
//!
//! The mirror of `sensors/concealing.py`. What is in them cannot be seen: the greeting has a carrier and no name.
//! An ordinary datagram or stream must never be taken for one, so every field that the protocol fixes is
//! checked; at the least 40 bits have to fit.

use crate::observations::Carrier;
use crate::preface::{Read, Refusal};

/// IKE, and behind a NAT IKE too.
pub const IKE_PORT: u16 = 500;
/// IKE and ESP in UDP (RFC 3948).
pub const IKE_NAT_PORT: u16 = 4_500;

const WIREGUARD_BYTES: usize = 148;
const OPENVPN_RESET_V2: u8 = 7 << 3;
const OPENVPN_RESET_V3: u8 = 10 << 3;
const OPENVPN_RESET_BYTES: usize = 14; // opcode, session, length of the list of acknowledgements, packet number
const OPENVPN_HMAC_BYTES: [usize; 6] = [16, 20, 28, 32, 48, 64];
const OPENVPN_CRYPT_BYTES: usize = 54;
const MAX_WRAPPED_KEY_BYTES: usize = 1_024;
const OPENVPN_MAX_BYTES: usize = OPENVPN_CRYPT_BYTES + MAX_WRAPPED_KEY_BYTES;
const DNS_COUNTS: &[u8] = &[0, 1, 0, 0, 0]; // of a query, where OpenVPN has the end of a random session identifier
const OPENVPN_EPOCH: u32 = 1_000_000_000; // no client's clock is before OpenVPN: seconds since 1970

/// Return what a client's datagram begins, if that is such a tunnel.
///
/// `wire_bytes` is the payload's length on the wire; the capture may hold less of it.
#[must_use]
pub fn concealing_carrier(payload: &[u8], wire_bytes: usize, server_port: u16) -> Option<Carrier> {
    if wire_bytes == payload.len() {
        if is_wireguard(payload) {
            return Some(Carrier::Wireguard);
        }
        if is_openvpn(payload) {
            return Some(Carrier::Openvpn);
        }
    }
    let begins_ike = match (server_port, payload) {
        (IKE_PORT, message) => is_ike(message, wire_bytes),
        (IKE_NAT_PORT, [0, 0, 0, 0, message @ ..]) => is_ike(message, wire_bytes - 4), // RFC 3948 section 2.2
        _ => false,
    };
    begins_ike.then_some(Carrier::Ike)
}

/// Whether this is a handshake initiation (`WireGuard`, section 5.4.2) that a client sends unasked.
///
/// The second MAC is zero as long as the server asked for no cookie; the key's highest bit always is.
#[must_use]
pub fn is_wireguard(payload: &[u8]) -> bool {
    let key = payload.get(8..40).unwrap_or_default();
    let first_mac = payload.get(116..132).unwrap_or_default();
    let second_mac = payload.get(132..).unwrap_or_default();
    payload.len() == WIREGUARD_BYTES
        && payload.starts_with(&[1, 0, 0, 0])
        && key.last().is_some_and(|&last| last < 0x80)
        && any(key)
        && any(first_mac)
        && !any(second_mac)
}

/// Whether this is a client's hard reset, version 2 or 3, key 0 (`OpenVPN`, `ssl_pkt.h`).
///
/// Without protection, with tls-auth (an HMAC, a number and a time before the rest in clear text), or with
/// tls-crypt (number, time and HMAC, then 5 sealed bytes; in version 3 the client's wrapped key).
#[must_use]
pub fn is_openvpn(payload: &[u8]) -> bool {
    let size = payload.len();
    let session = payload.get(1..9).unwrap_or_default();
    if size < OPENVPN_RESET_BYTES || !any(session) || session.ends_with(DNS_COUNTS) {
        return false;
    }
    let begins_crypt = payload.get(9..17).is_some_and(is_first);
    match payload.first() {
        Some(&OPENVPN_RESET_V3) => begins_crypt && ends_in_key(payload),
        Some(&OPENVPN_RESET_V2) => {
            let nothing_before = payload.ends_with(&[0; 5]); // nothing acknowledged, packet 0
            if size == OPENVPN_RESET_BYTES {
                return nothing_before;
            }
            if size == OPENVPN_CRYPT_BYTES && begins_crypt {
                return true;
            }
            let has_hmac = size.checked_sub(OPENVPN_RESET_BYTES + 8);
            nothing_before
                && has_hmac.is_some_and(|bytes| OPENVPN_HMAC_BYTES.contains(&bytes))
                && payload.get(size - 13..size - 5).is_some_and(is_first)
        }
        _ => false,
    }
}

/// Tell whether a stream may begin with a hard reset; `None` when more bytes are needed.
///
/// Over TCP each message has its length before it, in two bytes (`OpenVPN`, `socket.h`).
#[must_use]
pub fn looks_like_openvpn(first_bytes: &[u8]) -> Option<bool> {
    let (length, rest) = match *first_bytes {
        [] => return None,
        [high] => return (usize::from(high) > OPENVPN_MAX_BYTES >> 8).then_some(false),
        [high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
    };
    if !(OPENVPN_RESET_BYTES..=OPENVPN_MAX_BYTES).contains(&length) {
        return Some(false);
    }
    let opcode = rest.first()?;
    Some(matches!(*opcode, OPENVPN_RESET_V2 | OPENVPN_RESET_V3))
}

/// Read a stream's first message.
pub fn read_openvpn(data: &[u8]) -> Read<Carrier> {
    let Some((length, rest)) = data.split_first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    match rest.get(..length) {
        None => Ok(None),
        Some(message) if is_openvpn(message) => Ok(Some((Carrier::Openvpn, 2 + length))),
        Some(_) => Err(Refusal::Unknown),
    }
}

/// Whether a reset of version 3 ends in a wrapped key: its length is its last field.
fn ends_in_key(payload: &[u8]) -> bool {
    let wrapped_bytes = payload
        .last_chunk()
        .map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    (1..=MAX_WRAPPED_KEY_BYTES).contains(&wrapped_bytes)
        && payload.len() == OPENVPN_CRYPT_BYTES + wrapped_bytes
}

/// Whether this is the number of a first packet, and a time.
fn is_first(number_and_time: &[u8]) -> bool {
    let Some((&number, time)) = number_and_time.split_first_chunk() else {
        return false;
    };
    let time = time
        .first_chunk()
        .map_or(0, |time| u32::from_be_bytes(*time));
    // The second number offers tls-crypt-v2 with a cookie.
    matches!(u32::from_be_bytes(number), 1 | 0x0f00_0001) && time >= OPENVPN_EPOCH
}

/// Whether this is what an IKE initiator sends first to a port.
///
/// That is `IKE_SA_INIT` (RFC 7296 section 3.1), a main or aggressive mode's first message (RFC 2408 section
/// 3.1), or the first after the change to port 4500, when the responder's SPI is known.
#[must_use]
pub fn is_ike(message: &[u8], wire_bytes: usize) -> bool {
    let Some((initiator, rest)) = message.split_first_chunk::<8>() else {
        return false;
    };
    let Some((responder, rest)) = rest.split_first_chunk::<8>() else {
        return false;
    };
    let Some(
        &[
            following,
            version,
            exchange,
            flags,
            n0,
            n1,
            n2,
            n3,
            l0,
            l1,
            l2,
            l3,
        ],
    ) = rest.first_chunk()
    else {
        return false;
    };
    let number = u32::from_be_bytes([n0, n1, n2, n3]);
    let begins = matches!(
        (any(responder), version, exchange, flags, number, following),
        (false, 0x20, 34, 0x08, 0, 33 | 41) // IKE_SA_INIT: a security association, or first the cookie asked for
            | (true, 0x20, 35, 0x08, 1, 46 | 53) // IKE_AUTH, encrypted, or in fragments (RFC 7383)
            | (false, 0x10, 2 | 4, 0x00, 0, 1) // main and aggressive mode: a security association
            | (true, 0x10, 2, 0x01, 0, 5) // main mode's third message, encrypted
    );
    begins && any(initiator) && u32::from_be_bytes([l0, l1, l2, l3]) as usize == wire_bytes
}

fn any(bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| byte != 0)
}

#[cfg(test)]
mod tests;
