//! Gaps: what was on the wire and could not be observed, gathered by reason over a while of packet time.
//!
//! The mirror of `sensors/gaps.py`.

use crate::observations::Gap;

/// How long losses are gathered before they are told, in a replay.
pub const GAP_INTERVAL_NS: i64 = 60 * 1_000_000_000;

/// The reasons, in the order in which they are told.
const REASONS: [&str; 5] = ["decode", "fragment", "ring", "snaplen", "table"];
/// Every reason that there is: those above, and what an interface lost before anybody could read it.
pub const ALL_REASONS: [&str; 6] = [
    "interface",
    "ring",
    "table",
    "snaplen",
    "fragment",
    "decode",
];
const RING: usize = 2;
const TABLE: usize = 4;

/// Packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many packets.
    pub packets: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Count {
    /// Add another count.
    pub const fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// The gap that an undecoded packet means; none for what carries no flow of ours anyway.
#[must_use]
pub fn gap_reason(undecoded: &str) -> Option<&'static str> {
    if undecoded.starts_with("truncated") {
        Some("snaplen")
    } else if undecoded.starts_with("fragment") {
        Some("fragment")
    } else if undecoded.starts_with("malformed")
        || matches!(undecoded, "unknown-linktype" | "too-deep-nesting")
    {
        Some("decode")
    } else {
        None
    }
}

/// Packets that could not be read, by the gap that they mean, in the order in which gaps are told.
pub type Losses = [Count; REASONS.len()];

/// The losses that undecoded packets mean.
#[must_use]
pub fn losses<'a>(undecoded: impl Iterator<Item = (&'a str, Count)>) -> Losses {
    let mut totals = Losses::default();
    for (name, count) in undecoded {
        let reason =
            gap_reason(name).and_then(|reason| REASONS.iter().position(|one| *one == reason));
        if let Some(total) = reason.and_then(|index| totals.get_mut(index)) {
            total.add(count);
        }
    }
    totals
}

/// Turns growing totals into gaps. The totals stay the owner's; here is only what was reported.
#[derive(Debug)]
pub struct GapLog {
    interval_ns: i64,
    since_ns: Option<i64>,
    reported: Losses,
    evicted: Count,
    lost: Count,
}

impl GapLog {
    /// A log of losses that are gathered for so long.
    #[must_use]
    pub fn new(interval_ns: i64) -> Self {
        Self {
            interval_ns,
            since_ns: None,
            reported: Default::default(),
            evicted: Count::default(),
            lost: Count::default(),
        }
    }

    /// Note packets that the kernel dropped; how long they were, nobody knows.
    pub const fn lost(&mut self, packets: u64) {
        self.lost.add(Count { packets, bytes: 0 });
    }

    /// Note a flow that the full table gave up.
    pub const fn evicted(&mut self, packets: u64, bytes: u64) {
        self.evicted.add(Count { packets, bytes });
    }

    /// Tell whether it is time to report; the first call starts the clock.
    pub fn due(&mut self, now_ns: i64) -> bool {
        // The clock may be set back.
        (now_ns - *self.since_ns.get_or_insert(now_ns)).abs() >= self.interval_ns
    }

    /// Return what was lost since the last call, by reason; `undecoded` are the totals so far.
    pub fn flush<'a>(
        &mut self,
        now_ns: i64,
        undecoded: impl Iterator<Item = (&'a str, Count)>,
    ) -> Vec<Gap> {
        let totals = losses(undecoded);
        self.flush_losses(now_ns, totals)
    }

    /// The same, where the totals are known by reason.
    pub fn flush_losses(&mut self, now_ns: i64, mut totals: Losses) -> Vec<Gap> {
        for (index, count) in [(RING, self.lost), (TABLE, self.evicted)] {
            if let Some(total) = totals.get_mut(index) {
                total.add(count);
            }
        }
        let since_ns = self.since_ns.unwrap_or(now_ns).min(now_ns);
        let mut gaps = Vec::new();
        for ((reason, total), old) in REASONS.iter().zip(totals).zip(self.reported) {
            let packets = total.packets - old.packets;
            if packets > 0 {
                gaps.push(Gap {
                    ts_ns: now_ns,
                    since_ns,
                    packets,
                    bytes: total.bytes - old.bytes,
                    reason,
                });
            }
        }
        self.reported = totals;
        self.since_ns = Some(now_ns);
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, GAP_INTERVAL_NS, Gap, GapLog, gap_reason};

    #[test]
    fn only_what_is_new_is_reported() {
        let mut log = GapLog::new(GAP_INTERVAL_NS);
        assert!(!log.due(1_000));
        assert!(!log.due(1_000 + GAP_INTERVAL_NS - 1));
        assert!(log.due(1_000 + GAP_INTERVAL_NS));
        log.evicted(7, 700);
        log.lost(2);
        log.lost(1);
        let totals = [
            (
                "malformed-ipv4",
                Count {
                    packets: 1,
                    bytes: 60,
                },
            ),
            (
                "malformed-tcp",
                Count {
                    packets: 2,
                    bytes: 90,
                },
            ),
            (
                "unknown-ethertype",
                Count {
                    packets: 5,
                    bytes: 5,
                },
            ),
        ];
        let gap = |packets, bytes, reason| Gap {
            ts_ns: 5_000,
            since_ns: 1_000,
            packets,
            bytes,
            reason,
        };
        let first = log.flush(5_000, totals.into_iter());
        let wanted = [
            gap(3, 150, "decode"),
            gap(3, 0, "ring"),
            gap(7, 700, "table"),
        ];
        assert_eq!(first, wanted);
        assert_eq!(log.flush(6_000, totals.into_iter()), []);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_no_report_up() {
        let mut log = GapLog::new(GAP_INTERVAL_NS);
        assert!(!log.due(10 * GAP_INTERVAL_NS));
        assert!(log.due(1_000));
        log.evicted(7, 700);
        let gaps = log.flush(1_000, std::iter::empty());
        assert_eq!((gaps[0].since_ns, gaps[0].ts_ns), (1_000, 1_000));
        assert!(!log.due(2_000));
    }

    #[test]
    fn which_undecoded_packets_are_gaps() {
        assert_eq!(gap_reason("truncated-tcp"), Some("snaplen"));
        assert_eq!(gap_reason("fragment-incomplete"), Some("fragment"));
        assert_eq!(gap_reason("unknown-linktype"), Some("decode"));
        assert_eq!(gap_reason("too-deep-nesting"), Some("decode"));
        assert_eq!(gap_reason("unknown-ethertype"), None);
    }
}
