//! Captures that come one after the other.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capture::Manner;
use correlate::{Filter, Wanted};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::given::{self, Bounds, Interest, NameLimits, Parcels, Publishing};

/// Captures that are added one by one, turned into connections by an eager filter.
#[pyclass(module = "sensors._native")]
pub struct Series {
    series: Mutex<capture::Series>, // Python may share it among threads
}

#[pymethods]
impl Series {
    /// No captures yet. `limits` are those of `sensors.limits.Limits`, in order; `waiting` is what may wait to be
    /// taken, and how long gaps are gathered. `seed` keys the hashes.
    #[new]
    fn new(
        interest: Interest,
        limits: Bounds,
        names: NameLimits,
        waiting: (usize, i64),
        seed: u64,
        publishing: Option<Publishing>,
    ) -> PyResult<Self> {
        let wanted: Wanted = interest.into();
        let filter =
            Filter::new(wanted.clone(), names.into(), seed).map_err(PyValueError::new_err)?;
        let (bound, gap_interval_ns) = waiting;
        let manner = Manner {
            eager: true,
            gap_interval_ns,
            ..Manner::replay(given::limits(limits))
        };
        let filter = filter.eager().bounded(bound);
        let outlet = given::outlet(filter, publishing, &wanted, seed)?;
        let series = capture::Series::new(manner, outlet, seed);
        Ok(Self {
            series: Mutex::new(series),
        })
    }

    /// Read a capture when those before it were read; what cannot be read becomes a fault.
    fn add(&mut self, path: PathBuf) {
        self.series().add(path);
    }

    /// Whether there is more to read for now.
    fn is_reading(&mut self) -> bool {
        self.series().is_reading()
    }

    /// Read nothing more, wherever reading stands: all flows end.
    fn finish(&mut self) {
        self.series().finish();
    }

    /// The connections and gaps that wait, as a msgpack array of maps, of one file; None at the end.
    fn next_batch<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let series = self.series();
        let batch = py.detach(|| series.next_batch())?;
        Some(PyBytes::new(py, &batch))
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    fn parcels<'py>(&mut self, py: Python<'py>, rest: bool) -> Parcels<'py> {
        given::parcels(py, self.series().parcels(rest))
    }

    /// What was only counted since the last call, as a msgpack map.
    fn counted<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.series().counted())
    }

    /// Look for something else from now on; return what was counted before, as a msgpack map.
    fn retarget<'py>(
        &mut self,
        py: Python<'py>,
        interest: Interest,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let counted = self.series().retarget(interest.into());
        Ok(PyBytes::new(py, &counted.map_err(PyValueError::new_err)?))
    }

    /// How many flows are in the table.
    fn flows(&mut self) -> usize {
        self.series().flows()
    }

    /// What became of every packet so far, as a msgpack map.
    fn accounting<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.series().accounting())
    }
}

impl Series {
    fn series(&mut self) -> &mut capture::Series {
        self.series
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
