//! Observations of several parcels, in one order of time, each when all before it are there.
//!
//! Within a parcel its own order stays: an observation counts at the latest time that it or one before it has,
//! within the span in which the parcel was filled. Where times are equal, the parcel's rank decides.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use dissect::observations::Observation;

/// A parcel, and where it stands among others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its number here: later ones are higher.
    pub parcel: u64,
    /// What is counted of it goes there.
    pub account: u64,
    /// Who comes first where times are equal.
    pub rank: u64,
    /// No observation of it counts earlier than this,
    pub since_ns: i64,
    /// or later than this.
    pub until_ns: i64,
}

/// What is left of a parcel, and when its next observation counts.
struct Held {
    at_ns: i64,
    place: Place,
    next: Observation,
    rest: IntoIter<Observation>,
}

impl Held {
    fn new(place: Place, observations: Vec<Observation>) -> Option<Self> {
        let mut rest = observations.into_iter();
        let next = rest.next()?;
        let at_ns = counts_at(&place, &next).max(place.since_ns);
        Some(Self {
            at_ns,
            place,
            next,
            rest,
        })
    }

    /// Hand over the next one; what is left, if anything.
    fn advance(mut self) -> (Observation, Option<Self>) {
        let Some(following) = self.rest.next() else {
            return (self.next, None);
        };
        self.at_ns = counts_at(&self.place, &following).max(self.at_ns);
        let taken = std::mem::replace(&mut self.next, following);
        (taken, Some(self))
    }

    const fn key(&self) -> (i64, u64, u64) {
        (self.at_ns, self.place.rank, self.place.parcel)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

fn counts_at(place: &Place, observation: &Observation) -> i64 {
    let ts_ns = match observation {
        Observation::Name(name) => name.ts_ns,
        Observation::Hello(hello) => hello.ts_ns,
        Observation::Flow(update) => update.ts_ns,
        Observation::Data(data) => data.ts_ns,
        Observation::Gap(gap) => gap.ts_ns,
    };
    ts_ns.min(place.until_ns)
}

/// Parcels that wait.
#[derive(Default)]
pub struct Merge {
    held: BinaryHeap<Reverse<Held>>,
    done: Vec<u64>,
}

impl Merge {
    /// Take a parcel in; one without observations is done with.
    pub fn hold(&mut self, place: Place, observations: Vec<Observation>) {
        match Held::new(place, observations) {
            Some(held) => self.held.push(Reverse(held)),
            None => self.done.push(place.parcel),
        }
    }

    /// The observations that are next, all of one parcel; `None` where none counts before a moment.
    pub fn next(&mut self, until_ns: i64) -> Option<(Place, Vec<Observation>)> {
        if self.held.peek()?.0.at_ns >= until_ns {
            return None;
        }
        let Reverse(mut held) = self.held.pop()?;
        let place = held.place;
        let mut run = Vec::new();
        loop {
            let (taken, rest) = held.advance();
            run.push(taken);
            let Some(left) = rest else {
                self.done.push(place.parcel);
                break;
            };
            let others_first = self.held.peek().is_some_and(|Reverse(other)| *other < left);
            if left.at_ns >= until_ns || others_first {
                self.held.push(Reverse(left));
                break;
            }
            held = left;
        }
        Some((place, run))
    }

    /// The parcels of which nothing waits any more, since the last call.
    pub fn done(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::{Merge, Place};
    use crate::kit::{at, ended, resolved};
    use dissect::observations::Observation;

    fn place(parcel: u64, rank: u64, since: i64, until: i64) -> Place {
        Place {
            parcel,
            rank,
            since_ns: at(since),
            until_ns: at(until),
            ..Place::default()
        }
    }

    fn name(tenths: i64) -> Observation {
        resolved(tenths, "a.example", |_| {})
    }

    /// The runs that come, as the parcel of each and how many observations it has.
    fn runs(merge: &mut Merge, until: i64) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        while let Some((place, run)) = merge.next(at(until)) {
            found.push((place.parcel, run.len()));
        }
        found
    }

    #[test]
    fn observations_come_by_time_and_not_before_theirs() {
        let mut merge = Merge::default();
        merge.hold(place(1, 0, 0, 9), vec![name(1), name(2), name(7)]);
        merge.hold(place(2, 0, 0, 9), vec![name(3), name(5)]);
        assert_eq!(runs(&mut merge, 1), []);
        assert_eq!(runs(&mut merge, 6), [(1, 2), (2, 2)]);
        assert_eq!(merge.done(), [2]);
        assert_eq!(runs(&mut merge, 9), [(1, 1)]);
        assert_eq!(merge.done(), [1]);
    }

    #[test]
    fn what_tells_of_the_past_keeps_its_place_in_its_parcel() {
        let mut merge = Merge::default();
        merge.hold(
            place(1, 0, 4, 9),
            vec![ended(0, 1, |_| {}), name(6), ended(0, 2, |_| {})],
        );
        merge.hold(place(2, 0, 0, 9), vec![name(3), name(5), name(7)]);
        assert_eq!(
            runs(&mut merge, 100),
            [(2, 1), (1, 1), (2, 1), (1, 2), (2, 1)]
        );
    }

    #[test]
    fn a_time_beyond_the_span_of_its_parcel_holds_nothing_up() {
        let mut merge = Merge::default();
        merge.hold(place(1, 0, 0, 4), vec![name(900), name(3)]);
        assert_eq!(runs(&mut merge, 5), [(1, 2)]);
    }

    #[test]
    fn rank_decides_between_equal_times_and_then_who_came_first() {
        let mut merge = Merge::default();
        merge.hold(place(1, 1, 0, 9), vec![name(3)]);
        merge.hold(place(2, 0, 0, 9), vec![name(3)]);
        merge.hold(place(3, 0, 0, 9), vec![name(3)]);
        assert_eq!(runs(&mut merge, 9), [(2, 1), (3, 1), (1, 1)]);
    }

    #[test]
    fn an_empty_parcel_is_done_with() {
        let mut merge = Merge::default();
        merge.hold(place(7, 0, 0, 9), Vec::new());
        assert_eq!(merge.done(), [7]);
        assert!(merge.next(i64::MAX).is_none());
    }
}
