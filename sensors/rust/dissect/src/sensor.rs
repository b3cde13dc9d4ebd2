//! The engine without its input: frames go in, observations come out, and every frame is accounted for.
//!
//! The mirror of `sensors/reference.py`.

use std::vec::IntoIter;

use crate::budget::ReadingBudget;
use crate::clock::CaptureClock;
use crate::encode::{Accounting, FaultText};
use crate::flows::{FlowTable, SECOND_NS, Sought};
use crate::frames::{FrameDecoder, Looked};
use crate::gaps::{Count, GAP_INTERVAL_NS, GapLog};
use crate::observations::Observation;
use crate::recorder::Recorder;
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

/// How a sensor works.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How much it keeps at once.
    pub limits: Limits,
    /// Whether it says at each hello what its flow came to so far, and when data follows.
    pub eager: bool,
    /// How long losses are gathered before they are told.
    pub gap_interval_ns: i64,
    /// How often silent flows are looked for: the more seldom, the more end together.
    pub tick_ns: i64,
}

impl Manner {
    /// That of a replay.
    #[must_use]
    pub const fn replay(limits: Limits) -> Self {
        Self {
            limits,
            eager: false,
            gap_interval_ns: GAP_INTERVAL_NS,
            tick_ns: SECOND_NS,
        }
    }
}

/// One captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Since the Unix epoch, never negative.
    pub ts_ns: i64,
    /// `LINKTYPE_` value, as registered at tcpdump.org.
    pub linktype: u32,
    /// What was captured: may be shorter than the frame was (snap length).
    pub data: &'a [u8],
    /// What the frame had on the wire: never below `data.len()`.
    pub wire_bytes: u32,
}

/// The engine.
pub struct Sensor {
    decoder: FrameDecoder,
    tracker: Tracker,
    read: Count,
    clock: CaptureClock,
    next_tick_ns: i64,
    tick_ns: i64,
    /// The flows still to end, once the input is over.
    ending: Option<IntoIter<u32>>,
}

/// Frames that are looked at together: so many flows are fetched from memory at the same time.
pub const FRAMES: usize = 16;

impl Sensor {
    /// An engine that works in some manner; `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(manner: Manner, seed: u64) -> Self {
        let limits = manner.limits;
        Self {
            decoder: FrameDecoder::new(limits.fragments),
            tracker: Tracker {
                flows: FlowTable::new(limits.flows, seed),
                recorder: Recorder::new(manner.eager),
                gaps: GapLog::new(manner.gap_interval_ns),
                budget: ReadingBudget::new(limits.reading_bytes),
                stream_bytes: limits.stream_bytes,
            },
            read: Count::default(),
            clock: CaptureClock::default(),
            next_tick_ns: 0,
            tick_ns: manner.tick_ns,
            ending: None,
        }
    }

    /// Take captured frames, best `FRAMES` of them.
    ///
    /// Headers say what they say whatever was before, so all are looked at first, and their flows are fetched;
    /// then each frame has its turn.
    pub fn frames(&mut self, frames: &[Frame<'_>]) {
        for frames in frames.chunks(FRAMES) {
            self.few_frames(frames);
        }
    }

    fn few_frames(&mut self, frames: &[Frame<'_>]) {
        let mut looked = [const { Looked::NOTHING }; FRAMES];
        let mut sought = [Sought::NOTHING; FRAMES];
        for (looked, frame) in looked.iter_mut().zip(frames) {
            *looked = Looked::at(frame);
        }
        for (sought, looked) in sought.iter_mut().zip(&looked) {
            if let Some(segment) = looked.segment() {
                *sought = self.tracker.flows.seek(segment);
            }
        }
        for ((frame, looked), sought) in frames.iter().zip(&looked).zip(&sought) {
            self.count(frame);
            if let Some(segment) = looked.segment() {
                self.decoder.count_plain(segment, frame);
                self.tracker.segment(segment, sought);
            } else {
                self.other_frame(frame, looked);
            }
        }
    }

    /// Take a frame that holds anything but a segment in plain IP.
    #[cold]
    fn other_frame(&mut self, frame: &Frame<'_>, looked: &Looked<'_>) {
        if let Some(segment) = self.decoder.decode(frame, looked) {
            let sought = self.tracker.flows.seek(&segment);
            self.tracker.segment(&segment, &sought);
        }
    }

    /// Count a frame, and let the time pass until it was seen.
    #[inline]
    fn count(&mut self, frame: &Frame<'_>) {
        self.read.add(Count {
            packets: 1,
            bytes: u64::from(frame.wire_bytes),
        });
        self.tracker.flows.packet = self.read.packets;
        if self.clock.see(frame.ts_ns) {
            self.pass();
        }
    }

    /// Let the time pass until now.
    #[inline]
    fn pass(&mut self) {
        let now_ns = self.clock.now_ns();
        self.tracker.flows.set_now(now_ns);
        if !(self.next_tick_ns - self.tick_ns..self.next_tick_ns).contains(&now_ns) {
            self.tick(now_ns);
            self.next_tick_ns = self.after_tick(now_ns);
        }
    }

    /// When the next tick is due: at whole seconds of the clock, so that they say nothing of what was before.
    fn after_tick(&self, now_ns: i64) -> i64 {
        let tick_ns = self.tick_ns.max(1);
        now_ns
            .div_euclid(tick_ns)
            .saturating_add(1)
            .saturating_mul(tick_ns)
    }

    /// Let time pass without a packet, so that silent flows end on a quiet link.
    pub fn idle(&mut self, now_ns: i64) {
        if self.clock.go_to(now_ns) {
            self.pass();
        }
    }

    /// Follow the clock that stamps the packets where it was set back: else nothing would end until it is as late again.
    pub fn set_back(&mut self, now_ns: i64) {
        if self.clock.set_back(now_ns) {
            self.pass();
        }
    }

    /// Take note of packets that the kernel dropped before they were read.
    pub const fn lost(&mut self, packets: u64) {
        self.tracker.gaps.lost(packets);
    }

    /// End what is left, because the input is over, until so many observations wait; tell whether all is done.
    pub fn finish(&mut self, waiting: usize) -> bool {
        let mut ending = self.ending.take().unwrap_or_else(|| {
            self.decoder.finish();
            let ranks = ranks(self.decoder.tunnels());
            self.tracker.flows.in_order(&ranks).into_iter()
        });
        while self.waiting() < waiting {
            if !self.tracker.end_next(&mut ending) {
                self.report_gaps();
                return true;
            }
        }
        self.ending = Some(ending);
        false
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

    /// How many flows there are in the table.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.tracker.flows.len()
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
        let now_ns = self.tracker.flows.now_ns();
        for gap in self.tracker.gaps.flush(now_ns, self.decoder.undecoded()) {
            self.tracker.recorder.add(Observation::Gap(gap));
        }
    }
}

/// The place of each name among all in alphabetical order.
fn ranks(names: &[String]) -> Vec<u16> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|index| names.get(*index));
    let mut ranks = vec![0; names.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if let Some(place) = ranks.get_mut(index) {
            *place = rank as u16;
        }
    }
    ranks
}

pub mod border;
pub mod ordered;
pub mod part;
#[cfg(test)]
mod tests;
