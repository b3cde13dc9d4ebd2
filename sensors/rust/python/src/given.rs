//! The values that Python hands over, as the crates have them, and parcels as Python has them.

use correlate::publishing::{Cut, Whose};
use correlate::{Filter, Outlet, Plan, Publisher, Wanted};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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

/// `sensors.publishing.Publishing`.
#[derive(FromPyObject)]
pub struct Publishing {
    key: Vec<u8>,
    linger_ns: i64,
    bound_bytes: usize,
    judge: bool,
}

/// Where observations go: through the filter, and to be published as asked. Raises `ValueError`.
pub fn outlet(
    filter: Filter,
    publishing: Option<Publishing>,
    wanted: &Wanted,
    seed: u64,
) -> PyResult<Outlet> {
    let Some(asked) = publishing else {
        return Ok(filter.into());
    };
    let plan = Plan {
        key: asked.key,
        linger_ns: asked.linger_ns,
        bound_bytes: asked.bound_bytes,
    };
    let publisher = Publisher::new(wanted, plan, seed).map_err(PyValueError::new_err)?;
    Ok(if asked.judge {
        Outlet::from(filter).beside(publisher)
    } else {
        Outlet::published(publisher)
    })
}

/// `sensors.publishing.Cut`, its fields in order; and how many observations were shed.
pub type Parcels<'py> = (
    Vec<(bool, Option<u16>, i64, usize, Bound<'py, PyBytes>)>,
    u64,
);

/// Parcels as Python has them.
pub fn parcels(py: Python<'_>, (cut, shed): (Vec<Cut>, u64)) -> Parcels<'_> {
    let told = cut.into_iter().map(|cut| {
        let slot = match cut.whose {
            Whose::Slot(slot) => Some(slot),
            Whose::Everybodys | Whose::Nobodys => None,
        };
        let names = cut.whose == Whose::Everybodys;
        let data = PyBytes::new(py, &cut.data);
        (names, slot, cut.clock_ns, cut.count, data)
    });
    (told.collect(), shed)
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
