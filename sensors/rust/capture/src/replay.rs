//! Captures through the engine: frames in time order go in, batches of encoded values come out.

use std::path::PathBuf;

use correlate::Filter;
use dissect::encode::{Encoder, FaultText};
use dissect::sensor::Sensor;

pub use dissect::sensor::Limits;

use crate::merge::MergedCaptures;
use crate::sink::Sink;

/// Observations handed out together.
const BATCH: usize = 1_024;
/// Frames after which a batch is handed out, however small: progress goes on, and signals are seen.
const FRAMES: usize = 65_536;

/// One replay of capture files.
pub struct Replay {
    captures: MergedCaptures,
    sensor: Sensor,
    sink: Sink,
    told_bytes: u64,
    over: bool,
}

impl Replay {
    /// Open the files; what cannot be read becomes a fault. `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(paths: &[PathBuf], limits: Limits, seed: u64) -> Self {
        let captures = MergedCaptures::new(paths);
        Self {
            captures,
            sensor: Sensor::new(limits, seed),
            sink: Sink::default(),
            told_bytes: 0,
            over: false,
        }
    }

    /// Hand out the connections that a filter lets through, and gaps, instead of observations.
    pub fn filter(&mut self, filter: Filter) {
        self.sink = Sink::Connections(Box::new(filter));
    }

    /// The next observations, or connections, as a msgpack array; `None` at the end.
    pub fn next_batch(&mut self) -> Option<Vec<u8>> {
        if self.over {
            return None;
        }
        let mut frames_left = FRAMES;
        while frames_left > 0 && self.sink.waiting() < BATCH {
            let frames = self.captures.next();
            if frames.is_empty() {
                self.over = self.sensor.finish(BATCH);
                break;
            }
            self.sensor.frames(&frames);
            frames_left = frames_left.saturating_sub(frames.len());
            if self.sensor.waiting() >= BATCH {
                self.sink.take(self.sensor.take(), self.sensor.tunnels());
            }
        }
        self.sink.take(self.sensor.take(), self.sensor.tunnels());
        Some(self.sink.batch(self.sensor.tunnels()))
    }

    /// What a filter only counted, as a msgpack map; `None` without one.
    #[must_use]
    pub fn counted(&self) -> Option<Vec<u8>> {
        self.sink.counted()
    }

    /// The bytes consumed on the disk since the last call.
    pub fn take_consumed_bytes(&mut self) -> u64 {
        let consumed = self.captures.consumed_bytes();
        consumed - std::mem::replace(&mut self.told_bytes, consumed)
    }

    /// What became of every packet so far, as a msgpack map.
    #[must_use]
    pub fn accounting(&self) -> Vec<u8> {
        let faults = self.captures.faults();
        let told = faults.iter().map(|fault| FaultText {
            path: &fault.path,
            offset: fault.offset,
            kind: fault.kind.text(),
            problem: &fault.problem,
            mend: &fault.mend,
        });
        let mut encoder = Encoder::default();
        encoder.accounting(
            &self
                .sensor
                .accounting(told.collect(), self.captures.delayed_files() as u64),
        );
        encoder.take()
    }
}
