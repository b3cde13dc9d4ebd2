//! tls-parser as a second opinion: what it reads of a well-formed hello, we read too.

use dissect::clienthello::is_grease;
use proptest::prelude::*;
use tls_parser::{
    TlsExtension, TlsExtensionType, TlsMessage, TlsMessageHandshake, parse_tls_extensions,
    parse_tls_message_handshake,
};

use crate::bytes::*;
use crate::said::{Said, said};

/// The same value, as tls-parser reads it. It says nothing of ECH.
fn second_opinion(body: &[u8]) -> Said {
    let message = message(body);
    let (_, parsed) = parse_tls_message_handshake(&message).unwrap();
    let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = parsed else {
        panic!("no hello");
    };
    let mut said = Said {
        legacy_version: Some(hello.version.0),
        cipher_suites: hello.ciphers.iter().map(|suite| suite.0).collect(),
        complete: true,
        ech: "none",
        ..Said::default()
    };
    let (rest, extensions) = parse_tls_extensions(hello.ext.unwrap_or_default()).unwrap();
    assert_eq!(rest, b"");
    for extension in &extensions {
        note(&mut said, extension);
    }
    if said.versions.is_empty() {
        said.versions = vec![hello.version.0];
    }
    said
}

fn note(said: &mut Said, extension: &TlsExtension<'_>) {
    let text = |raw: &&[u8]| String::from_utf8(raw.to_vec()).unwrap();
    said.extensions.push(match extension {
        TlsExtension::Grease(kind, _) => *kind,
        known => TlsExtensionType::from(known).0,
    });
    match extension {
        TlsExtension::SNI(names) => said.server_name = names.first().map(|(_, name)| text(name)),
        TlsExtension::SignatureAlgorithms(list) => said.signature_algorithms.clone_from(list),
        TlsExtension::ALPN(protocols) => {
            said.alpn = protocols.iter().map(text).collect();
            said.alpn_first = protocols[0].to_vec();
        }
        TlsExtension::SupportedVersions(offered) => {
            said.versions = offered.iter().map(|version| version.0).collect();
            said.versions.retain(|&version| !is_grease(version));
            said.versions.sort_unstable_by(|a, b| b.cmp(a));
            said.versions.dedup();
        }
        _ => {}
    }
}

fn code_list() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(prop_oneof![any::<u16>(), Just(0x1a1a)], 1..40)
}

/// Extensions that are read, and others of types that tls-parser does not know, in any order.
fn extensions() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let other = (0x7000..0x7a00_u16, any_bytes(40)).prop_map(|(kind, body)| extension(kind, &body));
    let parts = (
        prop::option::of("[a-z0-9.-]{0,40}[a-z]".prop_map(|name| sni(name.as_bytes()))),
        prop::option::of(
            prop::collection::vec("[a-zA-Z0-9/.]{1,20}", 1..5)
                .prop_map(|names| alpn(&names.iter().map(String::as_bytes).collect::<Vec<_>>())),
        ),
        prop::option::of(code_list().prop_map(|list| versions(&list))),
        prop::option::of(code_list().prop_map(|list| signatures(&list))),
        prop::collection::vec(other, 0..6),
    );
    parts
        .prop_map(|(name, protocols, offered, algorithms, mut all)| {
            all.extend([name, protocols, offered, algorithms].into_iter().flatten());
            all
        })
        .prop_shuffle()
}

#[test]
fn a_real_hello() {
    let body = &real_flight()[9..];
    assert_eq!(said(body), second_opinion(body));
}

proptest! {
    #[test]
    fn any_well_formed_hello(extensions in extensions(), suites in code_list(), id in any_bytes(32)) {
        let hello = Hello { legacy: 0x0302, session_id: &id, suites: &suites, ..PLAIN };
        let body = hello.body(&extensions);
        prop_assert_eq!(said(&body), second_opinion(&body));
    }
}
