use super::handshake_pieces;
use crate::quic_frames::CryptoPiece;
use crate::wire::Malformed;
use proptest::prelude::*;

/// Frames, and what they hold of the handshake.
type Case = (&'static [u8], &'static [(u64, &'static [u8])]);

fn pieces(frames: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, Malformed> {
    let mut pieces = Vec::new();
    let opened = [b"before", frames].concat();
    handshake_pieces(&opened, 6..opened.len(), 2, &mut pieces)?;
    let data = |(offset, place): CryptoPiece| (offset, opened[place].to_vec());
    Ok(pieces.into_iter().map(data).collect())
}

#[test]
fn frames_of_the_handshake() {
    let cases: [Case; 8] = [
        (b"\x00\x07\x00", &[]),
        (b"\xa0\x01\x00\x02ab", &[(0, b"ab")]),
        (b"\x80\x01abc", &[(0, b"abc")]),
        (b"\xe4\x01\x00\x09\x00\x01a\x00", &[(9, b"a")]),
        (b"\xbc\x01\0\0\0\0\0\0\0\x05\x00\x01a", &[(5, b"a")]),
        (b"\xa0\x03\x00\x01x\x08\x40\x05\x01y", &[(5, b"y")]),
        (b"\x40\x01\x00\x00\x01\x00\xa0\x01\x00\x01a", &[(0, b"a")]),
        (b"\x06\x00\x00\xa0\x01\x00\x00", &[(0, b"")]),
    ];
    for (frames, expected) in cases {
        let expected = expected
            .iter()
            .map(|(offset, data)| (*offset, data.to_vec()));
        assert_eq!(pieces(frames), Ok(expected.collect()));
    }
}

#[test]
fn malformed_frames() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "quic-no-frames"),
        (b"\x01", "quic-frame-type"),
        (b"\x3f", "quic-frame-type"),
        (b"\xa0\x01\x00\x03ab", "quic-past-end"),
        (b"\x60\x01\x00\x00\xff\x01", "quic-past-end"),
        (b"\x40\x01\x00\x00\x01\xff", "quic-past-end"),
        (b"\x06\x00", "quic-past-end"),
        (
            b"\xbc\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01a",
            "quic-crypto-offset",
        ),
    ];
    for (frames, reason) in cases {
        assert_eq!(pieces(frames).unwrap_err().0, reason);
    }
}

proptest! {
    #[test]
    fn any_frames_end(frames in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(pieces) = pieces(&frames) {
            prop_assert!(pieces.iter().map(|(_, data)| data.len()).sum::<usize>() < frames.len());
        }
    }
}
