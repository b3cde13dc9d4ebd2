use super::{GENEVE, GTP_U, MAX_GTP_EXTENSIONS, VXLAN, VXLAN_GPE, VXLAN_LINUX, is_target};
use crate::segment::{TCP, UDP};
use crate::tunnels::kit::{
    ETHERNET, HELLO, assert_cut_outcomes, assert_outcomes, decoded, ethernet, flow_packets, ipv4,
    segment_of, tcp_to, udp_to,
};

const TEB: u16 = 0x6558;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

fn carried(payload: &[u8], port: u16) -> Vec<u8> {
    ethernet(&ipv4(&udp_to(port, payload), UDP), IPV4)
}

fn v4() -> Vec<u8> {
    let [packet, _] = flow_packets();
    packet
}

fn v6() -> Vec<u8> {
    let [_, packet] = flow_packets();
    packet
}

fn frame() -> Vec<u8> {
    ethernet(&v4(), IPV4)
}

fn vxlan(head: u32, identifier: u32, inside: &[u8]) -> Vec<u8> {
    let words = [head.to_be_bytes(), identifier.to_be_bytes()].concat();
    carried(&[&words, inside].concat(), VXLAN)
}

/// A VXLAN datagram to a port.
fn usual_vxlan(port: u16) -> Vec<u8> {
    carried(&[b"\x08\0\0\0\0\0\x2a\0", &frame()[..]].concat(), port)
}

fn geneve(head: u16, protocol: u16, identifier: u32, rest: &[u8]) -> Vec<u8> {
    let words = [
        &head.to_be_bytes()[..],
        &protocol.to_be_bytes(),
        &identifier.to_be_bytes(),
        rest,
    ];
    carried(&words.concat(), GENEVE)
}

/// `excess` is what the header says beyond the true length.
fn gtp_u(flags: u8, kind: u8, excess: i16, options: &[u8], inside: &[u8]) -> Vec<u8> {
    let length = ((options.len() + inside.len()) as u16).wrapping_add_signed(excess);
    let words = [&[flags, kind], &length.to_be_bytes()[..], &[0, 0, 0, 5]];
    carried(&[&words.concat(), options, inside].concat(), GTP_U)
}

/// The options of a GTP-U header with so many extension headers.
fn extensions(count: usize) -> Vec<u8> {
    [
        b"\0\0\0\x85",
        &b"\x01\0\0\x85".repeat(count - 1)[..],
        b"\x01\0\0\0",
    ]
    .concat()
}

#[test]
fn the_ports_of_tunnels() {
    let found: Vec<_> = (0..=u16::MAX).filter(|port| is_target(*port)).collect();
    assert_eq!(found, [GTP_U, VXLAN, VXLAN_GPE, GENEVE, VXLAN_LINUX]);
}

#[test]
fn what_fits() {
    let (v4, v6, frame) = (v4(), v6(), frame());
    let gtp = |flags, options: &[u8]| gtp_u(flags, 255, 0, options, &v4);
    let labelled = [b"\0\x01\x01\x40", &v6[..]].concat();
    let options = [&[0; 252], &v6[..]].concat();
    for (data, tunnel) in [
        (usual_vxlan(VXLAN), "vxlan:42"),
        (usual_vxlan(VXLAN_LINUX), "vxlan:42"),
        (usual_vxlan(VXLAN_GPE), "vxlan:42"),
        (vxlan(0x8848_0009, 42 << 8, &frame), "vxlan:42"), // a group policy
        (vxlan(0x0c00_0003, 42 << 8, &frame), "vxlan:42"), // the protocol is named
        (vxlan(0x0c00_0001, 42 << 8, &v4), "vxlan:42"),
        (vxlan(0x0c00_0002, 0xffff_ff00, &v6), "vxlan:16777215"),
        (vxlan(0x0c00_0005, 42 << 8, &labelled), "vxlan:42/mpls"),
        (geneve(0, TEB, 7 << 8, &frame), "geneve:7"),
        (geneve(0, IPV4, 7 << 8, &v4), "geneve:7"),
        (geneve(63 << 8, IPV6, 7 << 8, &options), "geneve:7"),
        (geneve(0x00c0, TEB, 7 << 8, &frame), "geneve:7"), // control, critical
        (gtp(0x30, &[]), "gtpu"),
        (gtp_u(0x30, 255, 0, &[], &v6), "gtpu"),
        (gtp(0x32, &[0; 4]), "gtpu"),
        (gtp(0x31, b"\0\0\0\x85"), "gtpu"), // that type counts with its flag only
        (gtp(0x34, &[0; 4]), "gtpu"),
        (gtp(0x34, &extensions(1)), "gtpu"),
        (gtp(0x37, &extensions(MAX_GTP_EXTENSIONS)), "gtpu"),
        (gtp(0x34, b"\0\0\0\x85\x02\0\0\0\0\0\0\0"), "gtpu"),
    ] {
        let segment = segment_of(&data, ETHERNET);
        assert_eq!(segment.payload, HELLO, "{data:02x?}");
        assert_eq!(segment.tunnel.as_deref(), Some(tunnel));
    }
}

/// Datagrams that almost fit.
fn ordinary() -> Vec<Vec<u8>> {
    let (v4, frame) = (v4(), frame());
    let gtp = |flags, options: &[u8]| gtp_u(flags, 255, 0, options, &v4);
    let empty = |options: &[u8]| gtp_u(0x34, 255, 0, options, b"");
    vec![
        vxlan(0, 42 << 8, &frame),           // no identifier
        vxlan(0x0800_0001, 42 << 8, &frame), // what is reserved is set
        vxlan(0x1800_0000, 42 << 8, &frame),
        vxlan(0x0800_0000, 42 << 8 | 1, &frame),
        vxlan(0x0800_0000, 42 << 8, b""),
        vxlan(0x0c00_0004, 42 << 8, &frame), // a protocol that is not read
        vxlan(0x0c01_0003, 42 << 8, &frame),
        usual_vxlan(4788),
        carried(b"\x08\0\0\0\0\0\x01", VXLAN),
        geneve(0x4000, TEB, 7 << 8, &frame), // a version
        geneve(0x0001, TEB, 7 << 8, &frame),
        geneve(0, TEB, 7 << 8 | 1, &frame),
        geneve(0, 0x0806, 7 << 8, &frame),
        geneve(0, 0x9999, 7 << 8, &frame),
        geneve(0, TEB, 7 << 8, b""),
        geneve(0x0200, TEB, 7 << 8, &[0; 8]),
        geneve(0x3f00, TEB, 7 << 8, &frame), // options beyond the datagram
        carried(b"\0\0\x65\x58\0\0\x07", GENEVE),
        gtp_u(0x30, 1, 0, &[], &[0; 4]), // an echo request
        gtp(0x20, &[]),                  // GTP'
        gtp(0x50, &[]),                  // a version
        gtp(0x38, &[]),
        gtp_u(0x30, 255, 1, &[], &v4),
        gtp_u(0x30, 255, -1, &[], &v4),
        gtp_u(0x30, 255, 0, &[], b""),
        gtp_u(0x30, 255, 0, &[], &[0x10; 30]), // no IP packet
        gtp_u(0x32, 255, 0, &[0; 3], b""),
        empty(&[0; 3]),
        empty(b"\0\0\0\x85"),
        gtp(0x34, b"\0\0\0\x85\0"),   // an extension of no length
        gtp(0x34, b"\0\0\0\x85\xff"), // one beyond the datagram
        gtp(0x34, &extensions(MAX_GTP_EXTENSIONS + 1)),
        carried(b"\x30\xff\0\0\0\0\0", GTP_U),
        carried(b"", GTP_U),
    ]
}

#[test]
fn what_does_not_fit_is_an_ordinary_datagram() {
    for data in ordinary() {
        let run = decoded(std::slice::from_ref(&data), ETHERNET, usize::MAX);
        let [("udp", count)] = run.accounts[..] else {
            panic!("{:?} of {data:02x?}", run.accounts);
        };
        assert_eq!((count.packets, count.bytes), (1, data.len() as u64));
        let segment = &run.segments[0];
        assert_eq!(
            (&segment.payload[..], &segment.tunnel),
            (&data[42..], &None)
        );
    }
}

#[test]
fn tcp_to_such_a_port_is_tcp() {
    let segment = segment_of(
        &ethernet(&ipv4(&tcp_to(VXLAN, b"\x08\0\0\0\0\0\x01\0"), TCP), IPV4),
        ETHERNET,
    );
    assert_eq!((segment.payload.len(), segment.tunnel), (8, None));
}

#[test]
fn what_is_inside_is_judged_there() {
    let (v4, v6) = (v4(), v6());
    let in_vxlan = |inside: &[u8]| vxlan(0x0800_0000, 42 << 8, inside);
    assert_outcomes(&[
        (in_vxlan(b"x"), "malformed-ethernet"),
        (in_vxlan(&ethernet(&[0; 28], 0x0806)), "arp"),
        (in_vxlan(&ethernet(&v4, 0x9999)), "unknown-ethertype"),
        (in_vxlan(&ethernet(&v6, IPV4)), "malformed-ipv4"),
        (geneve(0, IPV4, 7 << 8, &v4[..19]), "malformed-ipv4"),
        (gtp_u(0x30, 255, 0, &[], &[&v4[..], b"?"].concat()), "tcp"),
        (
            gtp_u(0x30, 255, 0, &[], &v4[..v4.len() - 1]),
            "malformed-ipv4",
        ),
    ]);
}

#[test]
fn what_the_snap_length_cut() {
    let (v4, frame) = (v4(), frame());
    let gtp = |flags, options: &[u8]| gtp_u(flags, 255, 0, options, &v4);
    let extended = || gtp(0x34, &extensions(1));
    let options = [&[0; 8], &frame[..]].concat();
    assert_cut_outcomes(&[
        (usual_vxlan(VXLAN), 49, "udp"), // the header is not whole
        (usual_vxlan(VXLAN), 50, "truncated-ethernet"),
        (geneve(0, TEB, 7 << 8, &frame), 49, "udp"),
        (
            geneve(0x0200, TEB, 7 << 8, &options),
            54,
            "truncated-ethernet",
        ),
        (gtp(0x30, &[]), 49, "udp"),
        (gtp(0x30, &[]), 50, "truncated-gtpu"),
        (gtp(0x30, &[]), 51, "truncated-ipv4"),
        (gtp(0x32, &[0; 4]), 53, "truncated-gtpu"),
        (extended(), 53, "truncated-gtpu"),
        (extended(), 54, "truncated-gtpu"),
        (extended(), 57, "truncated-gtpu"),
        (extended(), 58, "truncated-gtpu"),
        (extended(), 59, "truncated-ipv4"),
    ]);
}

#[test]
fn networks_are_kept_apart() {
    let frames = [1, 2, 1].map(|number| vxlan(0x0800_0000, number << 8, &frame()));
    let run = decoded(&frames, ETHERNET, usize::MAX);
    let names: Vec<_> = run
        .segments
        .iter()
        .map(|seen| seen.tunnel.as_deref())
        .collect();
    assert_eq!(names, [Some("vxlan:1"), Some("vxlan:2"), Some("vxlan:1")]);
}
