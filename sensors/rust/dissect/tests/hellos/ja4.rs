//! JA4 against the specification's own examples and the fingerprints that the reference tools publish.

use std::borrow::Cow;

use dissect::clienthello::parse_client_hello;
use dissect::ja4::{Transport, ja4};
use proptest::prelude::*;

use crate::bytes::*;

const CHROME_SUITES: &str =
    "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035";
const CHROME_SIGNATURES: &str = "0403 0804 0401 0503 0805 0501 0806 0601";
const SPEC_EXTENSIONS: &str =
    "001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015";

/// A fingerprint and what it was made of, all in the order of the wire.
struct Published {
    fingerprint: &'static str,
    suites: &'static str,
    extensions: &'static str,
    algorithms: &'static str,
    first: &'static [u8],
    versions: &'static [u16],
}

/// The first is the specification's example, the others are what the `FoxIO` tools print for the captures in
/// their repository.
const PUBLISHED: [Published; 7] = [
    Published {
        fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1",
        suites: CHROME_SUITES,
        extensions: SPEC_EXTENSIONS,
        algorithms: CHROME_SIGNATURES,
        first: b"h2",
        versions: &[0x0304],
    },
    Published {
        // tls-sni.pcapng: without ALPN and ALPS
        fingerprint: "t13d151400_8daaf6152771_de4a06bb82e3",
        suites: CHROME_SUITES,
        extensions: "0033 002b 001b 0000 0012 002d 000d 000a 0005 0023 0017 ff01 000b 0015",
        algorithms: CHROME_SIGNATURES,
        first: b"",
        versions: &[0x0304, 0x0303],
    },
    Published {
        // sigalg-grease.pcapng: GREASE stands among the signature algorithms too
        fingerprint: "t13d1517h2_8daaf6152771_cb7bf5808d99",
        suites: "5a5a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035",
        extensions: "dada fe0d 0010 0017 0033 44cd ff01 000a 000d 0023 002b 000b ca34 002d 0000 0005 001b
            0012 0a0a",
        algorithms: "8a8a 0904 0905 0906 0403 0804 0401 0503 0805 0501 0806 0601",
        first: b"h2",
        versions: &[0xeaea, 0x0304, 0x0303],
    },
    Published {
        // tls12.pcap: Firefox
        fingerprint: "t13d1715h2_5b57614c22b0_3d5424432f57",
        suites: "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
        extensions: "0000 0017 ff01 000a 000b 0023 0010 0005 0022 0033 002b 000d 002d 001c 0015",
        algorithms: "0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201",
        first: b"h2",
        versions: &[0x0304, 0x0303],
    },
    Published {
        // macos_tcp_flags.pcap: one signature algorithm stands twice
        fingerprint: "t13d2613h2_2802a3db6c62_845d286b0d67",
        suites: "1301 1302 1303 c02c c02b c024 c023 c00a c009 cca9 c030 c02f c028 c027 c014 c013 cca8 009d
            009c 003d 003c 0035 002f c008 c012 000a",
        extensions: "ff01 0000 0017 000d 0005 0012 0010 000b 0033 002d 002b 000a 0015",
        algorithms: "0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201",
        first: b"h2",
        versions: &[0x0304, 0x0303, 0x0302, 0x0301],
    },
    Published {
        // https3-301-get.pcap: nothing but a name
        fingerprint: "t10d230100_6a57a6f57151_000000000000",
        suites: "0039 0038 0035 0016 0013 000a 0033 0032 002f 009a 0099 0096 0005 0004 0015 0012 0009 0014
            0011 0008 0006 0003 00ff",
        extensions: "0000",
        algorithms: "",
        first: b"",
        versions: &[0x0301],
    },
    Published {
        // quic-tls-handshake.pcapng
        fingerprint: "q13d0310h3_55b375c5d22e_cd85d2d88918",
        suites: "1301 1302 1303",
        extensions: "002d 001b 4469 000d 002b 0000 000a 0039 0010 0033",
        algorithms: "0403 0804 0401 0503 0805 0501 0806 0601 0201",
        first: b"h3",
        versions: &[0x0304],
    },
];

fn numbers(text: &str) -> Vec<u16> {
    let number = |code| u16::from_str_radix(code, 16).unwrap();
    text.split_whitespace().map(number).collect()
}

fn fingerprint(body: &[u8], transport: Transport) -> String {
    let message = message(body);
    let hello = parse_client_hello(Cow::Borrowed(&message), true).unwrap();
    let text = ja4(&hello, transport).to_string();
    assert_eq!(text.len(), 36);
    text
}

/// A hello with the lists of a published fingerprint.
fn built(published: &Published) -> Vec<u8> {
    let part = |kind| match kind {
        SNI => sni(b"a.example"),
        VERSIONS => versions(published.versions),
        SIGNATURES => signatures(&numbers(published.algorithms)),
        ALPN => alpn(&[published.first, b"http/1.1"]),
        _ => extension(kind, b""),
    };
    let kinds = numbers(published.extensions);
    let legacy = if kinds.contains(&VERSIONS) {
        0x0303
    } else {
        published.versions[0]
    };
    let parts: Vec<_> = kinds.into_iter().map(part).collect();
    Hello {
        legacy,
        suites: &numbers(published.suites),
        ..PLAIN
    }
    .body(&parts)
}

#[test]
fn published_fingerprints() {
    for published in &PUBLISHED {
        let is_quic = published.fingerprint.starts_with('q');
        let transport = if is_quic {
            Transport::Quic
        } else {
            Transport::Tcp
        };
        assert_eq!(
            fingerprint(&built(published), transport),
            published.fingerprint
        );
    }
}

#[test]
fn without_signature_algorithms_the_list_ends_without_an_underscore() {
    let kinds: Vec<_> = numbers(SPEC_EXTENSIONS)
        .into_iter()
        .map(|kind| match kind {
            SNI => sni(b"a.example"),
            ALPN => alpn(&[b"h2"]),
            VERSIONS => versions(&[0x0304]),
            _ => extension(kind, b""),
        })
        .filter(|part| part[..2] != [0x00, 0x0d])
        .collect();
    let with_none = fingerprint(&body(&kinds), Transport::Tcp);
    assert_eq!(with_none, "t13d0215h2_62ed6f6ca7ad_bebfbbe173b2");
}

#[test]
fn first_and_last_character_of_the_first_protocol() {
    let cases: [(&[u8], &str); 10] = [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"Z", "ZZ"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
        (b"-", "2d"),
        (b"\xba\xad", "bd"),
    ];
    for (first, expected) in cases {
        let text = fingerprint(&body(&[alpn(&[first, b"x"])]), Transport::Tcp);
        assert_eq!(&text[8..10], expected);
    }
    assert_eq!(&fingerprint(&body(&[]), Transport::Tcp)[8..10], "00");
}

#[test]
fn tls_versions() {
    let cases: [(&[u16], &str); 7] = [
        (&[0x0303, 0x0304], "q13"),
        (&[0x0303], "q12"),
        (&[0x0302], "q11"),
        (&[0x0301], "q10"),
        (&[0x0300], "qs3"),
        (&[0x0002], "qs2"),
        (&[0x7f1c, 0x0303], "q00"),
    ];
    for (offered, expected) in cases {
        assert_eq!(
            &fingerprint(&body(&[versions(offered)]), Transport::Quic)[..3],
            expected
        );
    }
    let legacy = Hello {
        legacy: 0x0302,
        ..PLAIN
    };
    assert_eq!(&fingerprint(&legacy.body(&[]), Transport::Quic)[..3], "q11");
}

#[test]
fn counts_end_at_99() {
    for (count, expected) in [(1, "01"), (9, "09"), (99, "99"), (100, "99"), (3_000, "99")] {
        let hello = Hello {
            suites: &vec![0xc02b; count],
            ..PLAIN
        };
        let text = fingerprint(
            &hello.body(&vec![extension(PADDING, b""); count]),
            Transport::Tcp,
        );
        assert_eq!(&text[3..8], format!("i{expected}{expected}"));
    }
}

#[test]
fn nothing_to_hash_is_twelve_zeros() {
    let hello = Hello {
        suites: &[0x0a0a],
        ..PLAIN
    };
    let body = hello.body(&[extension(0x1a1a, b""), sni(b"a.example"), alpn(&[b"h2"])]);
    assert_eq!(
        fingerprint(&body, Transport::Tcp),
        "t12d0002h2_000000000000_000000000000"
    );
}

/// 130 suites are hashed in three parts: the result must not know.
#[test]
fn long_lists() {
    let suites: Vec<u16> = (0x4000..0x4000 + 130).collect();
    let text = fingerprint(
        &Hello {
            suites: &suites,
            ..PLAIN
        }
        .body(&[]),
        Transport::Tcp,
    );
    assert_eq!(text, "t12i990000_2de41e88fb16_000000000000");
}

fn some_codes() -> impl Strategy<Value = Vec<u16>> {
    prop::sample::subsequence((0x0016..0x0029).collect::<Vec<_>>(), 1..19)
}

fn with_lists(suites: &[u16], kinds: &[u16], algorithms: &[u16]) -> String {
    let mut parts: Vec<_> = kinds.iter().map(|&kind| extension(kind, b"")).collect();
    parts.push(signatures(algorithms));
    fingerprint(&Hello { suites, ..PLAIN }.body(&parts), Transport::Tcp)
}

#[test]
fn the_order_of_signature_algorithms_counts() {
    let one = with_lists(&[0xc02b], &[0x0017], &[0x0403, 0x0804]);
    let other = with_lists(&[0xc02b], &[0x0017], &[0x0804, 0x0403]);
    assert_eq!(one[..24], other[..24]);
    assert_ne!(one, other);
}

proptest! {
    #[test]
    fn neither_grease_nor_the_order_of_suites_and_extensions_counts(
        (suites, mixed_suites) in some_codes().prop_flat_map(|codes| (Just(codes.clone()), Just(codes).prop_shuffle())),
        (kinds, mixed_kinds) in some_codes().prop_flat_map(|codes| (Just(codes.clone()), Just(codes).prop_shuffle())),
        algorithms in some_codes(),
        grease in prop::sample::select(vec![0x0a0a, 0x4a4a, 0xfafa]),
    ) {
        let plain = with_lists(&suites, &kinds, &algorithms);
        let with_grease = with_lists(
            &[&[grease], &mixed_suites[..]].concat(),
            &[&mixed_kinds[..], &[grease]].concat(),
            &[&algorithms[..1], &[grease], &algorithms[1..]].concat(),
        );
        prop_assert_eq!(plain, with_grease);
    }
}
