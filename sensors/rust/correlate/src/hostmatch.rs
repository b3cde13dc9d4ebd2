//! Tells whether any entry of a catalogue fits a name or an address.
//!
//! The mirror of `monitor/catalog/hostmatch.py`, without its values: which of the entries fits best matters
//! only to attribution. Names are matched label by label; the work for one name is bounded by its length
//! and by how many patterns share a literal suffix.

use std::borrow::Cow;
use std::net::IpAddr;

use ahash::RandomState;
use dissect::segment::Address;
use hashbrown::{HashMap, HashSet};

/// RFC 1035 section 2.3.4, without the root's dot.
pub const MAX_NAME: usize = 253;
/// An IPv6 address with a zone, with room to spare.
const MAX_ADDRESS: usize = 64;
const V4_BITS: u32 = 32;
const V6_BITS: u32 = 128;

/// The name in lower case and without the trailing dot; `None` for what cannot be a host's name.
#[must_use]
pub fn normal_name(text: &str) -> Option<Cow<'_, str>> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() || name.len() > MAX_NAME || !name.is_ascii() {
        return None;
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return None;
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(name.to_ascii_lowercase()));
    }
    Some(Cow::Borrowed(name))
}

/// One label of a pattern.
enum Part {
    Whole(Box<str>),
    Starred(Box<str>, Box<str>), // what stands before the star, and after it
}

impl Part {
    fn new(label: &str) -> Self {
        match label.split_once('*') {
            Some((prefix, suffix)) => Self::Starred(prefix.into(), suffix.into()),
            None => Self::Whole(label.into()),
        }
    }

    fn fits(&self, label: &str) -> bool {
        match self {
            Self::Whole(whole) => label == &**whole,
            Self::Starred(prefix, suffix) => label
                .strip_prefix(&**prefix)
                .is_some_and(|rest| rest.ends_with(&**suffix)),
        }
    }
}

/// What of a pattern stands before its literal suffix.
struct HostPattern {
    open: bool,      // fits one or more labels at the front
    head: Vec<Part>, // from right to left
}

impl HostPattern {
    /// The pattern, and its literal suffix.
    fn new(text: &str) -> (Self, String) {
        let labels: Vec<&str> = text.split('.').collect();
        let literal = labels.iter().rev().take_while(|label| !label.contains('*'));
        let (head, suffix) = labels.split_at(labels.len() - literal.count());
        let open = labels.first() == Some(&"*");
        let head = head.iter().skip(usize::from(open)).rev();
        let head = head.map(|label| Part::new(label)).collect();
        (Self { open, head }, suffix.join("."))
    }

    /// Whether the labels to the left of the literal suffix fit.
    fn matches(&self, left: &str) -> bool {
        let mut labels = left.rsplit('.');
        let mut head = self.head.iter();
        let fits = head.all(|part| labels.next().is_some_and(|label| part.fits(label)));
        fits && labels.next().is_some() == self.open
    }
}

/// Names and patterns.
pub struct NameIndex {
    exact: HashSet<Box<str>, RandomState>,
    patterns: HashMap<Box<str>, Vec<HostPattern>, RandomState>,
}

impl NameIndex {
    /// The index of names and patterns in lower case.
    #[must_use]
    pub fn new(names: &[String], hasher: &RandomState) -> Self {
        let mut index = Self {
            exact: HashSet::with_hasher(hasher.clone()),
            patterns: HashMap::with_hasher(hasher.clone()),
        };
        for name in names {
            if name.contains('*') {
                let (pattern, suffix) = HostPattern::new(name);
                let same = index.patterns.entry(suffix.into()).or_default();
                same.push(pattern);
            } else {
                index.exact.insert(name.as_str().into());
            }
        }
        index
    }

    /// Whether an entry fits a name in the form of `normal_name`.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        if self.exact.contains(name) {
            return true;
        }
        let dots = name.match_indices('.').map(|(dot, _)| dot);
        dots.filter_map(|dot| name.split_at_checked(dot))
            .any(|(left, right)| {
                let patterns = right
                    .strip_prefix('.')
                    .and_then(|suffix| self.patterns.get(suffix));
                patterns.is_some_and(|all| all.iter().any(|pattern| pattern.matches(left)))
            })
    }
}

/// Values by address prefix; the longest wins.
pub struct AddressMap<V> {
    networks: HashMap<(u32, u128), V, RandomState>, // by what is shifted away, and what is left
    v4_shifts: Vec<u32>,                            // in order, as those of IPv6
    v6_shifts: Vec<u32>,
}

impl<V: Copy> AddressMap<V> {
    /// The map of prefixes in CIDR notation; the first that is none is the error.
    pub fn new<'a, P>(prefixes: P, hasher: &RandomState) -> Result<Self, String>
    where
        P: ExactSizeIterator<Item = (&'a str, V)>,
    {
        let mut map = Self {
            networks: HashMap::with_capacity_and_hasher(prefixes.len(), hasher.clone()),
            v4_shifts: Vec::new(),
            v6_shifts: Vec::new(),
        };
        for (prefix, value) in prefixes {
            map.add(prefix, value).ok_or_else(|| prefix.to_owned())?;
        }
        map.v4_shifts.sort_unstable();
        map.v6_shifts.sort_unstable();
        Ok(map)
    }

    fn add(&mut self, prefix: &str, value: V) -> Option<()> {
        let (network, bits) = prefix.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (number, shifts, all) = match network.parse().ok()? {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), &mut self.v4_shifts, V4_BITS),
            IpAddr::V6(v6) => (v6.to_bits(), &mut self.v6_shifts, V6_BITS),
        };
        let shift = all.checked_sub(bits)?;
        // Families stay apart: those of IPv4 are marked by a shift that IPv6 does not have.
        let mark = if all == V4_BITS { V6_BITS + 1 } else { 0 };
        self.networks
            .insert((shift + mark, shifted(number, shift)), value);
        if !shifts.contains(&shift) {
            shifts.push(shift);
        }
        Some(())
    }

    /// The value of the longest prefix that holds an address; an IPv4-mapped one (RFC 4291 section 2.5.5.2)
    /// counts as IPv4.
    #[must_use]
    pub fn find(&self, address: Address) -> Option<V> {
        let number = u128::from_be_bytes(*address.bytes());
        let mapped = number >> V4_BITS == 0xffff;
        let (number, shifts, mark) = if address.is_v4() || mapped {
            (number & u128::from(u32::MAX), &self.v4_shifts, V6_BITS + 1)
        } else {
            (number, &self.v6_shifts, 0)
        };
        let mut shifts = shifts.iter();
        shifts.find_map(|shift| {
            let network = (shift + mark, shifted(number, *shift));
            self.networks.get(&network).copied()
        })
    }
}

/// Address prefixes.
pub struct AddressIndex(AddressMap<()>);

impl AddressIndex {
    /// The index of prefixes in CIDR notation; the first that is none is the error.
    pub fn new(prefixes: &[String], hasher: &RandomState) -> Result<Self, String> {
        let prefixes = prefixes.iter().map(|prefix| (prefix.as_str(), ()));
        Ok(Self(AddressMap::new(prefixes, hasher)?))
    }

    /// Whether a prefix holds an address.
    #[must_use]
    pub fn fits(&self, address: Address) -> bool {
        self.0.find(address).is_some()
    }
}

/// A shift by all bits leaves nothing.
fn shifted(number: u128, by: u32) -> u128 {
    number.checked_shr(by).unwrap_or_default()
}

/// What a text is as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// None.
    No,
    /// This one.
    Is(Address),
    /// With a zone, or none; Python can tell.
    Perhaps,
}

/// What a text that stands in a name's place is as an address, brackets or not.
#[must_use]
pub fn literal(text: &str) -> Literal {
    let text = text.strip_prefix('[').unwrap_or(text);
    let text = text.strip_suffix(']').unwrap_or(text);
    if text.len() > MAX_ADDRESS || !text.contains([':', '.']) {
        return Literal::No;
    }
    match text.parse() {
        Ok(IpAddr::V4(v4)) => Literal::Is(Address::v4(v4.octets())),
        Ok(IpAddr::V6(v6)) => Literal::Is(Address::v6(v6.octets())),
        Err(_) if text.contains(':') => Literal::Perhaps,
        Err(_) => Literal::No,
    }
}

#[cfg(test)]
mod tests;
