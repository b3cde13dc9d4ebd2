//! The express lane: nearly all packets are TCP or UDP in plain IPv4 in Ethernet, and are read here at a glance.
//!
//! It says what the layers would say (`frames::plain`), or nothing: whatever is odd, tagged, tunnelled, cut short
//! or malformed is theirs.

use crate::segment::{Address, Segment, TCP, UDP};
use crate::sensor::Frame;
use crate::udp_tunnels;

const ETHERNET: u32 = 1;
const ETHERNET_BYTES: usize = 14;
const IP_BYTES: usize = 20;
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

/// The segment in a frame, if it is one of these.
#[inline]
#[must_use]
pub fn segment<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    let (ethernet, packet) = frame.data.split_first_chunk::<ETHERNET_BYTES>()?;
    let (header, rest) = packet.split_first_chunk::<IP_BYTES>()?;
    let (&[.., 0x08, 0x00], ETHERNET) = (ethernet, frame.linktype) else {
        return None;
    };
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
    let transport = transport(protocol, rest)?;
    let ip_bytes = usize::from(u16::from_be_bytes([l0, l1]));
    let end = transport.bytes.map_or(ip_bytes, |bytes| IP_BYTES + bytes);
    let fits = end <= ip_bytes && ETHERNET_BYTES + ip_bytes <= frame.wire_bytes as usize;
    if !fits || u16::from_be_bytes([f0, f1]) & FRAGMENT != 0 {
        return None;
    }
    Some(Segment {
        ts_ns: frame.ts_ns,
        ip_bytes: ip_bytes as u64,
        transport: protocol,
        source: Address::v4([s0, s1, s2, s3]),
        source_port: transport.source_port,
        target: Address::v4([d0, d1, d2, d3]),
        target_port: transport.target_port,
        vlan: None,
        tunnel: None,
        flags: transport.flags,
        seq: transport.seq,
        payload: packet.get(IP_BYTES + transport.header_bytes..end)?,
        missing_bytes: 0,
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

    /// Ethernet, IPv4 and the beginning of TCP or UDP, then payload.
    fn plain(protocol: u8, bytes: u8) -> Vec<u8> {
        let (before, after) = (
            [0x02; 12],
            [0x08, 0x00, 0x45, 0, 0, bytes, 1, 2, 0x40, 0, 64],
        );
        let addresses = [protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9];
        let ports = [
            0xc3,
            0x50,
            0x01,
            0xbb,
            0,
            bytes - 20,
            3,
            4,
            5,
            6,
            7,
            8,
            0x50,
            0x18,
        ];
        [&before[..], &after, &addresses, &ports, &[0; 64]].concat()
    }

    proptest! {
        #[test]
        fn the_express_lane_says_what_the_layers_say(
            protocol in prop_oneof![Just(6), Just(17), any::<u8>()],
            bytes in 28..90_u8,
            changes in proptest::collection::vec((0..60_usize, any::<u8>()), 0..4),
            cut in 0..120_usize,
            more in 0..20_usize,
            linktype in prop_oneof![4 => Just(1), 1 => any::<u32>()],
        ) {
            let mut data = plain(protocol, bytes);
            for (at, byte) in changes {
                data[at] = byte;
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
        for protocol in [6, 17] {
            let data = plain(protocol, 70);
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
