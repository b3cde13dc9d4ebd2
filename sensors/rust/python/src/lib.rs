//! The Python binding of the native engine. It binds, and does nothing else.

#![allow(clippy::needless_pass_by_value)] // PyO3 hands arguments over

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capture::{Limits, Replay};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Capture files as one stream in time order, turned into observations.
#[pyclass(module = "sensors._native")]
struct Engine {
    replay: Mutex<Replay>, // Python may share it among threads
}

#[pymethods]
impl Engine {
    /// Open the files; what cannot be read becomes a fault. `limits` are those of `sensors.limits`, in order.
    /// `seed` keys the hash of the flow table.
    #[new]
    fn new(paths: Vec<PathBuf>, limits: (usize, usize, usize, usize), seed: u64) -> Self {
        let (flows, stream_bytes, reading_bytes, fragments) = limits;
        let limits = Limits {
            flows,
            stream_bytes,
            reading_bytes,
            fragments,
        };
        Self {
            replay: Mutex::new(Replay::new(&paths, limits, seed)),
        }
    }

    /// The next observations as a msgpack array of maps; None at the end. Others run meanwhile.
    fn next_batch<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let replay = self.replay();
        let batch = py.detach(|| replay.next_batch())?;
        Some(PyBytes::new(py, &batch))
    }

    /// The bytes consumed on the disk since the last call.
    fn consumed_bytes(&mut self) -> u64 {
        self.replay().take_consumed_bytes()
    }

    /// What became of every packet so far, as a msgpack map.
    fn accounting<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.replay().accounting())
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
    module.add_class::<Engine>()
}
