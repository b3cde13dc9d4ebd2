//! Where a sensor's observations go: through the filter to who judges here, to those who correlate elsewhere, or both.

use dissect::observations::Observation;

use crate::filter::{Counted, Filter};
use crate::interest::Wanted;
use crate::publishing::{Cut, Publisher};

/// Nothing, as a msgpack array.
const NO_VALUES: u8 = 0x90;

/// What takes a sensor's observations.
pub struct Outlet {
    filter: Option<Filter>,
    publisher: Option<Publisher>,
}

impl From<Filter> for Outlet {
    fn from(filter: Filter) -> Self {
        Self {
            filter: Some(filter),
            publisher: None,
        }
    }
}

impl Outlet {
    /// All of it is published, and nothing handed on.
    #[must_use]
    pub const fn published(publisher: Publisher) -> Self {
        Self {
            filter: None,
            publisher: Some(publisher),
        }
    }

    /// The same, publishing beside it.
    #[must_use]
    pub fn beside(self, publisher: Publisher) -> Self {
        let publisher = Some(publisher);
        Self { publisher, ..self }
    }

    /// Take observations in order; `tunnels` are the decoder's tunnel names.
    pub fn take(&mut self, observations: Vec<Observation>, tunnels: &[String]) {
        if let Some(publisher) = &mut self.publisher {
            publisher.take(&observations, tunnels);
        }
        if let Some(filter) = &mut self.filter {
            filter.take(observations, tunnels);
        }
    }

    /// How much waits to be handed on.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::waiting)
    }

    /// Whether much waits to be published.
    #[must_use]
    pub fn has_much(&self) -> bool {
        self.publisher.as_ref().is_some_and(Publisher::has_much)
    }

    /// What waited longest to be handed on, as a msgpack array.
    pub fn batch(&mut self) -> Vec<u8> {
        let filter = self.filter.as_mut();
        filter.map_or_else(|| vec![NO_VALUES], Filter::batch)
    }

    /// What was counted since the last call, and not handed on.
    pub fn counted(&mut self) -> Counted {
        let filter = self.filter.as_mut();
        filter.map(Filter::counted).unwrap_or_default()
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    pub fn parcels(&mut self, rest: bool) -> (Vec<Cut>, u64) {
        let Some(publisher) = &mut self.publisher else {
            return (Vec::new(), 0);
        };
        if rest {
            publisher.cut();
        }
        (publisher.parcels(), publisher.shed())
    }

    /// Care for something else from now on; return what was counted until now. With an error nothing changes.
    ///
    /// # Errors
    /// A prefix that is none, or a group's number that is too high.
    pub fn retarget(&mut self, wanted: Wanted) -> Result<Counted, String> {
        let published = self.publisher.as_ref().map(|_| wanted.clone());
        let counted = match &mut self.filter {
            Some(filter) => filter.retarget(wanted)?,
            None => Counted::default(),
        };
        if let (Some(publisher), Some(wanted)) = (&mut self.publisher, published) {
            publisher.retarget(&wanted)?;
        }
        Ok(counted)
    }
}
