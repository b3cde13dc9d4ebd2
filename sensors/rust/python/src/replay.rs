//! Capture files, replayed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capture::{Manner, Replay};
use correlate::Filter;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::given::{self, Bounds, Interest, NameLimits};

/// Capture files as one stream in time order, turned into observations.
#[pyclass(module = "sensors._native")]
pub struct Engine {
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
        limits: Bounds,
        manner: (bool, i64),
        seed: u64,
        threads: usize,
    ) -> PyResult<Self> {
        let (eager, gap_interval_ns) = manner;
        let manner = Manner {
            eager,
            gap_interval_ns,
            ..Manner::replay(given::limits(limits))
        };
        let replay = Replay::new(&paths, manner, seed, threads)?;
        Ok(Self {
            eager,
            replay: Mutex::new(replay),
        })
    }

    /// Hand out connections that the interest covers, and gaps, instead of observations. Before the first batch.
    fn filter(&mut self, interest: Interest, limits: NameLimits, seed: u64) -> PyResult<()> {
        let filter =
            Filter::new(interest.into(), limits.into(), seed).map_err(PyValueError::new_err)?;
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
