//! The engine without its input: frames go in, observations come out, and every frame is accounted for.
//!
//! The mirror of `sensors/reference.py`.

use crate::budget::ReadingBudget;
use crate::clock::CaptureClock;
use crate::encode::{Accounting, FaultText};
use crate::flows::{FlowTable, SECOND_NS};
use crate::frames::FrameDecoder;
use crate::gaps::{Count, GapLog};
use crate::observations::Observation;
use crate::recorder::Recorder;
use crate::segment::TCP;
use crate::tracker::Tracker;

/// How much a sensor keeps at once. The mirror of `sensors/limits.py`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows in the table.
    pub flows: usize,
    /// Bytes of each direction of a flow while its first message is incomplete.
    pub stream_bytes: usize,
    /// Bytes of all flows' first messages that are incomplete.
    pub reading_bytes: usize,
    /// IP datagrams waiting for fragments.
    pub fragments: usize,
}

/// The engine.
pub struct Sensor {
    decoder: FrameDecoder,
    tracker: Tracker,
    read: Count,
    clock: CaptureClock,
    next_tick_ns: i64,
}

impl Sensor {
    /// An engine within limits; `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            decoder: FrameDecoder::new(limits.fragments),
            tracker: Tracker {
                flows: FlowTable::new(limits.flows, seed),
                recorder: Recorder::default(),
                gaps: GapLog::default(),
                budget: ReadingBudget::new(limits.reading_bytes),
                stream_bytes: limits.stream_bytes,
            },
            read: Count::default(),
            clock: CaptureClock::default(),
            next_tick_ns: 0,
        }
    }

    /// Take one captured frame.
    pub fn frame(&mut self, ts_ns: i64, linktype: u32, data: &[u8], wire_bytes: u64) {
        self.read.add(Count {
            packets: 1,
            bytes: wire_bytes,
        });
        self.tracker.flows.packet = self.read.packets;
        if self.clock.see(ts_ns) {
            let now_ns = self.clock.now_ns();
            self.tracker.flows.now_ns = now_ns;
            if !(self.next_tick_ns - SECOND_NS..self.next_tick_ns).contains(&now_ns) {
                self.tick(now_ns);
                self.next_tick_ns = now_ns.saturating_add(SECOND_NS);
            }
        }
        if let Some(segment) = self.decoder.decode(ts_ns, linktype, data, wire_bytes) {
            if segment.transport == TCP {
                self.tracker.tcp(&segment);
            } else {
                self.tracker.udp(&segment);
            }
        }
    }

    /// End everything: the input is over.
    pub fn finish(&mut self) {
        self.decoder.finish();
        self.tracker.end_all();
        self.report_gaps();
    }

    /// Hand out the observations so far.
    pub fn take(&mut self) -> Vec<Observation> {
        self.tracker.recorder.take()
    }

    /// How many observations wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tracker.recorder.len()
    }

    /// The names of the tunnels that flow keys point to.
    #[must_use]
    pub fn tunnels(&self) -> &[String] {
        self.decoder.tunnels()
    }

    /// What became of every frame; `faults` and `delayed_files` are those of the input.
    #[must_use]
    pub fn accounting<'a>(
        &'a self,
        faults: Vec<FaultText<'a>>,
        delayed_files: u64,
    ) -> Accounting<'a> {
        let mut counters = self.tracker.recorder.counters().clone();
        let others = [
            ("clock-jumps", self.clock.jumps()),
            ("reading-given-up", self.tracker.budget.given_up()),
            ("delayed-files", delayed_files),
            (
                "overlapping-datagrams",
                self.decoder.overlapping_datagrams(),
            ),
            ("unnamed-tunnels", self.decoder.unnamed_packets()),
        ];
        for (name, count) in others {
            if count > 0 {
                counters.insert(name.into(), count);
            }
        }
        let span = self.clock.span();
        Accounting {
            read: self.read,
            decoded: self.decoder.decoded().collect(),
            undecoded: self.decoder.undecoded().collect(),
            counters,
            faults,
            first_ns: span.map(|(first_ns, _)| first_ns),
            last_ns: span.map(|(_, last_ns)| last_ns),
        }
    }

    fn tick(&mut self, now_ns: i64) {
        self.tracker.expire();
        self.decoder.expire(now_ns);
        if self.tracker.gaps.due(now_ns) {
            self.report_gaps();
        }
    }

    fn report_gaps(&mut self) {
        let now_ns = self.tracker.flows.now_ns;
        for gap in self.tracker.gaps.flush(now_ns, self.decoder.undecoded()) {
            self.tracker.recorder.add(Observation::Gap(gap));
        }
    }
}
