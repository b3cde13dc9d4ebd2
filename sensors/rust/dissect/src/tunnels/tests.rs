use proptest::prelude::*;

use super::kit::{
    ETHERIP, ETHERNET, GRE, HELLO, IPIP, RAW, Seen, assert_cut_outcomes, assert_outcomes, decoded,
    ethernet, flow_packets, gre, ipv4, ipv6, outcome_of, segment_of, tcp_to, udp_to, vxlan,
};
use super::{MAX_LABELS, SIX_IN_IP};
use crate::cargo::MAX_NESTING;
use crate::segment::{TCP, UDP};

const MPLS: u16 = 0x8847;
const PPPOE: u16 = 0x8864;
const BOTTOM: &[u8] = b"\0\x01\x01\x40";

fn ethertype(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

/// A packet beneath two labels.
fn mpls(packet: &[u8]) -> Vec<u8> {
    [b"\0\x01\0\x40", BOTTOM, packet].concat()
}

/// PPP, in a `PPPoE` session.
fn pppoe(protocol: u16, packet: &[u8]) -> Vec<u8> {
    let length = (2 + packet.len()) as u16;
    [
        &[0x11, 0, 0, 9],
        &length.to_be_bytes()[..],
        &protocol.to_be_bytes(),
        packet,
    ]
    .concat()
}

/// A packet in every tunnel of this module, and the tunnel's name.
fn tunnels(packet: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let kind = ethertype(packet);
    let v4 = kind == 0x0800;
    let frame = ethernet(packet, kind);
    let protocol = if v4 { IPIP } else { SIX_IN_IP };
    let ppp = if v4 { 0x0021 } else { 0x0057 };
    let etherip = [b"\x30\0", &frame[..]].concat();
    let controlled = [&[0; 4], &frame[..]].concat();
    vec![
        (ethernet(&ipv4(packet, protocol), 0x0800), "ipip"),
        (ethernet(&ipv6(packet, protocol), 0x86dd), "ipip"),
        (ethernet(&ipv4(&etherip, ETHERIP), 0x0800), "etherip"),
        (ethernet(&mpls(packet), MPLS), "mpls"),
        (ethernet(&mpls(packet), 0x8848), "mpls"),
        (ethernet(&mpls(&controlled), MPLS), "mpls"),
        (ethernet(&pppoe(ppp, packet), PPPOE), "pppoe"),
        (ethernet(&pppoe(0x0281, &mpls(packet)), PPPOE), "pppoe/mpls"),
        (
            ethernet(
                &pppoe(
                    0x0021,
                    &ipv4(&gre(&mpls(&ipv4(packet, protocol)), MPLS, 0, &[]), GRE),
                ),
                PPPOE,
            ),
            "pppoe/gre/mpls/ipip",
        ),
    ]
}

#[test]
fn the_flow_inside_is_as_without_the_tunnel() {
    for packet in flow_packets() {
        let plain = segment_of(&packet, RAW);
        assert_eq!((&plain.payload[..], &plain.tunnel), (HELLO, &None));
        for (frame, tunnel) in tunnels(&packet) {
            let expected = Seen {
                tunnel: Some(tunnel.into()),
                ..plain.clone()
            };
            assert_eq!(segment_of(&frame, ETHERNET), expected);
        }
    }
}

#[test]
fn the_outermost_vlan_is_kept() {
    let [packet, _] = flow_packets();
    let tagged = |identifier: u8, kind: u16, payload: &[u8]| {
        let [high, low] = kind.to_be_bytes();
        ethernet(&[&[0, identifier, high, low], payload].concat(), 0x8100)
    };
    let inner = ipv4(&vxlan(&tagged(7, 0x0800, &packet), 0), UDP);
    for (frame, vlan) in [
        (ethernet(&inner, 0x0800), 7),
        (tagged(44, 0x0800, &inner), 44),
        (tagged(44, PPPOE, &pppoe(0x0021, &packet)), 44),
    ] {
        assert_eq!(segment_of(&frame, ETHERNET).vlan, Some(vlan));
    }
}

#[test]
fn what_carries_no_flow() {
    let [packet, packet6] = flow_packets();
    let labelled = |rest: &[u8]| ethernet(&[BOTTOM, rest].concat(), MPLS);
    let controlled = |kind| labelled(&[&[0; 4], &ethernet(&[0; 28], kind)[..]].concat());
    let deep = [&[0; 4 * MAX_LABELS], BOTTOM, &packet].concat();
    let session = |data: &[u8]| ethernet(data, PPPOE);
    let padded = [b"\x11\0\0\x01\0\x02\0\x21", &packet[..]].concat();
    let in_ip = |payload: &[u8], protocol| ethernet(&ipv4(payload, protocol), 0x0800);
    let wrong_etherip = [b"\x20\0", &ethernet(&packet, 0x0800)[..]].concat();
    assert_outcomes(&[
        (ethernet(&[0, 1, 0, 0x40], MPLS), "malformed-mpls"), // no bottom of the stack
        (ethernet(b"\0\x01\x01", MPLS), "malformed-mpls"),
        (labelled(&[]), "malformed-mpls"), // nothing beneath
        (ethernet(&deep, MPLS), "too-deep-nesting"),
        (labelled(&[0x10; 40]), "unknown-mpls-payload"), // RFC 5586
        (labelled(&ethernet(&packet, 0x0800)), "unknown-mpls-payload"), // no control word
        (controlled(0x9999), "unknown-mpls-payload"),
        (controlled(0x0806), "arp"),
        (session(b"\x11\0\0\x01\0"), "malformed-pppoe"),
        (session(b"\x21\0\0\x01\0\x02\0\x21"), "malformed-pppoe"),
        (session(b"\x11\x09\0\x01\0\x02\0\x21"), "malformed-pppoe"), // of the discovery stage
        (session(b"\x11\0\0\x01\0\x03\0\x21"), "malformed-pppoe"),   // longer than the frame
        (session(b"\x11\0\0\x01\0\0"), "malformed-ppp"),
        (session(&padded), "malformed-ipv4"),
        (session(&pppoe(0xc021, &[0; 8])), "link-control"),
        (in_ip(b"\x30", ETHERIP), "malformed-etherip"),
        (in_ip(&wrong_etherip, ETHERIP), "malformed-etherip"),
        (in_ip(b"", IPIP), "malformed-ipv4"),
        (in_ip(&packet6, IPIP), "malformed-ipv4"),
        (in_ip(&ipv4(&[0; 8], 1), IPIP), "icmp"),
        (in_ip(&ipv4(&[0; 8], 132), IPIP), "unknown-ip-protocol"),
        (in_ip(&ipv6(b"", 59), SIX_IN_IP), "ipv6-none"),
    ]);
}

#[test]
fn what_the_snap_length_cut() {
    let [packet, _] = flow_packets();
    let labelled = ethernet(&[BOTTOM, &packet].concat(), MPLS);
    let session = ethernet(&pppoe(0x0021, &packet), PPPOE);
    let etherip = [b"\x30\0", &ethernet(&packet, 0x0800)[..]].concat();
    let etherip = ethernet(&ipv4(&etherip, ETHERIP), 0x0800);
    assert_cut_outcomes(&[
        (labelled.clone(), 17, "truncated-mpls"),
        (labelled.clone(), 18, "truncated-mpls"),
        (labelled, 19, "truncated-ipv4"),
        (session.clone(), 19, "truncated-pppoe"),
        (session, 21, "truncated-ppp"),
        (etherip.clone(), 35, "truncated-etherip"),
        (etherip, 40, "truncated-ethernet"),
        (ethernet(&ipv4(&packet, IPIP), 0x0800), 40, "truncated-ipv4"),
    ]);
}

#[test]
fn padding_behind_the_tunnel_is_not_read() {
    let [packet, _] = flow_packets();
    let padded = |inner: &[u8]| [&ethernet(&ipv4(inner, IPIP), 0x0800), &b"padding"[..]].concat();
    assert_eq!(segment_of(&padded(&packet), ETHERNET).payload, HELLO);
    let short = padded(&packet[..packet.len() - 5]); // cut where the padding begins
    assert_eq!(outcome_of(&short, ETHERNET, usize::MAX), "malformed-ipv4");
}

#[test]
fn nesting_is_bounded() {
    let [mut packet, _] = flow_packets();
    for nested in 1..=3_000 {
        packet = ipv4(&packet, IPIP);
        if nested <= MAX_NESTING {
            let name = vec!["ipip"; nested].join("/");
            assert_eq!(segment_of(&packet, RAW).tunnel, Some(name));
        } else if nested == MAX_NESTING + 1 || nested == 3_000 {
            assert_eq!(outcome_of(&packet, RAW, usize::MAX), "too-deep-nesting");
        }
    }
}

/// Packets of which most come to something.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..80);
    let protocol = prop::sample::select(vec![1, 4, 6, 17, 47, 51, 132]);
    let port = prop::sample::select(vec![53, 2152, 4789, 6081]);
    prop_oneof![
        bytes(),
        (bytes(), protocol).prop_map(|(body, protocol)| ipv4(&body, protocol)),
        (bytes(), port).prop_map(|(body, port)| ipv4(&udp_to(port, &body), UDP)),
        bytes().prop_map(|body| ipv4(&tcp_to(443, &body), TCP)),
    ]
}

proptest! {
    #[test]
    fn the_plain_path_and_the_one_through_tunnels_agree(packet in packets(), size in 0_usize..200) {
        let captured = size.min(packet.len());
        let through = decoded(&[ipv4(&packet, IPIP)], 228, 20 + captured);
        let plain = decoded(&[packet], 228, captured);
        let names = |run: &super::kit::Decoded| run.accounts.iter().map(|one| one.0).collect::<Vec<_>>();
        prop_assert_eq!(names(&through), names(&plain));
        let expected: Vec<Seen> = plain.segments.into_iter().map(|seen| Seen {
            tunnel: Some(seen.tunnel.map_or("ipip".into(), |name| format!("ipip/{name}"))),
            ..seen
        }).collect();
        prop_assert_eq!(through.segments, expected);
    }

    #[test]
    fn damaged_tunnels_keep_the_accounts_closed(
        place in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0_usize..200,
    ) {
        let frames: Vec<_> = flow_packets().iter().flat_map(|packet| tunnels(packet)).collect();
        let (mut frame, _) = place.get(&frames).clone();
        for (index, value) in damage {
            let length = frame.len();
            frame[index.index(length)] = value;
        }
        decoded(&[frame.clone(), frame], ETHERNET, cut);
    }
}
