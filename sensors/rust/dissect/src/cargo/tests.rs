use super::{MAX_TUNNELS, OTHER, Tunnel, TunnelNames};
use crate::ip::FRAGMENT;
use crate::segment::UDP;
use crate::tunnels::kit::{
    Decoded, ETHERNET, GRE, IPIP, RAW, SERVER_PORT, assert_outcomes, decoded, ethernet,
    flow_packets, gre, ipv4, ipv4_part, ipv6, outcome_of, segment_of, udp_to, vxlan,
};

#[test]
fn a_path_has_one_name() {
    let mut names = TunnelNames::default();
    let vxlan = |identifier| Tunnel {
        kind: "vxlan",
        identifier: Some(identifier),
    };
    let gre = Tunnel {
        kind: "gre",
        identifier: None,
    };
    assert_eq!(names.intern(&[]), None);
    assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
    assert_eq!(names.intern(&[vxlan(42)]), Some(1));
    assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
    assert_eq!(names.names(), ["vxlan:42/gre", "vxlan:42"]);
}

#[test]
fn names_beyond_the_bound_are_other() {
    let mut names = TunnelNames::default();
    for identifier in 0..=MAX_TUNNELS as u32 + 1 {
        names.intern(&[Tunnel {
            kind: "geneve",
            identifier: Some(identifier),
        }]);
    }
    assert_eq!(
        (names.names().len(), names.unnamed_packets()),
        (MAX_TUNNELS + 1, 2)
    );
    assert_eq!(names.names().last().map(String::as_str), Some("other"));
    assert_eq!(
        names.intern(&[Tunnel {
            kind: "geneve",
            identifier: Some(7)
        }]),
        Some(7)
    );
}

/// A datagram's payload.
fn payload() -> Vec<u8> {
    (0..=255).cycle().take(1024).collect()
}

fn datagram() -> Vec<u8> {
    udp_to(SERVER_PORT, &payload())
}

/// An IP packet as a cloud's mirror sends it.
fn mirrored(packet: &[u8], identifier: u32) -> Vec<u8> {
    let ethertype = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let inside = vxlan(&ethernet(packet, ethertype), identifier);
    ethernet(&ipv4(&inside, UDP), 0x0800)
}

/// The two IPv4 fragments of a datagram.
fn halves(datagram: &[u8], cut: usize) -> [Vec<u8>; 2] {
    let (first, last) = datagram.split_at(cut);
    [
        ipv4_part(first, UDP, 0x2000),
        ipv4_part(last, UDP, cut as u16 >> 3),
    ]
}

/// The two IPv6 fragments of a datagram.
fn halves6(datagram: &[u8], cut: usize) -> [Vec<u8>; 2] {
    let (first, last) = datagram.split_at(cut);
    let part = |field: u16, data: &[u8]| {
        let [high, low] = field.to_be_bytes();
        let header = [UDP, 0, high, low, 0, 0, 0, 7];
        ipv6(&[&header, data].concat(), FRAGMENT)
    };
    [part(1, first), part(cut as u16, last)]
}

fn accounts(run: &Decoded) -> Vec<(&'static str, u64)> {
    let counts = run.accounts.iter();
    counts.map(|(name, count)| (*name, count.packets)).collect()
}

#[test]
fn tunnels_without_a_name_of_their_own_are_counted() {
    let [packet, _] = flow_packets();
    let frames: Vec<_> = (0..=MAX_TUNNELS as u32)
        .chain([0, MAX_TUNNELS as u32 + 7])
        .map(|identifier| mirrored(&packet, identifier))
        .collect();
    let run = decoded(&frames, ETHERNET, usize::MAX);
    let last: Vec<_> = run.segments[MAX_TUNNELS..]
        .iter()
        .map(|seen| seen.tunnel.as_deref())
        .collect();
    assert_eq!(last, [Some(OTHER), Some("vxlan:0"), Some(OTHER)]);
    assert_eq!(run.unnamed_packets, 2);
}

#[test]
fn a_mirror_may_cut_the_frames_that_it_wraps() {
    for kept in [28, 30, 500] {
        for (packet, header) in [(ipv4(&datagram(), UDP), 20), (ipv6(&datagram(), UDP), 40)] {
            let seen = segment_of(&mirrored(&packet[..header + kept - 20], 42), ETHERNET);
            let captured = kept - 28;
            assert_eq!(seen.payload, payload()[..captured]);
            assert_eq!(seen.missing_bytes as usize, payload().len() - captured);
            assert_eq!(seen.ip_bytes as usize, packet.len());
        }
    }
}

#[test]
fn headers_that_a_mirror_cut() {
    let packet = ipv4(&datagram(), UDP);
    assert_outcomes(&[
        (mirrored(&packet[..3], 42), "malformed-ipv4"),
        (mirrored(&packet[..4], 42), "truncated-ipv4"),
        (mirrored(&packet[..19], 42), "truncated-ipv4"),
        (mirrored(&packet[..20], 42), "truncated-udp"),
    ]);
}

#[test]
fn only_mirrors_cut() {
    let cut = &ipv4(&datagram(), UDP)[..500];
    for data in [
        ipv4(cut, IPIP),
        ipv4(&gre(cut, 0x0800, 0, &[]), GRE),
        cut.to_vec(),
    ] {
        assert_eq!(outcome_of(&data, RAW, usize::MAX), "malformed-ipv4");
    }
}

#[test]
fn fragments_inside_a_tunnel() {
    for parts in [halves(&datagram(), 512), halves6(&datagram(), 512)] {
        let ip_bytes: usize = parts.iter().map(Vec::len).sum();
        let [first, last] = parts.map(|part| mirrored(&part, 42));
        let run = decoded(&[last, first], ETHERNET, usize::MAX);
        let [seen] = &run.segments[..] else {
            panic!("{:?}", run.segments);
        };
        assert_eq!(
            (&seen.payload, seen.tunnel.as_deref()),
            (&payload(), Some("vxlan:42"))
        );
        assert_eq!(seen.ip_bytes as usize, ip_bytes);
        assert_eq!(accounts(&run), [("udp", 2)]);
    }
}

#[test]
fn fragments_of_different_networks_are_kept_apart() {
    let [first, last] = halves(&datagram(), 512);
    let outside = ethernet(&last, 0x0800);
    let mut frames = vec![mirrored(&first, 1), mirrored(&last, 2), outside];
    let apart = decoded(&frames, ETHERNET, usize::MAX);
    assert_eq!(accounts(&apart), [("fragment-incomplete", 3)]);
    frames.push(mirrored(&last, 1));
    let run = decoded(&frames, ETHERNET, usize::MAX);
    assert_eq!(accounts(&run), [("udp", 2), ("fragment-incomplete", 2)]);
}

#[test]
fn fragments_of_the_tunnel_and_of_what_is_inside() {
    let outside: Vec<_> = halves(&datagram(), 512)
        .iter()
        .flat_map(|part| halves(&vxlan(&ethernet(part, 0x0800), 42), 264))
        .collect();
    let run = decoded(&outside, RAW, usize::MAX);
    assert_eq!(run.segments[0].payload, payload());
    assert_eq!(run.segments[0].ip_bytes as usize, datagram().len() + 40);
    assert_eq!(accounts(&run), [("udp", 4)]);
}

#[test]
fn packets_in_fragments_share_the_outcome_of_what_they_held() {
    let [first, _] = halves(&datagram(), 512);
    for (inside, account) in [
        (vec![0; 600], "malformed-ipv4"),
        (first, "fragment-incomplete"),
    ] {
        let outside = halves(&vxlan(&ethernet(&inside, 0x0800), 0), 264);
        let run = decoded(&outside, RAW, usize::MAX);
        assert_eq!(accounts(&run), [(account, 2)]);
    }
}
