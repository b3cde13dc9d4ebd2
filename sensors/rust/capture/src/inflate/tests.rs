//! Decompression: members and frames in a row, cut anywhere, damaged, padded, and bombs in bounded memory.

use std::io::{Cursor, Error, Read};

use proptest::collection::vec;
use proptest::prelude::*;

use super::Chunks;
use crate::captured::{FaultKind, StreamDamage};
use crate::kit::{Slowly, gzip, noise, zstd};
use crate::output::Output;

type Compress = fn(&[u8]) -> Vec<u8>;

const COMPRESS: [Compress; 2] = [gzip, zstd];

/// All bytes of a stream read some at a time, and how it ended.
fn chunks_of(
    file: impl Read + Send + 'static,
    read_bytes: usize,
) -> (Vec<u8>, Option<StreamDamage>) {
    let (mut chunks, mut output) = (Chunks::new(Box::new(file)), Output::default());
    loop {
        let before_bytes = output.data().len();
        match chunks.next_into(&mut output, read_bytes) {
            Ok(0) => return (output.data().to_vec(), None),
            Ok(bytes) => assert_eq!(output.data().len(), before_bytes + bytes),
            Err(damage) => return (output.data().to_vec(), Some(damage)),
        }
    }
}

fn chunks(data: &[u8]) -> (Vec<u8>, Option<StreamDamage>) {
    chunks_of(Cursor::new(data.to_vec()), 4_096)
}

fn is_corrupt(damage: Option<&StreamDamage>) -> bool {
    damage.is_some_and(|damage| {
        damage.kind == FaultKind::Corrupt && damage.problem.ends_with("stream is damaged")
    })
}

#[test]
fn the_bytes_come_back() {
    let plain: Compress = <[u8]>::to_vec;
    for compress in [plain, gzip, zstd] {
        for read_bytes in [7, 1_024, 1_000_000] {
            for data in [noise(50_000), vec![], vec![b'x'; 3_000_000]] {
                let file = Cursor::new(compress(&data));
                assert!(chunks_of(file, read_bytes) == (data, None));
            }
        }
        for bytes in [1, 5] {
            let slow = Slowly(Cursor::new(compress(&noise(5_000))), bytes);
            assert!(chunks_of(slow, 4_096) == (noise(5_000), None));
        }
    }
}

#[test]
fn members_in_a_row_and_zeros_behind_them() {
    let data = noise(50_000);
    for compress in COMPRESS {
        let mut packed: Vec<_> = data.chunks(900).flat_map(compress).collect();
        packed.extend(compress(&[]));
        assert!(chunks(&packed) == (data.clone(), None));
        for padding in [1, 512, 100_000] {
            let padded = [packed.clone(), vec![0; padding]].concat();
            assert!(chunks(&padded) == (data.clone(), None));
            assert_eq!(
                chunks(&[padded, packed.clone()].concat()),
                (data.repeat(2), None)
            );
        }
    }
}

#[test]
fn a_skippable_frame_comes_first() {
    let data = [&b"\x5f\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&noise(900))].concat();
    assert_eq!(chunks(&data), (noise(900), None));
    for plain in [
        &b"\x60\x2a\x4d\x18"[..],
        b"\x50\x2a\x4d",
        b"\x1f",
        b"\x28\xb5\x2f",
    ] {
        assert_eq!(chunks(plain), (plain.to_vec(), None));
    }
}

#[test]
fn a_stream_cut_anywhere() {
    let text: Vec<_> = (0..400)
        .flat_map(|number| format!("packet {number}, ").into_bytes())
        .collect();
    for compress in COMPRESS {
        let one = compress(&text);
        let data = one.repeat(2);
        for cut in 8..data.len() {
            let (got, damage) = chunks(&data[..cut]);
            assert!(text.repeat(2).starts_with(&got));
            let kind = damage.map(|damage| damage.kind);
            assert_eq!(
                kind,
                if cut == one.len() {
                    None
                } else {
                    Some(FaultKind::Truncated)
                }
            );
        }
    }
}

#[test]
fn what_follows_and_is_not_compressed_is_damage() {
    for compress in COMPRESS {
        for garbage in [&[0xff; 40][..], b"not compressed"] {
            let (got, damage) = chunks(&[&compress(&noise(900)), garbage].concat());
            assert_eq!(got, noise(900));
            assert!(is_corrupt(damage.as_ref()));
        }
    }
}

#[test]
fn a_checksum_that_differs_is_damage_and_its_piece_is_lost() {
    for compress in COMPRESS {
        let data = noise(50_000);
        let mut packed = compress(&data);
        let last = packed.len() - 1;
        packed[last] ^= 1;
        let (got, damage) = chunks(&packed);
        assert!(is_corrupt(damage.as_ref()));
        assert!(data.starts_with(&got) && got.len() < data.len());
    }
}

#[test]
fn a_window_too_large_is_damage() {
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x90, 1, 0, 0]; // asks for 256 MiB
    assert!(is_corrupt(chunks(&frame).1.as_ref()));
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x88, 1, 0, 0]; // 128 MiB
    assert_eq!(chunks(&frame), (vec![], None));
}

#[test]
fn damage_while_reading_keeps_what_was_read() {
    struct Failing(Cursor<Vec<u8>>, Option<i32>);
    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(self.1.map_or_else(
                    || std::io::ErrorKind::WouldBlock.into(),
                    Error::from_raw_os_error,
                )),
                some => Ok(some),
            }
        }
    }
    let packed = gzip(&noise(50_000))[..20_000].to_vec();
    let (got, damage) = chunks_of(Failing(Cursor::new(packed.clone()), Some(5)), 4_096);
    assert!(got.len() > 14_000 && noise(50_000).starts_with(&got));
    let problem = "reading failed (Input/output error)".to_owned();
    assert_eq!(
        damage,
        Some(StreamDamage {
            kind: FaultKind::Corrupt,
            problem
        })
    );
    let (_, damage) = chunks_of(Failing(Cursor::new(packed), None), 4_096);
    assert_eq!(damage.unwrap().problem, "the gzip stream is cut off");
}

#[test]
fn a_bomb_passes_in_bounded_memory() {
    for compress in COMPRESS {
        let bomb = compress(&vec![0; 50_000_000]).repeat(2);
        let (mut chunks, mut output) =
            (Chunks::new(Box::new(Cursor::new(bomb))), Output::default());
        let mut total = 0;
        loop {
            let bytes = chunks.next_into(&mut output, 65_536).unwrap();
            total += bytes;
            assert!(bytes <= 33_554_432 && output.data().len() == bytes);
            output.keep_from(bytes, 0);
            if bytes == 0 {
                break;
            }
        }
        assert_eq!(total, 100_000_000);
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_data_or_damage(magic in 0..4_usize, rest in vec(any::<u8>(), 0..200)) {
        let magics: [&[u8]; 4] = [b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b""];
        let (got, damage) = chunks(&[magics[magic], &rest].concat());
        prop_assert!(damage.is_some() || magic < 3 || got == rest);
    }
}
