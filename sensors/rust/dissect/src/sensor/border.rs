//! The engine for what crosses the ends of parts: told of frames and of the time as the parts met with them.

use super::ordered::{LOSSES, Order, Ordered};
use super::{Frame, Manner};
use crate::frames::Looked;
use crate::gaps::{GapLog, Losses};
use crate::observations::Observation;

/// The engine, which also adds up what all could not read.
pub struct Border {
    /// What reads.
    pub engine: Ordered,
    gaps: GapLog,
    lost: Losses,
    told: Vec<(Order, Observation)>,
}

impl Border {
    /// An engine that works in some manner; `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(manner: Manner, seed: u64) -> Self {
        Self {
            engine: Ordered::new(manner, seed),
            gaps: GapLog::new(manner.gap_interval_ns),
            lost: Losses::default(),
            told: Vec::new(),
        }
    }

    /// The clock came to a time at which silent flows end; say what was lost by now where that is due.
    ///
    /// What the part in work lost until this turn must have been added.
    pub fn tick(&mut self, packet: u64, now_ns: i64) {
        let losses = self.engine.tick(packet, now_ns);
        self.add(&losses);
        self.told.extend(self.engine.take());
        if self.gaps.due(now_ns) {
            self.tell(packet, now_ns);
        }
    }

    /// Take a frame at its turn, with the clock's time then.
    pub fn frame(&mut self, packet: u64, now_ns: i64, frame: &Frame<'_>) {
        self.engine.set_now(packet, now_ns);
        self.engine.frame(packet, frame, &Looked::at(frame));
        if self.engine.waiting() > 0 {
            self.told.extend(self.engine.take());
        }
    }

    /// Add what could not be read.
    pub fn add(&mut self, losses: &Losses) {
        for (sum, more) in self.lost.iter_mut().zip(losses) {
            sum.add(*more);
        }
    }

    /// End all flows, because the input is over.
    pub fn finish(&mut self, packet: u64, now_ns: i64) {
        self.engine.set_now(packet, now_ns);
        let sensor = &mut self.engine.sensor;
        sensor.decoder.finish();
        let order = Order {
            packet: u64::MAX,
            ..Order::default()
        };
        while !sensor.finish(1) {
            self.told
                .extend(sensor.take().into_iter().map(|seen| (order, seen)));
        }
        // The engine's own log knows what it lost itself, and nothing of the parts: it is not asked.
        let left = sensor.take().into_iter();
        let left = left.filter(|seen| !matches!(seen, Observation::Gap(_)));
        self.told.extend(left.map(|seen| (order, seen)));
        let losses = self.engine.losses();
        self.add(&losses);
        self.tell(u64::MAX, now_ns);
    }

    /// Hand out what was told, in order.
    pub fn take(&mut self) -> Vec<(Order, Observation)> {
        std::mem::take(&mut self.told)
    }

    fn tell(&mut self, packet: u64, now_ns: i64) {
        let order = Order {
            packet,
            stage: LOSSES,
            last_packet: 0,
        };
        let gaps = self.gaps.flush_losses(now_ns, self.lost);
        self.told
            .extend(gaps.into_iter().map(|gap| (order, Observation::Gap(gap))));
    }
}
