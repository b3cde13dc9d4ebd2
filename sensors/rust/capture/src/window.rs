//! A window that slides over a byte stream: what the capture formats read from.
//!
//! It holds about one chunk, whatever the stream's length; a reader says from where on it still needs bytes and
//! how many. A stream that stops early looks like its end, and `damage` says so.

use crate::captured::{Frame, Place, StreamDamage};
use crate::inflate::Chunks;
use crate::output::Output;

/// Read at once, unless told otherwise. It stays in the cache until its frames are used; mmap is slower.
pub const CHUNK_BYTES: usize = 262_144;
/// Places of a stream that are looked at for the next record after corrupt ones.
pub const MAX_CANDIDATES: usize = 1_048_576;
/// What a search may look at from one place on.
pub const MAX_PATTERN_BYTES: usize = 16;
/// A larger buffer is given back as soon as so much is not needed any more.
const LARGE_BYTES: usize = 4 * CHUNK_BYTES;

/// The stream's bytes around the place of reading. Positions count from the first byte held.
pub struct Window {
    held: Output,
    start: u64,
    ended: bool,
    damage: Option<StreamDamage>,
    chunks: Chunks,
    chunk_bytes: usize,
    candidates: usize,
}

impl Window {
    /// A window at the beginning of a stream, still empty.
    #[must_use]
    pub fn new(chunks: Chunks, chunk_bytes: usize) -> Self {
        Self {
            held: Output::default(),
            start: 0,
            ended: false,
            damage: None,
            chunks,
            chunk_bytes,
            candidates: MAX_CANDIDATES,
        }
    }

    /// The same, where the stream's first byte has another offset than 0.
    #[must_use]
    pub const fn counted_from(mut self, offset: u64) -> Self {
        self.start = offset;
        self
    }

    /// Whether the stream is what stands on the disk. Known when the first bytes were read.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.chunks.is_plain()
    }

    /// The bytes held.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.held.data()
    }

    /// Where a position is in the stream.
    #[must_use]
    pub const fn offset(&self, at: usize) -> u64 {
        self.start + at as u64
    }

    /// Whether the stream has no more bytes than those held.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// Why the stream stopped early, if it did.
    #[must_use]
    pub const fn damage(&self) -> Option<&StreamDamage> {
        self.damage.as_ref()
    }

    /// What was read from the disk so far, as it is there (compressed).
    #[must_use]
    pub const fn consumed_bytes(&self) -> u64 {
        self.chunks.consumed_bytes()
    }

    /// Lend a frame. The place must be of the window as it stands.
    #[inline]
    pub(crate) fn lend(&self, place: Place) -> Frame<'_> {
        let Place {
            ts_ns,
            linktype,
            wire_bytes,
            at,
            captured_bytes,
        } = place;
        let data = self
            .data()
            .get(at..at + captured_bytes as usize)
            .unwrap_or_default();
        Frame {
            ts_ns,
            linktype,
            data,
            wire_bytes,
        }
    }

    /// Make `need_bytes` available from position `at` on, if the stream has them.
    ///
    /// What stands before `at` may be dropped: returns the position where the byte at `at` now stands.
    pub fn fill(&mut self, at: usize, need_bytes: usize) -> usize {
        let kept_bytes = self.data().len().saturating_sub(at);
        if self.ended || kept_bytes >= need_bytes {
            return at;
        }
        let mut missing_bytes = (need_bytes - kept_bytes).max(self.chunk_bytes);
        self.start += at as u64;
        self.held.keep_from(at, LARGE_BYTES);
        while missing_bytes > 0 && !self.ended {
            missing_bytes = missing_bytes.saturating_sub(self.add_chunk());
        }
        0
    }

    /// Return the first position from `at` on that `search` finds and `fits` agrees with.
    ///
    /// `search` gives the next candidate from a position on, looking at most `MAX_PATTERN_BYTES` ahead of it.
    /// Where `fits` is asked, `lookahead_bytes` are there, unless the stream ends. None when there is no such
    /// position, or too many only looked like one.
    pub fn find(
        &mut self,
        mut at: usize,
        lookahead_bytes: usize,
        search: impl Fn(&[u8], usize) -> Option<usize>,
        fits: impl Fn(&Self, usize) -> bool,
    ) -> Option<usize> {
        while self.candidates > 0 {
            self.candidates -= 1;
            let mut found = search(self.data(), at);
            while found.is_none() && !self.ended {
                let held_bytes = self.data().len();
                at = at.max((held_bytes + 1).saturating_sub(MAX_PATTERN_BYTES));
                at = self.fill(at, held_bytes.saturating_sub(at) + 1);
                found = search(self.data(), at);
            }
            at = self.fill(found?, lookahead_bytes);
            if fits(self, at) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    fn add_chunk(&mut self) -> usize {
        let added_bytes = self
            .chunks
            .next_into(&mut self.held, self.chunk_bytes)
            .unwrap_or_else(|damage| {
                self.damage = Some(damage);
                0
            });
        self.ended = added_bytes == 0;
        added_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Cursor;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{CHUNK_BYTES, LARGE_BYTES, Window};
    use crate::inflate::Chunks;
    use crate::kit::Slowly;

    fn window(data: Vec<u8>, read_bytes: usize, chunk_bytes: usize) -> Window {
        Window::new(
            Chunks::new(Box::new(Slowly(Cursor::new(data), read_bytes))),
            chunk_bytes,
        )
    }

    fn find_x(data: &[u8], from: usize) -> Option<usize> {
        Some(from + data.get(from..)?.windows(2).position(|two| two == b"XY")?)
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_stream(
            read_bytes in 1..400_usize,
            needs in vec(1..300_usize, 0..30),
            chunk_bytes in 1..500_usize,
        ) {
            let stream: Vec<u8> = (0..2_048_u32).map(|byte| byte as u8).collect();
            let mut window = window(stream.clone(), read_bytes, chunk_bytes);
            let (mut at, mut offset) = (0, 0);
            for need in needs {
                at = window.fill(at, need);
                prop_assert_eq!(window.offset(at), offset as u64);
                let left = &stream[offset..];
                let got = &window.data()[at..window.data().len().min(at + need)];
                prop_assert_eq!(got, &left[..need.min(left.len())]);
                prop_assert!(got.len() == need || window.ended());
                (at, offset) = (at + got.len(), offset + got.len());
            }
        }
    }

    #[test]
    fn old_bytes_are_dropped_and_large_memory_is_given_back() {
        let mut window = window(vec![7; 40 * CHUNK_BYTES], usize::MAX, CHUNK_BYTES);
        let mut at = window.fill(0, 16 * CHUNK_BYTES) + 16 * CHUNK_BYTES;
        while !window.ended() {
            at = window.fill(at, 1) + 1_500;
            assert!(window.held.capacity_bytes() <= LARGE_BYTES);
        }
        assert_eq!(window.consumed_bytes(), 40 * CHUNK_BYTES as u64);
    }

    #[test]
    fn a_pattern_is_found_across_chunks() {
        for chunk_bytes in [1, 3, 1_000] {
            let dots = [b'.'; 50];
            let stream = [&dots[..], b"XY", &dots, b"XYZ!", &dots].concat();
            let mut window = window(stream, chunk_bytes, chunk_bytes);
            let found = window.find(0, 3, find_x, |window, at| {
                window.data()[at..].starts_with(b"XYZ")
            });
            assert_eq!(window.offset(found.unwrap()), 102);
            assert_eq!(
                window.find(found.unwrap() + 1, 3, find_x, |_, _| true),
                None
            );
        }
    }

    #[test]
    fn the_search_is_bounded() {
        let mut window = window(b"XY".repeat(50), 1_000, 1_000);
        window.candidates = 10;
        let asked = RefCell::new(Vec::new());
        let refuse = |_: &Window, at| {
            asked.borrow_mut().push(at);
            false
        };
        assert_eq!(window.find(0, 1, find_x, refuse), None);
        assert_eq!(window.find(0, 1, find_x, refuse), None);
        assert_eq!(
            *asked.borrow(),
            (0..10).map(|at| 2 * at).collect::<Vec<_>>()
        );
    }
}
