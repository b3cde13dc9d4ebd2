//! Hands on the connections that a policy can care about, and counts the others.

use dissect::observations::{FlowUpdate, Observation};
use dissect::recorder::DNS_PORT;

use crate::connections::{Connection, Coverage};
use crate::correlator::{Correlator, Forgotten};
use crate::encode::Encoder;
use crate::interest::{Interest, Wanted};
use crate::recency::seeded;
use crate::resolutions::Limits;

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

/// What was counted and not handed on. The mirror of `Counted` in `sensors/connections.py`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// By group number, up to the highest that had any.
    pub groups: Vec<GroupCount>,
    /// What the bounds made the correlator forget.
    pub forgotten: Forgotten,
}

impl Counted {
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
    encoder: Encoder,
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
            encoder: Encoder::default(),
        })
    }

    /// Take observations in order; `tunnels` are the decoder's tunnel names.
    pub fn take(&mut self, observations: Vec<Observation>, tunnels: &[String]) {
        for observation in observations {
            if let Observation::Gap(gap) = &observation {
                self.encoder.gap(gap);
            } else if let Some(connection) = self.correlator.feed(observation) {
                let flow = &connection.update.flow;
                let lookup = flow.server_port == DNS_PORT && connection.hello.is_none();
                if !lookup && self.interest.cares(&connection) {
                    self.encoder.connection(&connection, tunnels);
                } else if let Some(count) = self.counted.group(self.interest.group(flow.client)) {
                    if lookup {
                        count.lookups.add(&connection.update);
                    } else {
                        count.connection(&connection, &self.interest);
                    }
                }
            }
        }
    }

    /// How many connections and gaps wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.encoder.waiting()
    }

    /// The connections and gaps that wait, as a msgpack array.
    pub fn batch(&mut self) -> Vec<u8> {
        self.encoder.batch()
    }

    /// What was counted so far and not handed on.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            groups: self.counted.groups.clone(),
            forgotten: self.correlator.forgotten(),
        }
    }
}

#[cfg(test)]
mod tests;
