//! The express lane: nearly all packets are TCP or UDP in plain IP in Ethernet, and are read here at a glance.
//!
//! It says what the layers would say (`frames::plain`), or nothing: whatever is odd, tagged, tunnelled, cut short
//! or malformed is theirs.

use crate::segment::{Address, Segment, TCP, UDP};
use crate::sensor::Frame;
use crate::udp_tunnels;

const ETHERNET: u32 = 1;
const ETHERNET_BYTES: usize = 14;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
/// More fragments, or an offset.
const FRAGMENT: u16 = 0x3fff;

/// What a transport header says.
struct Transport {
    source_port: u16,
    target_port: u16,
    seq: u32,
    flags: u8,
    header_bytes: usize,
    /// The datagram's length; none where it is the packet's.
    bytes: Option<usize>,
}

/// What an IP header says.
struct Packet<'a> {
    protocol: u8,
    header_bytes: usize,
    /// With the header.
    bytes: usize,
    source: Address,
    target: Address,
    /// What follows the header.
    rest: &'a [u8],
}

/// The segment in a frame, if it is one of these.
#[inline]
#[must_use]
pub fn segment<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    let (ethernet, data) = frame.data.split_first_chunk::<ETHERNET_BYTES>()?;
    let packet = match (ethernet, frame.linktype) {
        ([.., 0x08, 0x00], ETHERNET) => ipv4(data)?,
        ([.., 0x86, 0xdd], ETHERNET) => ipv6(data)?,
        _ => return None,
    };
    let transport = transport(packet.protocol, packet.rest)?;
    let payload_at = packet.header_bytes + transport.header_bytes;
    let end = transport
        .bytes
        .map_or(packet.bytes, |bytes| packet.header_bytes + bytes);
    if end > packet.bytes || ETHERNET_BYTES + packet.bytes > frame.wire_bytes as usize {
        return None;
    }
    Some(Segment {
        ts_ns: frame.ts_ns,
        ip_bytes: packet.bytes as u64,
        transport: packet.protocol,
        source: packet.source,
        source_port: transport.source_port,
        target: packet.target,
        target_port: transport.target_port,
        vlan: None,
        tunnel: None,
        flags: transport.flags,
        seq: transport.seq,
        payload: data.get(payload_at..end)?,
        missing_bytes: 0,
    })
}

/// A header without options, of a packet that is no fragment.
#[inline]
fn ipv4(data: &[u8]) -> Option<Packet<'_>> {
    let (header, rest) = data.split_first_chunk::<IPV4_BYTES>()?;
    let &[
        0x45,
        _,
        l0,
        l1,
        _,
        _,
        f0,
        f1,
        _,
        protocol,
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
    ] = header
    else {
        return None;
    };
    (u16::from_be_bytes([f0, f1]) & FRAGMENT == 0).then_some(Packet {
        protocol,
        header_bytes: IPV4_BYTES,
        bytes: usize::from(u16::from_be_bytes([l0, l1])),
        source: Address::v4([s0, s1, s2, s3]),
        target: Address::v4([d0, d1, d2, d3]),
        rest,
    })
}

/// A header whose length field says something.
#[inline]
fn ipv6(data: &[u8]) -> Option<Packet<'_>> {
    let (header, rest) = data.split_first_chunk::<IPV6_BYTES>()?;
    let [version, _, _, _, l0, l1, protocol, _, addresses @ ..] = header;
    let ([source, target], 6) = (addresses.as_chunks().0, version >> 4) else {
        return None;
    };
    let payload_bytes = usize::from(u16::from_be_bytes([*l0, *l1]));
    (payload_bytes > 0).then_some(Packet {
        protocol: *protocol,
        header_bytes: IPV6_BYTES,
        bytes: IPV6_BYTES + payload_bytes,
        source: Address::v6(*source),
        target: Address::v6(*target),
        rest,
    })
}

#[inline]
fn transport(protocol: u8, bytes: &[u8]) -> Option<Transport> {
    match protocol {
        TCP => {
            let &[s0, s1, d0, d1, n0, n1, n2, n3, _, _, _, _, offset, flags] =
                bytes.first_chunk()?;
            let header_bytes = usize::from(offset >> 4) * 4;
            (header_bytes >= 20).then_some(Transport {
                source_port: u16::from_be_bytes([s0, s1]),
                target_port: u16::from_be_bytes([d0, d1]),
                seq: u32::from_be_bytes([n0, n1, n2, n3]),
                flags,
                header_bytes,
                bytes: None,
            })
        }
        UDP => {
            let &[s0, s1, d0, d1, l0, l1, _, _] = bytes.first_chunk()?;
            let target_port = u16::from_be_bytes([d0, d1]);
            (!udp_tunnels::is_target(target_port)).then_some(Transport {
                source_port: u16::from_be_bytes([s0, s1]),
                target_port,
                seq: 0,
                flags: 0,
                header_bytes: 8,
                bytes: Some(usize::from(u16::from_be_bytes([l0, l1]))),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::segment;
    use crate::frames::Looked;
    use crate::sensor::Frame;

    /// Ethernet, IP and the beginning of TCP or UDP, then payload: so many bytes behind the IP header.
    fn plain(v6: bool, protocol: u8, bytes: u8) -> Vec<u8> {
        let network = if v6 {
            let header = [0x86, 0xdd, 0x60, 0, 0, 0, 0, bytes, protocol, 64];
            [&header[..], &[0x20; 16], &[0xfd; 16]].concat()
        } else {
            let header = [0x08, 0x00, 0x45, 0, 0, bytes + 20, 1, 2, 0x40, 0, 64];
            let addresses = [protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9];
            [&header[..], &addresses].concat()
        };
        let transport = [
            0xc3, 0x50, 0x01, 0xbb, 0, bytes, 3, 4, 5, 6, 7, 8, 0x50, 0x18,
        ];
        [&[0x02; 12], &network[..], &transport, &[0; 64]].concat()
    }

    proptest! {
        #[test]
        fn the_express_lane_says_what_the_layers_say(
            v6 in any::<bool>(),
            protocol in prop_oneof![Just(6), Just(17), any::<u8>()],
            bytes in 8..70_u8,
            changes in proptest::collection::vec((0..80_usize, any::<u8>()), 0..4),
            cut in 0..140_usize,
            more in 0..20_usize,
            linktype in prop_oneof![4 => Just(1), 1 => any::<u32>()],
        ) {
            let mut data = plain(v6, protocol, bytes);
            for (at, byte) in changes {
                if let Some(place) = data.get_mut(at) {
                    *place = byte;
                }
            }
            let data = &data[..cut.min(data.len())];
            let wire_bytes = (data.len() + more) as u32;
            let frame = Frame { ts_ns: 7, linktype, data, wire_bytes };
            if let Some(found) = segment(&frame) {
                let looked = Looked::through_layers(&frame);
                prop_assert_eq!(looked.segment(), Some(&found));
            }
        }
    }

    #[test]
    fn plain_packets_go_by_express() {
        for (v6, protocol) in [(false, 6), (false, 17), (true, 6), (true, 17)] {
            let data = plain(v6, protocol, 50);
            let wire_bytes = data.len() as u32;
            let frame = Frame {
                ts_ns: 7,
                linktype: 1,
                data: &data,
                wire_bytes,
            };
            assert_eq!(segment(&frame).map(|found| found.target_port), Some(443));
        }
    }
}
