//! Reading hellos: every field, hellos that end early, and real ones.

use dissect::clienthello::{ECH_PUBLIC_NAMES, MAX_CLIENT_HELLO_BYTES, is_grease};
use proptest::prelude::*;

use crate::bytes::*;
use crate::said::{Said, parse, said};

#[test]
fn every_field() {
    let expected = Said {
        server_name: Some("api.eu.mistral.ai".into()),
        alpn: vec!["h2".into(), "http/1.1".into()],
        versions: vec![0x0304, 0x0303],
        ech: "grease",
        legacy_version: Some(0x0303),
        cipher_suites: vec![0x3a3a, 0x1301, 0xc02b],
        extensions: vec![0x1a1a, SNI, ALPN, VERSIONS, SIGNATURES, ECH, PADDING],
        signature_algorithms: vec![0x0403, 0x0804],
        alpn_first: b"h2".to_vec(),
        complete: true,
    };
    assert_eq!(said(&browser()), expected);
}

#[test]
fn server_names() {
    let long = [b'a'; 255];
    let cases: [(&[u8], &str); 8] = [
        (b"API.OpenAI.com", "api.openai.com"),
        (b"api.openai.com.", "api.openai.com"),
        (b".", "."),
        (b"10.60.5.4", "10.60.5.4"),
        (b"2001:db8::1", "2001:db8::1"),
        (b"a b\n\x00\\", r"a\x20b\x0a\x00\x5c"),
        (b"m\xc3\xbcnchen.example", r"m\xc3\xbcnchen.example"),
        (&long, std::str::from_utf8(&long).unwrap()),
    ];
    for (name, expected) in cases {
        assert_eq!(
            said(&body(&[sni(name)])).server_name.as_deref(),
            Some(expected)
        );
    }
}

#[test]
fn names_of_other_types_are_passed_over() {
    let host = name_entry(b"host.example", 0);
    let opaque = name_entry(b"opaque", 7);
    let cases = [
        (
            [opaque.clone(), host.clone()].concat(),
            Some("host.example"),
        ),
        (
            [host.clone(), name_entry(b"", 7)].concat(),
            Some("host.example"),
        ),
        (
            [host, name_entry(b"second.example", 0)].concat(),
            Some("host.example"),
        ),
        (opaque, None),
    ];
    for (entries, expected) in cases {
        let hello = said(&body(&[extension(SNI, &vector(2, &entries))]));
        assert_eq!(
            (hello.server_name.as_deref(), hello.extensions),
            (expected, vec![SNI])
        );
    }
}

#[test]
fn offered_versions() {
    let old = Hello {
        legacy: 0x0301,
        ..PLAIN
    };
    let cases: [(Vec<u8>, &[u16]); 8] = [
        (
            Hello {
                legacy: 0x0300,
                session_id: b"",
                ..PLAIN
            }
            .body(&[]),
            &[0x0300],
        ),
        (old.body(&[]), &[0x0301]),
        ([old.body(&[]), codes(&[0])].concat(), &[0x0301]),
        (body(&[versions(&[0x0303, 0x0304])]), &[0x0304, 0x0303]),
        (body(&[versions(&[0x0303, 0x0303])]), &[0x0303]),
        (body(&[versions(&[0xfafa, 0x0304])]), &[0x0304]),
        (body(&[versions(&[0x7f1c, 0x0303])]), &[0x7f1c, 0x0303]),
        (body(&[versions(&[0x0a0a])]), &[0x0303]),
    ];
    for (body, expected) in cases {
        let hello = said(&body);
        assert_eq!(
            (hello.versions.as_slice(), hello.server_name),
            (expected, None)
        );
    }
}

#[test]
fn grease_is_what_rfc_8701_reserves() {
    let grease: Vec<u16> = (0..=u16::MAX).filter(|&code| is_grease(code)).collect();
    let reserved: Vec<u16> = (0..16).map(|step| 0x0a0a + 0x1010 * step).collect();
    assert_eq!(grease, reserved);
}

#[test]
fn application_protocols() {
    let cases: [(&[&[u8]], &[&str]); 3] = [
        (&[b"h2", b"http/1.1"], &["h2", "http/1.1"]),
        (&[b"H2"], &["H2"]),
        (
            &[b"\xba\xad", b"a\\x20", b"a b"],
            &[r"\xba\xad", r"a\x5cx20", r"a\x20b"],
        ),
    ];
    for (protocols, expected) in cases {
        let hello = said(&body(&[alpn(protocols)]));
        assert_eq!(hello.alpn, expected);
        assert_eq!(hello.alpn_first, protocols[0]);
    }
}

#[test]
fn ech_is_offered_behind_a_known_public_name() {
    for name in ECH_PUBLIC_NAMES {
        let upper = sni(name.to_uppercase().as_bytes());
        for extensions in [[upper.clone(), ech(0)], [ech(0), upper.clone()]] {
            let hello = said(&body(&extensions));
            assert_eq!(
                (hello.ech, hello.server_name.as_deref()),
                ("offered", Some(name))
            );
        }
    }
}

#[test]
fn ech_states() {
    let public = sni(b"cloudflare-ech.com");
    let sent = |content: &[u8]| extension(ECH, content);
    let whole = ech_body(0, &[0xee; 208]);
    let cases: [(&[Vec<u8>], &str); 12] = [
        (std::slice::from_ref(&public), "none"),
        (&[sni(b"api.anthropic.com"), ech(0)], "grease"),
        (&[sni(b"sub.cloudflare-ech.com"), ech(0)], "grease"),
        (&[ech(0)], "grease"),
        (&[sni(b"cloudflare-ech.com."), ech(0)], "offered"),
        (&[public.clone(), ech(1)], "grease"),
        (&[public.clone(), sent(b"")], "grease"),
        (&[public.clone(), sent(&ech_body(0, b""))], "grease"),
        (&[public.clone(), sent(&whole[..whole.len() - 1])], "grease"),
        (
            &[public.clone(), sent(&[&whole[..], &[0]].concat())],
            "grease",
        ),
        (&[public.clone(), sent(&whole[..7])], "grease"),
        (&[extension(ESNI, b"anything")], "offered"),
    ];
    for (extensions, expected) in cases {
        assert_eq!(said(&body(extensions)).ech, expected);
    }
}

#[test]
fn what_is_not_read_cannot_hide_the_name() {
    let name = sni(b"a.example");
    let twice = [
        extension(0x7777, b"x"),
        name.clone(),
        extension(0x7777, b"y"),
    ];
    let odd = [extension(0x000a, b"\xff"), name];
    for (extensions, kinds) in [
        (&twice[..], vec![0x7777, SNI, 0x7777]),
        (&odd, vec![0x000a, SNI]),
    ] {
        let hello = said(&body(extensions));
        assert_eq!(
            (hello.server_name.as_deref(), hello.extensions),
            (Some("a.example"), kinds)
        );
    }
}

#[test]
fn the_longest_valid_hello_is_read() {
    let room = 65_535 - sni(b"a.example").len() - 4;
    let hello = Hello {
        suites: &vec![0x1301; 32_767],
        compression: &[0; 255],
        ..PLAIN
    };
    let body = hello.body(&[sni(b"a.example"), extension(PADDING, &vec![0; room])]);
    assert_eq!(body.len(), MAX_CLIENT_HELLO_BYTES);
    let hello = said(&body);
    assert_eq!(hello.server_name.as_deref(), Some("a.example"));
    assert_eq!(hello.cipher_suites.len(), 32_767);
}

/// Everything that a cut hello says, the whole one says too; what it does not know, it leaves open.
fn assert_beginning_of(part: &Said, whole: &Said) {
    assert!(!part.complete);
    assert!(part.server_name.is_none() || part.server_name == whole.server_name);
    assert!(part.alpn.is_empty() || part.alpn == whole.alpn);
    assert!(part.alpn_first.is_empty() || part.alpn_first == whole.alpn_first);
    assert!(part.versions.is_empty() || part.versions == whole.versions);
    assert!(part.legacy_version.is_none() || part.legacy_version == whole.legacy_version);
    assert!(part.cipher_suites.is_empty() || part.cipher_suites == whole.cipher_suites);
    let algorithms = &part.signature_algorithms;
    assert!(algorithms.is_empty() || *algorithms == whole.signature_algorithms);
    assert!(whole.extensions.starts_with(&part.extensions));
    let unnamed = part.ech == "grease" && part.server_name.is_none();
    assert!(part.ech == "none" || part.ech == whole.ech || unnamed);
}

#[test]
fn every_beginning_of_a_hello() {
    let ech_first = body(&[ech(0), sni(b"cloudflare-ech.com"), alpn(&[b"h3"])]);
    for body in [browser(), ech_first, real_flight()[9..].to_vec()] {
        let whole = said(&body);
        let mut known = false;
        for end in 0..=body.len() {
            let part = parse(&body[..end], false).unwrap();
            assert_beginning_of(&part, &whole);
            let name = whole.server_name.as_deref().unwrap();
            assert_eq!(
                part.server_name.is_some(),
                known || body[..end].ends_with(name.as_bytes())
            );
            known = part.server_name.is_some();
        }
        assert!(known);
    }
}

#[test]
fn a_cut_hello_does_not_guess_its_versions() {
    let body = browser();
    let header = [codes(&[VERSIONS]), vec![0, 7]].concat();
    let before_versions = body.windows(4).position(|bytes| bytes == header).unwrap();
    let part = parse(&body[..before_versions], false).unwrap();
    assert_eq!(
        (part.legacy_version, part.versions.len(), part.alpn.len()),
        (Some(0x0303), 0, 2)
    );
}

#[test]
fn a_real_hello() {
    let hello = said(&real_flight()[9..]);
    assert_eq!(hello.server_name.as_deref(), Some("api.anthropic.com"));
    assert_eq!(
        (hello.alpn, hello.versions),
        (vec!["h2".into(), "http/1.1".into()], vec![0x0304, 0x0303])
    );
    assert_eq!((hello.ech, hello.legacy_version), ("none", Some(0x0303)));
    assert_eq!(
        (hello.cipher_suites.len(), hello.signature_algorithms.len()),
        (18, 20)
    );
}

/// The most extensions and the most names that fit: they are walked once, whatever they are.
#[test]
fn many_empty_lists() {
    let names = extension(SNI, &vector(2, &b"\x07\x00\x00".repeat(21_000)));
    assert_eq!(said(&body(&[names])).server_name, None);
    let kinds: Vec<_> = (0..16_000)
        .map(|kind| extension(0x4000 + kind, b""))
        .collect();
    assert_eq!(said(&body(&kinds)).extensions.len(), 16_000);
}

proptest! {
    #[test]
    fn alpn_text_tells_all_protocols_apart(
        protocols in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..6), 1..5),
    ) {
        let names: Vec<&[u8]> = protocols.iter().map(Vec::as_slice).collect();
        let mut texts = said(&body(&[alpn(&names)])).alpn;
        prop_assert!(texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_graphic())));
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        texts.sort_unstable();
        texts.dedup();
        prop_assert_eq!(texts.len(), distinct.len());
    }

    #[test]
    fn any_bytes_are_a_hello_or_malformed(data in any_bytes(200), complete: bool) {
        if let Ok(hello) = parse(&data, complete) {
            prop_assert_eq!(hello.complete, complete);
        }
    }

    #[test]
    fn a_damaged_hello_is_a_hello_or_malformed(at: usize, damage in any_bytes(3), complete: bool) {
        if let Ok(hello) = parse(&damaged(&browser(), at, &damage), complete) {
            let name = hello.server_name.unwrap_or_default();
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
