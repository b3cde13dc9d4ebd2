//! Follows the conversations of a part of a capture, to say which may go on behind it.

use ahash::RandomState;
use hashbrown::{HashMap, HashSet};

use super::{Alive, Ends, SLACK_NS, hasher};
use crate::flows::{LINGER_NS, SECOND_NS, TCP_IDLE_NS, UDP_IDLE_NS};
use crate::glance::Glance;
use crate::segment::TCP;

/// Flows end at the tick after their time-out, a second later at most; fragments wait for thirty seconds.
const MARGIN_NS: i64 = SLACK_NS + 2 * SECOND_NS;
const FRAGMENTS_NS: i64 = TCP_IDLE_NS + 30 * SECOND_NS;
/// Conversations that are told: more are not followed.
pub const MAX_LIVES: usize = 4_000_000;
/// Before so many are followed, those that are over are kept too.
pub(super) const FEW_LIVES: usize = 65_536;
/// Pairs of addresses with fragments between them: more are not told apart.
pub const MAX_PAIRS: usize = 65_536;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

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

    /// How many are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.followed.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.followed.is_empty()
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
