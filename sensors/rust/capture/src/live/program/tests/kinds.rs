//! What is copied, by kinds of packets.

use super::packets::{CLIENT, FIN_ACK, SERVER, SYN, ethernet, filled, tcp, udp, v4, v4_with, v6};
use super::{ANSWER, ours, returned};
use crate::live::program::tcp::WORDS_BYTES;
use crate::live::program::{Link, SMALL_BYTES, WHOLE_BYTES, program};

const UP: ([u8; 4], [u8; 4]) = (CLIENT, SERVER);
const DOWN: ([u8; 4], [u8; 4]) = (SERVER, CLIENT);
const ASK: (u16, u16) = (50_000, 443);
const RECORD: [u8; 5] = [0x17, 3, 3, 0x40, 0];

/// What a packet in Ethernet is copied of, and the same without Ethernet.
fn copied(kind: u16, packet: &[u8]) -> u32 {
    let raw = returned(&program(Link::Raw, &ours()).unwrap(), packet);
    let frame = ethernet(kind, packet);
    let bytes = returned(&program(Link::Ethernet, &ours()).unwrap(), &frame);
    let constants = [WHOLE_BYTES, WORDS_BYTES, SMALL_BYTES];
    let more = if constants.contains(&bytes) { 0 } else { 14 };
    assert_eq!(raw + more, bytes);
    bytes
}

#[test]
fn what_is_copied_of_segments() {
    let segment =
        |ends, ports, begin: &[u8]| v4(6, ends, &tcp(ports, FIN_ACK, &filled(begin, 1400)));
    let headers = 14 + 20 + 32;
    for (what, packet, bytes) in [
        (
            "a hello",
            segment(UP, ASK, &[22, 3, 1, 5, 0, 1]),
            WORDS_BYTES,
        ),
        ("a hello's rest", segment(UP, ASK, &[0x99]), WORDS_BYTES),
        ("data going up", segment(UP, ASK, &RECORD), headers + 96),
        (
            "of a version nobody has",
            segment(UP, ASK, &[0x17, 3, 5, 1, 0]),
            WORDS_BYTES,
        ),
        (
            "too long a record",
            segment(UP, ASK, &[0x17, 3, 3, 0x41, 1]),
            WORDS_BYTES,
        ),
        (
            "data coming down",
            segment(DOWN, ANSWER, &RECORD),
            headers + 96,
        ),
        (
            "a record's rest",
            segment(DOWN, ANSWER, &[0x99]),
            headers + 32,
        ),
        (
            "a server's hello",
            segment(DOWN, ANSWER, &[22, 3, 3, 5, 0, 2]),
            headers + 32,
        ),
        (
            "a client's hello",
            segment(DOWN, ANSWER, &[22, 3, 1, 5, 0, 1]),
            WORDS_BYTES,
        ),
        (
            "a response",
            segment(DOWN, (80, 50_000), b"HTTP/1.1 200"),
            headers + 32,
        ),
        (
            "a request",
            segment(DOWN, (80, 50_000), b"GET / HTTP/1.1"),
            WORDS_BYTES,
        ),
        (
            "a PROXY header",
            segment(DOWN, (80, 50_000), b"PROXY TCP4 "),
            WORDS_BYTES,
        ),
        (
            "from a port of no service",
            segment(DOWN, (40_000, 50_000), &[0x99]),
            WORDS_BYTES,
        ),
        (
            "from service to service",
            segment(DOWN, (443, 8080), &[0x99]),
            WORDS_BYTES,
        ),
        (
            "between clients",
            segment((CLIENT, CLIENT), ANSWER, &[0x99]),
            WORDS_BYTES,
        ),
        (
            "between others",
            segment((SERVER, SERVER), ANSWER, &[0x99]),
            WORDS_BYTES,
        ),
        (
            "an answer of DNS",
            segment(DOWN, (53, 50_000), &[0x99]),
            WHOLE_BYTES,
        ),
        (
            "a question of DNS",
            segment(UP, (50_000, 53), &RECORD),
            WHOLE_BYTES,
        ),
    ] {
        assert_eq!(copied(0x0800, &packet), bytes, "{what}");
    }
}

#[test]
fn what_is_copied_behind_longer_headers() {
    let headers = 14 + 20 + 32;
    let opening = v4(6, DOWN, &tcp(ANSWER, SYN, &filled(&[0x99], 1400)));
    assert_eq!(copied(0x0800, &opening), WHOLE_BYTES);
    let options = v4_with(10, 6, DOWN, &tcp(ANSWER, FIN_ACK, &filled(&[0x99], 1400)));
    assert_eq!(copied(0x0800, &options), headers + 40 + 32);
    for (up, begin, bytes) in [
        (false, &[0x99][..], headers + 20 + 32),
        (true, &[0x99], WORDS_BYTES),
        (true, &RECORD, headers + 20 + 96),
    ] {
        let ports = if up { ASK } else { ANSWER };
        let packet = v6(6, up, &tcp(ports, FIN_ACK, &filled(begin, 1400)));
        assert_eq!(copied(0x86dd, &packet), bytes, "{up}");
    }
}

#[test]
fn what_is_copied_of_datagrams() {
    let begin = 14 + 20 + 8 + 32;
    let google = |version: &[u8]| [&[0x0d, 1, 2, 3, 4, 5, 6, 7, 8], version].concat();
    for (what, ports, payload, bytes) in [
        (
            "an answer of DNS",
            (53, 50_000),
            filled(&[0x99], 1200),
            WHOLE_BYTES,
        ),
        (
            "a question of DNS",
            (50_000, 53),
            filled(&[0x99], 1200),
            WHOLE_BYTES,
        ),
        ("VXLAN", (50_000, 4789), filled(&[8], 1200), WHOLE_BYTES),
        (
            "an Initial",
            ASK,
            filled(&[0xc3, 0, 0, 0, 1], 1200),
            WHOLE_BYTES,
        ),
        (
            "a server's Initial",
            ANSWER,
            filled(&[0xc3, 0, 0, 0, 1], 1200),
            WHOLE_BYTES,
        ),
        ("a short header", ASK, filled(&[0x43], 1200), begin),
        (
            "one like OpenVPN's reset",
            ASK,
            filled(&[0x50], 1200),
            begin,
        ),
        ("OpenVPN's reset", ASK, filled(&[0x50], 1078), WHOLE_BYTES),
        (
            "WireGuard's initiation",
            ASK,
            filled(&[1, 0, 0, 0], 148),
            WHOLE_BYTES,
        ),
        ("WireGuard's data", ASK, filled(&[4, 0, 0, 0], 1200), begin),
        (
            "a hello of DTLS",
            ASK,
            filled(&[22, 0xfe, 0xfd], 1200),
            WHOLE_BYTES,
        ),
        ("data of DTLS", ASK, filled(&[23, 0xfe, 0xfd], 1200), begin),
        ("RTP", ASK, filled(&[0x80, 0x60, 1, 2, 3], 1200), begin),
        (
            "a version without the fixed bit",
            ASK,
            filled(&[0x80, 0, 0, 0, 1], 1200),
            WHOLE_BYTES,
        ),
        (
            "Google's hello",
            ASK,
            filled(&google(b"Q043"), 1200),
            WHOLE_BYTES,
        ),
        (
            "Google's data",
            ASK,
            filled(&google(b"\x00\x01"), 1200),
            begin,
        ),
        ("what begins IKE", (500, 500), filled(&[7], 1200), begin),
    ] {
        let packet = v4(17, UP, &udp(ports, &payload));
        assert_eq!(copied(0x0800, &packet), bytes, "{what}");
    }
    let packet = v6(17, false, &udp(ASK, &filled(&[0x43], 1200)));
    assert_eq!(copied(0x86dd, &packet), begin + 20);
}

#[test]
fn what_is_copied_of_other_packets() {
    let body = tcp(ANSWER, FIN_ACK, &filled(&[0x99], 1400));
    let mut fragment = v4(6, DOWN, &body);
    fragment[6] = 0x20;
    let mut later = v4(17, DOWN, &body);
    later[7] = 0x10;
    let mut broken = v4(6, DOWN, &body);
    broken[0] = 0x44;
    let mut no_header = v4(6, DOWN, &body);
    no_header[20 + 12] = 0x40;
    for (what, kind, packet, bytes) in [
        ("a first fragment", 0x0800, fragment, WHOLE_BYTES),
        ("a later fragment", 0x0800, later, WHOLE_BYTES),
        ("a broken header", 0x0800, broken, WHOLE_BYTES),
        ("a broken header of TCP", 0x0800, no_header, WHOLE_BYTES),
        ("GRE", 0x0800, v4(47, DOWN, &body), WHOLE_BYTES),
        ("IP in IP", 0x0800, v4(4, DOWN, &body), WHOLE_BYTES),
        ("AH", 0x0800, v4(51, DOWN, &body), WHOLE_BYTES),
        ("ICMP", 0x0800, v4(1, DOWN, &body), SMALL_BYTES),
        ("ESP", 0x0800, v4(50, DOWN, &body), SMALL_BYTES),
        ("ICMPv6", 0x86dd, v6(58, false, &body), SMALL_BYTES),
        ("options of IPv6", 0x86dd, v6(0, false, &body), WHOLE_BYTES),
        (
            "a small one",
            0x0800,
            v4(6, DOWN, &body[..100]),
            WHOLE_BYTES,
        ),
    ] {
        assert_eq!(copied(kind, &packet), bytes, "{what}");
    }
    let program = program(Link::Ethernet, &ours()).unwrap();
    for kind in [0x8100, 0x88a8, 0x8847, 0x8864, 0x8863, 0x88cc, 1000, 0x9999] {
        let frame = ethernet(kind, &v4(6, DOWN, &body));
        assert_eq!(returned(&program, &frame), WHOLE_BYTES, "{kind:#x}");
    }
    let raw = crate::live::program::program(Link::Raw, &ours()).unwrap();
    assert_eq!(returned(&raw, &filled(&[0x50], 200)), WHOLE_BYTES);
}
