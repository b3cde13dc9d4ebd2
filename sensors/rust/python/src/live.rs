//! Network interfaces, watched.

use std::time::Duration;

use capture::live::{Ask, Engine, Plan, Refusal, Refused, Snaplen};
use correlate::encode::Encoder;
use correlate::{Filter, Wanted};
use dissect::sensor::Sensor;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::given::{self, Bounds, Interest, NameLimits, Parcels, Publishing};

/// `sensors.live.Rings`.
#[derive(FromPyObject)]
struct Rings {
    interfaces: Vec<String>,
    threads: usize,
    ring_bytes: usize,
    promiscuous: bool,
    snap_bytes: Option<u32>,
}

/// `sensors.live.Manner`, without the sensor's limits.
#[derive(FromPyObject)]
struct Manner {
    interest: Interest,
    names: NameLimits,
    waiting: usize,
    publishing: Option<Publishing>,
}

/// Losses are told so often.
const GAP_INTERVAL_NS: i64 = 10_000_000_000;
/// Silent flows are ended so often: a few each time, so that no verdict waits for many.
const TICK_NS: i64 = 20_000_000;

/// What a capture thread says of itself: interface, state, accounting as a msgpack map, packets that the kernel had,
/// packets dropped, times that the ring was full, flows.
type Account<'py> = (
    String,
    &'static str,
    Bound<'py, PyBytes>,
    u64,
    u64,
    u64,
    u64,
);

/// Network interfaces, watched by threads of their own from `start` to `stop`.
#[pyclass(module = "sensors._native")]
pub struct Live {
    engine: Engine,
    limits: Bounds,
    seed: u64,
    snap_bytes: Option<u32>,
}

#[pymethods]
impl Live {
    /// Open the rings, which takes `CAP_NET_RAW`. Raises `OSError` with one line that says what to do.
    #[new]
    fn new(rings: Rings, manner: Manner, limits: Bounds, seed: u64) -> PyResult<Self> {
        let snaplen = snaplen(rings.snap_bytes, &manner.interest);
        let wanted: Wanted = manner.interest.into();
        let filter = Filter::new(wanted.clone(), manner.names.into(), seed)
            .map_err(PyValueError::new_err)?
            .eager()
            .bounded(manner.waiting);
        let outlet = given::outlet(filter, manner.publishing, &wanted, seed)?;
        let ask = |interface| Ask {
            interface,
            bytes: rings.ring_bytes,
            promiscuous: rings.promiscuous,
        };
        let plan = Plan {
            asks: rings.interfaces.into_iter().map(ask).collect(),
            threads: rings.threads.max(1),
            snaplen,
        };
        let engine = Engine::open(plan, outlet).map_err(refused)?;
        Ok(Self {
            engine,
            limits,
            seed,
            snap_bytes: rings.snap_bytes,
        })
    }

    /// Start the threads.
    fn start(&mut self) -> PyResult<()> {
        let manner = dissect::sensor::Manner {
            limits: given::limits(self.limits),
            eager: true,
            gap_interval_ns: GAP_INTERVAL_NS,
            tick_ns: TICK_NS,
        };
        Ok(self.engine.start(|| Sensor::new(manner, self.seed))?)
    }

    /// The connections and gaps that wait, as a msgpack array of maps, after at most so long; None at the end, which
    /// comes by itself where a thread panicked.
    fn next_batch<'py>(&self, py: Python<'py>, timeout_ms: u64) -> Option<Bound<'py, PyBytes>> {
        let timeout = Duration::from_millis(timeout_ms);
        let batch = py.detach(|| self.engine.next_batch(timeout))?;
        Some(PyBytes::new(py, &batch))
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    fn parcels<'py>(&self, py: Python<'py>, rest: bool) -> Parcels<'py> {
        given::parcels(py, py.detach(|| self.engine.parcels(rest)))
    }

    /// How much waits to be taken, and what each capture thread said of itself last.
    fn accounts<'py>(&self, py: Python<'py>) -> (usize, Vec<Account<'py>>) {
        let (waiting, accounts) = self.engine.accounts();
        let told = accounts.into_iter().map(|account| {
            (
                account.interface,
                account.state,
                PyBytes::new(py, &account.accounting),
                account.packets,
                account.dropped,
                account.freezes,
                account.flows,
            )
        });
        (waiting, told.collect())
    }

    /// What was counted since the last call and not handed out, as a msgpack map.
    fn counted<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &Encoder::default().counted(&self.engine.counted()))
    }

    /// Care for something else from now on; return what was counted before. Raises `OSError`, `ValueError`; then
    /// nothing changes.
    fn retarget<'py>(&self, py: Python<'py>, interest: Interest) -> PyResult<Bound<'py, PyBytes>> {
        let snaplen = snaplen(self.snap_bytes, &interest);
        let counted = self
            .engine
            .retarget(interest.into(), snaplen)
            .map_err(|why| match why {
                Refused::Tap(refusal) => refused(refusal),
                Refused::Interest(problem) => PyValueError::new_err(problem),
            })?;
        Ok(PyBytes::new(py, &Encoder::default().counted(&counted)))
    }

    /// Tell the threads to end; what they have left is still handed out.
    fn stop(&self) {
        self.engine.stop();
    }
}

fn snaplen(bytes: Option<u32>, interest: &Interest) -> Snaplen {
    bytes.map_or_else(
        || Snaplen::Enough {
            clients: interest.client_networks(),
        },
        Snaplen::Bytes,
    )
}

fn refused(refusal: Refusal) -> PyErr {
    PyOSError::new_err(format!(
        "interface {}: {}; {}",
        refusal.interface, refusal.problem, refusal.mend
    ))
}
