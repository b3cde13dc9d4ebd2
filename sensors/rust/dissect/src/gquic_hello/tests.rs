use super::{GoogleHello, parse_chlo};
use crate::wire::Malformed;
use proptest::prelude::*;

#[test]
fn hellos() {
    let cases: [(&[u8], Option<&str>); 4] = [
        (b"CHLO\0\0\0\0", None),
        (b"CHLO\x01\0\0\0SNI\0\x05\0\0\0A.de.", Some("a.de")),
        (b"CHLO\x01\0\0\0SNI\0\x01\0\0\0.", Some(".")),
        (
            b"CHLO\x02\0\0\0PAD\0\x02\0\0\0SNI\0\x05\0\0\0--a b",
            Some("a\\x20b"),
        ),
    ];
    for (stream, expected) in cases {
        let server_name = expected.map(str::to_owned);
        assert_eq!(parse_chlo(stream), Ok(Some(GoogleHello { server_name })));
        for kept in 4..stream.len() {
            assert_eq!(parse_chlo(&stream[..kept]), Ok(None));
        }
    }
}

#[test]
fn malformed_hellos() {
    let long = [b"CHLO\x01\0\0\0SNI\0\0\x01\0\0", &[b'a'; 256][..]].concat();
    let cases: [(&[u8], &str); 6] = [
        (b"REJ\0\0\0\0\0", "quic-not-a-client-hello"),
        (b"CHLO\x81\0\0\0", "gquic-tags"),
        (
            b"CHLO\x02\0\0\0VER\0\x01\0\0\0SNI\0\x02\0\0\0ab",
            "gquic-tags",
        ),
        (
            b"CHLO\x02\0\0\0PAD\0\x02\0\0\0SNI\0\x01\0\0\0ab",
            "gquic-tags",
        ),
        (b"CHLO\x01\0\0\0SNI\0\0\0\x01\0", "hello-too-long"),
        (&long, "sni-name-length"),
    ];
    for (stream, reason) in cases {
        assert_eq!(parse_chlo(stream), Err(Malformed(reason)));
    }
}

proptest! {
    #[test]
    fn any_bytes_give_an_outcome(tail in prop::collection::vec(any::<u8>(), 0..80), tags in 0_u8..4) {
        let stream = [b"CHLO", &[tags, 0, 0, 0][..], &tail].concat();
        if let Ok(Some(GoogleHello { server_name: Some(name) })) = parse_chlo(&stream) {
            prop_assert!(!name.is_empty() && name.len() <= 4 * tail.len());
        }
    }
}
