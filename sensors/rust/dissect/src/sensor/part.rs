//! The engine on a part of a capture: it reads the flows that begin and end there, and hands all others on.
//!
//! Time goes by all packets, and packets are numbered from 1, whoever reads them.

use super::ordered::Ordered;
use super::{Frame, Manner};
use crate::clock::CaptureClock;
use crate::crossing::Crossing;
use crate::frames::Looked;
use crate::gaps::Losses;
use crate::glance::Glance;

/// Takes what a part leaves to whoever reads what crosses its ends.
pub trait Beyond {
    /// At a packet's turn the clock came to a time at which silent flows end.
    fn tick(&mut self, packet: u64, now_ns: i64);

    /// A frame that belongs to what crosses, with the clock's time at its turn.
    fn frame(&mut self, packet: u64, now_ns: i64, frame: &Frame<'_>);

    /// What the part itself could not read since the last time.
    fn losses(&mut self, losses: &Losses);
}

/// The engine.
pub struct Part {
    /// What reads.
    pub engine: Ordered,
    crossing: Crossing,
    packets: u64,
}

impl Part {
    /// An engine; `before_ns` is what the clock came to before this part.
    #[must_use]
    pub fn new(manner: Manner, before_ns: Option<i64>, crossing: Crossing, seed: u64) -> Self {
        let mut engine = Ordered::new(manner, seed);
        if let Some(now_ns) = before_ns {
            engine.set_now(0, now_ns);
            engine.sensor.clock = CaptureClock::gone_on(now_ns);
            engine.sensor.next_tick_ns = engine.sensor.after_tick(now_ns);
        }
        Self {
            engine,
            crossing,
            packets: 0,
        }
    }

    /// Take captured frames.
    pub fn frames(&mut self, frames: &[Frame<'_>], beyond: &mut impl Beyond) {
        for frame in frames {
            let looked = Looked::at(frame);
            self.packets += 1;
            if self.engine.sensor.clock.see(frame.ts_ns) {
                self.pass(beyond);
            }
            let now_ns = self.engine.sensor.clock.now_ns();
            self.engine.set_now(self.packets, now_ns);
            if self.crossing.holds(&Glance::at(frame, &looked)) {
                beyond.frame(self.packets, now_ns, frame);
            } else {
                self.engine.frame(self.packets, frame, &looked);
            }
        }
    }

    /// Let the time pass until now.
    fn pass(&mut self, beyond: &mut impl Beyond) {
        let sensor = &mut self.engine.sensor;
        let now_ns = sensor.clock.now_ns();
        if (sensor.next_tick_ns - sensor.tick_ns..sensor.next_tick_ns).contains(&now_ns) {
            return;
        }
        sensor.next_tick_ns = sensor.after_tick(now_ns);
        let losses = self.engine.tick(self.packets, now_ns);
        beyond.losses(&losses);
        beyond.tick(self.packets, now_ns);
    }

    /// Tell what is left to tell; whether all flows that were read here ended here, as they have to.
    pub fn finish(&mut self, beyond: &mut impl Beyond) -> bool {
        let losses = self.engine.losses();
        beyond.losses(&losses);
        self.engine.sensor.flows() == 0
    }
}
