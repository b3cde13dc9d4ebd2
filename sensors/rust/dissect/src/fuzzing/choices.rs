//! A target's input, taken from its front: what to do, and what to do it with.

/// The bytes that are left. When they are used up every number is 0, and every run of bytes is empty.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    /// All of an input.
    #[must_use]
    pub const fn new(input: &'d [u8]) -> Self {
        Self(input)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes as a number, the highest first.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next four bytes as a number, the highest first.
    pub fn word(&mut self) -> u32 {
        u32::from(self.short()) << 16 | u32::from(self.short())
    }

    /// The next bytes, as many as there are of `count`.
    pub fn bytes(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The next bytes behind a byte that says how many.
    pub fn list(&mut self) -> &'d [u8] {
        let count = self.byte();
        self.bytes(count.into())
    }

    /// The next bytes behind two bytes that say how many.
    pub fn long_list(&mut self) -> &'d [u8] {
        let count = self.short();
        self.bytes(count.into())
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(self) -> &'d [u8] {
        self.0
    }
}

/// A part of a stream, and where in the stream it stands.
pub type Piece<'d> = (usize, &'d [u8]);

/// More pieces would say nothing new, and take long.
const MAX_PIECES: usize = 256;

/// Cut `data` into pieces of these sizes, over and over (0 means 1); without sizes it is one piece.
pub fn pieces<'d>(sizes: &[u8], data: &'d [u8]) -> Vec<Piece<'d>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut sizes = sizes.iter().cycle();
    while at < data.len() {
        let size = sizes
            .next()
            .map_or(data.len(), |size| usize::from(*size).max(1));
        let end = if pieces.len() < MAX_PIECES {
            data.len().min(at + size)
        } else {
            data.len()
        };
        pieces.push((at, &data[at..end]));
        at = end;
    }
    pieces
}

/// The pieces in another order: by keys that are taken over and over, equals as they stood.
pub fn reordered<'d>(keys: &[u8], pieces: &[Piece<'d>]) -> Vec<Piece<'d>> {
    let mut keyed: Vec<(u8, Piece<'d>)> = match keys {
        [] => pieces.iter().map(|piece| (0, *piece)).collect(),
        _ => keys
            .iter()
            .cycle()
            .copied()
            .zip(pieces.iter().copied())
            .collect(),
    };
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, piece)| piece).collect()
}
