//! Reassembly of IP datagrams from fragments, by covered ranges: the first copy of a byte wins.
//!
//! The mirror of `sensors/fragments.py`. Fragments wait for at most 30 seconds of packet time, in bounded
//! number and memory. Whatever happens to a datagram, the packets that it came in are settled exactly once:
//! handed out with it, or counted as dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::gaps::Count;
use crate::ip::MAX_DATAGRAM_BYTES;
use crate::ranges::RangeBuffer;
use crate::segment::Address;
use crate::tally::Tallies;
use crate::undecoded::Undecoded;

/// How long a datagram waits for its fragments.
pub const TIMEOUT_NS: i64 = 30 * 1_000_000_000;
/// Of all fragments that wait.
pub const MAX_WAITING_BYTES: usize = 67_108_864;

/// Memory that a fragment takes beside its data.
const OVERHEAD_BYTES: usize = 128;

/// Which datagram a fragment belongs to. Keys are ordered, not hashed: they are an attacker's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Who sent it.
    pub source: Address,
    /// To whom.
    pub target: Address,
    /// Which datagram, by its sender's count.
    pub identification: u32,
    /// IPv4's protocol; IPv6's fragment header.
    pub protocol: u8,
    /// The VLAN it was in.
    pub vlan: Option<u16>,
    /// The tunnel it was in.
    pub tunnel: Option<u16>,
}

/// One fragment. It came in one packet, or in several where a tunnel's own packets were fragmented.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'d> {
    /// When it was seen.
    pub ts_ns: i64,
    /// Where in the datagram.
    pub offset: usize,
    /// Whether more follow.
    pub more: bool,
    /// What it carries a part of.
    pub protocol: u8,
    /// What was captured of it.
    pub data: &'d [u8],
    /// Its length on the wire; `data` may be shorter (snap length).
    pub size_bytes: usize,
    /// What it came in.
    pub carried: Carried,
}

/// The packets that something came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// The packets, with the bytes of their frames on the wire.
    pub frames: Count,
    /// The length of the IP packets.
    pub ip_bytes: u64,
}

impl Carried {
    const fn add(&mut self, other: Self) {
        self.frames.add(other.frames);
        self.ip_bytes += other.ip_bytes;
    }
}

/// A reassembled datagram, and what it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// What it carries.
    pub protocol: u8,
    /// Its bytes; they end where a fragment was cut.
    pub payload: Vec<u8>,
    /// Its length on the wire.
    pub size_bytes: usize,
    /// What it came in.
    pub carried: Carried,
}

/// A datagram of which fragments are missing.
struct Waiting {
    key: Key,
    first_ns: i64,
    carried: Carried,
    protocol: u8,
    /// Known from the last fragment.
    size_bytes: Option<usize>,
    /// Nothing from here on was captured in full.
    cut_at: usize,
    received_bytes: usize,
    kept_bytes: usize,
    /// 8-byte fragments cannot be too many pieces for it.
    buffer: RangeBuffer,
    ready: Vec<u8>,
}

impl Waiting {
    fn new(key: Key, first_ns: i64) -> Self {
        Self {
            key,
            first_ns,
            carried: Carried::default(),
            protocol: 0,
            size_bytes: None,
            cut_at: MAX_DATAGRAM_BYTES,
            received_bytes: 0,
            kept_bytes: 0,
            buffer: RangeBuffer::new(0, MAX_DATAGRAM_BYTES),
            ready: Vec::new(),
        }
    }

    /// Take a fragment; bytes that were not captured are stood in for, and `cut_at` remembers it.
    fn add(&mut self, fragment: &Fragment<'_>) {
        self.carried.add(fragment.carried);
        self.received_bytes += fragment.size_bytes;
        self.kept_bytes += fragment.size_bytes + OVERHEAD_BYTES;
        if fragment.offset == 0 {
            self.protocol = fragment.protocol;
        }
        if !fragment.more && self.size_bytes.is_none() {
            self.size_bytes = Some(fragment.offset + fragment.size_bytes);
        }
        let mut data = Cow::Borrowed(fragment.data);
        if data.len() < fragment.size_bytes {
            self.cut_at = self.cut_at.min(fragment.offset + data.len());
            data.to_mut().resize(fragment.size_bytes, 0);
        }
        self.ready.extend_from_slice(
            &self
                .buffer
                .push(i64::try_from(fragment.offset).unwrap_or(i64::MAX), &data),
        );
    }

    /// The datagram's length when nothing is missing any more.
    fn whole_bytes(&self) -> Option<usize> {
        self.size_bytes
            .filter(|size_bytes| self.ready.len() >= *size_bytes)
    }

    fn into_datagram(mut self, size_bytes: usize) -> Datagram {
        self.ready.truncate(size_bytes.min(self.cut_at));
        Datagram {
            protocol: self.protocol,
            payload: self.ready,
            size_bytes,
            carried: self.carried,
        }
    }
}

/// Datagrams that wait for fragments, the oldest first.
pub struct FragmentTable {
    limit: usize,
    overlapping_datagrams: u64,
    kept_bytes: usize,
    born: u64,
    places: BTreeMap<Key, u64>,
    waiting: BTreeMap<u64, Waiting>,
}

impl FragmentTable {
    /// An empty table for at most `limit` datagrams.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            overlapping_datagrams: 0,
            kept_bytes: 0,
            born: 0,
            places: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// How many datagrams became whole, but with bytes that came twice.
    #[must_use]
    pub const fn overlapping_datagrams(&self) -> u64 {
        self.overlapping_datagrams
    }

    /// The packets that are not settled yet.
    #[must_use]
    pub fn pending(&self) -> Count {
        let mut all = Count::default();
        self.waiting
            .values()
            .for_each(|each| all.add(each.carried.frames));
        all
    }

    /// Take a fragment; return the datagram that it completes. What is given up is counted in `dropped`.
    pub fn add(
        &mut self,
        key: Key,
        fragment: &Fragment<'_>,
        dropped: &mut Tallies<Undecoded>,
    ) -> Option<Datagram> {
        self.expire(fragment.ts_ns, dropped);
        let place = *self.places.entry(key).or_insert_with(|| {
            self.born += 1;
            self.born
        });
        let waiting = self
            .waiting
            .entry(place)
            .or_insert_with(|| Waiting::new(key, fragment.ts_ns));
        let kept_before = waiting.kept_bytes;
        waiting.add(fragment);
        self.kept_bytes += waiting.kept_bytes - kept_before;
        if let Some(size_bytes) = waiting.whole_bytes() {
            let whole = self.forget(place)?;
            self.overlapping_datagrams += u64::from(whole.received_bytes > size_bytes);
            return Some(whole.into_datagram(size_bytes));
        }
        while self.waiting.len() > self.limit || self.kept_bytes > MAX_WAITING_BYTES {
            self.drop_oldest(Undecoded::FragmentOverflow, dropped);
        }
        None
    }

    /// Give up the datagrams whose time is over.
    pub fn expire(&mut self, now_ns: i64, dropped: &mut Tallies<Undecoded>) {
        while let Some((_, oldest)) = self.waiting.first_key_value()
            && now_ns.saturating_sub(oldest.first_ns) > TIMEOUT_NS
        {
            self.drop_oldest(Undecoded::FragmentIncomplete, dropped);
        }
    }

    /// Give up all that waits, because nothing more will come.
    pub fn drop_all(&mut self, dropped: &mut Tallies<Undecoded>) {
        while !self.waiting.is_empty() {
            self.drop_oldest(Undecoded::FragmentIncomplete, dropped);
        }
    }

    fn drop_oldest(&mut self, reason: Undecoded, dropped: &mut Tallies<Undecoded>) {
        let oldest = self.waiting.first_key_value().map(|(place, _)| *place);
        if let Some(given_up) = oldest.and_then(|place| self.forget(place)) {
            dropped.add(reason, given_up.carried.frames);
        }
    }

    fn forget(&mut self, place: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&place)?;
        self.places.remove(&waiting.key);
        self.kept_bytes -= waiting.kept_bytes;
        Some(waiting)
    }
}

#[cfg(test)]
mod tests;
