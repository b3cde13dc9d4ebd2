//! Generic routing encapsulation (RFC 2784, RFC 2890), with what is built on it: ERSPAN and PPTP (RFC 2637).
//!
//! The mirror of `sensors/gre.py`. A key tells nothing apart here: PPTP's, and many others', differ by
//! direction, and a flow has two.

use crate::cargo::{Inner, Tunnel};
use crate::links::{self, raw_ip};
use crate::undecoded::{Header, Undecoded};

const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
/// RFC 1701's source routes; RFC 2784 section 2.3 discards them.
const OBSOLETE: u16 = 0x4c00;
const VERSION: u16 = 0x0007;
const ERSPAN: u64 = 0x88be;
const ERSPAN_3: u64 = 0x22eb;
const SESSION: u16 = 0x03ff;
/// Frame types of ERSPAN III.
const ETHERNET_FRAME: u16 = 0;
const IP_PACKET: u16 = 2;

/// Read a GRE header.
pub fn gre(data: &[u8], size: usize) -> Result<Inner, Undecoded> {
    let (flags, protocol) = head(data, size)?;
    if flags & VERSION == 1 {
        return pptp(data, size);
    }
    if flags & (VERSION | OBSOLETE) != 0 {
        return Err(Undecoded::UnknownGre);
    }
    let at = 4 + words(flags & (CHECKSUM | KEY | SEQUENCE));
    if data.len() < at {
        return Err(Header::GRE.short(at, size));
    }
    let inner = |protocol, kind| Inner {
        protocol,
        at,
        end: size,
        tunnel: Tunnel::new(kind),
    };
    match protocol {
        // Type I has no header.
        ERSPAN if flags & SEQUENCE == 0 => Ok(inner(links::ETHERNET, "erspan")),
        ERSPAN => erspan_2(data, at, size),
        ERSPAN_3 => erspan_3(data, at, size),
        links::IPV4 | links::IPV6 | links::ETHERNET | links::MPLS | links::MPLS_MULTICAST => {
            Ok(inner(protocol, "gre"))
        }
        _ => Err(Undecoded::UnknownGreProtocol),
    }
}

/// The flags, and what is carried.
fn head(data: &[u8], size: usize) -> Result<(u16, u64), Undecoded> {
    let &[f0, f1, p0, p1] = Header::GRE.read(data, 0, size)?;
    Ok((
        u16::from_be_bytes([f0, f1]),
        u16::from_be_bytes([p0, p1]).into(),
    ))
}

/// The bytes of the optional fields, of which there is one for each flag.
const fn words(flags: u16) -> usize {
    4 * flags.count_ones() as usize
}

const fn session(field: u16) -> Tunnel {
    Tunnel::numbered("erspan", (field & SESSION) as u32)
}

/// Read an ERSPAN header of type II (draft-foschiano-erspan section 4.2).
fn erspan_2(data: &[u8], at: usize, size: usize) -> Result<Inner, Undecoded> {
    let &[version, _, high, low, ..] = Header::ERSPAN.read::<8>(data, at, size)?;
    if version >> 4 != 1 {
        return Err(Undecoded::UnknownErspan);
    }
    Ok(Inner {
        protocol: links::ETHERNET,
        at: at + 8,
        end: size,
        tunnel: session(u16::from_be_bytes([high, low])),
    })
}

/// Read an ERSPAN header of type III, and skip its subheader (draft-foschiano-erspan section 4.3).
fn erspan_3(data: &[u8], at: usize, size: usize) -> Result<Inner, Undecoded> {
    let &[version, _, high, low, .., k0, k1] = Header::ERSPAN.read::<12>(data, at, size)?;
    let kind = u16::from_be_bytes([k0, k1]);
    let start = at + 12 + if kind & 1 == 1 { 8 } else { 0 };
    let Some(inside) = data.get(start..) else {
        return Err(Header::ERSPAN.short(start, size));
    };
    let protocol = match (version >> 4, kind >> 10 & 0x1f) {
        (2, ETHERNET_FRAME) => links::ETHERNET,
        (2, IP_PACKET) => raw_ip(inside, size.saturating_sub(start))?.protocol,
        _ => return Err(Undecoded::UnknownErspan),
    };
    Ok(Inner {
        protocol,
        at: start,
        end: size,
        tunnel: session(u16::from_be_bytes([high, low])),
    })
}

/// Read PPTP's own GRE header (RFC 2637 section 4.1).
fn pptp(data: &[u8], size: usize) -> Result<Inner, Undecoded> {
    let &[_, _, _, _, high, low, _, _] = Header::GRE.read(data, 0, size)?;
    let (flags, protocol) = head(data, size)?;
    if protocol != links::PPP {
        return Err(Undecoded::UnknownGreProtocol);
    }
    let at = 8 + words(flags & (SEQUENCE | ACKNOWLEDGEMENT));
    let end = at + usize::from(u16::from_be_bytes([high, low]));
    if flags & KEY == 0 || flags & (CHECKSUM | OBSOLETE) != 0 || end > size {
        return Err(Header::GRE.malformed);
    }
    let inner = |protocol, end| Inner {
        protocol,
        at,
        end,
        tunnel: Tunnel::new("pptp"),
    };
    if flags & SEQUENCE == 0 {
        return Ok(inner(links::LINK_CONTROL, at)); // an acknowledgement alone
    }
    if data.len() < at {
        return Err(Header::GRE.short(at, size));
    }
    Ok(inner(links::PPP, end))
}

#[cfg(test)]
mod tests;
