//! Tunnels over UDP: VXLAN, GENEVE and GTP-U.
//!
//! The mirror of `sensors/udp_tunnels.py`. A datagram does not say what it carries, and any port may be an
//! ordinary client's. So a tunnel is one whose target port and whole header fit, and whose cargo is of a
//! known kind; whatever else is an ordinary datagram.

use crate::cargo::{Inner, Tunnel};
use crate::links;
use crate::transports::Ports;
use crate::tunnels::ip_version;
use crate::undecoded::Undecoded;

/// Extension headers of one GTP-U packet.
pub const MAX_GTP_EXTENSIONS: usize = 8;

const GTP_U: u16 = 2152;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
/// VXLAN before its port was registered; still Linux's default.
const VXLAN_LINUX: u16 = 8472;

const VXLAN_NAMED: u32 = 0x04;
/// GTP's version 1, protocol type GTP.
const GTP_HEAD: u8 = 0x30;
const GTP_OPTIONS: u8 = 0x07;
const GTP_EXTENSION: u8 = 0x04;
const GTP_CARRIES_PACKET: u8 = 255;

/// Whether datagrams to a port may belong to a tunnel. One compare tells it of nearly all.
#[inline]
#[must_use]
pub const fn is_target(port: u16) -> bool {
    port >= GTP_U
        && port <= VXLAN_LINUX
        && matches!(port, GTP_U | VXLAN | VXLAN_GPE | GENEVE | VXLAN_LINUX)
}

/// What a datagram carries if it belongs to a tunnel; counted from its payload's start.
pub fn inside(ports: &Ports, data: &[u8]) -> Result<Option<Inner>, Undecoded> {
    let (payload, missing_bytes) = ports.payload(data);
    let size = payload.len() + missing_bytes;
    match ports.target {
        GTP_U => gtp_u(payload, size),
        VXLAN | VXLAN_GPE | VXLAN_LINUX => Ok(vxlan(payload, size)),
        GENEVE => Ok(geneve(payload, size)),
        _ => Ok(None),
    }
}

/// Read a VXLAN header (RFC 7348 section 5): plain, with a group policy, or naming what it carries.
///
/// The extensions are draft-smith-vxlan-group-policy and draft-ietf-nvo3-vxlan-gpe. What is reserved has to
/// be zero, as RFC 7348 has it sent.
#[must_use]
pub fn vxlan(payload: &[u8], size: usize) -> Option<Inner> {
    let (head, identifier) = words(payload)?;
    let flags = head >> 24;
    // Those of a group and of a named protocol may be there.
    let reserved = match flags {
        0x08 => 0x00ff_ffff,
        0x88 => 0,
        0x0c => 0x00ff_ff00,
        _ => return None,
    };
    if size <= 8 || head & reserved != 0 || identifier & 0xff != 0 {
        return None;
    }
    let protocol = match head & 0xff {
        _ if flags & VXLAN_NAMED == 0 => links::ETHERNET,
        1 => links::IPV4,
        2 => links::IPV6,
        3 => links::ETHERNET,
        5 => links::MPLS,
        _ => return None,
    };
    Some(Inner {
        protocol,
        at: 8,
        end: size,
        tunnel: Tunnel::numbered("vxlan", identifier >> 8),
    })
}

/// Read a GENEVE header (RFC 8926 section 3.4); its options are skipped.
#[must_use]
pub fn geneve(payload: &[u8], size: usize) -> Option<Inner> {
    let (head, identifier) = words(payload)?;
    let start = 8 + (head >> 24 & 0x3f) as usize * 4;
    let protocol = u64::from(head & 0xffff);
    let carried = matches!(protocol, links::IPV4 | links::IPV6 | links::ETHERNET);
    // The version, and what is reserved.
    if head & 0xc03f_0000 != 0 || identifier & 0xff != 0 || !carried || start >= size {
        return None;
    }
    Some(Inner {
        protocol,
        at: start,
        end: size,
        tunnel: Tunnel::numbered("geneve", identifier >> 8),
    })
}

/// Read a GTP-U header (3GPP TS 29.281 section 5) that carries a user's IP packet.
///
/// The tunnel endpoint identifiers differ by direction, so they tell no flows apart. `TruncatedGtpu` where
/// the snap length cut the extension headers.
pub fn gtp_u(payload: &[u8], size: usize) -> Result<Option<Inner>, Undecoded> {
    let Some(&[flags, kind, high, low, ..]) = payload.first_chunk::<8>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if flags & !GTP_OPTIONS != GTP_HEAD || kind != GTP_CARRIES_PACKET || length + 8 != size {
        return Ok(None);
    }
    let start = if flags & GTP_EXTENSION != 0 {
        after_extensions(payload, size)?
    } else {
        Some(if flags & GTP_OPTIONS == 0 { 8 } else { 12 })
    };
    let Some(start) = start.filter(|start| *start < size) else {
        return Ok(None);
    };
    let first = *payload.get(start).ok_or(Undecoded::TruncatedGtpu)?;
    Ok(ip_version(first).map(|protocol| Inner {
        protocol,
        at: start,
        end: size,
        tunnel: Tunnel::new("gtpu"),
    }))
}

/// Where GTP-U's extension headers end (section 5.2.1); none where they do not.
fn after_extensions(payload: &[u8], size: usize) -> Result<Option<usize>, Undecoded> {
    let mut at = 12;
    for _ in 0..=MAX_GTP_EXTENSIONS {
        let words = match payload.get(at - 1..).unwrap_or_default() {
            [0, ..] => return Ok(Some(at)),
            [_, 0, ..] => return Ok(None),
            [_, words, ..] => usize::from(*words),
            // Beyond the datagram, or not captured.
            rest if at + rest.len() > size => return Ok(None),
            _ => return Err(Undecoded::TruncatedGtpu),
        };
        at += words * 4;
    }
    Ok(None)
}

/// The first two words of a payload.
fn words(payload: &[u8]) -> Option<(u32, u32)> {
    let ([first, second], _) = payload.first_chunk::<8>()?.as_chunks() else {
        return None;
    };
    Some((u32::from_be_bytes(*first), u32::from_be_bytes(*second)))
}

#[cfg(test)]
mod tests;
