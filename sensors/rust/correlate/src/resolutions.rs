//! What clients learnt from DNS, as of any moment: which names an address had, and whether they still counted.
//!
//! The mirror of `monitor/resolutions.py`. All that is remembered shares one budget of bytes; where it is used
//! up, what was longest out of use is forgotten, and counted.

use std::sync::Arc;

use ahash::RandomState;
use dissect::observations::NameResolved;
use dissect::segment::Address;
use hashbrown::Equivalent;

use crate::recency::{Recency, Slot};
use crate::shared::Shared;
use crate::view::{Bounds, Names, Span, Told, View};

/// How much a correlator keeps at once. The mirror of `NameLimits` in `sensors/limits.py`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows whose hello was seen and whose end was not.
    pub pending: usize,
    /// Hellos of one flow: a tunnel in a tunnel has two.
    pub hellos: usize,
    /// Bytes of answers, for all clients together.
    pub answer_bytes: usize,
    /// Outer names of ECH, for all clients together.
    pub public_names: usize,
    /// Names of one address for one asker.
    pub names: usize,
    /// Lifetimes of one name at one address.
    pub lifetimes: usize,
    /// Clients that were connected to where voice and video are arranged.
    pub callers: usize,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A client.
    Client(Address),
    /// All clients together.
    Everybody,
    /// Those that ask in others' place.
    Resolvers,
}

/// A client, and a name that it was told to use on the outside of an ECH hello.
type Outer = (Address, Box<str>);

#[derive(Hash)]
struct OuterRef<'a>(Address, &'a str);

impl Equivalent<Outer> for OuterRef<'_> {
    fn equivalent(&self, key: &Outer) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

/// What every client was told, and what of it others know too, for marking what only others were told.
pub struct Resolutions {
    forgotten: u64,
    limits: Limits,
    shared: Shared,
    views: Recency<(Asker, Address), View>,
    public_names: Recency<Outer, ()>,
    held_bytes: usize,
}

impl Resolutions {
    /// An empty memory within limits; everybody knows what is `shared`.
    #[must_use]
    pub fn new(limits: Limits, shared: Shared, hasher: &RandomState) -> Self {
        Self {
            shared,
            forgotten: 0,
            limits,
            views: Recency::new(hasher.clone()),
            public_names: Recency::new(hasher.clone()),
            held_bytes: 0,
        }
    }

    /// Share other answers from now on.
    pub fn retarget(&mut self, shared: Shared) {
        self.shared = shared;
    }

    /// How many names the bounds made us forget.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Remember an answer for its client, and for everybody where it is shared.
    pub fn add(&mut self, answer: NameResolved) {
        let span = Span::new(answer.ts_ns, answer.ttl);
        let is_shared = self.shared.holds(&answer);
        let asks_for_others = self.shared.asks_for_others(answer.client);
        let told = Arc::new(Told::new(answer.qname, answer.cnames));
        for address in answer.addresses {
            self.remember((Asker::Client(answer.client), address), &told, span);
            if is_shared {
                self.remember((Asker::Everybody, address), &told, span);
            }
            if asks_for_others {
                self.remember((Asker::Resolvers, address), &told, span);
            }
        }
        for name in answer.ech_public_names {
            self.outer_name(answer.client, name);
        }
    }

    /// Count a view as used now. Its place is good until the next answer.
    pub fn use_view(&mut self, asker: Asker, address: Address) -> Option<Slot> {
        let slot = self.views.find(&(asker, address))?;
        self.views.touch(slot);
        Some(slot)
    }

    /// The names in a view at a moment.
    #[must_use]
    pub fn names(&self, view: Option<Slot>, at_ns: i64) -> Names<'_> {
        let view = view.and_then(|slot| self.views.get(slot));
        view.map_or_else(Names::new, |view| view.at(at_ns))
    }

    /// The live names in everybody's view at a moment that are none of a client's own.
    #[must_use]
    pub fn foreign<'a>(
        &'a self,
        everybody: Option<Slot>,
        own: &[crate::view::Resolved<'_>],
        at_ns: i64,
    ) -> Names<'a> {
        let mut names = self.names(everybody, at_ns);
        let mut known: Vec<&str> = own.iter().map(|each| &*each.told.name).collect();
        known.sort_unstable();
        names.retain(|each| each.live && known.binary_search(&&*each.told.name).is_err());
        names
    }

    /// Whether the client was told to use this name on the outside of an ECH hello.
    #[must_use]
    pub fn is_ech_public_name(&self, client: Address, name: &str) -> bool {
        self.public_names.find(&OuterRef(client, name)).is_some()
    }

    fn outer_name(&mut self, client: Address, name: String) {
        match self.public_names.find(&OuterRef(client, &name)) {
            Some(slot) => self.public_names.touch(slot),
            None => {
                self.public_names.insert((client, name.into()), ());
            }
        }
        if self.public_names.len() > self.limits.public_names {
            self.public_names.pop_oldest();
            self.forgotten += 1;
        }
    }

    fn remember(&mut self, key: (Asker, Address), told: &Arc<Told>, span: Span) {
        let slot = self.views.find(&key).unwrap_or_else(|| {
            let view = View::default();
            self.held_bytes += view.held_bytes;
            self.views.insert(key, view)
        });
        self.views.touch(slot);
        let bounds = Bounds {
            names: self.limits.names,
            lifetimes: self.limits.lifetimes,
        };
        if let Some(view) = self.views.get_mut(slot) {
            let (held_bytes, forgotten) = (view.held_bytes, view.forgotten);
            view.add(told, span, bounds);
            self.held_bytes = self.held_bytes - held_bytes + view.held_bytes;
            self.forgotten += view.forgotten - forgotten;
        }
        while self.held_bytes > self.limits.answer_bytes {
            let Some((_, idle)) = self.views.pop_oldest() else {
                break;
            };
            self.held_bytes -= idle.held_bytes;
            self.forgotten += idle.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests;
