//! Observations that a sensor elsewhere made, encoded, through the filter here.
//!
//! A batch is taken at once, in its place in time; or it is held, as a parcel, until others that belong before
//! parts of it are there, and then released with them.

use std::collections::{HashMap, VecDeque};
use std::ops::AddAssign;

use dissect::decode::Decoder;
use dissect::observations::Observation;
use dissect::wire::Malformed;

use crate::filter::{Counted, Filter};
use crate::interest::Wanted;
use crate::merge::{Merge, Place};

/// What came of batches: values taken, values that were none, values of a kind that is not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Observations that went on.
    pub observations: u64,
    /// What could not be read.
    pub malformed: u64,
    /// What a newer sensor says.
    pub unknown: u64,
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.observations += other.observations;
        self.malformed += other.malformed;
        self.unknown += other.unknown;
    }
}

/// A filter whose observations come encoded, in batches.
pub struct Relayed {
    decoder: Decoder,
    filter: Filter,
    merge: Merge,
    /// What was counted of parcels, by account.
    accounts: HashMap<u64, Counted>,
    /// Which parcel each value that waits came of: 0 of none.
    parcels: VecDeque<u64>,
}

impl Relayed {
    /// Batches go to this filter.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        Self {
            decoder: Decoder::default(),
            filter,
            merge: Merge::default(),
            accounts: HashMap::new(),
            parcels: VecDeque::new(),
        }
    }

    /// Take a batch, in its place in time.
    ///
    /// # Errors
    /// It is no array of values; nothing was taken.
    pub fn take(&mut self, batch: &[u8]) -> Result<Taken, Malformed> {
        let (taken, observations) = self.decoded(batch)?;
        self.pass(0, observations);
        Ok(taken)
    }

    /// Take a parcel's batch, to be released in its place among others. Bytes that are no array are one malformed
    /// value, of a parcel that holds nothing.
    pub fn hold(&mut self, place: Place, batch: &[u8]) -> Taken {
        let none = Taken {
            malformed: 1,
            ..Taken::default()
        };
        let (taken, observations) = self.decoded(batch).unwrap_or((none, Vec::new()));
        self.merge.hold(place, observations);
        taken
    }

    /// Pass on what is held and counts before a moment; return the parcels that are now wholly passed on.
    pub fn release(&mut self, until_ns: i64) -> Vec<u64> {
        while let Some((place, run)) = self.merge.next(until_ns) {
            let mut counted = self.accounts.remove(&place.account).unwrap_or_default();
            self.filter.exchange(&mut counted);
            self.pass(place.parcel, run);
            self.filter.exchange(&mut counted);
            self.accounts.insert(place.account, counted);
        }
        self.merge.done()
    }

    /// The connections and gaps that wait, as a msgpack array, with the parcel of each (0 of what was taken at
    /// once); `None` where none do.
    pub fn next_batch(&mut self) -> Option<(Vec<u8>, Vec<u64>)> {
        let waiting = self.filter.waiting();
        if waiting == 0 {
            return None;
        }
        let batch = self.filter.batch();
        let handed_out = waiting - self.filter.waiting();
        Some((batch, self.parcels.drain(..handed_out).collect()))
    }

    /// What was counted since the last call of what was taken at once, and not handed on.
    pub fn counted(&mut self) -> Counted {
        self.filter.counted()
    }

    /// What was counted since the last call of the parcels of an account.
    pub fn counted_of(&mut self, account: u64) -> Counted {
        let mut counted = self.accounts.remove(&account).unwrap_or_default();
        self.filter.exchange(&mut counted);
        let result = self.filter.counted();
        self.filter.exchange(&mut counted);
        result
    }

    /// Care for something else from now on; return what was counted until now of what was taken at once. What
    /// was counted of parcels is by the old groups until it is asked for. With an error nothing changes.
    ///
    /// # Errors
    /// A prefix that is none, or a group's number that is too high.
    pub fn retarget(&mut self, wanted: Wanted) -> Result<Counted, String> {
        self.filter.retarget(wanted)
    }

    fn decoded(&mut self, batch: &[u8]) -> Result<(Taken, Vec<Observation>), Malformed> {
        let decoded = self.decoder.batch(batch)?;
        let taken = Taken {
            observations: decoded.observations.len() as u64,
            malformed: decoded.malformed,
            unknown: decoded.unknown,
        };
        Ok((taken, decoded.observations))
    }

    fn pass(&mut self, parcel: u64, observations: Vec<Observation>) {
        let before = self.filter.waiting();
        self.filter.take(observations, self.decoder.tunnels());
        let came = self.filter.waiting() - before;
        self.parcels.extend(std::iter::repeat_n(parcel, came));
    }
}

#[cfg(test)]
mod tests {
    use dissect::encode::Encoder;
    use dissect::observations::Observation;

    use super::{Relayed, Taken};
    use crate::filter::Filter;
    use crate::interest::Wanted;
    use crate::kit::{LLM, OTHER, RESOLVER, USUAL, at, ended, hello, resolved, texts};
    use crate::merge::Place;

    fn filter() -> Filter {
        let wanted = Wanted {
            names: texts(&[LLM]),
            ..Wanted::default()
        };
        Filter::new(wanted, USUAL, 0).unwrap()
    }

    #[test]
    fn what_comes_encoded_is_handed_on_or_counted_as_what_comes_as_it_is() {
        let observations = vec![
            resolved(0, LLM, |_| {}),
            hello(1, Some(LLM), |_| {}),
            ended(1, 20, |_| {}),
            ended(2, 30, |update| update.flow.client = OTHER),
        ];
        let mut encoder = Encoder::default();
        encoder.observations(&observations, &[]);
        let mut relayed = Relayed::new(filter());
        let taken = relayed.take(&encoder.take()).unwrap();
        let all = Taken {
            observations: 4,
            ..Taken::default()
        };
        assert_eq!(taken, all);
        let mut plain = filter();
        plain.take(observations, &[]);
        assert_eq!(relayed.next_batch().unwrap(), (plain.batch(), vec![0, 0]));
        assert!(relayed.next_batch().is_none());
        assert_eq!(relayed.counted(), plain.counted());
    }

    #[test]
    fn what_is_no_batch_is_refused_whole() {
        assert!(Relayed::new(filter()).take(b"").is_err());
        assert!(Relayed::new(filter()).take(b"\x01").is_err());
        let none = Relayed::new(filter()).take(b"\x92\x01\x02").unwrap();
        assert_eq!((none.observations, none.malformed), (0, 2));
    }

    fn encoded(observations: &[Observation]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.observations(observations, &[]);
        encoder.take()
    }

    fn place(parcel: u64, account: u64) -> Place {
        Place {
            parcel,
            sensor: parcel,
            account,
            until_ns: at(100),
            ..Place::default()
        }
    }

    #[test]
    fn a_parcel_that_is_no_batch_is_held_and_counted() {
        let mut relayed = Relayed::new(filter());
        let taken = relayed.hold(place(1, 8), b"\x01");
        assert_eq!((taken.observations, taken.malformed), (0, 1));
        assert_eq!(relayed.release(at(101)), [1]);
    }

    #[test]
    fn what_is_held_is_released_in_order_of_time_with_its_parcel() {
        let mut relayed = Relayed::new(filter());
        let flow = encoded(&[
            ended(5, 20, |_| {}),
            ended(30, 31, |update| update.flow.server = RESOLVER),
        ]);
        let name = encoded(&[resolved(3, LLM, |_| {})]);
        relayed.hold(place(1, 8), &flow);
        relayed.hold(place(2, 9), &name);
        assert_eq!(relayed.release(at(25)), [2]);
        let (_, parcels) = relayed.next_batch().unwrap();
        assert_eq!(parcels, [1]);
        assert_eq!(relayed.release(at(101)), [1]);
        assert!(relayed.next_batch().is_none());
        let counted = |relayed: &mut Relayed, account| {
            let counted = relayed.counted_of(account);
            counted
                .groups
                .iter()
                .map(|group| group.coverage.iter().map(|count| count.flows).sum::<u64>())
                .sum::<u64>()
        };
        assert_eq!(counted(&mut relayed, 8), 1);
        assert_eq!(counted(&mut relayed, 8), 0);
        assert_eq!(counted(&mut relayed, 9), 0);
    }
}
