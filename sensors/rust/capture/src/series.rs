//! Captures that come one after the other, while others are still being written: files of a folder that grows.
//!
//! Each is read whole before the next, and flows go on from one to the other. Nothing runs ahead, so that one knows
//! when a file was read.

use std::collections::VecDeque;
use std::path::PathBuf;

use correlate::encode::Encoder as CountEncoder;
use correlate::publishing::Cut;
use correlate::{Outlet, Wanted};
use dissect::encode::{Encoder, FaultText};
use dissect::sensor::{Manner, Sensor};

use crate::capture::CaptureReader;
use crate::captured::{Fault, Frames, MAX_FAULTS};
use crate::observing::{BATCH, FRAMES};
use crate::window::CHUNK_BYTES;

/// Captures that go through one sensor, in the order in which they were added.
pub struct Series {
    sensor: Sensor,
    outlet: Outlet,
    coming: VecDeque<PathBuf>,
    reader: Option<CaptureReader>,
    /// The first `MAX_FAULTS` of all files.
    faults: Vec<Fault>,
    fault_count: u64,
    finishing: bool,
    over: bool,
}

impl Series {
    /// No captures yet; `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(manner: Manner, outlet: Outlet, seed: u64) -> Self {
        Self {
            sensor: Sensor::new(manner, seed),
            outlet,
            coming: VecDeque::new(),
            reader: None,
            faults: Vec::new(),
            fault_count: 0,
            finishing: false,
            over: false,
        }
    }

    /// Read a capture when those before it were read.
    pub fn add(&mut self, path: PathBuf) {
        self.coming.push_back(path);
    }

    /// Whether there is more to read for now, or to take.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.reader.is_some() || !self.coming.is_empty() || self.outlet.waiting() > 0
    }

    /// Read nothing more, wherever reading stands: all flows end.
    pub fn finish(&mut self) {
        self.coming.clear();
        self.close();
        self.finishing = true;
    }

    /// The connections and gaps that wait, as a msgpack array, empty for now; `None` at the end.
    ///
    /// It ends with its file: no batch tells of two.
    pub fn next_batch(&mut self) -> Option<Vec<u8>> {
        if self.over || self.outlet.waiting() > 0 {
            return (self.outlet.waiting() > 0).then(|| self.outlet.batch());
        }
        let mut frames = 0;
        while frames < FRAMES && self.outlet.waiting() < BATCH {
            let Some(more) = self.go_on() else {
                break;
            };
            frames += more;
        }
        Some(self.outlet.batch())
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    pub fn parcels(&mut self, rest: bool) -> (Vec<Cut>, u64) {
        self.outlet.parcels(rest)
    }

    /// Care for something else from now on; return what was counted until now. With an error nothing changes.
    ///
    /// # Errors
    /// A prefix that is none, or a group's number that is too high.
    pub fn retarget(&mut self, wanted: Wanted) -> Result<Vec<u8>, String> {
        let counted = self.outlet.retarget(wanted)?;
        Ok(CountEncoder::default().counted(&counted))
    }

    /// What was only counted since the last call, as a msgpack map.
    pub fn counted(&mut self) -> Vec<u8> {
        CountEncoder::default().counted(&self.outlet.counted())
    }

    /// How many flows there are in the table.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.sensor.flows()
    }

    /// What became of every packet so far, as a msgpack map; "capture-faults" counts those that are not kept too.
    pub fn accounting(&self) -> Vec<u8> {
        let here = self.reader.as_ref().map_or(&[][..], CaptureReader::faults);
        let kept = self.faults.iter().chain(here).take(MAX_FAULTS);
        let told = kept.map(|fault| FaultText {
            path: &fault.path,
            offset: fault.offset,
            kind: fault.kind.text(),
            problem: &fault.problem,
            mend: &fault.mend,
        });
        let mut accounting = self.sensor.accounting(told.collect(), 0);
        let count = self.fault_count + here.len() as u64;
        if count > 0 {
            accounting.counters.insert("capture-faults".into(), count);
        }
        let mut encoder = Encoder::default();
        encoder.accounting(&accounting);
        encoder.take()
    }

    /// Take the next frames, or end some flows; tell how many frames, `None` where a batch has to end.
    fn go_on(&mut self) -> Option<usize> {
        let frames = if self.finishing {
            self.over = self.sensor.finish(BATCH);
            (!self.over).then_some(0)
        } else {
            match self.take_frames()? {
                0 => {
                    self.close();
                    None
                }
                frames => Some(frames),
            }
        };
        self.outlet.take(self.sensor.take(), self.sensor.tunnels());
        frames
    }

    /// Take the next frames of the file in work: none at its end; `None` when there is no file for now.
    fn take_frames(&mut self) -> Option<usize> {
        if self.reader.is_none() {
            let path = self.coming.pop_front()?;
            self.reader = Some(CaptureReader::open(&path, CHUNK_BYTES));
        }
        let reader = self.reader.as_mut()?;
        let mut frames = Frames::new();
        if let Some(place) = reader.advance() {
            reader.lend_on(place, i64::MAX, &mut frames);
            self.sensor.frames(&frames);
        }
        Some(frames.len())
    }

    /// Have done with the file in work; what was wrong with it is kept.
    fn close(&mut self) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        let room = MAX_FAULTS - self.faults.len();
        self.fault_count += reader.faults().len() as u64;
        self.faults
            .extend(reader.faults().iter().take(room).cloned());
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use correlate::{Filter, Limits as NameLimits, Wanted};
    use dissect::sensor::{Limits, Manner};

    use super::Series;

    fn series() -> Series {
        let limits = Limits {
            flows: 1_000,
            stream_bytes: 16_384,
            reading_bytes: 1_048_576,
            fragments: 16,
        };
        let names = NameLimits {
            pending: 1_000,
            hellos: 8,
            answer_bytes: 1_048_576,
            public_names: 256,
            names: 8,
            lifetimes: 1,
            callers: 256,
        };
        let filter = Filter::new(Wanted::default(), names, 0).unwrap();
        Series::new(Manner::replay(limits), filter.into(), 0)
    }

    #[test]
    fn nothing_for_now_is_an_empty_batch_and_the_end_is_none() {
        let mut series = series();
        assert!(!series.is_reading());
        assert_eq!(series.next_batch().as_deref(), Some(&[0x90][..]));
        series.add(PathBuf::from("no such file"));
        series.add(PathBuf::from("nor this"));
        assert!(series.is_reading());
        assert!(series.next_batch().is_some());
        assert!(series.is_reading());
        assert!(series.next_batch().is_some());
        assert!(!series.is_reading());
        assert_eq!((series.faults.len(), series.fault_count), (2, 2));
        series.finish();
        assert!(series.next_batch().is_some());
        assert!(series.next_batch().is_none());
    }

    #[test]
    fn few_faults_are_kept_and_all_are_counted() {
        let mut series = series();
        for index in 0..100 {
            series.add(PathBuf::from(format!("no such file {index}")));
            series.next_batch();
        }
        assert_eq!((series.faults.len(), series.fault_count), (64, 100));
    }
}
