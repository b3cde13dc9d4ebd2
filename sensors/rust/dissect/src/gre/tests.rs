use super::{ACKNOWLEDGEMENT, CHECKSUM, KEY, SEQUENCE};
use crate::tunnels::kit::{
    ETHERNET, GRE, HELLO, assert_cut_outcomes, assert_outcomes, decoded, ethernet, flow_packets,
    gre, ipv4, segment_of,
};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TEB: u16 = 0x6558;
const PPP: u16 = 0x880b;
const ERSPAN_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const PPTP: u16 = KEY | 1;

fn carried(payload: &[u8], protocol: u16, flags: u16, options: &[u8]) -> Vec<u8> {
    ethernet(&ipv4(&gre(payload, protocol, flags, options), GRE), IPV4)
}

fn sequenced(head: &[u8], rest: &[u8], protocol: u16) -> Vec<u8> {
    carried(&[head, rest].concat(), protocol, SEQUENCE, &[0; 4])
}

/// The header of ERSPAN II; the bits beside version and session are set.
fn erspan_2(version: u8, session: u8) -> [u8; 8] {
    [version << 4 | 1, 0x2c, 0xfc, session, 0, 0, 0, 7]
}

fn erspan_3(version: u8, frame_type: u8, subheader: bool) -> Vec<u8> {
    let mut head = vec![version << 4, 0, 0, 5, 0, 0, 0, 9, 0, 0];
    head.extend([frame_type << 2, subheader.into()]);
    head.resize(if subheader { 20 } else { 12 }, 0);
    head
}

fn pptp(payload: &[u8], flags: u16, length: usize) -> Vec<u8> {
    let mut options = (length as u16).to_be_bytes().to_vec();
    options.extend([0, 9]);
    let words = (flags & (SEQUENCE | ACKNOWLEDGEMENT)).count_ones() as usize;
    options.resize(4 + 4 * words, 0);
    carried(payload, PPP, flags, &options)
}

/// A packet in PPP, in PPTP.
fn pptp_packet(prefix: &[u8], flags: u16) -> Vec<u8> {
    let [packet, _] = flow_packets();
    let payload = [prefix, b"\0\x21", &packet].concat();
    pptp(&payload, flags, payload.len())
}

#[test]
fn the_optional_fields_are_skipped() {
    let [packet, packet6] = flow_packets();
    let frame = ethernet(&packet, IPV4);
    for flags in [
        0x03f8, // reserved bits are ignored
        CHECKSUM,
        KEY,
        SEQUENCE,
        CHECKSUM | KEY,
        CHECKSUM | KEY | SEQUENCE,
    ] {
        let words = (flags & 0xf000).count_ones() as usize;
        for (payload, protocol) in [(&packet, IPV4), (&packet6, IPV6), (&frame, TEB)] {
            let data = carried(payload, protocol, flags, &vec![0xff; 4 * words]);
            let segment = segment_of(&data, ETHERNET);
            assert_eq!(
                (&segment.payload[..], segment.tunnel.as_deref()),
                (HELLO, Some("gre"))
            );
        }
    }
}

#[test]
fn what_is_built_on_it() {
    let [packet, _] = flow_packets();
    let frame = ethernet(&packet, IPV4);
    for (data, tunnel) in [
        (carried(&frame, ERSPAN_2, 0, &[]), "erspan"), // type I: no sequence number, no header
        (sequenced(&erspan_2(1, 5), &frame, ERSPAN_2), "erspan:5"),
        (sequenced(&erspan_2(1, 0), &frame, ERSPAN_2), "erspan:0"),
        (
            sequenced(&erspan_3(2, 0, false), &frame, ERSPAN_3),
            "erspan:5",
        ),
        (
            sequenced(&erspan_3(2, 0, true), &frame, ERSPAN_3),
            "erspan:5",
        ),
        (
            sequenced(&erspan_3(2, 2, false), &packet, ERSPAN_3),
            "erspan:5",
        ),
        (pptp_packet(b"", PPTP | SEQUENCE), "pptp"),
        (pptp_packet(b"\xff\x03", PPTP | SEQUENCE), "pptp"),
        (pptp_packet(b"", PPTP | SEQUENCE | ACKNOWLEDGEMENT), "pptp"),
    ] {
        let segment = segment_of(&data, ETHERNET);
        assert_eq!(segment.tunnel.as_deref(), Some(tunnel));
        assert_eq!((&segment.payload[..], segment.vlan), (HELLO, None));
    }
}

#[test]
fn plain_headers_that_carry_no_flow() {
    let [packet, _] = flow_packets();
    let arp = ethernet(&[0; 28], 0x0806);
    assert_outcomes(&[
        (ethernet(&ipv4(b"\0\0\x08", GRE), IPV4), "malformed-gre"),
        (carried(b"", IPV4, CHECKSUM | KEY, &[0; 7]), "malformed-gre"),
        (carried(b"", IPV4, 0, &[]), "malformed-ipv4"),
        (carried(&packet, IPV4, 0x4000, &[0; 4]), "unknown-gre"), // source routes
        (carried(&packet, IPV4, 0x0800, &[]), "unknown-gre"),
        (carried(&packet, IPV4, 2, &[]), "unknown-gre"), // a version
        (carried(b"", 0, 0, &[]), "unknown-gre-protocol"), // a keepalive
        (carried(&packet, 0x883e, 0, &[]), "unknown-gre-protocol"),
        (carried(&packet, PPP, 0, &[]), "unknown-gre-protocol"), // PPP needs PPTP's header
        (carried(&arp, TEB, 0, &[]), "arp"),
    ]);
}

#[test]
fn what_is_built_on_it_and_carries_no_flow() {
    let [packet, _] = flow_packets();
    let frame = ethernet(&packet, IPV4);
    let inside = [b"\0\x21", &packet[..]].concat();
    let (type_2, type_3) = (erspan_2(1, 5), erspan_3(2, 0, true));
    let full = PPTP | SEQUENCE;
    assert_outcomes(&[
        (sequenced(&type_2[..7], b"", ERSPAN_2), "malformed-erspan"),
        (
            sequenced(&erspan_2(2, 5), &frame, ERSPAN_2),
            "unknown-erspan",
        ),
        (sequenced(&type_3[..11], b"", ERSPAN_3), "malformed-erspan"),
        (sequenced(&type_3[..19], b"", ERSPAN_3), "malformed-erspan"),
        (
            sequenced(&erspan_3(1, 0, false), &frame, ERSPAN_3),
            "unknown-erspan",
        ),
        (
            sequenced(&erspan_3(2, 1, false), &frame, ERSPAN_3),
            "unknown-erspan",
        ),
        (
            sequenced(&erspan_3(2, 2, false), b"", ERSPAN_3),
            "malformed-ip",
        ),
        (pptp(b"", PPTP | ACKNOWLEDGEMENT, 0), "link-control"),
        (pptp(b"\xff\x03\xc0\x21\0\0\0\0", full, 8), "link-control"),
        (pptp(b"\0\xfd\0\0\0\0", full, 6), "unknown-ppp-protocol"), // encrypted (RFC 3078)
        (pptp(&inside, full, inside.len() + 1), "malformed-gre"),
        (pptp(&inside, full & !KEY, inside.len()), "malformed-gre"),
        (
            pptp(&inside, full | CHECKSUM, inside.len()),
            "malformed-gre",
        ),
        (
            carried(&packet, IPV4, full, &[0; 8]),
            "unknown-gre-protocol",
        ),
        (carried(b"", PPP, full, &[0; 3]), "malformed-gre"),
        (carried(b"", PPP, full, &[0; 7]), "malformed-gre"),
    ]);
}

#[test]
fn what_the_snap_length_cut() {
    let [packet, _] = flow_packets();
    let frame = ethernet(&packet, IPV4);
    let unsequenced = |head: &[u8], rest: &[u8]| carried(&[head, rest].concat(), ERSPAN_3, 0, &[]);
    let full = pptp_packet(b"", PPTP | SEQUENCE);
    assert_cut_outcomes(&[
        (carried(&packet, IPV4, 0, &[]), 37, "truncated-gre"),
        (carried(&packet, IPV4, KEY, &[0; 4]), 41, "truncated-gre"),
        (
            sequenced(&erspan_2(1, 5), &frame, ERSPAN_2),
            49,
            "truncated-erspan",
        ),
        (
            unsequenced(&erspan_3(2, 0, false), &frame),
            49,
            "truncated-erspan",
        ),
        (
            unsequenced(&erspan_3(2, 0, true), &frame),
            57,
            "truncated-erspan",
        ),
        (
            unsequenced(&erspan_3(2, 2, false), &packet),
            50,
            "truncated-ip",
        ),
        (full.clone(), 41, "truncated-gre"),
        (full.clone(), 45, "truncated-gre"),
        (full, 47, "truncated-ppp"),
    ]);
}

#[test]
fn sessions_are_kept_apart() {
    let [packet, _] = flow_packets();
    let frame = ethernet(&packet, IPV4);
    let frames = [1, 2].map(|session| sequenced(&erspan_2(1, session), &frame, ERSPAN_2));
    let run = decoded(&frames, ETHERNET, usize::MAX);
    let names: Vec<_> = run
        .segments
        .iter()
        .map(|seen| seen.tunnel.as_deref())
        .collect();
    assert_eq!(names, [Some("erspan:1"), Some("erspan:2")]);
}
