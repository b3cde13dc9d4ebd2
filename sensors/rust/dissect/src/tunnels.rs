//! Tunnels: from a header that carries packets of others to the packet in it.
//!
//! The mirror of `sensors/tunnels.py`. Every tunnel is one arm of a match: by `EtherType` (`network`), by IP
//! protocol number (`transport`), or by port (`udp_tunnels`). What cannot be told for certain is not guessed
//! at.

use crate::cargo::{Inner, ReadTunnel, Tunnel};
use crate::gre::gre;
use crate::links;
use crate::undecoded::{Header, Undecoded};

/// Labels of one MPLS stack.
pub const MAX_LABELS: usize = 16;

const PPPOE: u64 = 0x8864;
/// Version 1, type 1, code 0.
const PPPOE_SESSION: u16 = 0x1100;
const IPIP: u8 = 4;
const SIX_IN_IP: u8 = 41;
const GRE: u8 = 47;
const ETHERIP: u8 = 97;

/// The tunnel that an `EtherType` stands for.
#[must_use]
pub fn network(protocol: u64) -> Option<ReadTunnel> {
    match protocol {
        links::MPLS | links::MPLS_MULTICAST => Some(mpls),
        PPPOE => Some(pppoe),
        _ => None,
    }
}

/// The tunnel that an IP protocol number stands for.
#[must_use]
pub fn transport(protocol: u8) -> Option<ReadTunnel> {
    match protocol {
        IPIP => Some(|_, size| Ok(ip_in_ip(links::IPV4, size))), // RFC 2003
        SIX_IN_IP => Some(|_, size| Ok(ip_in_ip(links::IPV6, size))), // RFC 4213
        GRE => Some(gre),
        ETHERIP => Some(ethernet_in_ip),
        _ => None,
    }
}

/// The network protocol that the first byte of an IP packet stands for.
pub(crate) const fn ip_version(first: u8) -> Option<u64> {
    match first >> 4 {
        4 => Some(links::IPV4),
        6 => Some(links::IPV6),
        _ => None,
    }
}

const fn ip_in_ip(protocol: u64, size: usize) -> Inner {
    Inner {
        protocol,
        at: 0,
        end: size,
        tunnel: Tunnel::new("ipip"),
    }
}

/// Read a stack of MPLS labels (RFC 3032 section 2.1).
///
/// Nothing says what it carries: IP is known by its version, Ethernet (RFC 4448 section 4.6) only behind a
/// control word. Labels differ by direction, so they tell no flows apart.
pub fn mpls(data: &[u8], size: usize) -> Result<Inner, Undecoded> {
    for at in (0..4 * MAX_LABELS).step_by(4) {
        let [_, _, third, _] = Header::MPLS.read::<4>(data, at, size)?;
        if third & 1 == 1 {
            return beneath_labels(data, at + 4, size); // this was the bottom of the stack
        }
    }
    Err(Undecoded::TooDeepNesting)
}

fn beneath_labels(data: &[u8], at: usize, size: usize) -> Result<Inner, Undecoded> {
    let &[first] = Header::MPLS.read(data, at, size)?;
    let inner = |protocol, at| Inner {
        protocol,
        at,
        end: size,
        tunnel: Tunnel::new("mpls"),
    };
    if let Some(protocol) = ip_version(first) {
        return Ok(inner(protocol, at));
    }
    // No flags: so a control word before an Ethernet frame begins.
    let without_flags = matches!(data.get(at..).unwrap_or_default(), [0] | [0, 0, ..]);
    match Header::MPLS.read::<18>(data, at, size) {
        Ok([0, 0, .., high, low]) if is_certain(u16::from_be_bytes([*high, *low])) => {
            Ok(inner(links::ETHERNET, at + 4))
        }
        Err(Undecoded::TruncatedMpls) if without_flags => Err(Undecoded::TruncatedMpls),
        _ => Err(Undecoded::UnknownMplsPayload),
    }
}

/// Whether what looks like an `EtherType` is one that is common: IP, ARP, VLAN tags.
const fn is_certain(protocol: u16) -> bool {
    matches!(protocol, 0x0800 | 0x86dd | 0x0806 | 0x8100 | 0x88a8)
}

/// Read a `PPPoE` header of the session stage (RFC 2516 section 4).
pub fn pppoe(data: &[u8], size: usize) -> Result<Inner, Undecoded> {
    let &[version, code, _, _, high, low] = Header::PPPOE.read(data, 0, size)?;
    let end = 6 + usize::from(u16::from_be_bytes([high, low]));
    if u16::from_be_bytes([version, code]) != PPPOE_SESSION || end > size {
        return Err(Header::PPPOE.malformed);
    }
    Ok(Inner {
        protocol: links::PPP,
        at: 6,
        end,
        tunnel: Tunnel::new("pppoe"),
    })
}

/// Read an `EtherIP` header (RFC 3378 section 3).
pub fn ethernet_in_ip(data: &[u8], size: usize) -> Result<Inner, Undecoded> {
    let &[0x30, 0] = Header::ETHERIP.read(data, 0, size)? else {
        return Err(Header::ETHERIP.malformed); // not version 3
    };
    Ok(Inner {
        protocol: links::ETHERNET,
        at: 2,
        end: size,
        tunnel: Tunnel::new("etherip"),
    })
}

#[cfg(test)]
pub(crate) mod kit;
#[cfg(test)]
mod tests;
