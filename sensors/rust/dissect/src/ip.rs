//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers: to the transport in a packet, and its length on the wire.
//!
//! The mirror of `sensors/ip.py`. Lengths come from the headers, so that Ethernet padding is ignored.
//! Checksums are not verified: on the sending host they are often filled in by the network card after the
//! capture.

use crate::links;
use crate::segment::Address;
use crate::undecoded::{Header, Undecoded};

/// Headers before the transport; more are malformed.
pub const MAX_EXTENSIONS: usize = 16;
/// The longest IP datagram.
pub const MAX_DATAGRAM_BYTES: usize = 65_535;
/// The protocol number of IPv6's fragment header.
pub const FRAGMENT: u8 = 44;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const AUTHENTICATION: u8 = 51;
const NO_NEXT: u8 = 59;
const DESTINATION: u8 = 60;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// A part of a fragmented datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which datagram, by its ends' count.
    pub identification: u32,
    /// Where in the datagram, in bytes.
    pub offset: usize,
    /// Whether more parts follow.
    pub more: bool,
}

/// What an IP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The transport protocol; of a fragment, what its first header says.
    pub protocol: u8,
    /// Where the transport begins.
    pub at: usize,
    /// Where the packet ends on the wire.
    pub end: usize,
    /// The packet's length on the wire.
    pub ip_bytes: usize,
    /// Who sent it.
    pub source: Address,
    /// To whom.
    pub target: Address,
    /// Which part of a datagram it is, if it is one.
    pub part: Option<Part>,
}

impl Packet {
    /// Which version it is of.
    #[must_use]
    pub const fn version(&self) -> Version {
        if self.source.is_v4() {
            Version::V4
        } else {
            Version::V6
        }
    }
}

/// The two versions: they differ in the headers that may stand before the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Version {
    const fn header(self) -> Header {
        match self {
            Self::V4 => Header::IPV4,
            Self::V6 => Header::IPV6,
        }
    }

    const fn chains(self, protocol: u8) -> bool {
        match self {
            Self::V4 => protocol == AUTHENTICATION,
            Self::V6 => {
                matches!(
                    protocol,
                    HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION
                )
            }
        }
    }
}

/// What stands at some place in a packet: a protocol, and the fragment that it is part of.
#[derive(Clone, Copy, Debug)]
struct Inside {
    protocol: u8,
    at: usize,
    part: Option<Part>,
}

/// Read the header of a network packet, by its `EtherType`; none for what is not IP.
#[inline]
pub fn read(
    protocol: u64,
    data: &[u8],
    at: usize,
    wire_bytes: usize,
) -> Result<Option<Packet>, Undecoded> {
    match protocol {
        links::IPV4 => ipv4(data, at, wire_bytes).map(Some),
        links::IPV6 => ipv6(data, at, wire_bytes).map(Some),
        _ => Ok(None),
    }
}

/// Read an IPv4 header.
///
/// A total length of 0 is what segmentation offload leaves: the packet is what is left of the frame.
#[inline]
pub fn ipv4(data: &[u8], at: usize, wire_bytes: usize) -> Result<Packet, Undecoded> {
    let header = Header::IPV4.read::<20>(data, at, wire_bytes)?;
    let &[
        version,
        _,
        t0,
        t1,
        i0,
        i1,
        f0,
        f1,
        _,
        mut protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = header;
    let mut start = at + 20;
    if version != 0x45 {
        start = after_options(data, at, version, wire_bytes)?;
    }
    let mut ip_bytes = usize::from(u16::from_be_bytes([t0, t1]));
    if ip_bytes == 0 {
        ip_bytes = wire_bytes.saturating_sub(at);
    }
    let end = at + ip_bytes;
    if start > end || end > wire_bytes {
        return Err(Header::IPV4.malformed);
    }
    let flags = u16::from_be_bytes([f0, f1]);
    let mut part = None;
    if flags & (MORE_FRAGMENTS | OFFSET) != 0 {
        let identification = u16::from_be_bytes([i0, i1]).into();
        let offset = usize::from(flags & OFFSET) << 3;
        let more = flags & MORE_FRAGMENTS != 0;
        part = Some(checked(
            Version::V4,
            Part {
                identification,
                offset,
                more,
            },
            end - start,
        )?);
    } else if protocol == AUTHENTICATION {
        Inside {
            protocol,
            at: start,
            ..
        } = transport_at(Version::V4, data, protocol, start, end)?;
    }
    let (source, target) = (Address::v4([s0, s1, s2, s3]), Address::v4([d0, d1, d2, d3]));
    Ok(Packet {
        protocol,
        at: start,
        end,
        ip_bytes,
        source,
        target,
        part,
    })
}

/// Read an IPv6 header and its extension headers. Jumbograms (RFC 2675) are unknown.
#[inline]
pub fn ipv6(data: &[u8], at: usize, wire_bytes: usize) -> Result<Packet, Undecoded> {
    let header = Header::IPV6.read::<40>(data, at, wire_bytes)?;
    let [version, _, _, _, high, low, protocol, _, addresses @ ..] = header;
    let ([source, target], 6) = (addresses.as_chunks().0, version >> 4) else {
        return Err(Header::IPV6.malformed);
    };
    let protocol = *protocol;
    let start = at + 40;
    let mut payload_bytes = usize::from(u16::from_be_bytes([*high, *low]));
    if payload_bytes == 0 && protocol != NO_NEXT {
        if protocol == HOP_BY_HOP {
            return Err(Undecoded::UnknownJumbogram);
        }
        payload_bytes = wire_bytes.saturating_sub(start); // as segmentation offload leaves it
    }
    let end = start + payload_bytes;
    if end > wire_bytes {
        return Err(Header::IPV6.malformed);
    }
    let mut inside = Inside {
        protocol,
        at: start,
        part: None,
    };
    if Version::V6.chains(protocol) {
        inside = transport_at(Version::V6, data, protocol, start, end)?;
    }
    Ok(Packet {
        protocol: inside.protocol,
        at: inside.at,
        end,
        ip_bytes: payload_bytes + 40,
        source: Address::v6(*source),
        target: Address::v6(*target),
        part: inside.part,
    })
}

/// Follow the headers between IP and transport; stop at a fragment's data.
fn transport_at(
    version: Version,
    data: &[u8],
    mut protocol: u8,
    mut at: usize,
    end: usize,
) -> Result<Inside, Undecoded> {
    let header = version.header();
    let data = data.get(..end).unwrap_or(data);
    for _ in 0..MAX_EXTENSIONS {
        if !version.chains(protocol) {
            return Ok(Inside {
                protocol,
                at,
                part: None,
            });
        }
        let &[next, size, high, low, a, b, c, d] = header.read(data, at, end)?;
        if protocol == FRAGMENT {
            at += 8;
            let field = u16::from_be_bytes([high, low]);
            let (offset, more) = (usize::from(field & 0xfff8), field & 1 != 0);
            if offset > 0 || more {
                let identification = u32::from_be_bytes([a, b, c, d]);
                let part = checked(
                    version,
                    Part {
                        identification,
                        offset,
                        more,
                    },
                    end - at,
                )?;
                return Ok(Inside {
                    protocol: next,
                    at,
                    part: Some(part),
                });
            } // else it is whole (RFC 6946)
        } else {
            let size = usize::from(size);
            at += if protocol == AUTHENTICATION {
                (size + 2) * 4
            } else {
                (size + 1) * 8
            };
            if at > end {
                return Err(header.malformed);
            }
        }
        protocol = next;
    }
    Err(header.malformed)
}

/// What a reassembled datagram carries: the transport protocol, and its offset.
pub fn inner_transport(
    version: Version,
    data: &[u8],
    protocol: u8,
    end: usize,
) -> Result<(u8, usize), Undecoded> {
    let inside = transport_at(version, data, protocol, 0, end)?;
    if inside.part.is_some() {
        return Err(version.header().malformed); // a fragment of a fragment
    }
    Ok((inside.protocol, inside.at))
}

/// Where an IPv4 header ends that is not as short as can be.
#[cold]
fn after_options(
    data: &[u8],
    at: usize,
    version: u8,
    wire_bytes: usize,
) -> Result<usize, Undecoded> {
    let start = at + usize::from(version & 0xf) * 4;
    if version >> 4 != 4 || start < at + 20 {
        return Err(Header::IPV4.malformed);
    }
    if data.len() < start {
        return Err(Header::IPV4.short(start, wire_bytes));
    }
    Ok(start)
}

/// Refuse fragments that no sender makes: empty, uneven before the end, or beyond the longest datagram.
fn checked(version: Version, part: Part, size: usize) -> Result<Part, Undecoded> {
    let uneven = part.more && !size.is_multiple_of(8);
    if size == 0 || uneven || part.offset.saturating_add(size) > MAX_DATAGRAM_BYTES {
        return Err(version.header().malformed);
    }
    Ok(part)
}

#[cfg(test)]
mod tests;
