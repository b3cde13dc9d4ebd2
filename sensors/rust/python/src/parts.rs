//! Captures read in parts.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use capture::Manner;
use capture::parts::stitch::{ReadPart, Stitch as Stitching};
use capture::parts::{Source, content as hash, pieces, reading, records, scan};
use correlate::Filter;
use correlate::encode::Encoder as CountEncoder;
use dissect::crossing::{Alive, Crossing};
use dissect::sensor::ordered::Most;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::given::{self, Bounds, Interest, NameLimits};

/// Offset, kind, problem, mend; the path comes first.
type Fault = (String, u64, &'static str, String, String);

/// What scanning a part tells. The mirror of `sensors.parts.Scanned`, but for the faults.
#[pyclass(module = "sensors._native", frozen, get_all)]
pub struct Scan {
    packets: u64,
    begins_ns: [Option<i64>; 2],
    span_ns: Option<(i64, i64)>,
    steady: bool,
    hides: bool,
    overflow: bool,
    delayed_files: usize,
    alive: Vec<u8>,
    pairs: Vec<u8>,
    faults: Vec<Fault>,
}

/// Where a pcap file can be cut into pieces of about so many bytes; None where it cannot. Raises `OSError`.
#[pyfunction]
fn cuts(py: Python<'_>, path: PathBuf, piece_bytes: u64) -> PyResult<Option<Vec<u64>>> {
    Ok(py.detach(|| pieces::cuts(&path, piece_bytes))?)
}

/// The BLAKE3 hash of a file's bytes, or of its header and a piece, in hexadecimal. Raises `OSError`.
#[pyfunction]
fn content(py: Python<'_>, path: PathBuf, piece: Option<(u64, u64)>) -> PyResult<String> {
    Ok(py.detach(|| hash::content(&path, piece))?)
}

/// Look through files, or a piece of one. Raises `OSError`.
#[pyfunction]
fn scan_part(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    piece: Option<(u64, u64)>,
    seed: u64,
) -> PyResult<Scan> {
    py.detach(|| {
        let mut source = Source::open(&paths, piece)?;
        let scanned = scan::scan(&mut source, seed);
        let (faults, delayed_files) = source.input();
        let faults = faults.into_iter().map(|fault| {
            let (problem, mend) = (fault.problem.clone(), fault.mend.clone());
            let (path, kind) = (fault.path.clone(), fault.kind.text());
            (path, fault.offset, kind, problem, mend)
        });
        Ok(Scan {
            packets: scanned.packets,
            begins_ns: scanned.begins_ns,
            span_ns: scanned.span_ns,
            steady: scanned.steady,
            hides: scanned.hides,
            overflow: scanned.overflow,
            delayed_files,
            alive: scanned.alive.encode(),
            pairs: scanned.pairs.encode(),
            faults: faults.collect(),
        })
    })
}

/// The conversations that may go on behind a part: those that it tells, and those from before that still may.
#[pyfunction]
fn carry<'py>(py: Python<'py>, here: &[u8], before: &[u8], end_ns: i64) -> Bound<'py, PyBytes> {
    let carried = Alive::decode(here).carry(&Alive::decode(before), end_ns);
    PyBytes::new(py, &carried.encode())
}

/// A part and what to read it with, as `sensors.parts` hands it over.
#[derive(FromPyObject)]
struct Task {
    paths: Vec<PathBuf>,
    piece: Option<(u64, u64)>,
    before_ns: Option<i64>,
    tunnels: bool,
    crossing: Vec<Vec<u8>>,
}

/// What became of the packets; whether all was known that crosses; flows, bytes and tunnels at the most; frames and
/// bytes left to others.
type Done<'py> = (Bound<'py, PyBytes>, bool, (usize, usize, usize), (u64, u64));

/// Read a part; leave what it said, and what is another's to read, in two files. Raises `OSError`.
#[pyfunction]
fn read_part(
    py: Python<'_>,
    task: Task,
    limits: Bounds,
    files: (PathBuf, PathBuf),
    seed: u64,
) -> PyResult<Done<'_>> {
    let done = py.detach(|| {
        let alive: Vec<Alive> = task.crossing.iter().map(|one| Alive::decode(one)).collect();
        let given = reading::Given {
            manner: Manner::replay(given::limits(limits)),
            before_ns: task.before_ns,
            crossing: Crossing::new(&alive, task.tunnels, seed),
            seed,
        };
        let mut source = Source::open(&task.paths, task.piece)?;
        reading::read(&mut source, given, &files.0, &files.1)
    })?;
    let accounting = PyBytes::new(py, &done.accounting);
    Ok((accounting, done.whole, most(done.most), done.left))
}

const fn most(most: Most) -> (usize, usize, usize) {
    (most.flows, most.reading_bytes, most.tunnels)
}

/// Puts together what was read in parts.
#[pyclass(module = "sensors._native")]
pub struct Stitch {
    stitch: Mutex<Stitching>, // Python may share it among threads
}

#[pymethods]
impl Stitch {
    /// Of parts that come to a time by their clock.
    #[new]
    fn new(
        end_ns: i64,
        limits: Bounds,
        sought: (Interest, NameLimits),
        seed: u64,
    ) -> PyResult<Self> {
        let (interest, names) = sought;
        let filter =
            Filter::new(interest.into(), names.into(), seed).map_err(PyValueError::new_err)?;
        let stitch = Stitching::new(
            end_ns,
            Manner::replay(given::limits(limits)),
            correlate::Relayed::new(filter),
            seed,
        );
        Ok(Self {
            stitch: Mutex::new(stitch),
        })
    }

    /// Add the next part: what was said, what was left, and how many packets it has.
    fn add(&mut self, said: PathBuf, left: PathBuf, packets: u64) {
        self.stitch().add(ReadPart {
            said,
            left,
            packets,
        });
    }

    /// No part comes any more.
    fn end(&mut self) {
        self.stitch().end();
    }

    /// The next connections and gaps, as a msgpack array of maps; None where another part has to be added first, or
    /// at the end. Raises `OSError`.
    fn next_batch<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let stitch = self.stitch();
        let batch = py.detach(|| stitch.next_batch())?;
        Ok(batch.map(|batch| PyBytes::new(py, &batch)))
    }

    /// What was only counted since the last call, as a msgpack map.
    fn counted<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let counted = self.stitch().counted();
        PyBytes::new(py, &CountEncoder::default().counted(&counted))
    }

    /// What became of the packets that cross, as a msgpack map; flows, bytes and tunnels at the most.
    fn accounting<'py>(&mut self, py: Python<'py>) -> (Bound<'py, PyBytes>, (usize, usize, usize)) {
        let (accounting, kept) = self.stitch().accounting();
        (PyBytes::new(py, &accounting), most(kept))
    }
}

impl Stitch {
    fn stitch(&mut self) -> &mut Stitching {
        self.stitch
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Add all of this to the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("PARTS_FORM", records::FORM)?;
    module.add_class::<Scan>()?;
    module.add_class::<Stitch>()?;
    module.add_function(wrap_pyfunction!(content, module)?)?;
    module.add_function(wrap_pyfunction!(cuts, module)?)?;
    module.add_function(wrap_pyfunction!(scan_part, module)?)?;
    module.add_function(wrap_pyfunction!(carry, module)?)?;
    module.add_function(wrap_pyfunction!(read_part, module)?)
}
