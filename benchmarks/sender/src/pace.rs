//! A token bucket: how many packets may go now.

use std::time::{Duration, Instant};

/// What the bucket holds at most: a sender that was held up does not make up for more than this at once.
const BURST_SECONDS: f64 = 0.001;
/// Shorter rests are not worth a system call.
const REST: Duration = Duration::from_micros(50);

pub struct Pace {
    rate: Option<f64>,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    /// So many packets a second; without a rate, no limit.
    pub const fn new(rate: Option<f64>, now: Instant) -> Self {
        Self {
            rate,
            tokens: 0.0,
            filled: now,
        }
    }

    /// How many packets may go now.
    #[allow(clippy::cast_sign_loss)] // never negative, and bounded by the burst
    pub fn allowed(&mut self, now: Instant) -> usize {
        let Some(rate) = self.rate else {
            return usize::MAX;
        };
        let burst = (rate * BURST_SECONDS).max(1.0);
        self.tokens = (self.tokens + rate * (now - self.filled).as_secs_f64()).min(burst);
        self.filled = now;
        self.tokens as usize
    }

    /// So many went.
    #[allow(clippy::cast_precision_loss)] // a batch
    pub fn used(&mut self, packets: usize) {
        self.tokens -= packets as f64;
    }

    /// How long to rest when none may go.
    pub fn rest(&self) -> Duration {
        self.rate.map_or(REST, |rate| {
            REST.max(Duration::from_secs_f64(
                ((1.0 - self.tokens) / rate).clamp(0.0, 1.0),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn the_rate_is_kept_and_bursts_are_bounded() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(10_000.0), start);
        let mut sent = 0;
        for step in 0..1_000 {
            let allowed = pace.allowed(start + Duration::from_micros(100 * step));
            pace.used(allowed);
            sent += allowed;
        }
        assert!((998..=1_000).contains(&sent), "{sent}");
        assert_eq!(pace.allowed(start + Duration::from_secs(60)), 10);
        assert_eq!(Pace::new(None, start).allowed(start), usize::MAX);
    }
}
