//! Pieces of large capture files, each of which can be read by itself.
//!
//! A file is read to know where its packets end: nothing is guessed. At the first place that makes no sense the
//! cutting ends, and what is left is one piece, so that its faults are those of the whole file.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use crate::capture::CaptureReader;
use crate::captured::Mark;
use crate::posix::path_text;
use crate::window::CHUNK_BYTES;

/// What may have to be read before a piece, in bytes and in places: a file that needs more is not cut there.
const MAX_HEAD_BYTES: u64 = 1 << 20;
const MAX_HEAD_RANGES: usize = 256;

/// Bytes of a file from one packet's end to another's; or to the file's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its beginning.
    pub mark: Mark,
    /// The offset of its end.
    pub end: u64,
}

/// Read a piece.
///
/// # Errors
/// The file cannot be opened, or what has to be read first cannot be read.
pub fn open(path: &Path, piece: &Piece) -> io::Result<CaptureReader> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    for (begin, end) in &piece.mark.head {
        file.seek(SeekFrom::Start(*begin))?;
        let mut range = (&mut file).take(end.saturating_sub(*begin));
        range.read_to_end(&mut head)?;
    }
    file.seek(SeekFrom::Start(piece.mark.offset))?;
    let rest = file.take(piece.end.saturating_sub(piece.mark.offset));
    let bytes = Box::new(Cursor::new(head).chain(rest));
    let name = path_text(path);
    Ok(CaptureReader::over_rest(
        bytes,
        name,
        CHUNK_BYTES,
        &piece.mark,
    ))
}

/// Cut a piece of a file, or all of it, into pieces of about `piece_bytes`: at least one.
///
/// # Errors
/// The file cannot be opened, or what has to be read first cannot be read.
pub fn cut(path: &Path, whole: &Piece, piece_bytes: u64) -> io::Result<Vec<Piece>> {
    let mut reader = open(path, whole)?;
    let mut pieces = Vec::new();
    let mut mark = whole.mark.clone();
    let mut due = mark.offset.saturating_add(piece_bytes.max(1));
    while reader.advance().is_some() && reader.faults().is_empty() {
        let Some(offset) = reader.offset().filter(|offset| *offset < whole.end) else {
            break;
        };
        if offset < due {
            continue;
        }
        due = offset.saturating_add(piece_bytes.max(1));
        if let Some(next) = reader.mark().and_then(|next| placed(next, &whole.mark)) {
            pieces.push(Piece { mark, end: offset });
            mark = next;
        }
    }
    pieces.push(Piece {
        mark,
        end: whole.end,
    });
    Ok(pieces)
}

/// A mark that was found by a reader that began at another one, with the head's places in the file.
///
/// That reader had its own head before it, at offsets that are no place's. None where there is too much to read
/// first.
fn placed(mut found: Mark, from: &Mark) -> Option<Mark> {
    let read_first = from.head.as_slice();
    let known = match found.head.first() {
        Some((begin, _)) if *begin < from.offset && !read_first.is_empty() => read_first,
        _ => &[],
    };
    let own = found
        .head
        .iter()
        .filter(|(begin, _)| known.is_empty() || *begin >= from.offset);
    let mut head: Vec<(u64, u64)> = Vec::new();
    for (begin, end) in known.iter().chain(own) {
        match head.last_mut() {
            Some((_, last)) if last == begin => *last = *end,
            _ => head.push((*begin, *end)),
        }
    }
    found.head = head;
    (found.head_bytes() <= MAX_HEAD_BYTES && found.head.len() <= MAX_HEAD_RANGES).then_some(found)
}

#[cfg(test)]
mod tests;
