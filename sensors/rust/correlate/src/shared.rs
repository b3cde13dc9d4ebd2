//! Which answers may name other clients' flows: those with a name that is cared for, and those to resolvers.
//!
//! Of other clients' names, attribution reads no others. So nobody else has to know the rest.

use ahash::RandomState;
use dissect::observations::NameResolved;
use dissect::segment::Address;

use crate::hostmatch::{AddressIndex, NameIndex, normal_name};
use crate::interest::Wanted;

/// Tells which they are.
pub struct Shared {
    names: NameIndex,
    resolvers: AddressIndex,
}

impl Shared {
    /// Of an interest. A prefix of resolvers that is none is the error.
    pub fn new(wanted: &Wanted, hasher: &RandomState) -> Result<Self, String> {
        Ok(Self {
            names: NameIndex::new(&wanted.names, hasher),
            resolvers: AddressIndex::new(&wanted.resolvers, hasher)?,
        })
    }

    /// Whether an answer is one of them.
    #[must_use]
    pub fn holds(&self, answer: &NameResolved) -> bool {
        let fits = |name: &String| normal_name(name).is_some_and(|normal| self.names.fits(&normal));
        fits(&answer.qname) || answer.cnames.iter().any(fits) || self.asks_for_others(answer.client)
    }

    /// Whether a client asks in others' place.
    #[must_use]
    pub fn asks_for_others(&self, client: Address) -> bool {
        self.resolvers.fits(client)
    }
}
