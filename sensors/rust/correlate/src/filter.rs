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

/// What was counted and not handed on. The mirror of `Counted` in `sensors/connections.py`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Connections, in the order of `Coverage::ALL`.
    pub coverage: [FlowCount; Coverage::ALL.len()],
    /// Flows that carried DNS: they name others and need no name.
    pub lookups: FlowCount,
    /// What the bounds made the correlator forget.
    pub forgotten: Forgotten,
}

impl Counted {
    fn connection(&mut self, connection: &Connection<'_>) {
        let class = connection.coverage as usize;
        if let Some(count) = self.coverage.get_mut(class) {
            count.add(&connection.update);
        }
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
    /// A filter within limits; `seed` keys the hashes. A prefix that is none is the error.
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
                if connection.update.flow.server_port == DNS_PORT && connection.hello.is_none() {
                    self.counted.lookups.add(&connection.update);
                } else if self.interest.cares(&connection) {
                    self.encoder.connection(&connection, tunnels);
                } else {
                    self.counted.connection(&connection);
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
    pub const fn counted(&self) -> Counted {
        Counted {
            forgotten: self.correlator.forgotten(),
            ..self.counted
        }
    }
}

#[cfg(test)]
mod tests;
