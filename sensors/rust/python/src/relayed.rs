//! Observations that a sensor elsewhere made.

use std::sync::{Mutex, PoisonError};

use correlate::encode::Encoder as CountEncoder;
use correlate::{Filter, Place, Taken};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::given::{Interest, NameLimits};

/// A parcel: its number, its sensor's, its account's, the span in nanoseconds that it is of, and its batch.
type Placed = (u64, u64, u64, i64, i64, PyBackedBytes);

/// Batches of encoded observations, turned into the connections that an interest covers, and gaps.
#[pyclass(module = "sensors._native")]
pub struct Relayed {
    relayed: Mutex<correlate::Relayed>, // Python may share it among threads
}

#[pymethods]
impl Relayed {
    /// Nothing was taken yet. `seed` keys the hashes.
    #[new]
    fn new(interest: Interest, limits: NameLimits, seed: u64) -> PyResult<Self> {
        let filter =
            Filter::new(interest.into(), limits.into(), seed).map_err(PyValueError::new_err)?;
        Ok(Self {
            relayed: Mutex::new(correlate::Relayed::new(filter)),
        })
    }

    /// Take a batch, a msgpack array of maps; return how many of its values were observations, malformed, and
    /// of unknown kind. Raises `ValueError` where it is no array. Others run meanwhile.
    fn take(&mut self, py: Python<'_>, batch: &[u8]) -> PyResult<(u64, u64, u64)> {
        let relayed = self.relayed();
        let taken = py.detach(|| relayed.take(batch));
        let taken = taken.map_err(|malformed| PyValueError::new_err(malformed.0))?;
        Ok((taken.observations, taken.malformed, taken.unknown))
    }

    /// Take parcels, to be released in their places; return the same, of all of them. Others run meanwhile.
    #[allow(clippy::needless_pass_by_value)] // what comes of a list in Python
    fn hold(&mut self, py: Python<'_>, parcels: Vec<Placed>) -> (u64, u64, u64) {
        let relayed = self.relayed();
        let mut taken = Taken::default();
        py.detach(|| {
            for (parcel, sensor, account, since_ns, until_ns, batch) in &parcels {
                let place = Place {
                    parcel: *parcel,
                    sensor: *sensor,
                    account: *account,
                    since_ns: *since_ns,
                    until_ns: *until_ns,
                };
                taken += relayed.hold(place, batch);
            }
        });
        (taken.observations, taken.malformed, taken.unknown)
    }

    /// Pass on what counts before a moment; return the parcels that are wholly passed on. Others run meanwhile.
    fn release(&mut self, py: Python<'_>, until_ns: i64) -> Vec<u64> {
        let relayed = self.relayed();
        py.detach(|| relayed.release(until_ns))
    }

    /// The connections and gaps that wait, as a msgpack array of maps, with the parcel of each; None where
    /// none do.
    fn next_batch<'py>(&mut self, py: Python<'py>) -> Option<(Bound<'py, PyBytes>, Vec<u64>)> {
        let (batch, parcels) = self.relayed().next_batch()?;
        Some((PyBytes::new(py, &batch), parcels))
    }

    /// What was only counted of the parcels of an account since the last call, as a msgpack map.
    fn counted_of<'py>(&mut self, py: Python<'py>, account: u64) -> Bound<'py, PyBytes> {
        let counted = self.relayed().counted_of(account);
        PyBytes::new(py, &CountEncoder::default().counted(&counted))
    }

    /// What was only counted since the last call, as a msgpack map.
    fn counted<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let counted = self.relayed().counted();
        PyBytes::new(py, &CountEncoder::default().counted(&counted))
    }

    /// Look for something else from now on; return what was counted before, as a msgpack map.
    fn retarget<'py>(
        &mut self,
        py: Python<'py>,
        interest: Interest,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let counted = self
            .relayed()
            .retarget(interest.into())
            .map_err(PyValueError::new_err)?;
        Ok(PyBytes::new(py, &CountEncoder::default().counted(&counted)))
    }
}

impl Relayed {
    fn relayed(&mut self) -> &mut correlate::Relayed {
        self.relayed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
