//! Observations for those who correlate elsewhere: encoded, and parted by whose they are.
//!
//! What is gathered for one slot is cut into a parcel when it is much, or when packet time went on by the linger. In
//! each slot observations keep their order; names that others' flows may need are cut ahead of what came after them,
//! and may come to stand ahead of what came before within the linger: they count from their own time on. What there
//! is no room for is shed, and counted. The mirror of `sensors/publishing.py`.

use ahash::RandomState;
use dissect::encode::Encoder;
use dissect::observations::Observation;

use crate::interest::Wanted;
use crate::recency::seeded;
use crate::shared::Shared;
use crate::slots::{SLOTS, Slots};

/// What one parcel holds at the most, but for its last observation.
pub const CUT_BYTES: usize = 524_288;
/// How many one parcel holds at the most.
pub const MAX_OBSERVATIONS: usize = 4_096;
/// So much that waits is fetched without waiting for the linger.
const MUCH_BYTES: usize = 4_194_304;
/// Where names are gathered, behind the slots.
const NAMES: usize = SLOTS;
/// Where what is no client's is gathered.
const NOBODY: usize = SLOTS + 1;

/// How to publish.
#[derive(Clone, Debug)]
pub struct Plan {
    /// That slots follow from.
    pub key: Vec<u8>,
    /// How far packet time goes on before what was gathered is cut.
    pub linger_ns: i64,
    /// How much may wait to be fetched.
    pub bound_bytes: usize,
}

/// Whose the observations of a parcel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of clients of this slot.
    Slot(u16),
    /// Names that flows of any client may need.
    Everybodys,
    /// No client's.
    Nobodys,
}

/// Observations, as a msgpack array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose they are.
    pub whose: Whose,
    /// The latest time of any observation by then.
    pub clock_ns: i64,
    /// How many.
    pub count: usize,
    /// The array.
    pub data: Vec<u8>,
}

/// What is gathered for one parcel.
#[derive(Default)]
struct Open {
    encoder: Encoder,
    count: usize,
}

/// Takes observations; gives parcels.
pub struct Publisher {
    plan: Plan,
    slots: Slots,
    shared: Shared,
    hasher: RandomState,
    open: Vec<Open>,
    touched: Vec<usize>, // of these, where something is, in the order in which it came
    cut: Vec<Cut>,
    clock_ns: i64,
    since_ns: i64, // of the first that is gathered
    waiting_bytes: usize,
    shed: u64,
}

impl Publisher {
    /// A publisher; `seed` keys the hashes.
    ///
    /// # Errors
    /// A key of no use, or a prefix of resolvers that is none.
    pub fn new(wanted: &Wanted, plan: Plan, seed: u64) -> Result<Self, String> {
        let hasher = seeded(seed);
        Ok(Self {
            slots: Slots::new(&plan.key, &hasher)?,
            plan,
            shared: Shared::new(wanted, &hasher)?,
            hasher,
            open: std::iter::repeat_with(Open::default)
                .take(NOBODY + 1)
                .collect(),
            touched: Vec::new(),
            cut: Vec::new(),
            clock_ns: i64::MIN,
            since_ns: i64::MIN,
            waiting_bytes: 0,
            shed: 0,
        })
    }

    /// Have other names go to everybody from now on. With an error nothing changes.
    ///
    /// # Errors
    /// A prefix of resolvers that is none.
    pub fn retarget(&mut self, wanted: &Wanted) -> Result<(), String> {
        self.shared = Shared::new(wanted, &self.hasher)?;
        Ok(())
    }

    /// Take observations in order; `tunnels` are the decoder's tunnel names.
    pub fn take(&mut self, observations: &[Observation], tunnels: &[String]) {
        for observation in observations {
            self.pass(time_of(observation));
            if self.waiting_bytes >= self.plan.bound_bytes {
                self.shed += 1;
            } else {
                self.gather(observation, tunnels);
            }
        }
    }

    /// Cut all that is gathered, names first.
    pub fn cut(&mut self) {
        self.cut_at(NAMES);
        for place in std::mem::take(&mut self.touched) {
            self.cut_at(place);
        }
    }

    /// The parcels that were cut, in order.
    pub fn parcels(&mut self) -> Vec<Cut> {
        let gathered: usize = self.open.iter().map(|open| open.encoder.len()).sum();
        self.waiting_bytes = gathered;
        std::mem::take(&mut self.cut)
    }

    /// How many observations were shed since the last call.
    pub const fn shed(&mut self) -> u64 {
        std::mem::replace(&mut self.shed, 0)
    }

    /// Whether so much waits that it should be fetched now.
    #[must_use]
    pub const fn has_much(&self) -> bool {
        self.waiting_bytes >= MUCH_BYTES
    }

    /// Let packet time go on.
    fn pass(&mut self, ts_ns: i64) {
        if ts_ns <= self.clock_ns {
            return;
        }
        if !self.touched.is_empty() && ts_ns.saturating_sub(self.since_ns) >= self.plan.linger_ns {
            self.cut();
        }
        self.clock_ns = ts_ns;
    }

    fn gather(&mut self, observation: &Observation, tunnels: &[String]) {
        let place = self.place(observation);
        if self.touched.is_empty() {
            self.since_ns = self.clock_ns;
        }
        let Some(open) = self.open.get_mut(place) else {
            return;
        };
        if open.count == 0 {
            self.touched.push(place);
        }
        let before = open.encoder.len();
        open.encoder.observation(observation, tunnels);
        open.count += 1;
        self.waiting_bytes += open.encoder.len() - before;
        if open.encoder.len() >= CUT_BYTES || open.count >= MAX_OBSERVATIONS {
            self.cut_at(NAMES);
            self.cut_at(place);
            let open = &self.open;
            self.touched
                .retain(|place| open.get(*place).is_some_and(|each| each.count > 0));
        }
    }

    fn place(&mut self, observation: &Observation) -> usize {
        let client = match observation {
            Observation::Name(name) if self.shared.holds(name) => {
                if !name.ech_public_names.is_empty() {
                    self.cut(); // they count whenever they were told, so that order matters
                }
                return NAMES;
            }
            Observation::Name(name) => name.client,
            Observation::Hello(hello) => hello.flow.client,
            Observation::Flow(update) => update.flow.client,
            Observation::Data(data) => data.flow.client,
            Observation::Gap(_) => return NOBODY,
        };
        usize::from(self.slots.of(client))
    }

    fn cut_at(&mut self, place: usize) {
        let Some(open) = self.open.get_mut(place).filter(|open| open.count > 0) else {
            return;
        };
        let count = std::mem::take(&mut open.count);
        let whose = match place {
            NAMES => Whose::Everybodys,
            NOBODY => Whose::Nobodys,
            slot => Whose::Slot(slot as u16),
        };
        self.cut.push(Cut {
            whose,
            clock_ns: self.clock_ns,
            count,
            data: open.encoder.take_array(count),
        });
    }
}

fn time_of(observation: &Observation) -> i64 {
    match observation {
        Observation::Name(name) => name.ts_ns,
        Observation::Hello(hello) => hello.ts_ns,
        Observation::Flow(update) => update.ts_ns,
        Observation::Data(data) => data.ts_ns,
        Observation::Gap(gap) => gap.ts_ns,
    }
}

#[cfg(test)]
mod tests;
