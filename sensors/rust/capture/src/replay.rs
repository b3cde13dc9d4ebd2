//! Captures through the engine: frames in time order go in, batches of encoded values come out.
//!
//! On one thread, or with the reading, and then the sensor too, ahead on threads of their own: what comes out is
//! the same.

use std::path::PathBuf;

use correlate::Filter;
use dissect::encode::{Encoder, FaultText};
use dissect::sensor::Sensor;

pub use dissect::sensor::{Limits, Manner};

use crate::ahead::Run;
use crate::blocks::Blocks;
use crate::merge::MergedCaptures;
use crate::observing::{BATCH, FRAMES, Observing, Source};
use crate::sink::Sink;

/// One replay of capture files.
pub struct Replay {
    observing: Run<Observing>,
    sink: Sink,
    tunnels: Vec<String>,
    consumed_bytes: u64,
    told_bytes: u64,
    over: bool,
}

impl Replay {
    /// Open the files; what cannot be read becomes a fault. `seed` keys the hash of the flow table.
    ///
    /// Of `threads` the first is the caller's; more than three find nothing to do.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn new(
        paths: &[PathBuf],
        manner: Manner,
        seed: u64,
        threads: usize,
    ) -> std::io::Result<Self> {
        let captures = MergedCaptures::new(paths);
        let source = if threads > 1 {
            Source::Blocks(Run::ahead(Blocks(captures), "reading")?)
        } else {
            Source::Files(Box::new(captures))
        };
        let observing = Observing::new(source, Sensor::new(manner, seed));
        Ok(Self {
            observing: if threads > 2 {
                Run::ahead(observing, "sensor")?
            } else {
                Run::Here(observing)
            },
            sink: Sink::default(),
            tunnels: Vec::new(),
            consumed_bytes: 0,
            told_bytes: 0,
            over: false,
        })
    }

    /// Hand out the connections that a filter lets through, and gaps, instead of observations.
    pub fn filter(&mut self, filter: Filter) {
        self.sink = Sink::Connections(Box::new(filter));
    }

    /// The next observations, or connections, as a msgpack array; `None` at the end.
    pub fn next_batch(&mut self) -> Option<Vec<u8>> {
        if self.over {
            return (self.sink.waiting() > 0).then(|| self.sink.batch(&self.tunnels));
        }
        let mut frames = 0;
        while frames < FRAMES && self.sink.waiting() < BATCH {
            let Some(told) = self.observing.next() else {
                self.over = true;
                break;
            };
            frames += told.frames;
            self.consumed_bytes = told.consumed_bytes;
            self.tunnels.extend(told.tunnels);
            self.sink.take(told.observations, &self.tunnels);
        }
        Some(self.sink.batch(&self.tunnels))
    }

    /// What a filter only counted since the last call, as a msgpack map; `None` without one.
    pub fn counted(&mut self) -> Option<Vec<u8>> {
        self.sink.counted()
    }

    /// The bytes consumed on the disk since the last call.
    pub fn take_consumed_bytes(&mut self) -> u64 {
        self.consumed_bytes - std::mem::replace(&mut self.told_bytes, self.consumed_bytes)
    }

    /// What became of every packet so far, as a msgpack map. Threads that run ahead end here.
    pub fn accounting(&mut self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.observing.stop();
        if let Some(observing) = self.observing.stage_mut() {
            observing.stop();
            let (faults, delayed_files) = observing.input();
            let told = faults.iter().map(|fault| FaultText {
                path: &fault.path,
                offset: fault.offset,
                kind: fault.kind.text(),
                problem: &fault.problem,
                mend: &fault.mend,
            });
            let sensor = &observing.sensor;
            encoder.accounting(&sensor.accounting(told.collect(), delayed_files as u64));
        }
        encoder.take()
    }
}
