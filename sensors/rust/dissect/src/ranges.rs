//! Reassembly by covered byte ranges, for TCP streams, QUIC CRYPTO frames and IP fragments alike.
//!
//! Bytes may arrive in any order, twice, or overlapping; the first copy of a byte wins, so that a later
//! forged copy changes nothing. Memory follows what was received, never what an offset claims. Bytes that
//! arrive in order are handed on without a copy.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// Separate ranges waiting for a hole to be filled.
pub const MAX_PIECES: usize = 4_096;
/// Memory that a range takes beside its bytes.
const PIECE_BYTES: usize = 128;

/// The bytes of one direction between `start` and `start + limit_bytes`.
#[derive(Debug)]
pub struct RangeBuffer {
    next_offset: i64,
    end: i64,
    dropped_bytes: u64,
    /// By their offsets; disjoint, never adjacent, never empty, all beyond `next_offset`.
    pieces: BTreeMap<i64, VecDeque<u8>>,
}

impl RangeBuffer {
    /// A buffer without bytes.
    #[must_use]
    pub fn new(start: i64, limit_bytes: usize) -> Self {
        Self {
            next_offset: start,
            end: end_of(start, limit_bytes),
            dropped_bytes: 0,
            pieces: BTreeMap::new(),
        }
    }

    /// The offset before which all bytes were handed out.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// How many bytes lay beyond the limit, or came in more pieces than are kept.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// Whether bytes wait behind a hole.
    #[must_use]
    pub fn waiting(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// How many bytes wait behind a hole.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.pieces.values().map(VecDeque::len).sum()
    }

    /// How much memory the ranges behind a hole take beside their bytes.
    #[must_use]
    pub fn overhead_bytes(&self) -> usize {
        PIECE_BYTES * self.pieces.len()
    }

    /// Move the limit on: so many bytes from what was handed out.
    pub fn extend(&mut self, limit_bytes: usize) {
        self.end = end_of(self.next_offset, limit_bytes);
    }

    /// Whether the limit was reached: nothing more can come out.
    #[must_use]
    pub fn full(&self) -> bool {
        self.next_offset >= self.end
    }

    /// The bytes of the lowest range that waits behind a hole, or nothing.
    pub fn first_piece(&mut self) -> &[u8] {
        self.pieces
            .first_entry()
            .map_or(&[], |first| first.into_mut().make_contiguous())
    }

    /// Where that range begins; with none, where the next byte is to come.
    #[must_use]
    pub fn first_offset(&self) -> i64 {
        let first = self.pieces.first_key_value();
        first.map_or(self.next_offset, |(offset, _)| *offset)
    }

    /// The ranges that wait behind a hole, with their offsets, in order.
    pub fn into_pieces(self) -> impl Iterator<Item = (i64, Vec<u8>)> {
        self.pieces
            .into_iter()
            .map(|(offset, piece)| (offset, Vec::from(piece)))
    }

    /// Add `data` at `offset`; return the bytes that became contiguous, in order.
    pub fn push<'d>(&mut self, offset: i64, data: &'d [u8]) -> Cow<'d, [u8]> {
        let (offset, data) = self.clip(offset, data);
        if data.is_empty() {
            return Cow::Borrowed(&[]);
        }
        if self.pieces.is_empty() && offset == self.next_offset {
            self.next_offset = end_of(offset, data.len());
            return Cow::Borrowed(data);
        }
        self.insert(offset, data);
        self.take()
    }

    /// Cut off what lies beyond the limit, and what was handed out already.
    fn clip<'d>(&mut self, mut offset: i64, mut data: &'d [u8]) -> (i64, &'d [u8]) {
        if end_of(offset, data.len()) > self.end {
            let kept;
            (kept, data) = split(data, distance(offset, self.end));
            self.dropped_bytes += data.len() as u64;
            data = kept;
        }
        if offset < self.next_offset {
            (_, data) = split(data, distance(offset, self.next_offset));
            offset = self.next_offset;
        }
        (offset, data)
    }

    fn take<'d>(&mut self) -> Cow<'d, [u8]> {
        match self.pieces.first_entry() {
            Some(first) if *first.key() == self.next_offset => {
                let ready = Vec::from(first.remove());
                self.next_offset = end_of(self.next_offset, ready.len());
                Cow::Owned(ready)
            }
            _ => Cow::Borrowed(&[]),
        }
    }

    /// Fill the holes that `data` covers, keeping what was there first, and join neighbours.
    fn insert(&mut self, offset: i64, data: &[u8]) {
        let end = end_of(offset, data.len());
        let left = self.piece_up_to(offset);
        if left.is_none()
            && self.pieces.len() >= MAX_PIECES
            && offset != self.next_offset
            && self.pieces.range(offset..=end).next().is_none()
        {
            self.dropped_bytes += data.len() as u64;
            return;
        }
        let (start, mut piece) = left.unwrap_or((offset, VecDeque::new()));
        let mut at = offset.max(end_of(start, piece.len()));
        while let Some((&next, _)) = self.pieces.range(offset..=end).next() {
            let right = self.pieces.remove(&next).unwrap_or_default();
            let after = end_of(next, right.len());
            piece.extend(between(data, offset, at, next));
            piece = join(piece, right);
            at = at.max(after);
        }
        piece.extend(between(data, offset, at, end));
        self.pieces.insert(start, piece);
    }

    /// Take out the piece that begins at or before `offset` and overlaps or touches it.
    fn piece_up_to(&mut self, offset: i64) -> Option<(i64, VecDeque<u8>)> {
        let (&start, piece) = self.pieces.range(..=offset).next_back()?;
        if end_of(start, piece.len()) < offset {
            return None;
        }
        self.pieces.remove_entry(&start)
    }
}

/// Put `right` behind `left`, moving only the shorter of the two.
///
/// So n bytes in pieces of any size and order cost O(n log n) in all.
fn join(mut left: VecDeque<u8>, mut right: VecDeque<u8>) -> VecDeque<u8> {
    if left.len() >= right.len() {
        left.append(&mut right);
        return left;
    }
    let moved = left.len();
    right.append(&mut left);
    right.rotate_right(moved);
    right
}

/// The part of `data`, which begins at `offset`, that lies between two other offsets.
fn between(data: &[u8], offset: i64, from: i64, to: i64) -> &[u8] {
    data.get(distance(offset, from)..distance(offset, to))
        .unwrap_or_default()
}

fn split(data: &[u8], at: usize) -> (&[u8], &[u8]) {
    data.split_at_checked(at).unwrap_or((data, &[]))
}

/// How far `to` lies behind `from`; 0 where it lies before.
fn distance(from: i64, to: i64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(0)
}

fn end_of(start: i64, len: usize) -> i64 {
    start.saturating_add(i64::try_from(len).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
