//! Order, duplicates and overlaps do not matter, and the first copy of a byte wins.

use super::{MAX_PIECES, RangeBuffer};
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::HashMap;

/// The contiguous bytes from `start`, if every byte's first copy counts.
fn model(pieces: &[(i64, Vec<u8>)], start: i64, limit: usize) -> Vec<u8> {
    let mut bytes_at = HashMap::new();
    for (offset, data) in pieces {
        for (at, &byte) in (*offset..).zip(data) {
            bytes_at.entry(at).or_insert(byte);
        }
    }
    let contiguous = (start..).map_while(|at| bytes_at.get(&at).copied());
    contiguous.take(limit).collect()
}

fn len(data: &[u8]) -> i64 {
    i64::try_from(data.len()).unwrap()
}

fn pushed(buffer: &mut RangeBuffer, pieces: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, data) in pieces {
        out.extend_from_slice(&buffer.push(*offset, data));
    }
    out
}

proptest! {
    #[test]
    fn any_pieces_give_what_the_first_copies_say(
        pieces in prop::collection::vec((-20_i64..60, prop::collection::vec(any::<u8>(), 0..30)), 0..30),
        start in -10_i64..10,
        limit in 1_usize..80,
    ) {
        let mut buffer = RangeBuffer::new(start, limit);
        let got = pushed(&mut buffer, &pieces);
        prop_assert_eq!(&got, &model(&pieces, start, limit));
        prop_assert_eq!(buffer.next_offset(), start + len(&got));
        prop_assert_eq!(buffer.full(), got.len() == limit);
        let mut before = buffer.next_offset();
        for (offset, piece) in buffer.into_pieces() {
            prop_assert!(offset > before && !piece.is_empty());
            before = offset + len(&piece);
        }
    }

    #[test]
    fn any_order_gives_the_stream(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..30), 1..30)
            .prop_map(|parts| {
                let mut at = 0;
                let place = |data: Vec<u8>| { at += len(&data); (at - len(&data), data) };
                parts.into_iter().map(place).collect::<Vec<_>>()
            })
            .prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
    ) {
        let stream: Vec<u8> = pieces.0.into_iter().flat_map(|(_, data)| data).collect();
        let mut buffer = RangeBuffer::new(0, stream.len());
        prop_assert_eq!(pushed(&mut buffer, &pieces.1), stream);
        prop_assert!(!buffer.waiting());
        prop_assert_eq!(buffer.dropped_bytes(), 0);
    }
}

#[test]
fn bytes_in_order_are_not_copied() {
    let mut buffer = RangeBuffer::new(-3, 100);
    let data = *b"in order";
    let ready = buffer.push(-3, &data);
    assert!(matches!(ready, Cow::Borrowed(part) if std::ptr::eq(part, data.as_slice())));
    let again = buffer.push(-1, b"X order, more");
    assert_eq!((&*again, buffer.next_offset()), (b"r, more".as_slice(), 12));
    assert!(matches!(again, Cow::Borrowed(_)));
}

#[test]
fn bytes_beyond_the_limit_are_counted() {
    let mut buffer = RangeBuffer::new(0, 10);
    assert!(buffer.push(5, &[b'x'; 10]).is_empty());
    assert_eq!(buffer.dropped_bytes(), 5);
    assert_eq!(&*buffer.push(0, &[b'y'; 20]), b"yyyyyxxxxx");
    assert_eq!(buffer.dropped_bytes(), 15);
    assert!(buffer.full());
    assert!(buffer.push(40, b"far").is_empty());
    assert_eq!(buffer.dropped_bytes(), 18);
}

#[test]
fn the_number_of_separate_ranges_is_bounded() {
    let mut buffer = RangeBuffer::new(0, 1_000_000);
    let count = i64::try_from(MAX_PIECES).unwrap();
    for index in 0..count + 7 {
        assert!(buffer.push(2 * index + 1, b"x").is_empty());
    }
    assert_eq!(buffer.dropped_bytes(), 7);
    assert!(
        buffer.push(2 * count, b"y").is_empty(),
        "it touches a piece"
    );
    assert_eq!(buffer.dropped_bytes(), 7);
    assert_eq!(buffer.into_pieces().count(), MAX_PIECES);
}

#[test]
fn waiting_ranges_can_be_looked_at() {
    let mut buffer = RangeBuffer::new(0, 100);
    assert_eq!(buffer.first_piece(), b"");
    buffer.push(10, b"later");
    buffer.push(6, b"on");
    buffer.push(4, b"so");
    assert!(buffer.waiting());
    assert_eq!(buffer.first_piece(), b"soon");
    let pieces: Vec<_> = buffer.into_pieces().collect();
    assert_eq!(pieces, [(4, b"soon".to_vec()), (10, b"later".to_vec())]);
}

#[test]
fn offsets_at_the_ends_of_the_number_range_are_far_away() {
    let mut buffer = RangeBuffer::new(0, 10);
    for offset in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
        assert!(buffer.push(offset, b"abc").is_empty());
    }
    assert!(!buffer.waiting());
}

/// One-byte pieces from back to front: the work must not be quadratic.
#[test]
fn many_small_pieces_are_joined_quickly() {
    let size = 131_072_i64;
    let mut buffer = RangeBuffer::new(0, 131_072);
    for offset in (1..size).rev() {
        assert!(buffer.push(offset, b"x").is_empty());
    }
    assert_eq!(buffer.push(0, b"x").len(), 131_072);
}
