//! The flow table: packets become flows with a client, a server, totals, and a reason for their end.
//!
//! The mirror of `sensors/flows.py`. Bounded and deterministic: time is that of the packets, and the
//! longest-silent flow goes first when the table is full. Which one that is, is looked up lazily: a moment is
//! kept at which each flow was active, and is corrected when that flow comes up.

use ahash::RandomState;
use hashbrown::HashTable;

use crate::flow::Flow;
use crate::key::Key;
use crate::places::Places;
use crate::segment::Segment;
use crate::silence::{Moment, Silence};

/// One second.
pub const SECOND_NS: i64 = 1_000_000_000;
/// A TCP flow that is silent for longer is over.
pub const TCP_IDLE_NS: i64 = 300 * SECOND_NS;
/// A UDP flow that is silent for longer is over.
pub const UDP_IDLE_NS: i64 = 120 * SECOND_NS;
/// After FIN or RST, late segments still belong to the flow for so long.
pub const LINGER_NS: i64 = 10 * SECOND_NS;

/// What a flow's silence is measured by, in the order in which equals are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// TCP after FIN or RST.
    Closing,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl Class {
    /// All classes, in order.
    pub const ALL: [Self; 3] = [Self::Closing, Self::Udp, Self::Tcp];

    /// How long a flow may be silent.
    #[must_use]
    pub const fn timeout_ns(self) -> i64 {
        match self {
            Self::Closing => LINGER_NS,
            Self::Udp => UDP_IDLE_NS,
            Self::Tcp => TCP_IDLE_NS,
        }
    }
}

/// Of flows that ended, so many moments may be left beside twice those that are needed.
const SPARE_MOMENTS: usize = 65_536;

/// All flows. The clock is the latest time of any packet so far, `packet` its number; the owner sets both.
pub struct FlowTable {
    now_ns: i64,
    /// The clock was set back: later packets may be earlier in time.
    went_back: bool,
    /// The number of the packet in work; it never repeats.
    pub packet: u64,
    limit: usize,
    hasher: RandomState,
    index: HashTable<u32>,
    slots: Places,
    free: Vec<u32>,
    /// By place: changed when what was told of the silence of the flow there is no more true. Kept apart from
    /// the flows, since most of what was told is asked for when its flow is long gone, and out of the cache.
    stamps: Vec<u32>,
    silent: [Silence; 3],
    /// How many flows were ever added.
    added: u64,
}

/// A key that was looked up ahead of its turn, when the table may not have been yet what it is by then.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    /// The key.
    pub key: Key,
    /// Whether the segment's sender is the key's lower end.
    pub from_low: bool,
    hash: u64,
    slot: Option<u32>,
    added: u64,
}

impl Sought {
    /// Before a look.
    pub const NOTHING: Self = Self {
        key: Key::NOTHING,
        from_low: false,
        hash: 0,
        slot: None,
        added: 0,
    };
}

impl FlowTable {
    /// An empty table for at most `limit` flows. Keys are an attacker's choice, so the hash has a `seed`.
    #[must_use]
    pub fn new(limit: usize, seed: u64) -> Self {
        Self {
            now_ns: 0,
            went_back: false,
            packet: 0,
            limit: limit.max(1),
            hasher: RandomState::with_seeds(
                seed,
                seed.rotate_left(17),
                !seed,
                0x9e37_79b9_7f4a_7c15,
            ),
            index: HashTable::new(),
            slots: Places::default(),
            free: Vec::new(),
            stamps: Vec::new(),
            silent: Default::default(),
            added: 0,
        }
    }

    /// The capture's clock.
    #[must_use]
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Set the clock.
    pub const fn set_now(&mut self, now_ns: i64) {
        self.went_back |= now_ns < self.now_ns;
        self.now_ns = now_ns;
    }

    /// How many flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether one must go before another can come.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.index.len() >= self.limit
    }

    /// Look up the flow of a segment.
    ///
    /// Several in a row, before any of them is worked on, wait for the memory together.
    #[inline]
    #[must_use]
    pub fn seek(&self, segment: &Segment<'_>) -> Sought {
        let (key, from_low) = Key::of(segment);
        let hash = self.hash(&key);
        Sought {
            key,
            from_low,
            hash,
            slot: self.find(hash, &key),
            added: self.added,
        }
    }

    /// The place of the flow that was sought, by now.
    #[inline]
    #[must_use]
    pub fn place(&self, sought: &Sought) -> Option<u32> {
        let lives = |flow: &Flow| flow.lives() && flow.key == sought.key;
        match sought.slot {
            Some(slot) if self.get(slot).is_some_and(lives) => sought.slot,
            None if sought.added == self.added => None,
            _ => self.find(sought.hash, &sought.key),
        }
    }

    #[inline]
    fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        let found = self.index.find(hash, |slot| {
            self.get(*slot).is_some_and(|flow| flow.key == *key)
        });
        found.copied()
    }

    /// The flow at a place.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&Flow> {
        self.slots.get(slot)
    }

    /// The flow at a place, to change.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot)
    }

    /// Add a flow; return its place.
    pub fn insert(&mut self, mut flow: Flow) -> u32 {
        flow.active_ns = self.now_ns;
        flow.last_packet = self.packet;
        self.added += 1;
        let hash = self.hash(&flow.key);
        let slot = self.put(flow);
        self.remember(slot);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, slot, |slot| {
            slots
                .get(*slot)
                .map_or(0, |flow| hash_with(hasher, &flow.key))
        });
        slot
    }

    fn put(&mut self, flow: Flow) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot)
        {
            *place = flow;
            return slot;
        }
        self.stamps.push(0);
        self.slots.push(flow)
    }

    /// Take a flow out.
    pub fn remove(&mut self, slot: u32) -> Option<Flow> {
        let key = self.get(slot)?.key;
        let hash = self.hash(&key);
        let found = self.index.find_entry(hash, |other| *other == slot).ok()?;
        found.remove();
        self.stamp_anew(slot);
        self.free.push(slot);
        self.slots.get_mut(slot).map(Flow::take)
    }

    /// Note that a TCP flow is over: it now counts among those that are closing.
    pub fn close(&mut self, slot: u32) {
        if let Some(flow) = self.slots.get_mut(slot) {
            flow.class = Class::Closing;
            self.stamp_anew(slot);
            self.remember(slot);
        }
    }

    /// The flow of a class that was silent for longer than it may be, the longest first.
    pub fn next_idle(&mut self, class: Class) -> Option<u32> {
        // What was told last of a flow is a bound: only where even that is long ago, all is to be looked at.
        let top = self.silent(class).peek()?;
        if !self.went_back && self.now_ns - top.active_ns <= class.timeout_ns() {
            return None;
        }
        let slot = self.longest_silent(class)?;
        let active_ns = self.get(slot)?.active_ns;
        // A clock that is set anew, forward or back, ends all flows that were before.
        ((self.now_ns - active_ns).abs() > class.timeout_ns()).then_some(slot)
    }

    /// The flow that was silent longest; among equals first those that are closing, then UDP, then TCP.
    pub fn next_victim(&mut self) -> Option<u32> {
        let mut victim: Option<(i64, u32)> = None;
        for class in Class::ALL {
            let Some(slot) = self.longest_silent(class) else {
                continue;
            };
            let Some(active_ns) = self.get(slot).map(|flow| flow.active_ns) else {
                continue;
            };
            if victim.is_none_or(|(least, _)| active_ns < least) {
                victim = Some((active_ns, slot));
            }
        }
        victim.map(|(_, slot)| slot)
    }

    /// The places of all flows, in the order of their first packets; `tunnel_ranks` orders tunnels.
    #[must_use]
    pub fn in_order(&self, tunnel_ranks: &[u16]) -> Vec<u32> {
        let first_ns = |slot: &u32| self.get(*slot).map_or(0, |flow| flow.first_ns);
        let mut slots: Vec<(i64, u32)> = self
            .index
            .iter()
            .map(|slot| (first_ns(slot), *slot))
            .collect();
        let exact = |slot| self.get(slot).map(|flow| flow.key.order(tunnel_ranks));
        slots.sort_unstable_by(|(one_ns, one), (other_ns, other)| {
            one_ns
                .cmp(other_ns)
                .then_with(|| exact(*one).cmp(&exact(*other)))
        });
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    fn longest_silent(&mut self, class: Class) -> Option<u32> {
        loop {
            let top = self.silent(class).peek()?;
            if !self.is_current(&top) {
                self.silent(class).pop();
                continue;
            }
            let current = self.moment(top.slot)?;
            if current == top {
                return Some(top.slot);
            }
            self.silent(class).pop();
            self.silent(class).push(current);
        }
    }

    fn remember(&mut self, slot: u32) {
        if let (Some(flow), Some(moment)) = (self.slots.get(slot), self.moment(slot)) {
            let class = flow.class;
            self.silent(class).push(moment);
            if self.silent(class).len() > SPARE_MOMENTS + 2 * self.index.len() {
                self.forget_moments(class);
            }
        }
    }

    /// Forget the moments of flows that ended, or are of another class by now: most are.
    #[cold]
    fn forget_moments(&mut self, class: Class) {
        let mut silent = std::mem::take(self.silent(class));
        silent.retain(|told| self.is_current(told));
        *self.silent(class) = silent;
    }

    /// Whether what was told is of a flow that still is at that place, and of that class.
    fn is_current(&self, told: &Moment) -> bool {
        self.stamps.get(told.slot as usize) == Some(&told.stamp)
    }

    fn stamp_anew(&mut self, slot: u32) {
        if let Some(stamp) = self.stamps.get_mut(slot as usize) {
            *stamp = stamp.wrapping_add(1);
        }
    }

    /// What is to be told of the silence of a flow, by now.
    fn moment(&self, slot: u32) -> Option<Moment> {
        let (flow, stamp) = (self.slots.get(slot)?, *self.stamps.get(slot as usize)?);
        Some(Moment {
            packet: flow.last_packet,
            active_ns: flow.active_ns,
            slot,
            stamp,
        })
    }

    fn silent(&mut self, class: Class) -> &mut Silence {
        let [closing, udp, tcp] = &mut self.silent;
        match class {
            Class::Closing => closing,
            Class::Udp => udp,
            Class::Tcp => tcp,
        }
    }

    fn hash(&self, key: &Key) -> u64 {
        hash_with(&self.hasher, key)
    }
}

fn hash_with(hasher: &RandomState, key: &Key) -> u64 {
    hasher.hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::{Class, FlowTable, SPARE_MOMENTS};
    use crate::kit::open;

    #[test]
    fn flows_that_ended_take_no_memory_however_many_they_were() {
        let mut flows = FlowTable::new(10, 7);
        let first = open(&mut flows, 1);
        let second = open(&mut flows, 2);
        for _ in 0..2 * SPARE_MOMENTS {
            let slot = open(&mut flows, 3);
            flows.close(slot);
            flows.remove(slot);
        }
        for silent in &flows.silent {
            assert!(silent.len() <= SPARE_MOMENTS + 2 * 3);
        }
        assert_eq!(flows.next_victim(), Some(first));
        flows.remove(first);
        assert_eq!(flows.next_victim(), Some(second));
        flows.set_now(Class::Tcp.timeout_ns() + 1);
        assert_eq!(flows.next_idle(Class::Tcp), Some(second));
        assert_eq!(flows.next_idle(Class::Closing), None);
    }
}
