//! Hands on the connections that a policy can care about, and counts the others.
//!
//! What waits to be taken may be bounded. Above half the bound, connections without a name go no further; above
//! the bound, nothing but gaps does. That is counted, and an ended connection counts as if nobody cared for it.

use ahash::RandomState;
use dissect::observations::{DataSeen, FlowUpdate, Observation};
use dissect::recorder::DNS_PORT;

use crate::connections::{Connection, Coverage};
use crate::correlator::{Correlator, Forgotten};
use crate::encode::Encoder;
use crate::hostmatch::NameIndex;
use crate::interest::{Interest, Wanted};
use crate::recency::seeded;
use crate::resolutions::Limits;
use crate::shared::Shared;

/// More names than attribution reads: which are left out is then counted. `monitor/attribution/readings.py`.
const MAX_NAMES: usize = 32;
/// A value that takes more counts as several, where what waits is bounded.
const USUAL_BYTES: usize = 2_048;

/// Flows and their bytes both ways, on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCount {
    /// How many flows.
    pub flows: u64,
    /// From their clients.
    pub bytes_up: u64,
    /// From their servers.
    pub bytes_down: u64,
}

impl FlowCount {
    const fn add(&mut self, update: &FlowUpdate) {
        self.flows += 1;
        self.bytes_up += update.bytes_up;
        self.bytes_down += update.bytes_down;
    }
}

/// What was counted of one group. The mirror of `GroupCounted` in `sensors/connections.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupCount {
    /// Connections, in the order of `Coverage::ALL`.
    pub coverage: [FlowCount; Coverage::ALL.len()],
    /// Of these, where the last hello hides the name by ECH.
    pub ech_offered: FlowCount,
    /// Of these, where its ECH extension is taken for GREASE.
    pub ech_grease: FlowCount,
    /// Of these, without a name at an address where LLM endpoints are hosted.
    pub address_hosting: FlowCount,
    /// Flows that carried DNS: they name others and need no name.
    pub lookups: FlowCount,
}

impl GroupCount {
    fn connection(&mut self, connection: &Connection<'_>, interest: &Interest) {
        let class = connection.coverage as usize;
        if let Some(count) = self.coverage.get_mut(class) {
            count.add(&connection.update);
        }
        match connection.hello.map(|hello| hello.ech) {
            Some("offered") => self.ech_offered.add(&connection.update),
            Some("grease") => self.ech_grease.add(&connection.update),
            _ => {}
        }
        if interest.may_hide(connection) {
            self.address_hosting.add(&connection.update);
        }
    }
}

/// What was dropped because too much waited. The mirror of `Shed` in `sensors/connections.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Connections that still lived.
    pub opened: u64,
    /// Connections that ended: they are among the groups' too.
    pub ended: u64,
    /// Data seen on connections that still lived.
    pub data: u64,
}

impl Shed {
    const fn connection(&mut self, is_open: bool) {
        if is_open {
            self.opened += 1;
        } else {
            self.ended += 1;
        }
    }
}

/// What was counted and not handed on. The mirror of `Counted` in `sensors/connections.py`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// By group number, up to the highest that had any.
    pub groups: Vec<GroupCount>,
    /// What the bounds made the correlator forget.
    pub forgotten: Forgotten,
    /// What was of interest, and dropped.
    pub shed: Shed,
}

impl Counted {
    /// Count a connection that is not handed on: once it ended.
    fn connection(&mut self, connection: &Connection<'_>, interest: &Interest) {
        if connection.is_open() {
            return;
        }
        let group = interest.group(connection.update.flow.client);
        if let Some(count) = self.group(group) {
            if is_lookup(connection) {
                count.lookups.add(&connection.update);
            } else {
                count.connection(connection, interest);
            }
        }
    }

    /// The counts of a group, which `Interest` keeps below `MAX_GROUPS`.
    fn group(&mut self, number: u32) -> Option<&mut GroupCount> {
        let index = number as usize;
        if index >= self.groups.len() {
            self.groups.resize(index + 1, GroupCount::default());
        }
        self.groups.get_mut(index)
    }
}

/// The correlator with an interest: observations go in, encoded connections and gaps come out.
pub struct Filter {
    correlator: Correlator,
    interest: Interest,
    counted: Counted,
    forgotten_before: Forgotten,
    encoder: Encoder,
    bound: usize,
    hasher: RandomState,
}

fn is_lookup(connection: &Connection<'_>) -> bool {
    connection.update.flow.server_port == DNS_PORT && connection.hello.is_none()
}

impl Filter {
    /// A filter within limits; `seed` keys the hashes. A prefix that is none, or a group's number that
    /// is too high, is the error.
    pub fn new(wanted: Wanted, limits: Limits, seed: u64) -> Result<Self, String> {
        let hasher = seeded(seed);
        Ok(Self {
            correlator: Correlator::new(limits, &wanted, &hasher)?,
            interest: Interest::new(wanted, &hasher)?,
            counted: Counted::default(),
            forgotten_before: Forgotten::default(),
            encoder: Encoder::default(),
            bound: usize::MAX,
            hasher,
        })
    }

    /// The same, handing on connections that still live too, and data seen on those.
    #[must_use]
    pub const fn eager(mut self) -> Self {
        self.correlator.eager = true;
        self
    }

    /// The same, with a bound on how much may wait to be taken: so many values, or as many times 2 KiB.
    #[must_use]
    pub const fn bounded(mut self, waiting: usize) -> Self {
        self.bound = waiting;
        self
    }

    /// Care for something else from now on; return what was counted by the groups' numbers until now.
    ///
    /// What correlation remembers stays. With an error nothing changes.
    pub fn retarget(&mut self, wanted: Wanted) -> Result<Counted, String> {
        let shared = Shared::new(&wanted, &self.hasher)?;
        let signalling = NameIndex::new(&wanted.signalling, &self.hasher);
        let interest = Interest::new(wanted, &self.hasher)?;
        self.interest = interest.following(&self.interest);
        self.correlator.retarget(signalling, shared);
        Ok(self.counted())
    }

    /// Take observations in order; `tunnels` are the decoder's tunnel names.
    pub fn take(&mut self, observations: Vec<Observation>, tunnels: &[String]) {
        for observation in observations {
            match observation {
                Observation::Gap(gap) => self.encoder.gap(&gap),
                Observation::Data(data) => self.data(&data, tunnels),
                other => self.correlate(other, tunnels),
            }
        }
    }

    fn correlate(&mut self, observation: Observation, tunnels: &[String]) {
        let waiting = self.fill();
        let many_names = if self.correlator.eager {
            usize::MAX // which names are too many to be read is counted in a replay alone
        } else {
            MAX_NAMES
        };
        let Some(connection) = self.correlator.feed(observation) else {
            return;
        };
        let of_interest = connection.names.len() > many_names || self.interest.cares(&connection);
        let cared_for = of_interest && !is_lookup(&connection);
        let has_room = waiting < self.bound && (waiting < self.bound / 2 || connection.is_named());
        if cared_for && has_room {
            self.encoder.connection(&connection, tunnels);
        } else {
            self.counted.connection(&connection, &self.interest);
        }
        let (flow, is_open) = (connection.update.flow, connection.is_open());
        drop(connection);
        if cared_for && !has_room {
            self.counted.shed.connection(is_open);
        }
        if is_open {
            self.correlator.hand_on(&flow, cared_for && has_room);
        }
    }

    /// How much waits, as a number of values of the usual size.
    fn fill(&self) -> usize {
        let of_usual_size = self.encoder.waiting_bytes() / USUAL_BYTES;
        of_usual_size.max(self.encoder.waiting())
    }

    /// Hand on that data was seen, where the connection was.
    fn data(&mut self, data: &DataSeen, tunnels: &[String]) {
        if !self.correlator.was_handed_on(&data.flow) {
            return;
        }
        if self.fill() < self.bound {
            self.encoder.data(data, tunnels);
        } else {
            self.counted.shed.data += 1;
        }
    }

    /// How much waits to be taken: connections, data seen, and gaps.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.encoder.waiting()
    }

    /// What waited longest, as a msgpack array: some thousand values at the most.
    pub fn batch(&mut self) -> Vec<u8> {
        self.encoder.batch()
    }

    /// Count elsewhere from now on; what was counted is there instead.
    pub const fn exchange(&mut self, counted: &mut Counted) {
        std::mem::swap(&mut self.counted, counted);
    }

    /// What was counted since the last call, and not handed on.
    pub fn counted(&mut self) -> Counted {
        let forgotten = self.correlator.forgotten();
        let before = std::mem::replace(&mut self.forgotten_before, forgotten);
        self.counted.forgotten = Forgotten {
            hellos: forgotten.hellos - before.hellos,
            names: forgotten.names - before.names,
        };
        std::mem::take(&mut self.counted)
    }
}

#[cfg(test)]
mod tests;
