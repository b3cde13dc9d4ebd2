use super::kit::*;
use super::{InitialReader, MAX_CRYPTO_BYTES, MAX_FAILED_DATAGRAMS, Outcome};
use crate::wire::Malformed;
use proptest::prelude::*;

/// The bytes that datagrams give, all of them whole.
fn fed<'p>(reader: &mut InitialReader, payloads: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
    let feed = |payload| reader.feed(payload, true).unwrap();
    payloads.into_iter().flat_map(feed).collect()
}

fn outcome(payload: &[u8], complete: bool) -> (Result<Vec<u8>, Malformed>, &'static str) {
    let mut reader = InitialReader::default();
    let ready = reader.feed(payload, complete);
    (ready, reader.outcome().as_str())
}

#[test]
fn a_connection_keeps_its_keys_when_the_server_chooses_its_id() {
    let mut reader = InitialReader::default();
    let second = initial_of(V1, OTHER_ID, CLIENT_ID, &crypto(3, b"lo"));
    let third = initial_of(V1, b"", CLIENT_ID, &crypto(5, b"!"));
    let first = initial(&crypto(0, b"hel"));
    assert_eq!(fed(&mut reader, [&first[..], &second, &third]), b"hello!");
    assert_eq!(reader.connections(), 1);
}

#[test]
fn another_connection_begins_another_stream() {
    let mut reader = InitialReader::default();
    assert_eq!(
        fed(&mut reader, [&initial(&crypto(0, b"abandoned"))[..]]),
        b"abandoned"
    );
    let new = initial_of(V2, OTHER_ID, OTHER_ID, &crypto(0, b"new"));
    assert_eq!(fed(&mut reader, [&new[..]]), b"new");
    assert_eq!(reader.connections(), 2);
    let old = initial(&crypto(0, b"again"));
    assert_eq!(fed(&mut reader, [&closed(b"\x01")[..], &old]), b"again");
    assert_eq!(reader.connections(), 3);
}

#[test]
fn coalesced_packets() {
    let (first, second) = (initial(&crypto(0, b"ab")), initial(&crypto(2, b"cd")));
    let (zero_rtt, handshake) = (other_packet(0xd0, V1), other_packet(0xe0, V1));
    let malformed = [&[0xc0], &V1[..], &[0xff; 100]].concat();
    let mut broken = first.clone();
    *broken.last_mut().unwrap() ^= 1;
    let cases: [&[&[u8]]; 8] = [
        &[&first, &second],
        &[&second, &first],
        &[&zero_rtt, &first, &handshake, &second],
        &[&first, &second, &[0; 100]], // padding outside of any packet
        &[&first, &second, &[0xff; 100]], // and what is no packet
        &[&first, &second, &first[..40]],
        &[&first, &second, &malformed],
        &[&broken, &first, &second], // an unreadable packet does not hide the next
    ];
    for packets in cases {
        assert_eq!(
            outcome(&packets.concat(), true),
            (Ok(b"abcd".to_vec()), "initial")
        );
    }
    let decoy = initial_of(V1, OTHER_ID, OTHER_ID, &crypto(0, b"decoy"));
    assert_eq!(
        outcome(&[first, decoy].concat(), true),
        (Ok(b"ab".to_vec()), "initial")
    );
}

#[test]
fn one_malformed_packet_spoils_its_datagram() {
    let good = initial(&crypto(0, b"ab"));
    let mut reader = InitialReader::default();
    let spoiled = [&good[..], &initial(b"\x08\x00\x00")].concat();
    assert_eq!(
        reader.feed(&spoiled, true),
        Err(Malformed("quic-frame-type"))
    );
    assert_eq!(reader.outcome(), Outcome::Malformed);
    assert_eq!(reader.connections(), 1);
    assert_eq!(fed(&mut reader, [&good[..]]), b"ab");
}

#[test]
fn outcomes() {
    for (payload, bytes, name) in [
        (initial(&crypto(0, b"ab")), &b"ab"[..], "initial"),
        (initial(b"\x01"), b"", "initial"),
        (vec![], b"", "no-initial"),
        (b"\x40short header".repeat(9), b"", "no-initial"),
        (other_packet(0xd0, V1), b"", "no-initial"),
        (other_packet(0xc0, V2), b"", "no-initial"), // a Retry there
        (other_packet(0xf0, V1), b"", "no-initial"),
        (
            other_packet(0xc0, [0x1a, 0x2a, 0x3a, 0x4a]),
            b"",
            "unknown-version",
        ),
        (other_packet(0x80, [0; 4]), b"", "unknown-version"), // Version Negotiation
        (closed(&crypto(0, b"ab")), b"", "undecryptable"),
    ] {
        for complete in [true, false] {
            assert_eq!(outcome(&payload, complete), (Ok(bytes.to_vec()), name));
        }
    }
}

#[test]
fn a_cut_datagram_is_truncated_where_the_capture_cut_it_else_malformed() {
    let payload = initial(&crypto(0, &[b'x'; 100]));
    for kept in [7, 14, 15, 16, 18, 19, 60, 100] {
        let past_end = Err(Malformed("quic-past-end"));
        assert_eq!(outcome(&payload[..kept], true), (past_end, "malformed"));
        assert_eq!(outcome(&payload[..kept], false), (Ok(vec![]), "truncated"));
    }
    let malformed = [&[0xc0], &V1[..], &[21; 80]].concat();
    for complete in [true, false] {
        let refused = Err(Malformed("quic-connection-id"));
        assert_eq!(outcome(&malformed, complete), (refused, "malformed"));
    }
}

#[test]
fn failures_of_a_flow_are_bounded_and_successes_are_not() {
    let (good, bad) = (initial(&crypto(0, b"ab")), closed(&crypto(0, b"ab")));
    let harmless = other_packet(0xd0, V1);
    let mut reader = InitialReader::default();
    for _ in 1..MAX_FAILED_DATAGRAMS {
        fed(&mut reader, [&bad[..], &harmless]);
    }
    assert_eq!(fed(&mut reader, [&good[..], &bad]), b"ab");
    assert_eq!(reader.outcome(), Outcome::Undecryptable);
    assert_eq!(fed(&mut reader, [&good[..]]), b"");
    assert_eq!(reader.outcome().as_str(), "over-limit");
}

#[test]
fn the_stream_is_bounded() {
    let mut reader = InitialReader::default();
    let far = [
        crypto(MAX_CRYPTO_BYTES as u64, b"beyond"),
        crypto(1 << 61, b"far"),
    ]
    .concat();
    assert_eq!(fed(&mut reader, [&initial(&far)[..]]), b"");
    let chunks: Vec<_> = (0..5)
        .map(|n| initial(&crypto(n * 16_000, &[b'x'; 16_000])))
        .collect();
    let stream = fed(&mut reader, chunks.iter().map(Vec::as_slice));
    assert_eq!(stream, vec![b'x'; MAX_CRYPTO_BYTES]);
}

/// A stream cut into CRYPTO frames, some of them twice or overlapping, in any order, with other frames between.
fn shuffled_frames() -> impl Strategy<Value = (Vec<u8>, Vec<Vec<u8>>)> {
    let stream: Vec<u8> = (0..1024_u32).map(|n| (n * 7 % 251) as u8).collect();
    let cuts = prop::collection::btree_set(1..stream.len(), 0..8);
    let extra = prop::collection::vec((0..stream.len(), 0_usize..300), 0..4);
    (Just(stream), cuts, extra).prop_flat_map(|(stream, cuts, extra)| {
        let frame =
            |from: usize, to: usize| crypto(from as u64, &stream[from..to.min(stream.len())]);
        let ends = cuts.iter().copied().chain([stream.len()]);
        let mut frames: Vec<_> = [0]
            .into_iter()
            .chain(cuts.iter().copied())
            .zip(ends)
            .map(|(from, to)| frame(from, to))
            .collect();
        frames.extend(
            extra
                .into_iter()
                .map(|(from, size)| frame(from, from + size)),
        );
        frames.extend([vec![1], vec![0, 0, 1], vec![2, 0, 0, 0, 0]]);
        (Just(stream), Just(frames).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn any_cut_order_and_repetition_gives_the_same_stream(
        (stream, frames) in shuffled_frames(),
        in_a_packet in 1_usize..6,
    ) {
        let packets: Vec<_> = frames.chunks(in_a_packet).map(|frames| initial(&frames.concat())).collect();
        let mut reader = InitialReader::default();
        prop_assert_eq!(fed(&mut reader, packets.iter().map(Vec::as_slice)), stream);
        prop_assert_eq!((reader.outcome(), reader.connections()), (Outcome::Initial, 1));
    }

    #[test]
    fn any_datagrams_give_outcomes_and_no_bytes(
        payloads in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..120)), 0..6),
    ) {
        let mut reader = InitialReader::default();
        for (with_header, tail) in payloads {
            let payload = if with_header { [&[0xc0], &V1[..], &tail].concat() } else { tail };
            let ready = reader.feed(&payload, true);
            prop_assert_eq!(ready.is_err(), reader.outcome() == Outcome::Malformed);
            prop_assert!(ready.unwrap_or_default().is_empty());
            prop_assert!(!matches!(reader.outcome(), Outcome::Initial | Outcome::Truncated));
        }
    }

    #[test]
    fn a_changed_byte_never_changes_the_stream(at in 0_usize..73, change in 1_u8..=255) {
        let mut payload = initial(&crypto(0, &[b'a'; 30]));
        let at = at % payload.len();
        payload[at] ^= change;
        let (ready, _) = outcome(&payload, false);
        prop_assert!(ready.is_err() || ready == Ok(vec![]) || ready == Ok(vec![b'a'; 30]));
    }
}
