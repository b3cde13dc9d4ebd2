use super::{PastEnd, bytes_after_length, crypto_pieces, read_varint};
use crate::quic::kit::varint;
use crate::wire::Malformed;
use proptest::prelude::*;

const ACK: &[u8] = &[0x02, 10, 0, 1, 3, 2, 1];
const ACK_ECN: &[u8] = &[0x03, 10, 0, 0, 3, 7, 8, 9];
const CLOSE: &[u8] = b"\x1c\x0a\x06\x03bye";

/// The pieces with their data, of frames that stand behind others.
fn pieces(frames: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, Malformed> {
    let opened = [b"\xff\xff", frames, b"\xff"].concat();
    let mut pieces = Vec::new();
    crypto_pieces(&opened, 2..2 + frames.len(), &mut pieces)?;
    Ok(pieces
        .into_iter()
        .map(|(offset, data)| (offset, opened[data].to_vec()))
        .collect())
}

#[test]
fn integers_of_the_rfc() {
    for (data, value) in [
        (
            &b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c"[..],
            151_288_809_941_952_652,
        ),
        (b"\x9d\x7f\x3e\x7d", 494_878_333),
        (b"\x7b\xbd", 15_293),
        (b"\x40\x25", 37),
        (b"\x25", 37),
    ] {
        assert_eq!(read_varint(data, 0), Ok((value, data.len())));
    }
}

#[test]
fn bytes_stand_after_their_length() {
    assert_eq!(bytes_after_length(b"\x02ab!", 0), Ok(1..3));
    assert_eq!(bytes_after_length(b"\x03ab", 0), Err(PastEnd));
    assert_eq!(bytes_after_length(&[0xff; 8], 0), Err(PastEnd));
}

#[test]
fn crypto_frames_are_found_among_others() {
    let far = [
        &[0; 37][..],
        &[1, 6, 7, 1, b'x'],
        &[0; 100],
        &[6, 8, 1, b'y'],
    ]
    .concat();
    for (frames, expected) in [
        (&b"\x06\x00\x02hi"[..], &[(0, &b"hi"[..])][..]),
        (
            b"\x01\x00\x00\x06\x40\x80\x02hi\x00\x01\x01",
            &[(128, b"hi")],
        ),
        (b"\x06\x02\x01x\x06\x00\x02hi", &[(2, b"x"), (0, b"hi")]),
        (b"\x06\x05\x00", &[(5, b"")]),
        (
            &[ACK, b"\x06\x00\x01x", ACK_ECN, b"\x00"].concat(),
            &[(0, b"x")],
        ),
        (
            &[b"\x06\x00\x01x", CLOSE, b"\x06\x01\x01y"].concat(),
            &[(0, b"x"), (1, b"y")],
        ),
        (&far, &[(7, b"x"), (8, b"y")]),
        (b"\x01", &[]),
        (&[0; 1162], &[]),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|(offset, data)| (*offset, data.to_vec()))
            .collect();
        assert_eq!(pieces(frames), Ok(expected));
    }
}

#[test]
fn malformed_frames() {
    let endless = [
        &b"\x02\x0a\x00\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        &[0; 51],
    ]
    .concat();
    for (frames, reason) in [
        (&b""[..], "quic-no-frames"),
        (b"\x06\x00\x03hi", "quic-past-end"),
        (b"\x06", "quic-past-end"),
        (
            b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01x",
            "quic-crypto-offset",
        ),
        (b"\x08\x00", "quic-frame-type"),          // a STREAM frame
        (b"\x1d\x00\x00", "quic-frame-type"),      // CONNECTION_CLOSE of the application
        (b"\x40\x06\x00\x01x", "quic-frame-type"), // not the shortest encoding
        (&endless, "quic-past-end"),
        (&ACK[..6], "quic-past-end"),
        (&ACK_ECN[..7], "quic-past-end"),
        (&CLOSE[..6], "quic-past-end"),
    ] {
        assert_eq!(pieces(frames), Err(Malformed(reason)));
    }
}

proptest! {
    #[test]
    fn integers_are_read_as_they_are_written(value in (0_u32..62).prop_flat_map(|bits| 0..1_u64 << bits)) {
        let data = [b"??", &varint(value)[..]].concat();
        prop_assert_eq!(read_varint(&data, 2), Ok((value, data.len())));
        prop_assert_eq!(read_varint(&data[..data.len() - 1], 2), Err(PastEnd));
    }

    #[test]
    fn any_bytes_give_pieces_of_them_or_malformed(
        frames in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..8], 0..200),
    ) {
        for (offset, data) in pieces(&frames).unwrap_or_default() {
            prop_assert!(offset + (data.len() as u64) < 1 << 62);
            prop_assert!(data.is_empty() || frames.windows(data.len()).any(|part| part == data));
        }
    }

    #[test]
    fn idle_frames_change_nothing(before in 0_usize..70, between in 0_usize..70, idle in 0_u8..2) {
        let frames = [&vec![idle; before][..], b"\x06\x00\x01x", &vec![idle; between], b"\x06\x01\x01y"].concat();
        prop_assert_eq!(pieces(&frames), Ok(vec![(0, b"x".to_vec()), (1, b"y".to_vec())]));
    }
}
