//! What the bytes of a file, or of a piece of one, are told by: a hash that nobody can find two inputs for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use blake3::Hasher;

use crate::pcap::FILE_HEADER_BYTES;
use crate::window::CHUNK_BYTES;

/// The BLAKE3 hash of a file's bytes, or of the file's header and a piece, in hexadecimal.
///
/// # Errors
/// It cannot be read.
pub fn content(path: &Path, piece: Option<(u64, u64)>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut left_bytes = u64::MAX;
    if let Some((from, to)) = piece {
        feed(&mut hasher, &mut file, FILE_HEADER_BYTES as u64)?;
        file.seek(SeekFrom::Start(from))?;
        left_bytes = to.saturating_sub(from);
    }
    feed(&mut hasher, &mut file, left_bytes)?;
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
