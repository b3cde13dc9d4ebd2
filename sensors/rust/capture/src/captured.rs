//! What every capture format gives: frames, and the faults met on the way.
//!
//! A fault never ends the program: it says where a file could not be read on, and what a person can do. Their
//! number is bounded, so that a file made of damage ends too.

use smallvec::SmallVec;

/// As libpcap's `MAXIMUM_SNAPLEN`: a longer record is corrupt.
pub const MAX_FRAME_BYTES: u32 = 262_144;
/// Of one file; then reading it stops.
pub const MAX_FAULTS: usize = 64;
pub(crate) const COPY_AGAIN: &str = "copy it again from the sensor";

pub use dissect::sensor::FRAMES;
/// One captured frame, lent until the next ones are asked for.
pub use dissect::sensor::Frame;

/// Frames of one file, in its order.
pub type Frames<'a> = SmallVec<[Frame<'a>; FRAMES]>;

/// A frame before it is lent: where its bytes stand in the window, until that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub ts_ns: i64,
    pub linktype: u32,
    pub wire_bytes: u32,
    pub at: usize,
    pub captured_bytes: u32,
}

/// A place in a file, and what has to be known to read on from there. The default is the file's beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// In bytes.
    pub offset: u64,
    /// The packets before it.
    pub packets: u64,
    /// The time of the last of them: seconds in pcap, nanoseconds in pcapng.
    pub clock: i64,
    /// What of the file's bytes before it has to be read first: headers, and descriptions of interfaces.
    pub head: Vec<(u64, u64)>,
}

impl Mark {
    /// The bytes that have to be read first.
    #[must_use]
    pub fn head_bytes(&self) -> u64 {
        self.head
            .iter()
            .map(|(begin, end)| end.saturating_sub(*begin))
            .sum()
    }
}

/// In what way a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing could be read.
    Unreadable,
    /// The file ends inside a record.
    Truncated,
    /// A record makes no sense.
    Corrupt,
}

impl FaultKind {
    /// The name that documents have for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A place where an input file could not be read on. What stood before it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as one line of valid Unicode.
    pub path: String,
    /// In bytes from the beginning of the (uncompressed) stream.
    pub offset: u64,
    /// In what way.
    pub kind: FaultKind,
    /// What is wrong: a short clause.
    pub problem: String,
    /// What a person can do.
    pub mend: String,
}

/// A file's bytes stop before their end, or cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDamage {
    /// Truncated or corrupt.
    pub kind: FaultKind,
    /// A short clause.
    pub problem: String,
}

/// The faults of one file.
#[derive(Debug)]
pub struct FaultLog {
    faults: Vec<Fault>,
    path: String,
}

impl FaultLog {
    /// The log of a file that a person knows as `path`.
    #[must_use]
    pub const fn new(path: String) -> Self {
        Self {
            faults: Vec::new(),
            path,
        }
    }

    /// What was noted, in the order of reading.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether so much is wrong that reading should stop.
    #[must_use]
    pub const fn full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    /// Note a fault at a byte offset of the (uncompressed) stream.
    pub fn add(&mut self, kind: FaultKind, offset: u64, problem: String, mend: String) {
        if !self.full() {
            let path = self.path.clone();
            self.faults.push(Fault {
                path,
                offset,
                kind,
                problem,
                mend,
            });
        }
    }

    /// Note that the bytes end inside a record, after so many whole packets.
    pub fn cut_off(&mut self, offset: u64, packets: u64, damage: Option<&StreamDamage>) {
        let mend = copied(packets);
        match damage {
            None => {
                let problem = format!("the file ends inside packet {}", packets + 1);
                self.add(FaultKind::Truncated, offset, problem, mend);
            }
            Some(damage) => {
                let problem = format!("{} after packet {packets}", damage.problem);
                self.add(damage.kind, offset, problem, mend);
            }
        }
    }

    /// Replace the last fault by one that says that the file was given up.
    pub fn stopped(&mut self, offset: u64, packets: u64) {
        let places = MAX_FAULTS - 1;
        if let Some(last) = self.faults.last_mut() {
            last.offset = offset;
            last.kind = FaultKind::Corrupt;
            last.problem = format!(
                "more than {places} places make no sense: reading stopped after packet {packets}"
            );
            COPY_AGAIN.clone_into(&mut last.mend);
        }
    }
}

/// Say in a mend what became of the packets before a fault.
pub(crate) fn used(packets: u64) -> String {
    match packets {
        0 => "no packet stands before it".to_owned(),
        1 => "the packet before it was used".to_owned(),
        _ => format!("the {packets} packets before it were used"),
    }
}

/// The mend of a fault that ends a file.
pub(crate) fn copied(packets: u64) -> String {
    format!("{COPY_AGAIN}; {}", used(packets))
}

/// The mend of a fault behind which reading goes on.
pub(crate) fn skipped(bytes: u64) -> String {
    format!("{COPY_AGAIN}; {bytes} bytes were skipped and what follows was used")
}

#[cfg(test)]
mod tests {
    use super::{FaultKind, FaultLog, MAX_FAULTS, StreamDamage, used};

    #[test]
    fn the_number_of_faults_is_bounded_and_the_last_says_so() {
        let mut log = FaultLog::new("x".to_owned());
        for offset in 0..100 {
            log.cut_off(offset, 2, None);
        }
        assert!(log.full());
        assert_eq!(log.faults().len(), MAX_FAULTS);
        log.stopped(7, 3);
        let last = log.faults().last().unwrap();
        assert_eq!((last.offset, last.kind), (7, FaultKind::Corrupt));
        assert_eq!(
            last.problem,
            "more than 63 places make no sense: reading stopped after packet 3"
        );
        assert_eq!(last.mend, "copy it again from the sensor");
    }

    #[test]
    fn a_stream_that_was_damaged_says_how() {
        let mut log = FaultLog::new("x".to_owned());
        let damage = StreamDamage {
            kind: FaultKind::Truncated,
            problem: "it is cut off".to_owned(),
        };
        log.cut_off(1, 1, Some(&damage));
        log.cut_off(2, 0, None);
        let said: Vec<_> = log
            .faults()
            .iter()
            .map(|fault| fault.problem.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "it is cut off after packet 1",
                "the file ends inside packet 1"
            ]
        );
        assert_eq!(
            log.faults()[0].mend,
            "copy it again from the sensor; the packet before it was used"
        );
        assert_eq!(used(2), "the 2 packets before it were used");
    }
}
