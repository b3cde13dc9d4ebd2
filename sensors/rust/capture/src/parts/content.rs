//! What the bytes of a file, or of a piece of one, are told by: a hash that nobody can find two inputs for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use blake3::Hasher;

use super::pieces::Piece;
use crate::window::CHUNK_BYTES;

/// The BLAKE3 hash of a file's bytes, or of a piece and all that is read before it, in hexadecimal.
///
/// Where a piece stands in its file is hashed with it: its faults tell that.
///
/// # Errors
/// It cannot be read.
pub fn content(path: &Path, piece: Option<&Piece>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let Some(Piece { mark, end }) = piece else {
        feed(&mut hasher, &mut file, u64::MAX)?;
        return Ok(hasher.finalize().to_hex().to_string());
    };
    hasher.update(&mark.packets.to_le_bytes());
    hasher.update(&mark.clock.to_le_bytes());
    for (begin, end) in mark.head.iter().chain([&(mark.offset, *end)]) {
        hasher.update(&begin.to_le_bytes());
        hasher.update(&end.to_le_bytes());
        file.seek(SeekFrom::Start(*begin))?;
        feed(&mut hasher, &mut file, end.saturating_sub(*begin))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn feed(hasher: &mut Hasher, file: &mut File, most_bytes: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut input = file.take(most_bytes);
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(bytes) => hasher.update(chunk.get(..bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
    }
}
