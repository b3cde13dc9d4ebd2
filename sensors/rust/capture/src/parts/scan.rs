//! A part of a capture, looked through for what has to be known before any part can be read by itself.

use dissect::clock::MAX_JUMP_NS;
use dissect::crossing::Alive;
use dissect::crossing::lives::Lives;
use dissect::frames::Looked;
use dissect::glance::Glance;

use super::Source;
use crate::captured::Frame;

/// What was found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The number of packets.
    pub packets: u64,
    /// The times of the first two.
    pub begins_ns: [Option<i64>; 2],
    /// The earliest and the latest time; the latest is where its clock ends.
    pub span_ns: Option<(i64, i64)>,
    /// Whether no packet's time is so far off that the clock would doubt it.
    pub steady: bool,
    /// Whether datagrams in fragments may hold packets of others.
    pub hides: bool,
    /// Whether there were too many conversations to follow.
    pub overflow: bool,
    /// The conversations that may go on.
    pub alive: Alive,
    /// The addresses with fragments between them.
    pub pairs: Alive,
}

/// Scan a part to its end; faults are then told by the source.
#[must_use]
pub fn scan(source: &mut Source, seed: u64) -> Scanned {
    let mut scanned = Scanned {
        steady: true,
        ..Scanned::default()
    };
    let mut lives = Lives::new(seed);
    loop {
        let frames = source.next();
        if frames.is_empty() {
            break;
        }
        for frame in &frames {
            scanned.see(frame);
            let glance = Glance::at(frame, &Looked::at(frame));
            let now_ns = scanned.span_ns.map_or(0, |(_, last_ns)| last_ns);
            lives.see(&glance, now_ns);
        }
    }
    scanned.hides = lives.hides;
    scanned.alive = lives.alive();
    scanned.pairs = lives.pairs();
    scanned.overflow = lives.overflow;
    scanned
}

impl Scanned {
    fn see(&mut self, frame: &Frame<'_>) {
        let ts_ns = frame.ts_ns;
        self.packets += 1;
        let [first, second] = &mut self.begins_ns;
        if first.is_none() {
            *first = Some(ts_ns);
        } else if second.is_none() {
            *second = Some(ts_ns);
        }
        let (first_ns, last_ns) = self.span_ns.unwrap_or((ts_ns, ts_ns));
        self.steady &= (ts_ns - last_ns).abs() <= MAX_JUMP_NS;
        self.span_ns = Some((first_ns.min(ts_ns), last_ns.max(ts_ns)));
    }
}
