//! Where a large pcap file can be cut: at the beginnings of records that a walk from its first one came to.
//!
//! Nothing is guessed. A file in which anything is odd is not cut at all.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::pcap::{FILE_HEADER_BYTES, Walk};

const CHUNK_BYTES: usize = 65_536;
/// The file's first bytes, and the walk's next record.
type Begun = (Vec<u8>, Walk);

/// The offsets of the first record, of one in about every `piece_bytes`, and of the file's end.
///
/// None where the file is no sound pcap file: compressed, of another format, damaged, or cut off.
///
/// # Errors
/// It cannot be read.
pub fn cuts(path: &Path, piece_bytes: u64) -> io::Result<Option<Vec<u64>>> {
    let file = File::open(path)?;
    let file_bytes = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, file);
    let Some((mut header, walk)) = begin(&mut reader)? else {
        return Ok(None);
    };
    let mut at = FILE_HEADER_BYTES as u64;
    let mut cuts = vec![at];
    let mut due = at.saturating_add(piece_bytes.max(1));
    while at < file_bytes {
        if file_bytes - at < header.len() as u64 {
            return Ok(None);
        }
        reader.read_exact(&mut header)?;
        let Some(body_bytes) = walk.body_bytes(&header) else {
            return Ok(None);
        };
        if at >= due {
            cuts.push(at);
            due = at.saturating_add(piece_bytes.max(1));
        }
        at += header.len() as u64 + u64::from(body_bytes);
        reader.seek_relative(i64::from(body_bytes))?;
    }
    cuts.push(at);
    Ok((at == file_bytes && cuts.len() > 1).then_some(cuts))
}

/// Read the file's header; the buffer is for a record's.
fn begin(reader: &mut impl Read) -> io::Result<Option<Begun>> {
    let mut head = Vec::new();
    reader
        .take(FILE_HEADER_BYTES as u64)
        .read_to_end(&mut head)?;
    Ok(Walk::begun_by(&head).map(|walk| (vec![0; walk.header_bytes()], walk)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::cuts;

    fn record(bytes: u32) -> Vec<u8> {
        let head = [1_773_133_200_u32, 5, bytes, bytes].map(u32::to_le_bytes);
        [head.concat(), vec![7; bytes as usize]].concat()
    }

    fn cut(bytes: &[u8], piece_bytes: u64) -> Option<Vec<u64>> {
        let path = std::env::temp_dir().join(format!(
            "cuts-{}-{}-{piece_bytes}.pcap",
            std::process::id(),
            bytes.len()
        ));
        std::fs::File::create(&path)
            .unwrap()
            .write_all(bytes)
            .unwrap();
        let found = cuts(&path, piece_bytes).unwrap();
        std::fs::remove_file(&path).unwrap();
        found
    }

    #[test]
    fn a_sound_file_is_cut_at_records_and_no_other_is_cut() {
        let mut head = b"\xd4\xc3\xb2\xa1\x02\0\x04\0".to_vec();
        head.extend([0; 12]);
        head.extend(1_u32.to_le_bytes());
        let file = [head, record(100), record(20), record(200), record(1)].concat();
        assert_eq!(cut(&file, 1_000), Some(vec![24, 409]));
        assert_eq!(cut(&file, 130), Some(vec![24, 176, 392, 409]));
        assert_eq!(cut(&file, 1), Some(vec![24, 140, 176, 392, 409]));
        assert_eq!(cut(&file[..408], 1), None);
        assert_eq!(cut(&file[..30], 1), None);
        assert_eq!(cut(&file[..3], 1), None);
        assert_eq!(cut(&file[..24], 1), Some(vec![24, 24]));
        let mut odd = file;
        odd[24 + 8..24 + 12].copy_from_slice(&1_000_000_u32.to_le_bytes());
        assert_eq!(cut(&odd, 1), None);
    }
}
