//! The Python binding of the native engine. It binds, and does nothing else.

#![allow(clippy::needless_pass_by_value)] // PyO3 hands arguments over

mod confinement;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capture::{Limits, Manner, Replay};
use correlate::{Filter, Wanted};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Flows and observations come and go by the million, some from thread to thread: a tenth of the time is won.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `sensors.interest.Interest`.
#[derive(FromPyObject)]
struct Interest {
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
struct NameLimits {
    pending: usize,
    hellos: usize,
    answer_bytes: usize,
    public_names: usize,
    names: usize,
    lifetimes: usize,
    callers: usize,
}

/// Capture files as one stream in time order, turned into observations.
#[pyclass(module = "sensors._native")]
struct Engine {
    eager: bool,
    replay: Mutex<Replay>, // Python may share it among threads
}

#[pymethods]
impl Engine {
    /// Open the files; what cannot be read becomes a fault. `limits` are those of `sensors.limits`, in order;
    /// `manner` is whether to be eager, and how long gaps are gathered.
    /// `seed` keys the hash of the flow table. Raises `OSError` where the system has not so many threads.
    #[new]
    fn new(
        paths: Vec<PathBuf>,
        limits: (usize, usize, usize, usize),
        manner: (bool, i64),
        seed: u64,
        threads: usize,
    ) -> PyResult<Self> {
        let (flows, stream_bytes, reading_bytes, fragments) = limits;
        let limits = Limits {
            flows,
            stream_bytes,
            reading_bytes,
            fragments,
        };
        let (eager, gap_interval_ns) = manner;
        let manner = Manner {
            limits,
            eager,
            gap_interval_ns,
        };
        let replay = Replay::new(&paths, manner, seed, threads)?;
        Ok(Self {
            eager,
            replay: Mutex::new(replay),
        })
    }

    /// Hand out connections that the interest covers, and gaps, instead of observations. Before the first batch.
    fn filter(&mut self, interest: Interest, limits: NameLimits, seed: u64) -> PyResult<()> {
        let wanted = Wanted {
            names: interest.names,
            prefixes: interest.prefixes,
            server_ports: interest.server_ports,
            alpn: interest.alpn,
            signalling: interest.signalling,
            resolvers: interest.resolvers,
            client_prefixes: interest.client_prefixes,
            groups: interest.groups,
            hosting: interest.hosting,
        };
        let limits = correlate::Limits {
            pending: limits.pending,
            hellos: limits.hellos,
            answer_bytes: limits.answer_bytes,
            public_names: limits.public_names,
            names: limits.names,
            lifetimes: limits.lifetimes,
            callers: limits.callers,
        };
        let filter = Filter::new(wanted, limits, seed).map_err(PyValueError::new_err)?;
        let filter = if self.eager { filter.eager() } else { filter };
        self.replay().filter(filter);
        Ok(())
    }

    /// The next observations, or connections, as a msgpack array of maps; None at the end. Others run meanwhile.
    fn next_batch<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let replay = self.replay();
        let batch = py.detach(|| replay.next_batch())?;
        Some(PyBytes::new(py, &batch))
    }

    /// The bytes consumed on the disk since the last call.
    fn consumed_bytes(&mut self) -> u64 {
        self.replay().take_consumed_bytes()
    }

    /// What the filter only counted since the last call, as a msgpack map; None without one.
    fn counted<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let counted = self.replay().counted()?;
        Some(PyBytes::new(py, &counted))
    }

    /// What became of every packet so far, as a msgpack map.
    fn accounting<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let replay = self.replay();
        PyBytes::new(py, &py.detach(|| replay.accounting()))
    }
}

impl Engine {
    fn replay(&mut self) -> &mut Replay {
        self.replay
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The native engine.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    confinement::add_to(module)
}
