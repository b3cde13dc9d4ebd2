use super::{DtlsClient, MAX_DATAGRAMS, MAX_FRAGMENTS, begins_dtls, may_hold_data};
use crate::ja4::{Transport, ja4};
use crate::observations::Carrier;
use crate::streams::Greeting;
use proptest::prelude::*;

/// The body of a hello for example.com that offers DTLS 1.3 and 1.2.
fn body(cookie: &[u8]) -> Vec<u8> {
    let name = b"\0\0\0\x10\0\x0e\0\0\x0bexample.com";
    let versions = b"\0\x2b\0\x05\x04\xfe\xfd\xfe\xfc";
    let extensions = [&name[..], versions].concat();
    let length = (extensions.len() as u16).to_be_bytes();
    let cookie_bytes = [cookie.len() as u8];
    let fixed = [
        b"\xfe\xfd",
        &[7; 32][..],
        &[0],
        &cookie_bytes,
        cookie,
        b"\0\x02\x13\x01\x01\0",
    ];
    [&fixed.concat()[..], &length, &extensions].concat()
}

/// A part of a handshake message in a record of its own.
fn part(body: &[u8], start: usize, end: usize, number: u8) -> Vec<u8> {
    let three = |number: usize| number.to_be_bytes()[5..].to_vec();
    let data = &body[start..end];
    let record_bytes = (12 + data.len() as u16).to_be_bytes();
    let head = [b"\x16\xfe\xfd\0\0\0\0\0\0\0\x09", &record_bytes[..], &[1]].concat();
    [
        &head[..],
        &three(body.len()),
        &[0, number],
        &three(start),
        &three(data.len()),
        data,
    ]
    .concat()
}

fn assert_hello(greeting: &Greeting<'_>) {
    let hello = greeting.hello.as_ref().unwrap();
    assert_eq!(greeting.carrier, Carrier::Dtls);
    assert_eq!(greeting.server_name.as_deref(), Some("example.com"));
    assert_eq!(
        (hello.versions(), hello.is_complete()),
        (vec![0xfefc, 0xfefd], true)
    );
    assert!(
        ja4(hello, Transport::Dtls)
            .as_str()
            .starts_with("dd3d010200_")
    );
}

#[test]
fn a_hello_with_and_without_a_cookie() {
    for cookie in [&b""[..], b"a server's cookie", &[9; 255]] {
        let body = body(cookie);
        let payload = part(&body, 0, body.len(), 0);
        assert!(begins_dtls(&payload));
        let mut client = DtlsClient::new();
        assert_hello(&client.feed(&payload, true).unwrap().unwrap());
        assert!(client.done() && client.partial().is_none() && client.oddity().is_none());
    }
}

#[test]
fn malformed() {
    let body = body(b"");
    let whole = part(&body, 0, body.len(), 0);
    let mut empty = whole[..13].to_vec();
    empty[11..].fill(0);
    let mut beyond = whole.clone();
    beyond[13 + 7] = 1;
    let mut giant = whole.clone();
    giant[13 + 1] = 0xff;
    for (payload, reason) in [
        (&whole[..whole.len() - 1], "dtls-past-end"),
        (&whole[..9], "dtls-past-end"),
        (&empty, "dtls-record-length"),
        (&beyond, "dtls-fragment"),
        (&giant, "hello-too-long"),
        (&part(b"\xfe\xfd", 0, 2, 0), "hello-truncated"),
    ] {
        let refused = DtlsClient::new().feed(payload, true).unwrap_err();
        assert_eq!(refused.0, reason);
    }
}

#[test]
fn a_cut_hello_says_what_is_there() {
    let body = body(b"");
    let whole = part(&body, 0, body.len(), 0);
    for kept in 14..whole.len() {
        let mut client = DtlsClient::new();
        assert!(client.feed(&whole[..kept], false).unwrap().is_none());
        assert_eq!(client.partial().is_some(), kept > 25);
        let name = client.partial().and_then(|greeting| greeting.server_name);
        assert_eq!(name.is_some(), kept >= whole.len() - 9);
    }
}

#[test]
fn bounds() {
    let body = body(b"");
    let tiny = part(&body, 0, 1, 0);
    let mut client = DtlsClient::new();
    for _ in 0..MAX_DATAGRAMS {
        assert!(!client.done());
        client.feed(&tiny, true).unwrap();
    }
    assert!(client.done() && client.oddity().is_none());
    let mut client = DtlsClient::new();
    client
        .feed(&tiny.repeat(MAX_FRAGMENTS as usize), true)
        .unwrap();
    assert!(!client.done());
    client.feed(&tiny, true).unwrap();
    assert_eq!(client.oddity().as_deref(), Some("dtls-over-limit"));
    assert!(client.done());
}

/// Both hellos of a handshake with a cookie in parts, some of them twice, in any order.
fn shuffled_parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let (first, second) = (body(b""), body(b"cookie"));
    let cuts = || prop::collection::btree_set(1..first.len(), 0..6);
    (cuts(), cuts(), 0_usize..4).prop_flat_map(move |(first_cuts, second_cuts, again)| {
        let mut parts = Vec::new();
        for (body, cuts, number) in [(&first, first_cuts, 0), (&second, second_cuts, 1)] {
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([body.len()]);
            parts.extend(
                starts
                    .zip(ends)
                    .map(|(start, end)| part(body, start, end, number)),
            );
        }
        parts.extend_from_within(..again.min(parts.len()));
        Just(parts).prop_shuffle()
    })
}

proptest! {
    #[test]
    fn any_cut_order_and_repetition_gives_the_same_hello(parts in shuffled_parts(), at_once in 1_usize..4) {
        let mut client = DtlsClient::new();
        let mut said = 0;
        for datagram in parts.chunks(at_once) {
            if !client.done() && let Some(greeting) = client.feed(&datagram.concat(), true).unwrap() {
                assert_hello(&greeting);
                said += 1;
            }
        }
        prop_assert_eq!(said, 1);
    }

    #[test]
    fn any_datagrams_give_outcomes(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..6)) {
        let mut client = DtlsClient::new();
        for tail in payloads {
            let payload = [b"\x16\xfe\xfd\0\0", &tail[..]].concat();
            for complete in [true, false] {
                let _ = client.feed(&payload, complete);
                let _ = client.partial();
            }
        }
    }
}

#[test]
fn data_is_known_by_its_first_byte() {
    let data: Vec<u8> = (0..=255)
        .filter(|&first| may_hold_data(&[first, 0]))
        .collect();
    let wanted = [23, 25].into_iter().chain(32..=63).chain(128..=191);
    assert!(data.into_iter().eq(wanted));
    assert!(!may_hold_data(&[]));
}
