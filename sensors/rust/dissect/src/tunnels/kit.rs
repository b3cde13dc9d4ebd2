//! Frames for tests, built byte by byte, and what they come to.

use crate::frames::FrameDecoder;
use crate::gaps::Count;
use crate::segment::{TCP, UDP};
use crate::sensor::Frame;

pub(crate) const ETHERNET: u32 = 1;
pub(crate) const RAW: u32 = 101;
pub(crate) const IPIP: u8 = 4;
pub(crate) const GRE: u8 = 47;
pub(crate) const ETHERIP: u8 = 97;
pub(crate) const VXLAN: u16 = 4789;
pub(crate) const SERVER_PORT: u16 = 443;
pub(crate) const HELLO: &[u8] = b"hello";

/// An Ethernet II frame.
pub(crate) fn ethernet(payload: &[u8], ethertype: u16) -> Vec<u8> {
    [&[2; 12], &ethertype.to_be_bytes()[..], payload].concat()
}

/// An IPv4 packet; `flags` is the field of flags and fragment offset.
pub(crate) fn ipv4_part(payload: &[u8], protocol: u8, flags: u16) -> Vec<u8> {
    let [high, low] = (20 + payload.len() as u16).to_be_bytes();
    let [upper, lower] = flags.to_be_bytes();
    let head = [0x45, 0, high, low, 0, 7, upper, lower, 64, protocol, 0, 0];
    [&head[..], &[10, 20, 1, 5, 203, 0, 113, 7], payload].concat()
}

/// A whole IPv4 packet.
pub(crate) fn ipv4(payload: &[u8], protocol: u8) -> Vec<u8> {
    ipv4_part(payload, protocol, 0x4000)
}

/// An IPv6 packet.
pub(crate) fn ipv6(payload: &[u8], protocol: u8) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let head = [0x60, 0, 0, 0, high, low, protocol, 64];
    [&head[..], &[5; 16], &[7; 16], payload].concat()
}

/// A TCP segment to the server's port, or another one.
pub(crate) fn tcp_to(port: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    let head = [195, 80, high, low, 1, 2, 3, 4, 0, 0, 0, 0];
    [&head[..], &[0x50, 0x18, 0, 0, 0, 0, 0, 0], payload].concat()
}

/// A UDP datagram to a port.
pub(crate) fn udp_to(port: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    let [upper, lower] = (8 + payload.len() as u16).to_be_bytes();
    [&[195, 80, high, low, upper, lower, 0, 0], payload].concat()
}

/// A VXLAN datagram; `frame` is an Ethernet frame.
pub(crate) fn vxlan(frame: &[u8], identifier: u32) -> Vec<u8> {
    let head = u64::from(0x0800_0000_u32) << 32 | u64::from(identifier) << 8;
    udp_to(VXLAN, &[&head.to_be_bytes(), frame].concat())
}

/// A GRE packet; `options` are checksum, key and sequence number, as the flags say.
pub(crate) fn gre(payload: &[u8], protocol: u16, flags: u16, options: &[u8]) -> Vec<u8> {
    let head = [flags.to_be_bytes(), protocol.to_be_bytes()].concat();
    [&head, options, payload].concat()
}

/// An IPv4 packet that ends in a flow, and an IPv6 one.
pub(crate) fn flow_packets() -> [Vec<u8>; 2] {
    [
        ipv4(&tcp_to(SERVER_PORT, HELLO), TCP),
        ipv6(&udp_to(SERVER_PORT, HELLO), UDP),
    ]
}

/// What a segment was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub payload: Vec<u8>,
    pub missing_bytes: u32,
    pub ip_bytes: u64,
    pub vlan: Option<u16>,
    pub tunnel: Option<String>,
}

/// What frames came to. Closing the accounts is checked at the end.
pub(crate) struct Decoded {
    pub segments: Vec<Seen>,
    pub accounts: Vec<(&'static str, Count)>,
    pub unnamed_packets: u64,
}

/// Decode frames, of which all bytes were captured, or the first so many.
pub(crate) fn decoded(frames: &[Vec<u8>], linktype: u32, cut: usize) -> Decoded {
    let mut decoder = FrameDecoder::new(1_000);
    let mut segments = Vec::new();
    let mut all = Count::default();
    for (frame, ts_ns) in frames.iter().zip(0..) {
        let captured = Frame {
            ts_ns,
            linktype,
            data: &frame[..cut.min(frame.len())],
            wire_bytes: frame.len() as u32,
        };
        all.add(Count {
            packets: 1,
            bytes: frame.len() as u64,
        });
        let found = decoder.decode_one(&captured);
        let Some((mut seen, tunnel)) = found.map(|segment| {
            let seen = Seen {
                payload: segment.payload.to_vec(),
                missing_bytes: segment.missing_bytes,
                ip_bytes: segment.ip_bytes,
                vlan: segment.vlan,
                tunnel: None,
            };
            (seen, segment.tunnel)
        }) else {
            continue;
        };
        seen.tunnel = tunnel.map(|index| decoder.tunnels()[usize::from(index)].clone());
        segments.push(seen);
    }
    decoder.finish();
    let accounts: Vec<_> = decoder.decoded().chain(decoder.undecoded()).collect();
    let mut counted = Count::default();
    for (_, count) in &accounts {
        counted.add(*count);
    }
    assert_eq!((counted, decoder.pending()), (all, Count::default()));
    Decoded {
        segments,
        accounts,
        unnamed_packets: decoder.unnamed_packets(),
    }
}

/// The one account that a frame ends up in, of which so many bytes were captured.
pub(crate) fn outcome_of(frame: &[u8], linktype: u32, cut: usize) -> &'static str {
    let run = decoded(&[frame.to_vec()], linktype, cut);
    let [(name, Count { packets: 1, .. })] = run.accounts[..] else {
        panic!("{:?}", run.accounts);
    };
    name
}

/// The segment in a frame.
pub(crate) fn segment_of(frame: &[u8], linktype: u32) -> Seen {
    let run = decoded(&[frame.to_vec()], linktype, usize::MAX);
    run.segments.into_iter().next().unwrap()
}

/// Check the accounts that Ethernet frames end up in.
pub(crate) fn assert_outcomes(cases: &[(Vec<u8>, &str)]) {
    for (frame, account) in cases {
        assert_eq!(
            outcome_of(frame, ETHERNET, usize::MAX),
            *account,
            "{frame:02x?}"
        );
    }
}

/// Check the accounts that Ethernet frames end up in when the snap length cut them.
pub(crate) fn assert_cut_outcomes(cases: &[(Vec<u8>, usize, &str)]) {
    for (frame, cut, account) in cases {
        assert_eq!(
            outcome_of(frame, ETHERNET, *cut),
            *account,
            "{frame:02x?} cut at {cut}"
        );
    }
}
