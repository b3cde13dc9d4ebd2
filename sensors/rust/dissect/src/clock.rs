//! The capture's clock: the time of the packets, without the harm that one wrong time stamp would do.
//!
//! The mirror of `sensors/clock.py`. It only goes forward, except that two packets in a row which agree that
//! it is off by more than a day set it anew: a lone packet from another century moves nothing.

/// How far a packet's time may be off without being doubted.
pub const MAX_JUMP_NS: i64 = 86_400 * 1_000_000_000;

/// How far a clock may be behind that of its packets without having been set back.
const MAX_LAG_NS: i64 = 1_000_000_000;

/// The clock, and the earliest and latest time of any packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaptureClock {
    now_ns: i64,
    span: Option<(i64, i64)>,
    jumps: u64,
    strayed: bool,
}

impl CaptureClock {
    /// The clock of a capture of which the part before came to this time: packets went on from there.
    #[must_use]
    pub const fn gone_on(now_ns: i64) -> Self {
        Self {
            now_ns,
            span: Some((now_ns, now_ns)),
            jumps: 0,
            strayed: false,
        }
    }

    /// The clock's time.
    #[must_use]
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// The earliest and the latest time of any packet.
    #[must_use]
    pub const fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// How often it was set anew.
    #[must_use]
    pub const fn jumps(&self) -> u64 {
        self.jumps
    }

    /// Take a packet's time; tell whether the clock moved.
    pub const fn see(&mut self, ts_ns: i64) -> bool {
        let Some((first_ns, last_ns)) = &mut self.span else {
            self.span = Some((ts_ns, ts_ns));
            if ts_ns > self.now_ns {
                self.now_ns = ts_ns;
            }
            return true;
        };
        if ts_ns > *last_ns {
            *last_ns = ts_ns;
        } else if ts_ns < *first_ns {
            *first_ns = ts_ns;
        }
        self.go_on(ts_ns)
    }

    /// Let time pass without a packet; tell whether the clock moved.
    pub const fn go_to(&mut self, ts_ns: i64) -> bool {
        if self.span.is_none() {
            if ts_ns > self.now_ns {
                self.now_ns = ts_ns;
            }
            return true;
        }
        self.go_on(ts_ns)
    }

    /// Follow a clock that is the packets', and was set back, if only a little; tell whether this one moved.
    pub const fn set_back(&mut self, ts_ns: i64) -> bool {
        if self.now_ns.saturating_sub(ts_ns) <= MAX_LAG_NS {
            return false;
        }
        self.now_ns = ts_ns;
        self.strayed = false;
        self.jumps += 1;
        true
    }

    #[inline]
    const fn go_on(&mut self, ts_ns: i64) -> bool {
        let ahead_ns = ts_ns.saturating_sub(self.now_ns);
        if -MAX_JUMP_NS <= ahead_ns && ahead_ns <= MAX_JUMP_NS {
            self.strayed = false;
            if ahead_ns <= 0 {
                return false;
            }
        } else if self.strayed {
            self.strayed = false;
            self.jumps += 1;
        } else {
            self.strayed = true;
            return false;
        }
        self.now_ns = ts_ns;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{CaptureClock, MAX_JUMP_NS, MAX_LAG_NS};

    #[test]
    fn time_may_pass_without_a_packet() {
        let mut clock = CaptureClock::default();
        assert!(clock.go_to(5) && clock.see(4));
        assert_eq!((clock.now_ns(), clock.span()), (5, Some((4, 4))));
        assert!(clock.go_to(9) && !clock.go_to(8) && !clock.see(7));
        assert_eq!((clock.now_ns(), clock.span()), (9, Some((4, 7))));
        assert!(!clock.go_to(10 + MAX_JUMP_NS) && clock.go_to(11 + MAX_JUMP_NS));
        assert_eq!((clock.now_ns(), clock.jumps()), (11 + MAX_JUMP_NS, 1));
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let mut clock = CaptureClock::default();
        clock.see(MAX_JUMP_NS);
        assert!(!clock.set_back(MAX_JUMP_NS + 5) && !clock.set_back(MAX_JUMP_NS - MAX_LAG_NS));
        assert_eq!((clock.now_ns(), clock.jumps()), (MAX_JUMP_NS, 0));
        let back_ns = MAX_JUMP_NS - MAX_LAG_NS - 1;
        assert!(clock.set_back(back_ns) && !clock.set_back(back_ns));
        assert_eq!((clock.now_ns(), clock.jumps()), (back_ns, 1));
        assert!(clock.see(back_ns + 1));
    }

    #[test]
    fn one_wrong_time_moves_nothing_and_two_that_agree_do() {
        let far = 10 * MAX_JUMP_NS;
        for (times, now, jumps) in [
            (&[5][..], 5, 0),
            (&[5, 9, 7], 9, 0),
            (&[5, 5 + far, 6], 6, 0),
            (&[5, 5 + far, 6 + far, 7 + far], 7 + far, 1),
            (&[far, 5, 6, 7], 7, 1),
            (&[far, 5, far + 1], far + 1, 0),
            (&[5, 5 + MAX_JUMP_NS], 5 + MAX_JUMP_NS, 0),
        ] {
            let mut clock = CaptureClock::default();
            for time in times {
                clock.see(*time);
            }
            assert_eq!((clock.now_ns(), clock.jumps()), (now, jumps), "{times:?}");
            assert_eq!(
                clock.span(),
                times.iter().min().copied().zip(times.iter().max().copied())
            );
        }
    }
}
