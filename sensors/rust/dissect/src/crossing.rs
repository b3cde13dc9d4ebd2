//! Which conversations may still go on where a capture is cut, so that both sides of the cut leave them to a third.
//!
//! What is told is always enough, and may be too much: a conversation is known by its innermost ends alone, and is
//! over only where its flow would surely be gone from a table, whatever was before the first frame seen here.

use ahash::RandomState;
use hashbrown::{HashMap, HashSet};

use crate::flows::{LINGER_NS, SECOND_NS, TCP_IDLE_NS, UDP_IDLE_NS};
use crate::glance::Glance;
use crate::key::number;
use crate::segment::{Address, Segment, TCP};

/// How far a clock may be set back where a capture is cut.
pub const SLACK_NS: i64 = 10 * SECOND_NS;
/// Flows end at the tick after their time-out, a second later at most; fragments wait for thirty seconds.
const MARGIN_NS: i64 = SLACK_NS + 2 * SECOND_NS;
const FRAGMENTS_NS: i64 = TCP_IDLE_NS + 30 * SECOND_NS;
/// Conversations that are told: more are not followed.
pub const MAX_LIVES: usize = 4_000_000;
/// Before so many are followed, those that are over are kept too.
const FEW_LIVES: usize = 65_536;
/// Pairs of addresses with fragments between them: more are not told apart.
pub const MAX_PAIRS: usize = 65_536;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// The two ends of a conversation in order; without ports and transport, all that two addresses have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ends {
    low: (u128, u16),
    high: (u128, u16),
    transport: u8,
}

impl Ends {
    /// The bytes of one, written out.
    pub const BYTES: usize = 37;

    /// The ends of a segment, and whether its sender is the lower one.
    #[inline]
    #[must_use]
    pub fn of(segment: &Segment<'_>) -> (Self, bool) {
        let source = (segment.source, segment.source_port);
        let target = (segment.target, segment.target_port);
        Self::new(source, target, segment.transport)
    }

    /// The ends of what goes from a source to a target, and whether the source is the lower one.
    #[inline]
    #[must_use]
    pub fn new(source: (Address, u16), target: (Address, u16), transport: u8) -> (Self, bool) {
        let source = (number(source.0), source.1);
        let target = (number(target.0), target.1);
        let from_low = source < target;
        let (low, high) = if from_low {
            (source, target)
        } else {
            (target, source)
        };
        let ends = Self {
            low,
            high,
            transport,
        };
        (ends, from_low)
    }

    /// Everything between two addresses.
    #[must_use]
    pub fn pair(source: Address, target: Address) -> Self {
        Self::new((source, 0), (target, 0), 0).0
    }

    /// Everything between the addresses of these ends.
    #[must_use]
    pub const fn addresses(&self) -> Self {
        Self {
            low: (self.low.0, 0),
            high: (self.high.0, 0),
            transport: 0,
        }
    }

    /// The ends as bytes that sort as they do.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        for (address, port) in [self.low, self.high] {
            bytes.extend(address.to_be_bytes());
            bytes.extend(port.to_be_bytes());
        }
        bytes.push(self.transport);
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let end = |at: usize| {
            let address = bytes.get(at..at + 16).and_then(|raw| raw.try_into().ok());
            let port = bytes
                .get(at + 16..at + 18)
                .and_then(|raw| raw.try_into().ok());
            (
                u128::from_be_bytes(address.unwrap_or_default()),
                u16::from_be_bytes(port.unwrap_or_default()),
            )
        };
        Self {
            low: end(0),
            high: end(18),
            transport: bytes[36],
        }
    }
}

/// Conversations, each with the time until which it may go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alive(pub Vec<(Ends, i64)>);

impl Alive {
    /// Those here, and those from before that may go on at `end_ns`, in order.
    #[must_use]
    pub fn carry(self, before: &Self, end_ns: i64) -> Self {
        let mut all = self.0;
        all.extend(before.0.iter().filter(|(_, until_ns)| *until_ns >= end_ns));
        all.sort_unstable_by_key(|(ends, until_ns)| (*ends, std::cmp::Reverse(*until_ns)));
        all.dedup_by_key(|(ends, _)| *ends);
        Self(all)
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let each = |(ends, until_ns): &(Ends, i64)| [ends.bytes(), until_ns.to_be_bytes().into()];
        self.0.iter().flat_map(each).flatten().collect()
    }

    /// From bytes; what is left over is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let (each, _) = bytes.as_chunks::<{ Ends::BYTES + 8 }>();
        let one = |raw: &[u8; Ends::BYTES + 8]| {
            let (ends, until_ns) = raw.split_first_chunk()?;
            let until_ns = i64::from_be_bytes(until_ns.try_into().ok()?);
            Some((Ends::from_bytes(ends), until_ns))
        };
        Self(each.iter().filter_map(one).collect())
    }
}

/// What crosses the ends of a part of a capture, and is another's to read.
#[derive(Debug)]
pub struct Crossing {
    ends: HashSet<Ends, RandomState>,
    pairs: bool,
    /// Whether all that is in tunnels crosses.
    tunnels: bool,
}

impl Crossing {
    /// All of these cross, and `tunnels` too where that is said. `seed` keys the hash.
    #[must_use]
    pub fn new(alive: &[Alive], tunnels: bool, seed: u64) -> Self {
        let mut ends = HashSet::with_hasher(hasher(seed));
        ends.extend(
            alive
                .iter()
                .flat_map(|alive| &alive.0)
                .map(|(ends, _)| *ends),
        );
        let pairs = ends.iter().any(|ends: &Ends| ends.transport == 0);
        Self {
            ends,
            pairs,
            tunnels,
        }
    }

    /// Whether a frame is another's to read.
    #[inline]
    #[must_use]
    pub fn holds(&self, glance: &Glance) -> bool {
        match glance {
            Glance::Flow {
                ends, tunnelled, ..
            } => {
                self.ends.contains(ends)
                    || self.pairs && self.ends.contains(&ends.addresses())
                    || self.tunnels && *tunnelled
            }
            Glance::Fragment { .. } => true,
            Glance::Nothing => false,
        }
    }
}

/// One conversation while it is followed.
#[derive(Clone, Copy, Debug)]
struct Life {
    active_ns: i64,
    /// Bit 0: low sent FIN, bit 1: high did, since its flow was surely the same.
    fins: u8,
    closed: bool,
}

/// Follows the conversations of a part of a capture.
pub struct Lives {
    followed: HashMap<Ends, Life, RandomState>,
    pairs: HashSet<Ends, RandomState>,
    room: usize,
    now_ns: i64,
    packets: u64,
    /// Whether datagrams in fragments may hold packets of others.
    pub hides: bool,
    /// Whether there were too many to follow.
    pub overflow: bool,
}

impl Lives {
    /// None yet. `seed` keys the hash.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            followed: HashMap::with_hasher(hasher(seed)),
            pairs: HashSet::with_hasher(hasher(seed)),
            room: FEW_LIVES,
            now_ns: i64::MIN,
            packets: 0,
            hides: false,
            overflow: false,
        }
    }

    /// Take note of the next frame, at the clock's time.
    #[inline]
    pub fn see(&mut self, glance: &Glance, now_ns: i64) {
        self.now_ns = now_ns;
        self.packets += 1;
        match *glance {
            Glance::Flow {
                ends,
                flags,
                from_low,
                ..
            } => {
                // The clock may stand elsewhere at the first packet: what it ends may begin anew.
                let flags = if self.packets == 1 { 0 } else { flags };
                self.flow(ends, flags, from_low);
            }
            Glance::Fragment { pair, hides } => {
                self.hides |= hides;
                self.pairs.insert(pair);
                self.overflow |= self.pairs.len() > MAX_PAIRS;
                self.flow(pair, 0, true);
            }
            Glance::Nothing => {}
        }
    }

    #[inline]
    fn flow(&mut self, ends: Ends, flags: u8, from_low: bool) {
        let now_ns = self.now_ns;
        let life = self.followed.entry(ends).or_insert(Life {
            active_ns: now_ns,
            fins: 0,
            closed: false,
        });
        // Beyond these its flow may be another one by now, of which nothing is known.
        if now_ns - life.active_ns > LINGER_NS || flags & (SYN | ACK) == SYN {
            (life.fins, life.closed) = (0, false);
        }
        life.active_ns = now_ns;
        if flags & FIN != 0 {
            life.fins |= if from_low { 1 } else { 2 };
        }
        life.closed |= flags & RST != 0 || life.fins == 3;
        if self.followed.len() > self.room {
            self.forget();
        }
    }

    /// Forget the conversations that are over.
    #[cold]
    fn forget(&mut self) {
        let now_ns = self.now_ns;
        self.followed
            .retain(|ends, life| until_ns(ends, life) >= now_ns);
        self.overflow |= self.followed.len() > MAX_LIVES;
        if self.overflow {
            self.followed.clear();
        }
        self.room = FEW_LIVES.max(2 * self.followed.len());
    }

    /// The conversations that may go on behind the last frame, in order.
    #[must_use]
    pub fn alive(&self) -> Alive {
        let each = self.followed.iter();
        let each = each.map(|(ends, life)| (*ends, until_ns(ends, life)));
        let each = each.filter(|(_, until_ns)| *until_ns >= self.now_ns);
        Alive(each.collect()).carry(&Alive::default(), self.now_ns)
    }

    /// The addresses with fragments between them, in order.
    #[must_use]
    pub fn pairs(&self) -> Alive {
        let each = self.pairs.iter().map(|pair| (*pair, self.now_ns));
        Alive(each.collect()).carry(&Alive::default(), self.now_ns)
    }
}

fn until_ns(ends: &Ends, life: &Life) -> i64 {
    let timeout_ns = match (ends.transport, life.closed) {
        (0, _) => FRAGMENTS_NS,
        (TCP, true) => LINGER_NS,
        (TCP, false) => TCP_IDLE_NS,
        _ => UDP_IDLE_NS,
    };
    life.active_ns.saturating_add(timeout_ns + MARGIN_NS)
}

fn hasher(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed.rotate_left(29), !seed, 0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests;
