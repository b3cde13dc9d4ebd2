//! The sensor fed with captures: the middle of a replay, which may run ahead of what becomes of its observations.

use dissect::observations::Observation;
use dissect::sensor::Sensor;

use crate::ahead::{Run, Stage};
use crate::blocks::Blocks;
use crate::captured::Fault;
use crate::merge::MergedCaptures;

/// Observations handed on together: few enough to stay in the cache until they are written.
pub const BATCH: usize = 128;
/// Frames after which what there is is handed on, however little: progress goes on, and signals are seen.
pub const FRAMES: usize = 65_536;

/// Where the frames come from.
pub enum Source {
    /// Lent by the files' windows.
    Files(Box<MergedCaptures>),
    /// From a thread that reads ahead.
    Blocks(Run<Blocks>),
}

/// Some observations, and what else is new.
#[derive(Default)]
pub struct Told {
    /// In order.
    pub observations: Vec<Observation>,
    /// Names of tunnels that were added to the decoder's.
    pub tunnels: Vec<String>,
    /// The frames they came from.
    pub frames: usize,
    /// What had been consumed on the disk by then.
    pub consumed_bytes: u64,
}

/// Captures going through the sensor.
pub struct Observing {
    source: Source,
    /// The engine.
    pub sensor: Sensor,
    told_tunnels: usize,
    consumed_bytes: u64,
    over: bool,
}

impl Observing {
    /// Begin.
    #[must_use]
    pub const fn new(source: Source, sensor: Sensor) -> Self {
        Self {
            source,
            sensor,
            told_tunnels: 0,
            consumed_bytes: 0,
            over: false,
        }
    }

    /// Stop reading ahead.
    pub fn stop(&mut self) {
        if let Source::Blocks(run) = &mut self.source {
            run.stop();
        }
    }

    /// What was wrong with the files, and how many came late; nothing is known while they are read ahead.
    #[must_use]
    pub fn input(&self) -> (Vec<&Fault>, usize) {
        let captures = match &self.source {
            Source::Files(captures) => Some(&**captures),
            Source::Blocks(run) => run.stage().map(|blocks| &blocks.0),
        };
        captures.map_or_else(Default::default, |captures| {
            (captures.faults(), captures.delayed_files())
        })
    }

    /// Take the next frames; return how many there were.
    fn take_frames(&mut self) -> usize {
        let sensor = &mut self.sensor;
        match &mut self.source {
            Source::Files(captures) => {
                let frames = captures.next();
                sensor.frames(&frames);
                frames.len()
            }
            Source::Blocks(run) => run.next().map_or(0, |block| {
                block.each_few(|frames| sensor.frames(frames));
                self.consumed_bytes = block.consumed_bytes;
                block.len()
            }),
        }
    }
}

impl Stage for Observing {
    type Item = Told;

    fn next(&mut self) -> Option<Told> {
        if self.over {
            return None;
        }
        let mut frames = 0;
        while frames < FRAMES && self.sensor.waiting() < BATCH {
            let more = self.take_frames();
            if more == 0 {
                self.over = self.sensor.finish(BATCH);
                break;
            }
            frames += more;
        }
        if let Source::Files(captures) = &self.source {
            self.consumed_bytes = captures.consumed_bytes();
        }
        let names = self.sensor.tunnels();
        let tunnels = names.get(self.told_tunnels..).unwrap_or_default().to_vec();
        self.told_tunnels = names.len();
        Some(Told {
            observations: self.sensor.take(),
            tunnels,
            frames,
            consumed_bytes: self.consumed_bytes,
        })
    }
}
