//! Observations of several sensors' parcels, in one order of time, each when all before it are there.
//!
//! The parcels of one run of a sensor keep their order, and so does what is in them: an observation counts at the
//! latest time that it or one before it has, within the span that its parcel is of. A parcel without observations
//! counts at the end of its span.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::vec::IntoIter;

use dissect::observations::Observation;

/// A parcel, and where it stands among others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its number here: later ones are higher.
    pub parcel: u64,
    /// The run of a sensor that it is of. Where times are equal, the lower one comes first.
    pub sensor: u64,
    /// What is counted of it goes there.
    pub account: u64,
    /// No observation of it counts earlier than this,
    pub since_ns: i64,
    /// or later than this.
    pub until_ns: i64,
}

/// When something counts: by time, sensor and parcel.
type Key = (i64, u64, u64);

/// What is left of a parcel, when the next of it counts, and when the last.
struct Held {
    at_ns: i64,
    place: Place,
    rest: IntoIter<Observation>,
}

impl Held {
    fn key(&self) -> Key {
        (self.at_ns, self.place.sensor, self.place.parcel)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// When the last that waits of a sensor counts, and how many of its parcels wait.
struct End {
    at_ns: i64,
    parcels: usize,
}

/// Parcels that wait.
#[derive(Default)]
pub struct Merge {
    held: BinaryHeap<Reverse<Held>>,
    ends: HashMap<u64, End>,
    done: Vec<u64>,
}

impl Merge {
    /// Take a parcel in, behind those of its sensor that wait.
    pub fn hold(&mut self, mut place: Place, observations: Vec<Observation>) {
        let end = self.ends.entry(place.sensor).or_insert(End {
            at_ns: i64::MIN,
            parcels: 0,
        });
        place.since_ns = place.since_ns.max(end.at_ns);
        place.until_ns = place.until_ns.max(place.since_ns);
        end.parcels += 1;
        let times = observations.iter().map(time_of);
        end.at_ns = within(&place, times.max().unwrap_or(place.until_ns));
        let first = observations.first().map_or(place.until_ns, time_of);
        self.held.push(Reverse(Held {
            at_ns: within(&place, first),
            place,
            rest: observations.into_iter(),
        }));
    }

    /// The observations that are next, all of one parcel, if any; `None` where nothing counts before a moment.
    pub fn next(&mut self, until_ns: i64) -> Option<(Place, Vec<Observation>)> {
        if self.held.peek()?.0.at_ns >= until_ns {
            return None;
        }
        let Reverse(mut held) = self.held.pop()?;
        let others = self.held.peek().map(|Reverse(other)| other.key());
        let place = held.place;
        let mut run = Vec::new();
        while held.at_ns < until_ns && others.is_none_or(|key| held.key() < key) {
            let Some(observation) = held.rest.next() else {
                break;
            };
            run.push(observation);
            let following = held.rest.as_slice().first().map_or(i64::MIN, time_of);
            held.at_ns = within(&place, following).max(held.at_ns);
        }
        if held.rest.as_slice().is_empty() {
            self.finish(&place);
        } else {
            self.held.push(Reverse(held));
        }
        Some((place, run))
    }

    /// The parcels of which nothing waits any more, since the last call.
    pub fn done(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.done)
    }

    fn finish(&mut self, place: &Place) {
        self.done.push(place.parcel);
        if let Some(end) = self.ends.get_mut(&place.sensor) {
            end.parcels -= 1;
            if end.parcels == 0 {
                self.ends.remove(&place.sensor);
            }
        }
    }
}

fn within(place: &Place, ts_ns: i64) -> i64 {
    ts_ns.clamp(place.since_ns, place.until_ns)
}

const fn time_of(observation: &Observation) -> i64 {
    match observation {
        Observation::Name(name) => name.ts_ns,
        Observation::Hello(hello) => hello.ts_ns,
        Observation::Flow(update) => update.ts_ns,
        Observation::Data(data) => data.ts_ns,
        Observation::Gap(gap) => gap.ts_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::{Merge, Place};
    use crate::kit::{at, ended, resolved};
    use dissect::observations::Observation;

    fn place(parcel: u64, sensor: u64, since: i64, until: i64) -> Place {
        Place {
            parcel,
            sensor,
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
        merge.hold(place(1, 1, 0, 9), vec![name(1), name(2), name(7)]);
        merge.hold(place(2, 2, 0, 9), vec![name(3), name(5)]);
        assert_eq!(runs(&mut merge, 1), []);
        assert_eq!(runs(&mut merge, 6), [(1, 2), (2, 2)]);
        assert_eq!(merge.done(), [2]);
        assert_eq!(runs(&mut merge, 9), [(1, 1)]);
        assert_eq!(merge.done(), [1]);
    }

    #[test]
    fn what_tells_of_the_past_keeps_its_place_in_its_parcel() {
        let mut merge = Merge::default();
        let told = vec![ended(0, 1, |_| {}), name(6), ended(0, 2, |_| {})];
        merge.hold(place(1, 1, 4, 9), told);
        merge.hold(place(2, 2, 0, 9), vec![name(3), name(5), name(7)]);
        assert_eq!(
            runs(&mut merge, 100),
            [(2, 1), (1, 1), (2, 1), (1, 2), (2, 1)]
        );
    }

    #[test]
    fn the_parcels_of_a_sensor_keep_their_order() {
        let mut merge = Merge::default();
        merge.hold(place(1, 1, 0, 9), vec![name(2), name(6)]);
        merge.hold(place(2, 1, 0, 9), vec![ended(0, 1, |_| {}), name(3)]);
        merge.hold(place(3, 1, 9, 9), Vec::new());
        merge.hold(place(4, 2, 0, 9), vec![name(5), name(8)]);
        assert_eq!(
            runs(&mut merge, 9),
            [(1, 1), (4, 1), (1, 1), (2, 2), (4, 1)]
        );
        assert_eq!(runs(&mut merge, 10), [(3, 0)]);
        assert_eq!(merge.done(), [1, 2, 4, 3]);
        assert!(merge.ends.is_empty());
    }

    #[test]
    fn a_time_beyond_the_span_of_its_parcel_holds_nothing_up() {
        let mut merge = Merge::default();
        merge.hold(place(1, 1, 0, 4), vec![name(900), name(3)]);
        assert_eq!(runs(&mut merge, 5), [(1, 2)]);
    }

    #[test]
    fn between_equal_times_the_sensor_decides() {
        let mut merge = Merge::default();
        merge.hold(place(1, 7, 0, 9), vec![name(3)]);
        merge.hold(place(2, 5, 0, 9), vec![name(3)]);
        assert_eq!(runs(&mut merge, 9), [(2, 1), (1, 1)]);
    }
}
