//! Flows in the order in which they fell silent, as far as that was told.
//!
//! Packets are numbered, so what is told comes nearly in order: it is kept by the thousand, unsorted, and sorted
//! only when its turn comes. That is cheaper than one heap over all of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Packets whose moments are kept together: 2 to the power of this.
const TOGETHER_BITS: u32 = 12;

/// A packet at which a flow was active; later ones are later in time, but where the clock was set anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The packet's number.
    pub packet: u64,
    /// The table's clock then.
    pub active_ns: i64,
    /// The flow's place.
    pub slot: u32,
    /// The place's stamp: with another one, what was told is no more true.
    pub stamp: u32,
}

/// Moments, the least first.
#[derive(Default)]
pub struct Silence {
    /// Those that come first, sorted: of packets up to `until`.
    first: BinaryHeap<Reverse<Moment>>,
    until: u64,
    /// All others, by their packets' numbers.
    later: BTreeMap<u64, Vec<Moment>>,
    len: usize,
}

impl Silence {
    /// How many moments there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Take a moment.
    pub fn push(&mut self, moment: Moment) {
        self.len += 1;
        let together = moment.packet >> TOGETHER_BITS;
        if together > self.until {
            self.later.entry(together).or_default().push(moment);
        } else {
            self.first.push(Reverse(moment));
        }
    }

    /// The least moment.
    pub fn peek(&mut self) -> Option<Moment> {
        if self.first.is_empty() {
            let (together, moments) = self.later.pop_first()?;
            self.until = together;
            self.first = moments.into_iter().map(Reverse).collect();
        }
        self.first.peek().map(|Reverse(moment)| *moment)
    }

    /// Drop the least moment.
    pub fn pop(&mut self) {
        if self.peek().is_some() {
            self.first.pop();
            self.len -= 1;
        }
    }

    /// Drop all moments but some.
    pub fn retain(&mut self, mut keep: impl FnMut(&Moment) -> bool) {
        self.first.retain(|Reverse(moment)| keep(moment));
        self.later.retain(|_, moments| {
            moments.retain(&mut keep);
            !moments.is_empty()
        });
        self.len = self.first.len() + self.later.values().map(Vec::len).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Moment, Silence};

    proptest! {
        #[test]
        fn moments_come_out_in_order(
            steps in proptest::collection::vec(proptest::option::weighted(0.7, 0..40_000_u64), 0..400),
            kept in 0..400_u32,
        ) {
            let (mut silence, mut sorted) = (Silence::default(), BTreeSet::new());
            for (slot, step) in (0..).zip(steps) {
                if let Some(packet) = step {
                    let moment = Moment { packet, active_ns: 0, slot, stamp: 0 };
                    silence.push(moment);
                    sorted.insert(moment);
                } else {
                    silence.pop();
                    sorted.pop_first();
                }
                prop_assert_eq!(silence.peek(), sorted.first().copied());
                prop_assert_eq!(silence.len(), sorted.len());
            }
            silence.retain(|moment| moment.slot < kept);
            sorted.retain(|moment| moment.slot < kept);
            prop_assert_eq!(silence.len(), sorted.len());
            while let Some(least) = sorted.pop_first() {
                prop_assert_eq!(silence.peek(), Some(least));
                silence.pop();
            }
            prop_assert!(silence.is_empty() && silence.peek().is_none());
        }
    }
}
