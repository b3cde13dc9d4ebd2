//! Hellos that break the rules, each with its reason.

use std::borrow::Cow;

use dissect::clienthello::{MAX_CLIENT_HELLO_BYTES, parse_client_hello};
use dissect::wire::Malformed;

use crate::bytes::*;
use crate::said::parse;

fn without_end(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() - 1]
}

fn with_zero(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0]].concat()
}

fn assert_malformed(cases: &[(&str, Vec<u8>)]) {
    for (reason, body) in cases {
        assert_eq!(parse(body, true).unwrap_err().0, *reason, "{body:02x?}");
    }
}

#[test]
fn the_fixed_part() {
    let odd_suites = [
        codes(&[0x0303]),
        vec![0; 33],
        vector(2, b"\x13"),
        vec![1, 0],
    ]
    .concat();
    assert_malformed(&[
        ("hello-truncated", vec![]),
        ("hello-truncated", without_end(&body(&[])).to_vec()),
        (
            "hello-session-id",
            Hello {
                session_id: &[0; 33],
                ..PLAIN
            }
            .body(&[]),
        ),
        (
            "hello-cipher-suites",
            Hello {
                suites: &[],
                ..PLAIN
            }
            .body(&[]),
        ),
        ("hello-cipher-suites", odd_suites),
        (
            "hello-compression-methods",
            Hello {
                compression: b"",
                ..PLAIN
            }
            .body(&[]),
        ),
    ]);
}

#[test]
fn the_block_of_extensions() {
    let with = |block: &[u8]| [body(&[]), block.to_vec()].concat();
    let twice = |extension: Vec<u8>, again: Vec<u8>| body(&[extension, again]);
    assert_malformed(&[
        ("hello-truncated", with(&[0])),
        ("hello-truncated", with(&codes(&[4]))),
        ("hello-truncated", with(&codes(&[4, SNI]))),
        ("hello-truncated", without_end(&browser()).to_vec()),
        ("hello-trailing-bytes", with_zero(&browser())),
        ("hello-trailing-bytes", with(&with_zero(&codes(&[0])))),
        ("hello-extensions", with(&vector(2, b"\x00\x17\x00"))),
        ("hello-extensions", with(&vector(2, &codes(&[PADDING, 1])))),
        (
            "hello-duplicate-extension",
            twice(sni(b"a.example"), sni(b"b.example")),
        ),
        (
            "hello-duplicate-extension",
            twice(alpn(&[b"h2"]), alpn(&[b"h2"])),
        ),
        (
            "hello-duplicate-extension",
            twice(versions(&[0x0304]), versions(&[0x0303])),
        ),
        ("hello-duplicate-extension", twice(ech(0), ech(0))),
    ]);
}

#[test]
fn names() {
    let listed = |list: &[u8]| body(&[extension(SNI, list)]);
    let entry = name_entry(b"a.example", 0);
    assert_malformed(&[
        ("sni-list", listed(b"")),
        ("sni-list", listed(&codes(&[0]))),
        ("sni-list", listed(&vector(2, &[0, 0]))),
        ("sni-list", listed(&vector(2, without_end(&entry)))),
        ("sni-list", listed(&with_zero(&vector(2, &entry)))),
        (
            "sni-list",
            listed(&vector(2, &[&entry[..], &[0, 0, 1]].concat())),
        ),
        ("sni-list", listed(&vector(2, &[&entry[..], &[0]].concat()))),
        ("sni-name-length", body(&[sni(b"")])),
        ("sni-name-length", body(&[sni(&[b'a'; 256])])),
    ]);
}

#[test]
fn lists_of_protocols_versions_and_algorithms() {
    let odd_versions = extension(VERSIONS, &vector(1, &[3, 4, 3]));
    let odd_signatures = extension(SIGNATURES, &vector(2, &[4]));
    assert_malformed(&[
        ("alpn-list", body(&[extension(ALPN, b"")])),
        ("alpn-list", body(&[alpn(&[])])),
        ("alpn-list", body(&[alpn(&[b"h2", b""])])),
        ("alpn-list", body(&[extension(ALPN, &vector(2, b"\x03h2"))])),
        ("supported-versions", body(&[extension(VERSIONS, b"")])),
        ("supported-versions", body(&[versions(&[])])),
        ("supported-versions", body(&[odd_versions])),
        ("signature-algorithms", body(&[signatures(&[])])),
        ("signature-algorithms", body(&[odd_signatures])),
    ]);
}

/// The walk comes first, then name, protocols, versions, and signature algorithms.
#[test]
fn the_first_reason_counts() {
    let bad = [signatures(&[]), versions(&[]), alpn(&[]), sni(b"")];
    let reasons = [
        "signature-algorithms",
        "supported-versions",
        "alpn-list",
        "sni-name-length",
    ];
    for (count, reason) in (1..).zip(reasons) {
        assert_malformed(&[
            (reason, body(&bad[..count])),
            ("hello-trailing-bytes", with_zero(&body(&bad[..count]))),
        ]);
    }
}

#[test]
fn a_cut_hello_may_still_be_malformed() {
    let bad = body(&[
        sni(b"a.example"),
        sni(b"b.example"),
        extension(PADDING, &[0; 99]),
    ]);
    let cut = &bad[..bad.len() - 50];
    assert_eq!(
        parse(cut, false),
        Err(Malformed("hello-duplicate-extension"))
    );
}

#[test]
fn a_hello_that_is_too_long() {
    let message = vec![0; 4 + MAX_CLIENT_HELLO_BYTES + 1];
    let outcome = parse_client_hello(Cow::Borrowed(&message), false);
    assert_eq!(outcome.unwrap_err(), Malformed("hello-too-long"));
}
