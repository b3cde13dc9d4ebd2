//! Which conversations may still go on where a capture is cut, so that both sides of the cut leave them to a third.
//!
//! What is told is always enough, and may be too much: a conversation is known by its innermost ends alone, and is
//! over only where its flow would surely be gone from a table, whatever was before the first frame seen here.

use ahash::RandomState;
use hashbrown::HashSet;

use crate::flows::SECOND_NS;
use crate::glance::Glance;
use crate::key::number;
use crate::segment::{Address, Segment};

/// How far a clock may be set back where a capture is cut.
pub const SLACK_NS: i64 = 10 * SECOND_NS;
/// The two ends of a conversation in order; without ports and transport, all that two addresses have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ends {
    low: (u128, u16),
    high: (u128, u16),
    transport: u8,
}

impl Ends {
    /// The bytes of one, written out.
    pub const BYTES: usize = 37;

    /// The ends of a segment, and whether its sender is the lower one.
    #[inline]
    #[must_use]
    pub fn of(segment: &Segment<'_>) -> (Self, bool) {
        let source = (segment.source, segment.source_port);
        let target = (segment.target, segment.target_port);
        Self::new(source, target, segment.transport)
    }

    /// The ends of what goes from a source to a target, and whether the source is the lower one.
    #[inline]
    #[must_use]
    pub fn new(source: (Address, u16), target: (Address, u16), transport: u8) -> (Self, bool) {
        let source = (number(source.0), source.1);
        let target = (number(target.0), target.1);
        let from_low = source < target;
        let (low, high) = if from_low {
            (source, target)
        } else {
            (target, source)
        };
        let ends = Self {
            low,
            high,
            transport,
        };
        (ends, from_low)
    }

    /// Everything between two addresses.
    #[must_use]
    pub fn pair(source: Address, target: Address) -> Self {
        Self::new((source, 0), (target, 0), 0).0
    }

    /// Everything between the addresses of these ends.
    #[must_use]
    pub const fn addresses(&self) -> Self {
        Self {
            low: (self.low.0, 0),
            high: (self.high.0, 0),
            transport: 0,
        }
    }

    /// The ends as bytes that sort as they do.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        for (address, port) in [self.low, self.high] {
            bytes.extend(address.to_be_bytes());
            bytes.extend(port.to_be_bytes());
        }
        bytes.push(self.transport);
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let end = |at: usize| {
            let address = bytes.get(at..at + 16).and_then(|raw| raw.try_into().ok());
            let port = bytes
                .get(at + 16..at + 18)
                .and_then(|raw| raw.try_into().ok());
            (
                u128::from_be_bytes(address.unwrap_or_default()),
                u16::from_be_bytes(port.unwrap_or_default()),
            )
        };
        Self {
            low: end(0),
            high: end(18),
            transport: bytes[36],
        }
    }
}

/// Conversations, each with the time until which it may go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alive(pub Vec<(Ends, i64)>);

impl Alive {
    /// Those here, and those from before that may go on at `end_ns`, in order.
    #[must_use]
    pub fn carry(self, before: &Self, end_ns: i64) -> Self {
        let mut all = self.0;
        all.extend(before.0.iter().filter(|(_, until_ns)| *until_ns >= end_ns));
        all.sort_unstable_by_key(|(ends, until_ns)| (*ends, std::cmp::Reverse(*until_ns)));
        all.dedup_by_key(|(ends, _)| *ends);
        Self(all)
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let each = |(ends, until_ns): &(Ends, i64)| [ends.bytes(), until_ns.to_be_bytes().into()];
        self.0.iter().flat_map(each).flatten().collect()
    }

    /// From bytes; what is left over is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let (each, _) = bytes.as_chunks::<{ Ends::BYTES + 8 }>();
        let one = |raw: &[u8; Ends::BYTES + 8]| {
            let (ends, until_ns) = raw.split_first_chunk()?;
            let until_ns = i64::from_be_bytes(until_ns.try_into().ok()?);
            Some((Ends::from_bytes(ends), until_ns))
        };
        Self(each.iter().filter_map(one).collect())
    }
}

/// What crosses the ends of a part of a capture, and is another's to read.
#[derive(Debug)]
pub struct Crossing {
    ends: HashSet<Ends, RandomState>,
    pairs: bool,
    /// Whether all that is in tunnels crosses.
    tunnels: bool,
}

impl Crossing {
    /// All of these cross, and `tunnels` too where that is said. `seed` keys the hash.
    #[must_use]
    pub fn new(alive: &[Alive], tunnels: bool, seed: u64) -> Self {
        let mut ends = HashSet::with_hasher(hasher(seed));
        ends.extend(
            alive
                .iter()
                .flat_map(|alive| &alive.0)
                .map(|(ends, _)| *ends),
        );
        let pairs = ends.iter().any(|ends: &Ends| ends.transport == 0);
        Self {
            ends,
            pairs,
            tunnels,
        }
    }

    /// Whether a frame is another's to read.
    #[inline]
    #[must_use]
    pub fn holds(&self, glance: &Glance) -> bool {
        match glance {
            Glance::Flow {
                ends, tunnelled, ..
            } => {
                self.ends.contains(ends)
                    || self.pairs && self.ends.contains(&ends.addresses())
                    || self.tunnels && *tunnelled
            }
            Glance::Fragment { .. } => true,
            Glance::Nothing => false,
        }
    }
}

fn hasher(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed.rotate_left(29), !seed, 0x9e37_79b9_7f4a_7c15)
}

pub mod lives;
#[cfg(test)]
mod tests;
