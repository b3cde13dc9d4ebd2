//! A map that knows in what order its entries were last used: Python's `OrderedDict`.
//!
//! Entries live in slots that are linked to their neighbours in that order, so that taking the oldest out, and
//! making one the newest, costs the same however many there are. The links lie apart from the entries: close
//! together they stay in the cache.

use std::hash::Hash;

use ahash::RandomState;
use hashbrown::{Equivalent, HashTable};

/// The place of an entry, until it is removed.
pub type Slot = u32;

const NOWHERE: Slot = Slot::MAX;

const UNLINKED: Links = Links {
    older: NOWHERE,
    newer: NOWHERE,
};

#[derive(Clone, Copy)]
struct Links {
    older: Slot,
    newer: Slot,
}

/// The map. Keys are an attacker's choice, so the hash has a seed.
pub struct Recency<K, V> {
    hasher: RandomState,
    index: HashTable<Slot>,
    slots: Vec<Option<(K, V)>>, // None where a slot is free
    links: Vec<Links>,          // of each slot
    free: Vec<Slot>,
    oldest: Slot,
    newest: Slot,
}

impl<K: Eq + Hash, V> Recency<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new(hasher: RandomState) -> Self {
        Self {
            hasher,
            index: HashTable::new(),
            slots: Vec::new(),
            links: Vec::new(),
            free: Vec::new(),
            oldest: NOWHERE,
            newest: NOWHERE,
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The place of a key's entry. A borrowed form of a key must hash as the key does.
    pub fn find<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<Slot> {
        if self.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let held = |slot: &Slot| {
            self.held(*slot)
                .is_some_and(|(other, _)| key.equivalent(other))
        };
        self.index.find(hash, held).copied()
    }

    /// The value at a place.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&V> {
        self.held(slot).map(|(_, value)| value)
    }

    /// The value at a place, to change.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut V> {
        let held = self.slots.get_mut(slot as usize)?.as_mut();
        held.map(|(_, value)| value)
    }

    /// Add an entry whose key is not there yet, as the newest; return its place.
    pub fn insert(&mut self, key: K, value: V) -> Slot {
        let hash = self.hasher.hash_one(&key);
        let slot = self.free.pop().unwrap_or(self.slots.len() as Slot);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some((key, value));
        } else {
            self.slots.push(Some((key, value)));
            self.links.push(UNLINKED);
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, slot, |slot| {
            let held = slots.get(*slot as usize).and_then(Option::as_ref);
            held.map_or(0, |(key, _)| hasher.hash_one(key))
        });
        self.link(slot);
        slot
    }

    /// Make the entry at a place the newest.
    pub fn touch(&mut self, slot: Slot) {
        if self.newest != slot && self.held(slot).is_some() {
            self.unlink(slot);
            self.link(slot);
        }
    }

    /// Take the entry at a place out.
    pub fn remove(&mut self, slot: Slot) -> Option<(K, V)> {
        let hash = self.hasher.hash_one(&self.held(slot)?.0);
        self.index
            .find_entry(hash, |other| *other == slot)
            .ok()?
            .remove();
        self.unlink(slot);
        self.free.push(slot);
        self.slots.get_mut(slot as usize)?.take()
    }

    /// Take out the entry that was longest out of use.
    pub fn pop_oldest(&mut self) -> Option<(K, V)> {
        self.remove(self.oldest)
    }

    fn held(&self, slot: Slot) -> Option<&(K, V)> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn link(&mut self, slot: Slot) {
        let last = std::mem::replace(&mut self.newest, slot);
        if let Some(links) = self.links.get_mut(slot as usize) {
            (links.older, links.newer) = (last, NOWHERE);
        }
        match self.links.get_mut(last as usize) {
            Some(links) => links.newer = slot,
            None => self.oldest = slot,
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let Some(Links { older, newer }) = self.links.get(slot as usize).copied() else {
            return;
        };
        match self.links.get_mut(older as usize) {
            Some(links) => links.newer = newer,
            None => self.oldest = newer,
        }
        match self.links.get_mut(newer as usize) {
            Some(links) => links.older = older,
            None => self.newest = older,
        }
    }
}

/// A hasher from the seed of a run.
#[must_use]
pub const fn seeded(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed.rotate_left(29), !seed, 0xc2b2_ae3d_27d4_eb4f)
}

#[cfg(test)]
mod tests {
    use super::{Recency, seeded};
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Use(u8),
        Remove(u8),
        PopOldest,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..12_u8).prop_map(Step::Use),
            2 => (0..12_u8).prop_map(Step::Remove),
            1 => Just(Step::PopOldest),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        /// Against a list in the order of use.
        #[test]
        fn entries_stay_in_the_order_of_their_use(steps in steps(), seed: u64) {
            let mut map = Recency::new(seeded(seed));
            let mut order: Vec<(u8, usize)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Use(key) => {
                        let known = order.iter().position(|(other, _)| *other == key);
                        let held = known.map_or((key, number), |at| order.remove(at));
                        order.push(held);
                        match map.find(&key) {
                            Some(slot) => map.touch(slot),
                            None => { map.insert(key, number); }
                        }
                    }
                    Step::Remove(key) => {
                        let known = order.iter().position(|(other, _)| *other == key);
                        let removed = map.find(&key).and_then(|slot| map.remove(slot));
                        prop_assert_eq!(removed, known.map(|at| order.remove(at)));
                    }
                    Step::PopOldest => {
                        let oldest = (!order.is_empty()).then(|| order.remove(0));
                        prop_assert_eq!(map.pop_oldest(), oldest);
                    }
                }
                prop_assert_eq!(map.len(), order.len());
                for (key, value) in &order {
                    let slot = map.find(key);
                    prop_assert_eq!(slot.and_then(|slot| map.get(slot)), Some(value));
                }
            }
            for entry in order {
                prop_assert_eq!(map.pop_oldest(), Some(entry));
            }
            prop_assert_eq!(map.pop_oldest(), None);
        }
    }
}
