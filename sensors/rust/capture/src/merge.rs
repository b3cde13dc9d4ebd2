//! Many capture files as one stream of frames in time order.
//!
//! A file is opened when the time of its first packet is reached, so thousands of rotated files need few
//! descriptors. Frames of one file keep its order: that packets followed each other is evidence, a clock that
//! jumps is not.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use crate::capture::CaptureReader;
use crate::captured::{Fault, Frames, Place};
use crate::paths::expand_paths;
use crate::posix::path_order;
use crate::window::CHUNK_BYTES;

/// That overlap in time; further ones wait until one of them ends.
pub const MAX_OPEN_FILES: usize = 256;
/// Read at once while many files are open, and for a first packet's time.
pub const SMALL_CHUNK_BYTES: usize = 65_536;
/// That may be open with large chunks.
const FEW_FILES: usize = 16;

/// A time, and the rank of a file: the place of its path in order.
type Due = Reverse<(i64, usize)>;

/// A file that was opened, and its next frame where it waits for its turn.
struct Opened {
    reader: CaptureReader,
    next: Option<Place>,
}

/// The file that is being read, as long as no other one has an earlier frame.
#[derive(Clone, Copy)]
struct Current {
    rank: usize,
    until_ns: Option<i64>,
}

/// The frames of capture files and folders.
pub struct MergedCaptures {
    paths: Vec<PathBuf>,
    /// By rank.
    opened: Vec<Option<Opened>>,
    /// By the time of the first packet; the last is next. None before the first frame was asked for.
    waiting: Option<Vec<(i64, usize)>>,
    /// By the time of the next frame.
    open: BinaryHeap<Due>,
    current: Option<Current>,
    now_ns: i64,
    delayed_files: usize,
    max_open_files: usize,
}

impl MergedCaptures {
    /// The captures that the paths mean. Folders are listed at once, files opened when frames are asked for.
    #[must_use]
    pub fn new<P: AsRef<Path>>(paths: &[P]) -> Self {
        let mut paths = expand_paths(paths);
        paths.sort_by_cached_key(|path| path_order(path));
        let opened = paths.iter().map(|_| None).collect();
        Self {
            paths,
            opened,
            waiting: None,
            open: BinaryHeap::new(),
            current: None,
            now_ns: 0,
            delayed_files: 0,
            max_open_files: MAX_OPEN_FILES,
        }
    }

    /// The files, in the order of their ranks.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The next frames, as many as are at hand, lent until those after them are asked for. None at the end.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    #[inline]
    pub fn next(&mut self) -> Frames<'_> {
        let mut frames = Frames::new();
        let place = self.current_place().or_else(|| self.turn());
        let (Some(place), Some(Current { rank, until_ns })) = (place, self.current) else {
            return frames;
        };
        let Some(Opened { reader, next }) = self.opened.get_mut(rank).and_then(Option::as_mut)
        else {
            return frames;
        };
        let later = reader.lend_on(place, until_ns.unwrap_or(i64::MAX), &mut frames);
        if let Some(place) = later {
            *next = Some(place);
            self.open.push(Reverse((place.ts_ns, rank)));
            self.current = None;
        }
        frames
    }

    /// Files that overlapped too many others, and came late: their frames are out of order.
    #[must_use]
    pub const fn delayed_files(&self) -> usize {
        self.delayed_files
    }

    /// The faults met so far, in the order of the paths.
    #[must_use]
    pub fn faults(&self) -> Vec<&Fault> {
        let opened = self.opened.iter().flatten();
        opened.flat_map(|opened| opened.reader.faults()).collect()
    }

    /// What was read from the disk so far, as it is there (compressed).
    #[must_use]
    pub fn consumed_bytes(&self) -> u64 {
        self.opened
            .iter()
            .flatten()
            .map(|opened| opened.reader.consumed_bytes())
            .sum()
    }

    /// Go to the next frame of the file that is being read; None when it is another one's turn.
    #[inline]
    fn current_place(&mut self) -> Option<Place> {
        let Current { rank, until_ns } = *self.current.as_ref()?;
        let opened = self.opened.get_mut(rank)?.as_mut()?;
        let place = opened.reader.advance()?;
        if until_ns.is_some_and(|until_ns| place.ts_ns > until_ns) {
            opened.next = Some(place);
            self.open.push(Reverse((place.ts_ns, rank)));
            return None;
        }
        Some(place)
    }

    /// Give the turn to the file that has the earliest frame; None at the end of all.
    #[cold]
    fn turn(&mut self) -> Option<Place> {
        self.current = None;
        if self.waiting.is_none() && self.paths.len() == 1 {
            self.waiting = Some(Vec::new());
            self.begin(0);
            self.current = Some(Current {
                rank: 0,
                until_ns: None,
            });
            let Reverse((_, rank)) = self.open.pop()?;
            return self.opened.get_mut(rank)?.as_mut()?.next.take();
        }
        self.open_due();
        let Reverse((now_ns, rank)) = self.open.pop()?;
        self.now_ns = now_ns;
        self.current = Some(Current {
            rank,
            until_ns: self.next_other_ns(),
        });
        self.opened.get_mut(rank)?.as_mut()?.next.take()
    }

    /// Open the files whose first packet's time is reached.
    fn open_due(&mut self) {
        if self.waiting.is_none() {
            self.waiting = Some(self.first_times());
        }
        while self.open.len() < self.max_open_files {
            let Some((first_ns, rank)) = self.next_due() else {
                return;
            };
            self.delayed_files += usize::from(0 <= first_ns && first_ns < self.now_ns);
            self.begin(rank);
        }
    }

    /// Return the next file that waits, where its time is reached.
    fn next_due(&mut self) -> Option<(i64, usize)> {
        let waiting = self.waiting.as_mut()?;
        let (first_ns, _) = *waiting.last()?;
        let reached = self
            .open
            .peek()
            .is_none_or(|Reverse((next_ns, _))| first_ns <= *next_ns);
        if reached { waiting.pop() } else { None }
    }

    /// Open a file, and line it up with its first frame.
    fn begin(&mut self, rank: usize) {
        let chunk_bytes = if self.open.len() < FEW_FILES {
            CHUNK_BYTES
        } else {
            SMALL_CHUNK_BYTES
        };
        let (Some(path), Some(slot)) = (self.paths.get(rank), self.opened.get_mut(rank)) else {
            return;
        };
        let mut reader = CaptureReader::open(path, chunk_bytes);
        let next = reader.advance();
        self.open
            .extend(next.map(|place| Reverse((place.ts_ns, rank))));
        *slot = Some(Opened { reader, next });
    }

    /// Return the time at which another file than the one being read has a frame.
    fn next_other_ns(&self) -> Option<i64> {
        let opened = self.open.peek().map(|Reverse((next_ns, _))| *next_ns);
        let waiting = self
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.last())
            .map(|(first_ns, _)| *first_ns);
        opened.into_iter().chain(waiting).min()
    }

    /// Return each file's first time and rank, the earliest last.
    fn first_times(&self) -> Vec<(i64, usize)> {
        let times = self
            .paths
            .iter()
            .enumerate()
            .map(|(rank, path)| (first_time_ns(path), rank));
        let mut times: Vec<_> = times.collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        times
    }
}

/// Return the time of a file's first packet; -1, so that it is opened at once, where that is not known.
///
/// Only regular files are looked into: what a pipe gives can be read once only.
fn first_time_ns(path: &Path) -> i64 {
    if !path.is_file() {
        return -1;
    }
    CaptureReader::open(path, SMALL_CHUNK_BYTES)
        .next()
        .map_or(-1, |frame| frame.ts_ns)
}

#[cfg(test)]
mod tests;
