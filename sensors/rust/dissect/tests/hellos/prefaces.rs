//! What stands before a hello, parser by parser: where it ends, and what is wrong with it.

use dissect::preface::{Read, Refusal};
use dissect::proxy_header::{MAX_HEADER_BYTES, MAX_LINE_BYTES, read_proxy_header};
use dissect::socks::{SocksRequest, read_socks};
use dissect::starttls::{
    Cut, MAX_CLEAR_BYTES, cut_element, cut_ldap, cut_line, cut_mysql, cut_postgres, read_clear,
};
use dissect::wire::Malformed;
use proptest::prelude::*;

use crate::bytes::*;

const HEAD: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V4_ENDS: &[u8] = b"\x0a\x14\x01\x05\xcb\x00\x71\x07\xc3\x50\x01\xbb";
const LDAP_START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

/// Read `data` and every shorter begin of it, of which none is enough.
fn whole<T>(data: &[u8], shortest: usize, parse: impl Fn(&[u8]) -> Read<T>) -> T {
    for end in shortest..data.len() {
        assert!(matches!(parse(&data[..end]), Ok(None)), "{end} of {data:?}");
    }
    let more = [data, b"\x16"].concat();
    let (what, end) = parse(&more).unwrap().unwrap();
    assert_eq!(end, data.len(), "{data:?}");
    what
}

fn refused<T>(data: &[u8], parse: impl Fn(&[u8]) -> Read<T>) -> Option<&'static str> {
    match parse(data) {
        Err(Refusal::Malformed(Malformed(reason))) => Some(reason),
        Err(Refusal::Unknown) => Some("unknown"),
        Ok(_) => None,
    }
}

fn header(command: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    [HEAD, &[command, kind], &vector(2, body)].concat()
}

#[test]
fn socks_requests() {
    let v5 = |request: &[u8]| [b"\x05\x01\0", request].concat();
    let cases = [
        (b"\x04\x01\x01\xbb\xc0\x00\x02\x07\0".to_vec(), "192.0.2.7"),
        (
            b"\x04\x01\x01\xbb\0\0\0\x01jo\0A.example.\0".to_vec(),
            "a.example",
        ),
        (v5(b"\x05\x01\0\x03\x09a.example\x01\xbb"), "a.example"),
        (v5(b"\x05\x01\0\x01\xc0\x00\x02\x07\x01\xbb"), "192.0.2.7"),
        (
            v5(b"\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"),
            "::1",
        ),
        (
            v5(b"\x01\x02jo\x03\x05\x01\0\x05\x01\0\x03\x01.\x01\xbb"),
            ".",
        ),
        (v5(b"\x01\0\0\x05\x01\0\x03\x03a\0b\0\0"), "a\\x00b"),
    ];
    for (data, host) in cases {
        let (host, is_connect) = (host.to_owned(), true);
        assert_eq!(
            whole(&data, 0, read_socks),
            SocksRequest { host, is_connect }
        );
    }
    assert!(!whole(&v5(b"\x05\x03\0\x01\0\0\0\0\0\0"), 0, read_socks).is_connect);
    let long = [b"\x04\x01\x01\xbb\x01\0\0\x01", &[b'a'; 256][..]].concat();
    for (data, reason) in [
        (v5(b"\x05\x01\0\x02\0"), "socks-address-type"),
        (v5(b"\x05\x01\0\x03\0\0\0"), "socks-no-name"),
        (b"\x04\x01\x01\xbb\0\0\0\x01\0\0".to_vec(), "socks-no-name"),
        (long, "socks-text-too-long"),
        (v5(b"\x02"), "unknown"),
        (v5(b"\x05\x04\0\x01\0"), "unknown"),
        (v5(b"\x05\x01\x01\x01\0"), "unknown"),
        (b"\x04\x01\0\0\x01\x02\x03\x04".to_vec(), "unknown"),
        (b"\x04\x01\x01\xbb\0\x02\x03\x04".to_vec(), "unknown"),
        (b"\x04\x01\x01\xbb\x01\x02\x03\x04\xff".to_vec(), "unknown"),
    ] {
        assert_eq!(refused(&data, read_socks), Some(reason), "{data:?}");
    }
}

#[test]
fn proxy_headers() {
    let longest = [b"PROXY UNKNOWN ", &[b'x'; MAX_LINE_BYTES - 16][..], b"\r\n"].concat();
    let padding = vector(2, &vec![0; MAX_HEADER_BYTES - 31]);
    let cases = [
        (
            b"PROXY TCP4 10.20.1.5 203.0.113.7 50000 443\r\n".to_vec(),
            true,
        ),
        (
            b"PROXY TCP6 2001:db8::5 ::ffff:1.2.3.4 0 65535\r\n".to_vec(),
            true,
        ),
        (longest, false),
        (header(0x21, 0x11, V4_ENDS), true),
        (
            header(0x21, 0x21, &[V4_ENDS, V4_ENDS, V4_ENDS].concat()),
            true,
        ),
        (
            header(0x21, 0x11, &[V4_ENDS, b"\x04", &padding].concat()),
            true,
        ),
        (header(0x21, 0x12, V4_ENDS), false),
        (header(0x21, 0x31, &[0; 216]), false),
        (header(0x21, 0x00, b"\xff"), false),
        (header(0x20, 0xff, b"\xff"), false),
    ];
    for (data, names) in cases {
        let shortest = if data.starts_with(b"P") { 6 } else { 0 };
        let read = whole(&data, shortest, read_proxy_header);
        assert_eq!(read.ends.is_some(), names, "{data:?}");
    }
    for (data, reason) in [
        (b"PROXY\r\n".to_vec(), "proxy-line"),
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n".to_vec(),
            "proxy-line",
        ),
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n".to_vec(),
            "proxy-line",
        ),
        (b"PROXY TCP4 ::1 5.6.7.8 1 2\r\n".to_vec(), "proxy-line"),
        (b"PROXY TCP6 ::1%1 ::1 1 2\r\n".to_vec(), "proxy-line"),
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n".to_vec(),
            "proxy-line",
        ),
        ([b"PROXY ", &[b'x'; 101][..]].concat(), "proxy-line"),
        (header(0x22, 0x11, V4_ENDS), "proxy-command"),
        (header(0x11, 0x11, V4_ENDS), "proxy-command"),
        (header(0x21, 0x13, V4_ENDS), "proxy-family"),
        (header(0x21, 0x41, V4_ENDS), "proxy-family"),
        (header(0x21, 0x21, V4_ENDS), "proxy-length"),
        (
            header(0x21, 0x11, &[V4_ENDS, b"\x04\0"].concat()),
            "proxy-vector",
        ),
        (
            header(0x21, 0x11, &[V4_ENDS, b"\x04\0\x01"].concat()),
            "proxy-vector",
        ),
        ([HEAD, b"\x20\0\xff\xff"].concat(), "proxy-too-long"),
    ] {
        assert_eq!(refused(&data, read_proxy_header), Some(reason), "{data:?}");
    }
}

#[test]
fn clear_text() {
    let mysql = [&b"\x20\0\0\x01\x85\xae\xaa\x0c"[..], &[0; 28]].concat();
    let xml = b"<?xml version='1.0'?><stream:stream to='a'> <starttls xmlns='x'></starttls>\n";
    let gss_first = [GSS_REQUEST, SSL_REQUEST].concat();
    let cases: [(&[u8], Cut); 8] = [
        (b"EHLO a\r\nSTARTTLS\r\n", cut_line),
        (b"a1 ID (\"name\" \"x\")\na2 starttls\n", cut_line),
        (b"CAPA\r\nSTLS\r\n", cut_line),
        (b"AUTH TLS-C\r\n", cut_line),
        (xml, cut_element),
        (LDAP_START_TLS, cut_ldap),
        (&gss_first, cut_postgres),
        (&mysql, cut_mysql),
    ];
    for (data, cut) in cases {
        whole(data, 0, |data| read_clear(data, cut));
    }
    let others: [(&[u8], Cut); 8] = [
        (b"EHLO a\r\nMAIL FROM:<a@b>\r\n", cut_line),
        (b"a1 LOGIN jo secret\r\n", cut_line),
        (b"AUTH PLAIN\r\n\x16\n", cut_line),
        (b"EHLO a\r\n\x16\n", cut_line),
        (b"<iq>\x16", cut_element),
        (b"\x30\x80\x02", cut_ldap),
        (b"\0\0\0\x08\0\x03", cut_postgres),
        (&[0x20; 36], cut_mysql),
    ];
    for (data, cut) in others {
        let outcome = refused(data, |data| read_clear(data, cut));
        assert_eq!(outcome, Some("unknown"), "{data:?}");
    }
}

#[test]
fn clear_text_has_a_bound() {
    let line = |size: usize| [b"EHLO ", &vec![b'a'; size - 17][..], b"\r\nSTARTTLS\r\n"].concat();
    let read = |data: &[u8]| read_clear(data, cut_line);
    whole(&line(MAX_CLEAR_BYTES), 0, read);
    assert_eq!(refused(&line(MAX_CLEAR_BYTES + 1), read), Some("unknown"));
    let claims = [b"\x30\x84\xff\xff\xff\xff\x02", &[0; MAX_CLEAR_BYTES][..]].concat();
    let read = |data: &[u8]| read_clear(data, cut_ldap);
    assert_eq!(refused(&claims[..MAX_CLEAR_BYTES], read), None);
    assert_eq!(refused(&claims, read), Some("unknown"));
}

proptest! {
    /// More bytes never change what fewer have told for certain.
    #[test]
    fn a_verdict_stands(begin in prop::sample::select(vec![
        &b"\x05\x01\0\x05\x01\0"[..], b"\x04\x01\x01\xbb", b"PROXY TCP4 1.2.3.4 ", HEAD, LDAP_START_TLS,
        b"EHLO a\r\nSTARTTLS\r\n", b"<stream:stream ", SSL_REQUEST, b"\x20\0\0\x01\0\x08",
    ]), rest in any_bytes(60)) {
        let stream = [begin, &rest].concat();
        let cuts: [Cut; 5] = [cut_line, cut_element, cut_ldap, cut_postgres, cut_mysql];
        let verdicts = |end: usize| {
            let data = &stream[..end];
            let mut all = vec![
                read_socks(data).map(|read| read.map(|(what, end)| (what.host, end))),
                read_proxy_header(data).map(|read| read.map(|(what, end)| (format!("{what:?}"), end))),
            ];
            all.extend(cuts.map(|cut| read_clear(data, cut).map(|read| read.map(|((), end)| (String::new(), end)))));
            all
        };
        let last = verdicts(stream.len());
        for end in 1..stream.len() {
            for (early, late) in verdicts(end).into_iter().zip(&last) {
                prop_assert!(early == Ok(None) || early == *late, "{early:?} of {end}, then {late:?}");
            }
        }
    }
}
