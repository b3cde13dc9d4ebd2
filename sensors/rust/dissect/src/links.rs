//! Link layers: from a frame's first byte to the network packet in it, and the VLAN it was in.
//!
//! The mirror of `sensors/links.py`. Every link type and every tag that may stand between link and network
//! is one arm of a match: `link` and `shim`. Offsets count from the data's start; `wire_bytes` is how many
//! bytes there were on the wire, of which less may have been captured.

use crate::undecoded::{Header, Undecoded};

/// IPv4's `EtherType`.
pub const IPV4: u64 = 0x0800;
/// IPv6's `EtherType`.
pub const IPV6: u64 = 0x86dd;
/// MPLS.
pub const MPLS: u64 = 0x8847;
/// MPLS with labels that the network upstream assigned.
pub const MPLS_MULTICAST: u64 = 0x8848;
/// Ethernet frames, as tunnels name them: transparent Ethernet bridging.
pub const ETHERNET: u64 = 0x6558;
/// PPP, as tunnels name it.
pub const PPP: u64 = 0x880b;
/// Stands for whatever a link's two ends say to each other alone.
pub const LINK_CONTROL: u64 = 1 << 40;
/// More tags in one frame are malformed.
pub const MAX_SHIMS: usize = 8;

const LEAST_ETHERTYPE: u16 = 1536;
const MOST_LENGTH: usize = 1500;
const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
const COOKED_LLC: u16 = 4;
/// Cisco's keepalives; as an `EtherType` it is RARP.
const SLARP: u16 = 0x8035;

/// What follows a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// An `EtherType` (1536 and more); below that an LLC service access point (IEEE 802.2); above 65535 a
    /// SNAP identifier (organisation << 16 | protocol), or `LINK_CONTROL`.
    pub protocol: u64,
    /// Where it begins.
    pub at: usize,
    /// The VLAN identifier that the layer names.
    pub vlan: Option<u16>,
}

impl Layer {
    pub(crate) const fn new(protocol: u64, at: usize) -> Self {
        Self {
            protocol,
            at,
            vlan: None,
        }
    }
}

/// Read the link layer of a frame; the link types are those registered at tcpdump.org.
#[inline]
pub fn link(linktype: u32, data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    match linktype {
        1 => ethernet(data, wire_bytes),
        113 => cooked(data, wire_bytes),
        276 => cooked_v2(data, wire_bytes),
        0 | 108 => loopback(data, wire_bytes),
        9 => ppp(data, wire_bytes),
        104 => cisco_hdlc(data, wire_bytes),
        12 | 14 | 101 => raw_ip(data, wire_bytes),
        228 => Ok(Layer::new(IPV4, 0)),
        229 => Ok(Layer::new(IPV6, 0)),
        _ => Err(Undecoded::UnknownLinktype),
    }
}

/// Follow what stands between link and network; the VLAN is the outermost one named.
pub fn through_shims(data: &[u8], mut layer: Layer, wire_bytes: usize) -> Result<Layer, Undecoded> {
    for _ in 0..MAX_SHIMS {
        let Some(next) = shim(layer, data, wire_bytes) else {
            return Ok(layer);
        };
        let next = next?;
        layer = Layer {
            vlan: layer.vlan.or(next.vlan),
            ..next
        };
    }
    Err(Header::VLAN.malformed)
}

fn shim(layer: Layer, data: &[u8], wire_bytes: usize) -> Option<Result<Layer, Undecoded>> {
    match layer.protocol {
        0x8100 | 0x88a8 | 0x9100 => Some(vlan(data, layer.at, wire_bytes)),
        0x8909 => Some(security_group(data, layer.at, wire_bytes)),
        _ => None,
    }
}

/// Read an Ethernet II or IEEE 802.3 header.
#[inline]
pub fn ethernet(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[.., high, low] = Header::ETHERNET.read::<14>(data, 0, wire_bytes)?;
    type_or_length(u16::from_be_bytes([high, low]), data, 14, wire_bytes)
}

/// Tell IPv4 from IPv6 by the version, where no link layer says it.
pub fn raw_ip(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[first] = Header::IP.read(data, 0, wire_bytes)?;
    match first >> 4 {
        4 => Ok(Layer::new(IPV4, 0)),
        6 => Ok(Layer::new(IPV6, 0)),
        _ => Err(Header::IP.malformed),
    }
}

/// Read PPP (RFC 1661 section 2), in HDLC-like framing (RFC 1662 section 3.1) or not.
///
/// The protocol may be compressed to one byte (RFC 1661 section 6.5): the last byte of one is odd.
pub fn ppp(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    if data == [0xff] && wire_bytes > 1 {
        return Err(Header::PPP.truncated); // it may begin the framing
    }
    let at = if data.starts_with(&[0xff, 0x03]) {
        2
    } else {
        0
    };
    let (protocol, at) = match *data.get(at..).unwrap_or_default() {
        [first, ..] if first & 1 == 1 => (u16::from(first), at + 1),
        [first, second, ..] => (u16::from_be_bytes([first, second]), at + 2),
        [_] => return Err(Header::PPP.short(at + 2, wire_bytes)),
        [] => return Err(Header::PPP.short(at + 1, wire_bytes)),
    };
    if protocol & 1 == 0 {
        return Err(Header::PPP.malformed);
    }
    match protocol {
        0x8000.. => Ok(Layer::new(LINK_CONTROL, at)),
        0x0021 => Ok(Layer::new(IPV4, at)),
        0x0057 => Ok(Layer::new(IPV6, at)),
        0x0281 => Ok(Layer::new(MPLS, at)),
        0x0283 => Ok(Layer::new(MPLS_MULTICAST, at)),
        _ => Err(Undecoded::UnknownPppProtocol),
    }
}

/// A Linux cooked header (`LINKTYPE_LINUX_SLL`).
fn cooked(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[_, _, high, low, .., upper, lower] = Header::COOKED.read::<16>(data, 0, wire_bytes)?;
    let hardware = u16::from_be_bytes([high, low]);
    cooked_protocol(
        hardware,
        u16::from_be_bytes([upper, lower]),
        data,
        16,
        wire_bytes,
    )
}

/// A Linux cooked header of version 2 (`LINKTYPE_LINUX_SLL2`).
fn cooked_v2(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[upper, lower, _, _, _, _, _, _, high, low, ..] =
        Header::COOKED.read::<20>(data, 0, wire_bytes)?;
    let hardware = u16::from_be_bytes([high, low]);
    cooked_protocol(
        hardware,
        u16::from_be_bytes([upper, lower]),
        data,
        20,
        wire_bytes,
    )
}

fn cooked_protocol(
    hardware: u16,
    protocol: u16,
    data: &[u8],
    at: usize,
    wire_bytes: usize,
) -> Result<Layer, Undecoded> {
    // Hardware types whose "protocol" is no EtherType: frame relay, GRE, radiotap, netlink.
    if matches!(hardware, 770 | 778 | 803 | 824) {
        return Err(Undecoded::UnknownEthertype);
    }
    match protocol {
        COOKED_LLC => llc(data, at, wire_bytes),
        LEAST_ETHERTYPE.. => Ok(Layer::new(protocol.into(), at)),
        _ => Err(Undecoded::UnknownEthertype),
    }
}

/// A BSD loopback header: an address family in either byte order (`LINKTYPE_NULL`, `LINKTYPE_LOOP`).
fn loopback(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let family = *Header::LOOPBACK.read(data, 0, wire_bytes)?;
    // As the capturing system numbered them: Linux, Windows, NetBSD, FreeBSD, Darwin.
    match u32::from_le_bytes(family).min(u32::from_be_bytes(family)) {
        2 => Ok(Layer::new(IPV4, 4)),
        10 | 23 | 24 | 28 | 30 => Ok(Layer::new(IPV6, 4)),
        _ => Err(Undecoded::UnknownEthertype),
    }
}

/// Cisco's HDLC header: address, control, `EtherType` (RFC 1547 section 4.3.1).
fn cisco_hdlc(data: &[u8], wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[address, _, high, low] = Header::HDLC.read(data, 0, wire_bytes)?;
    if !matches!(address, 0x0f | 0x8f) {
        return Err(Header::HDLC.malformed);
    }
    match u16::from_be_bytes([high, low]) {
        SLARP => Ok(Layer::new(LINK_CONTROL, 4)),
        protocol @ LEAST_ETHERTYPE.. => Ok(Layer::new(protocol.into(), 4)),
        _ => Err(Undecoded::UnknownEthertype),
    }
}

/// A VLAN tag (IEEE 802.1Q section 9). Identifier 0 is a priority tag: it names no VLAN.
fn vlan(data: &[u8], at: usize, wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[tag, identifier, high, low] = Header::VLAN.read(data, at, wire_bytes)?;
    let layer = type_or_length(u16::from_be_bytes([high, low]), data, at + 4, wire_bytes)?;
    let identifier = u16::from_be_bytes([tag & 0xf, identifier]);
    Ok(Layer {
        vlan: (identifier > 0).then_some(identifier),
        ..layer
    })
}

/// Cisco's metadata header with the one option that is in use, the security group tag.
fn security_group(data: &[u8], at: usize, wire_bytes: usize) -> Result<Layer, Undecoded> {
    let &[version, options, .., high, low] = Header::SGT.read::<8>(data, at, wire_bytes)?;
    if (version, options) != (1, 1) {
        return Err(Undecoded::UnknownEthertype);
    }
    type_or_length(u16::from_be_bytes([high, low]), data, at + 8, wire_bytes)
}

/// What follows a field that holds an `EtherType`, or the length of what follows it (IEEE 802.3).
#[inline]
fn type_or_length(
    field: u16,
    data: &[u8],
    at: usize,
    wire_bytes: usize,
) -> Result<Layer, Undecoded> {
    if field >= LEAST_ETHERTYPE {
        return Ok(Layer::new(field.into(), at));
    }
    let length = usize::from(field);
    if length > MOST_LENGTH.min(wire_bytes.saturating_sub(at)) {
        return Err(Header::ETHERNET.malformed);
    }
    llc(data, at, at + length)
}

/// An LLC header that ends before `end`, and the SNAP header that may follow (IEEE 802-2014 section 9).
fn llc(data: &[u8], at: usize, end: usize) -> Result<Layer, Undecoded> {
    let data = data.get(..end).unwrap_or(data);
    let &header = Header::LLC.read::<3>(data, at, end)?;
    if header != SNAP {
        let [target, ..] = header;
        return Ok(Layer::new(target.into(), at + 3));
    }
    let &[_, _, _, a, b, c, high, low] = Header::LLC.read(data, at, end)?;
    let organisation = u32::from_be_bytes([0, a, b, c]);
    let protocol = u16::from_be_bytes([high, low]);
    if organisation == 0 && protocol < LEAST_ETHERTYPE {
        return Err(Header::LLC.malformed);
    }
    Ok(Layer::new(
        u64::from(organisation) << 16 | u64::from(protocol),
        at + 8,
    ))
}

#[cfg(test)]
mod tests;
