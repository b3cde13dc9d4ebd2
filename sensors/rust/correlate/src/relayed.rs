//! Observations that a sensor elsewhere made, encoded, through the filter here.

use dissect::decode::Decoder;
use dissect::wire::Malformed;

use crate::filter::{Counted, Filter};
use crate::interest::Wanted;

/// What came of a batch: values taken, values that were none, values of a kind that is not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Observations that went on.
    pub observations: u64,
    /// What could not be read.
    pub malformed: u64,
    /// What a newer sensor says.
    pub unknown: u64,
}

/// A filter whose observations come encoded, in batches.
pub struct Relayed {
    decoder: Decoder,
    filter: Filter,
}

impl Relayed {
    /// Batches go to this filter.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        Self {
            decoder: Decoder::default(),
            filter,
        }
    }

    /// Take a batch, in its place in time.
    ///
    /// # Errors
    /// It is no array of values; nothing was taken.
    pub fn take(&mut self, batch: &[u8]) -> Result<Taken, Malformed> {
        let decoded = self.decoder.batch(batch)?;
        let taken = Taken {
            observations: decoded.observations.len() as u64,
            malformed: decoded.malformed,
            unknown: decoded.unknown,
        };
        self.filter
            .take(decoded.observations, self.decoder.tunnels());
        Ok(taken)
    }

    /// The connections and gaps that wait, as a msgpack array; `None` where none do.
    pub fn next_batch(&mut self) -> Option<Vec<u8>> {
        (self.filter.waiting() > 0).then(|| self.filter.batch())
    }

    /// What was counted since the last call, and not handed on.
    pub fn counted(&mut self) -> Counted {
        self.filter.counted()
    }

    /// Care for something else from now on; return what was counted until now. With an error nothing changes.
    ///
    /// # Errors
    /// A prefix that is none, or a group's number that is too high.
    pub fn retarget(&mut self, wanted: Wanted) -> Result<Counted, String> {
        self.filter.retarget(wanted)
    }
}

#[cfg(test)]
mod tests {
    use dissect::encode::Encoder;

    use super::{Relayed, Taken};
    use crate::filter::Filter;
    use crate::interest::Wanted;
    use crate::kit::{LLM, OTHER, USUAL, ended, hello, resolved, texts};

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
        assert_eq!(relayed.next_batch().unwrap(), plain.batch());
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
}
