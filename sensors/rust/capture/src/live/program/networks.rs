//! Networks for a filter to look addresses up in: few, and none within another.

use std::net::IpAddr;

use super::assembly::{Assembly, Label, WORD};

const WORD_BITS: u32 = 32;

/// An address prefix; its bits come first in the number, those behind them are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Network {
    number: u128,
    bits: u32,
}

impl Network {
    fn new(number: u128, bits: u32) -> Self {
        let behind = u128::MAX.checked_shr(bits).unwrap_or(0);
        Self {
            number: number & !behind,
            bits,
        }
    }

    fn holds(self, other: Self) -> bool {
        self.bits <= other.bits && Self::new(other.number, self.bits) == self
    }

    /// The network that is this one and its neighbour.
    fn with(self, neighbour: Self) -> Option<Self> {
        let both = Self::new(self.number, self.bits.checked_sub(1)?);
        (self.bits == neighbour.bits && both.holds(neighbour)).then_some(both)
    }

    const fn word(self) -> u32 {
        (self.number >> (u128::BITS - WORD_BITS)) as u32
    }

    /// What of it stands behind the first word.
    const fn rest(self) -> Self {
        Self {
            number: self.number << WORD_BITS,
            bits: self.bits - WORD_BITS,
        }
    }
}

/// Networks of both versions of IP.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Vec<Network>,
    v6: Vec<Network>,
}

impl Networks {
    /// Those of prefixes in CIDR notation; the first that is none is the error.
    pub fn new(prefixes: &[String]) -> Result<Self, String> {
        let mut networks = Self::default();
        for prefix in prefixes {
            networks.add(prefix).ok_or_else(|| prefix.clone())?;
        }
        merge(&mut networks.v4);
        merge(&mut networks.v6);
        Ok(networks)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Look the IPv4 address at an offset up.
    pub fn holds_v4(&self, code: &mut Assembly, at: u32, yes: Label, no: Label) -> Label {
        holds(code, &self.v4, at, (yes, no))
    }

    /// Look the IPv6 address at an offset up.
    pub fn holds_v6(&self, code: &mut Assembly, at: u32, yes: Label, no: Label) -> Label {
        holds(code, &self.v6, at, (yes, no))
    }

    fn add(&mut self, prefix: &str) -> Option<()> {
        let (address, bits) = prefix.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (number, of_version, longest) = match address.parse().ok()? {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, &mut self.v4, WORD_BITS),
            IpAddr::V6(v6) => (v6.to_bits(), &mut self.v6, u128::BITS),
        };
        if bits > longest {
            return None;
        }
        of_version.push(Network::new(number, bits));
        Some(())
    }
}

/// Drop what is within another one, and join neighbours.
fn merge(networks: &mut Vec<Network>) {
    networks.sort_unstable();
    let mut merged: Vec<Network> = Vec::with_capacity(networks.len());
    for network in networks.drain(..) {
        if merged.last().is_some_and(|last| last.holds(network)) {
            continue;
        }
        let mut network = network;
        while let Some(both) = merged.last().and_then(|last| last.with(network)) {
            merged.pop();
            network = both;
        }
        merged.push(network);
    }
    *networks = merged;
}

/// Search the word at an offset, and those behind it where a network is longer.
fn holds(code: &mut Assembly, networks: &[Network], at: u32, (yes, no): (Label, Label)) -> Label {
    if networks.is_empty() {
        return no;
    }
    let mut parts = vec![(0, no)];
    let together = |a: &Network, b: &Network| a.bits > WORD_BITS && a.word() == b.word();
    for same in networks.chunk_by(together) {
        let Some(first) = same.first() else { continue };
        let behind = u32::MAX.checked_shr(first.bits).unwrap_or(0);
        let within = if first.bits > WORD_BITS {
            let rest: Vec<_> = same.iter().map(|network| network.rest()).collect();
            holds(code, &rest, at + 4, (yes, no))
        } else {
            yes
        };
        begin_part(&mut parts, first.word(), within);
        if let Some(after) = (first.word() | behind).checked_add(1) {
            begin_part(&mut parts, after, no);
        }
    }
    let search = code.search(&parts, no);
    code.before(search, &[(WORD, at)])
}

/// Begin a part behind the others; one that begins where the last did takes its place.
fn begin_part(parts: &mut Vec<(u32, Label)>, first: u32, place: Label) {
    parts.pop_if(|last| last.0 == first);
    if parts.last().is_none_or(|last| last.1 != place) {
        parts.push((first, place));
    }
}
