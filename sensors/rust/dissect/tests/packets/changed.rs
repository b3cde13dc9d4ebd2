//! What etherparse reads of packets in which bytes were changed is what we read of them.

use dissect::frames::FrameDecoder;
use dissect::segment::{Address, Segment, TCP, UDP};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::captured;
use crate::made::made;

/// Addresses, ports, transport and payload.
type Read<'d> = (Address, Address, u16, u16, u8, &'d [u8]);

fn ours<'d>(segment: &Segment<'d>) -> Read<'d> {
    let Segment {
        source,
        target,
        source_port,
        target_port,
        transport,
        payload,
        ..
    } = *segment;
    (source, target, source_port, target_port, transport, payload)
}

/// The same, as etherparse reads it; none for what is not TCP or UDP, or not read.
fn second_opinion(frame: &[u8]) -> Option<Read<'_>> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (source, target) = match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                Address::v4(header.source()),
                Address::v4(header.destination()),
            )
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                Address::v6(header.source()),
                Address::v6(header.destination()),
            )
        }
        NetSlice::Arp(_) => return None,
    };
    match packet.transport? {
        TransportSlice::Tcp(tcp) => {
            let ports = (tcp.source_port(), tcp.destination_port());
            Some((source, target, ports.0, ports.1, TCP, tcp.payload()))
        }
        TransportSlice::Udp(udp) => {
            let ports = (udp.source_port(), udp.destination_port());
            Some((source, target, ports.0, ports.1, UDP, udp.payload()))
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_both_read_is_the_same(
        made in made(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut frame = made.frame();
        let header_bytes = frame.len() - made.payload.len() - made.padding;
        for (at, byte) in &changes {
            frame[at.index(header_bytes)] = *byte;
        }
        let mut decoder = FrameDecoder::new(1);
        let segment = decoder.decode_one(&captured(&frame));
        let theirs = second_opinion(&frame);
        if changes.is_empty() {
            prop_assert!(segment.is_some() && theirs.is_some());
        }
        if let (Some(segment), Some(theirs)) = (segment, theirs) {
            prop_assert_eq!(ours(&segment), theirs);
        }
    }
}

/// Whether we read a segment of a frame, and whether etherparse does.
fn who_reads(frame: &[u8]) -> (bool, bool) {
    let mut decoder = FrameDecoder::new(1);
    let segment = decoder.decode_one(&captured(frame));
    (segment.is_some(), second_opinion(frame).is_some())
}

fn ethernet(shims: &[u8], ethertype: u16, packet: &[u8]) -> Vec<u8> {
    [&[2; 12], shims, &ethertype.to_be_bytes(), packet].concat()
}

fn udp(length: u8) -> Vec<u8> {
    [&[0xc0, 0, 0, 53, 0, length, 0, 0][..], b"data"].concat()
}

fn ipv4(total: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0x45, 0, 0, total, 0, 1, 0, 0, 64, 17, 0, 0];
    [&head[..], &[10, 0, 0, 1, 10, 0, 0, 2], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0x60, 0, 0, 0, 0, payload.len() as u8, next, 64];
    [&head[..], &[0xfd; 32], payload].concat()
}

#[test]
fn where_the_two_differ_and_why() {
    let plain = ipv4(32, &udp(12));
    let tags = [0x81, 0, 0, 7].repeat(4);
    let destination_then_hop = [
        &[0, 0, 1, 4, 0, 0, 0, 0],
        &[17, 0, 1, 4, 0, 0, 0, 0][..],
        &udp(12),
    ];
    let cases = [
        ("plain", ethernet(b"", 0x0800, &plain), (true, true)),
        (
            "segmentation offload leaves a total length of 0",
            ethernet(b"", 0x0800, &ipv4(0, &udp(12))),
            (true, false),
        ),
        (
            "networks nest more tags than three",
            ethernet(&tags, 0x0800, &plain),
            (true, false),
        ),
        (
            "a security group tag is Cisco's",
            ethernet(&[0x89, 0x09, 1, 1, 0, 1, 0, 7], 0x0800, &plain),
            (true, false),
        ),
        (
            "receivers take extension headers in any order (RFC 8200 section 4.1)",
            ethernet(b"", 0x86dd, &ipv6(60, &destination_then_hop.concat())),
            (true, false),
        ),
        (
            "a UDP length of 0 is for jumbograms (RFC 2675 section 4)",
            ethernet(b"", 0x0800, &ipv4(32, &udp(0))),
            (false, true),
        ),
        (
            "a UDP length covers the header (RFC 768)",
            ethernet(b"", 0x0800, &ipv4(32, &udp(7))),
            (false, false),
        ),
        (
            "a UDP datagram ends in its packet",
            ethernet(b"", 0x0800, &ipv4(32, &udp(13))),
            (false, false),
        ),
    ];
    let differ: Vec<_> = cases
        .iter()
        .filter(|(_, frame, who)| who_reads(frame) != *who)
        .map(|(why, frame, who)| (why, who_reads(frame), who))
        .collect();
    assert!(differ.is_empty(), "{differ:?}");
}
