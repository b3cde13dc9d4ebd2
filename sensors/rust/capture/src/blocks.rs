//! Frames in blocks of their own memory, so that another thread may read ahead of the one that uses them.

use dissect::sensor::{FRAMES, Frame};

use crate::ahead::Stage;
use crate::captured::Place;
use crate::merge::MergedCaptures;

/// A block is handed on when it holds so much.
const BLOCK_BYTES: usize = 1 << 20;

/// Some frames in a row, one file's or several'.
#[derive(Default)]
pub struct Block {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// What had been consumed on the disk by then.
    pub consumed_bytes: u64,
}

impl Block {
    /// How many frames there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The frames, a few at a time.
    pub fn each_few(&self, mut use_few: impl FnMut(&[Frame<'_>])) {
        for places in self.places.chunks(FRAMES) {
            let few: smallvec::SmallVec<[Frame<'_>; FRAMES]> =
                places.iter().map(|place| self.frame(place)).collect();
            use_few(&few);
        }
    }

    fn frame(&self, place: &Place) -> Frame<'_> {
        let end = place.at + place.captured_bytes as usize;
        Frame {
            ts_ns: place.ts_ns,
            linktype: place.linktype,
            data: self.bytes.get(place.at..end).unwrap_or_default(),
            wire_bytes: place.wire_bytes,
        }
    }

    fn add(&mut self, frame: &Frame<'_>) {
        self.places.push(Place {
            ts_ns: frame.ts_ns,
            linktype: frame.linktype,
            wire_bytes: frame.wire_bytes,
            at: self.bytes.len(),
            captured_bytes: frame.data.len() as u32,
        });
        self.bytes.extend_from_slice(frame.data);
    }
}

/// The frames of captures in blocks.
pub struct Blocks(pub MergedCaptures);

impl Stage for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut block = Block::default();
        block.bytes.reserve(BLOCK_BYTES + BLOCK_BYTES / 4);
        while block.bytes.len() < BLOCK_BYTES && block.len() < BLOCK_BYTES / 64 {
            let frames = self.0.next();
            if frames.is_empty() {
                break;
            }
            frames.iter().for_each(|frame| block.add(frame));
        }
        block.consumed_bytes = self.0.consumed_bytes();
        (!block.is_empty()).then_some(block)
    }
}
