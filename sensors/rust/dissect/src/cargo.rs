//! What is left of a frame to decode while it is taken out of what it came in, and the names of tunnels.
//!
//! The mirror of `sensors/cargo.py`. The names of tunnels ("vxlan:42/gre", outermost first) tell flows apart,
//! so their number is bounded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use smallvec::SmallVec;

use crate::fragments::Carried;
use crate::gaps::Count;
use crate::links::Layer;
use crate::sensor::Frame as Captured;

/// Names of tunnels that are kept; what comes later is `OTHER`.
pub const MAX_TUNNELS: usize = 16_384;
/// The name for tunnels whose own could not be kept.
pub const OTHER: &str = "other";

/// One captured frame; `data` may be shorter than it was on the wire (snap length).
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was seen, in nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// What was captured of it.
    pub data: &'a [u8],
    /// Its length on the wire.
    pub wire_bytes: u64,
}

impl<'a> Frame<'a> {
    /// The frame as it was captured.
    #[inline]
    #[must_use]
    pub fn of(captured: &Captured<'a>) -> Self {
        Self {
            ts_ns: captured.ts_ns,
            data: captured.data,
            wire_bytes: u64::from(captured.wire_bytes),
        }
    }

    /// Its length on the wire, as a place in its data.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        usize::try_from(self.wire_bytes).unwrap_or(usize::MAX)
    }

    /// The frame as a count.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> Count {
        Count {
            packets: 1,
            bytes: self.wire_bytes,
        }
    }
}

/// A packet on its way out of what it came in: a datagram's fragments, and one day tunnels.
#[derive(Debug)]
pub struct Cargo<'a> {
    /// When the last frame of it was seen.
    pub ts_ns: i64,
    /// What was captured of it, and of the headers before it.
    pub data: Cow<'a, [u8]>,
    /// Where the packet ends on the wire, counted from the data's start.
    pub end: usize,
    /// What the link layer said of it.
    pub layer: Layer,
    /// The tunnels it was in.
    pub path: TunnelPath,
    /// What it came in.
    pub carried: Carried,
}

impl<'a> Cargo<'a> {
    /// What is behind a frame's link layer.
    #[must_use]
    pub fn new(frame: Frame<'a>, layer: Layer) -> Self {
        Self {
            ts_ns: frame.ts_ns,
            data: Cow::Borrowed(frame.data),
            end: frame.end(),
            layer,
            path: TunnelPath::new(),
            carried: Carried {
                frames: frame.count(),
                ip_bytes: 0,
            },
        }
    }
}

/// One tunnel: its kind, and what sets it apart from others of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tunnel {
    /// What the kind is called.
    pub kind: &'static str,
    /// The network or session identifier.
    pub identifier: Option<u32>,
}

/// The tunnels around a packet, outermost first.
pub type TunnelPath = SmallVec<[Tunnel; 2]>;

/// The names of tunnels, each kept once; beyond `MAX_TUNNELS` of them every other is `OTHER`.
#[derive(Debug, Default)]
pub struct TunnelNames {
    unnamed_packets: u64,
    places: BTreeMap<TunnelPath, u16>,
    names: Vec<String>,
}

impl TunnelNames {
    /// The names, in the order of their indices.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many packets got no name of their own.
    #[must_use]
    pub const fn unnamed_packets(&self) -> u64 {
        self.unnamed_packets
    }

    /// The index of a path's name; none for no tunnel.
    pub fn intern(&mut self, path: &[Tunnel]) -> Option<u16> {
        if path.is_empty() {
            return None;
        }
        if let Some(place) = self.places.get(path) {
            return Some(*place);
        }
        if self.places.len() >= MAX_TUNNELS {
            self.unnamed_packets += 1;
            if self.names.len() == MAX_TUNNELS {
                self.names.push(OTHER.into());
            }
            return Some(MAX_TUNNELS as u16);
        }
        let place = self.names.len() as u16;
        self.names.push(name_of(path));
        self.places.insert(path.into(), place);
        Some(place)
    }
}

fn name_of(path: &[Tunnel]) -> String {
    let mut name = String::new();
    for tunnel in path {
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(tunnel.kind);
        if let Some(identifier) = tunnel.identifier {
            let _ = write!(name, ":{identifier}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{MAX_TUNNELS, Tunnel, TunnelNames};

    #[test]
    fn a_path_has_one_name() {
        let mut names = TunnelNames::default();
        let vxlan = |identifier| Tunnel {
            kind: "vxlan",
            identifier: Some(identifier),
        };
        let gre = Tunnel {
            kind: "gre",
            identifier: None,
        };
        assert_eq!(names.intern(&[]), None);
        assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
        assert_eq!(names.intern(&[vxlan(42)]), Some(1));
        assert_eq!(names.intern(&[vxlan(42), gre]), Some(0));
        assert_eq!(names.names(), ["vxlan:42/gre", "vxlan:42"]);
    }

    #[test]
    fn names_beyond_the_bound_are_other() {
        let mut names = TunnelNames::default();
        for identifier in 0..=MAX_TUNNELS as u32 + 1 {
            names.intern(&[Tunnel {
                kind: "geneve",
                identifier: Some(identifier),
            }]);
        }
        assert_eq!(
            (names.names().len(), names.unnamed_packets()),
            (MAX_TUNNELS + 1, 2)
        );
        assert_eq!(names.names().last().map(String::as_str), Some("other"));
        assert_eq!(
            names.intern(&[Tunnel {
                kind: "geneve",
                identifier: Some(7)
            }]),
            Some(7)
        );
    }
}
