//! The values that Python hands over, as the crates have them.

use correlate::Wanted;
use pyo3::prelude::*;

/// `sensors.interest.Interest`.
#[derive(FromPyObject)]
pub struct Interest {
    names: Vec<String>,
    prefixes: Vec<String>,
    server_ports: Vec<u16>,
    alpn: Vec<String>,
    signalling: Vec<String>,
    resolvers: Vec<String>,
    client_prefixes: Vec<String>,
    groups: Vec<(String, u32)>,
    hosting: Vec<String>,
}

/// `sensors.limits.NameLimits`.
#[derive(FromPyObject)]
pub struct NameLimits {
    pending: usize,
    hellos: usize,
    answer_bytes: usize,
    public_names: usize,
    names: usize,
    lifetimes: usize,
    callers: usize,
}

impl Interest {
    /// The networks of all groups of clients, in CIDR notation.
    pub fn client_networks(&self) -> Vec<String> {
        self.groups
            .iter()
            .map(|(network, _)| network.clone())
            .collect()
    }
}

impl From<Interest> for Wanted {
    fn from(interest: Interest) -> Self {
        Self {
            names: interest.names,
            prefixes: interest.prefixes,
            server_ports: interest.server_ports,
            alpn: interest.alpn,
            signalling: interest.signalling,
            resolvers: interest.resolvers,
            client_prefixes: interest.client_prefixes,
            groups: interest.groups,
            hosting: interest.hosting,
        }
    }
}

impl From<NameLimits> for correlate::Limits {
    fn from(limits: NameLimits) -> Self {
        Self {
            pending: limits.pending,
            hellos: limits.hellos,
            answer_bytes: limits.answer_bytes,
            public_names: limits.public_names,
            names: limits.names,
            lifetimes: limits.lifetimes,
            callers: limits.callers,
        }
    }
}

/// The bounds of a sensor, those of `sensors.limits.Limits` in order.
pub type Bounds = (usize, usize, usize, usize);

/// What the bounds are to a sensor.
pub const fn limits((flows, stream_bytes, reading_bytes, fragments): Bounds) -> capture::Limits {
    capture::Limits {
        flows,
        stream_bytes,
        reading_bytes,
        fragments,
    }
}
