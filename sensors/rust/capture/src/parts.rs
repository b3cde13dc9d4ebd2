//! A capture read in parts by many, such that what they say together is what one would have said.
//!
//! A part is scanned first (`scan`), to know which conversations go on behind it. It is then read (`reading`) but
//! for those, which go to a file of their own; one engine reads all of these, and puts the observations of all in
//! order (`stitch`).

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::capture::CaptureReader;
use crate::captured::{Fault, Frames};
use crate::merge::MergedCaptures;
use crate::pcap::FILE_HEADER_BYTES;
use crate::posix::path_text;
use crate::window::CHUNK_BYTES;

pub mod content;
pub mod pieces;
pub mod reading;
pub mod records;
pub mod scan;
pub mod stitch;

/// What a part is: files, or a piece of one.
pub enum Source {
    /// Files that overlap in time, or one.
    Files(Box<MergedCaptures>),
    /// Some records of a classic pcap file, behind its header.
    Piece(Box<CaptureReader>),
}

impl Source {
    /// Files, or the bytes of one of them from a record's beginning to another's.
    ///
    /// # Errors
    /// The file of which a piece is wanted cannot be read.
    pub fn open(paths: &[PathBuf], piece: Option<(u64, u64)>) -> io::Result<Self> {
        match (piece, paths) {
            (Some((from, to)), [path]) => open_piece(path, from, to).map(Self::Piece),
            _ => Ok(Self::Files(Box::new(MergedCaptures::new(paths)))),
        }
    }

    /// The next frames, lent until those after them are asked for. None at the end.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Frames<'_> {
        match self {
            Self::Files(captures) => captures.next(),
            Self::Piece(reader) => {
                let mut frames = Frames::new();
                if let Some(place) = reader.advance() {
                    reader.lend_on(place, i64::MAX, &mut frames);
                }
                frames
            }
        }
    }

    /// What was wrong, and how many files came late.
    #[must_use]
    pub fn input(&self) -> (Vec<&Fault>, usize) {
        match self {
            Self::Files(captures) => (captures.faults(), captures.delayed_files()),
            Self::Piece(reader) => (reader.faults().iter().collect(), 0),
        }
    }
}

fn open_piece(path: &Path, from: u64, to: u64) -> io::Result<Box<CaptureReader>> {
    let mut file = File::open(path)?;
    let mut head = vec![0; FILE_HEADER_BYTES];
    file.read_exact(&mut head)?;
    file.seek(SeekFrom::Start(from))?;
    let bytes = Cursor::new(head).chain(file.take(to.saturating_sub(from)));
    let reader = CaptureReader::over(Box::new(bytes), path_text(path), CHUNK_BYTES);
    Ok(Box::new(reader))
}
