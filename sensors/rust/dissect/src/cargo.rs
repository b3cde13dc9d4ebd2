//! What is left of a frame to decode while it is taken out of its tunnels, and what it came in.
//!
//! The mirror of `sensors/cargo.py`. Tunnels are followed to a bounded depth. Their names ("vxlan:42/gre",
//! outermost first) tell flows apart, so their number is bounded too.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use smallvec::SmallVec;

use crate::fragments::Carried;
use crate::gaps::Count;
use crate::ip::{self, Packet};
use crate::links::{self, Layer};
use crate::sensor::Frame as Captured;
use crate::undecoded::Undecoded;

/// Tunnels in one frame.
pub const MAX_NESTING: usize = 8;
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

/// What a tunnel's header leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    /// What it carries, as in a `Layer`; `links::ETHERNET` or `links::PPP` for the frames of a link.
    pub protocol: u64,
    /// Where that begins.
    pub at: usize,
    /// Where that ends on the wire.
    pub end: usize,
    /// The tunnel.
    pub tunnel: Tunnel,
}

/// Reads a tunnel's header; takes the data from there on, and their bytes on the wire.
pub type ReadTunnel = fn(&[u8], usize) -> Result<Inner, Undecoded>;

/// A packet on its way out of its tunnels, and of the fragments that it came in.
#[derive(Debug)]
pub struct Cargo<'a> {
    /// When the last frame of it was seen.
    pub ts_ns: i64,
    /// What was captured of it, and of the headers before it.
    pub data: Cow<'a, [u8]>,
    /// Where the packet ends on the wire, counted from the data's start.
    pub end: usize,
    /// What the link layer said of it; of the innermost link, but for the VLAN.
    pub layer: Layer,
    /// The tunnels it was in.
    pub path: TunnelPath,
    /// What it came in.
    pub carried: Carried,
    /// Whether it is in an Ethernet frame that a tunnel carries.
    mirrored: bool,
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
            mirrored: false,
        }
    }

    /// Go into a tunnel whose header and cargo stand from `at` to `end`.
    pub fn open(&mut self, at: usize, end: usize, read: ReadTunnel) -> Result<(), Undecoded> {
        let data = captured(&self.data, at, end);
        let inner = read(data, end.saturating_sub(at))?;
        self.enter(at, &inner)
    }

    /// Go on with what a tunnel carries; `inner` counts from the place `at`.
    pub fn enter(&mut self, at: usize, inner: &Inner) -> Result<(), Undecoded> {
        if self.path.len() >= MAX_NESTING {
            return Err(Undecoded::TooDeepNesting);
        }
        self.path.push(inner.tunnel);
        self.keep(at + inner.at, at + inner.end);
        let layer = match inner.protocol {
            links::ETHERNET => links::ethernet(&self.data, self.end)?,
            links::PPP => links::ppp(&self.data, self.end)?,
            protocol => Layer::new(protocol, 0),
        };
        let layer = links::through_shims(&self.data, layer, self.end)?;
        self.layer = Layer {
            vlan: self.layer.vlan.or(layer.vlan),
            ..layer
        };
        self.mirrored |= inner.protocol == links::ETHERNET;
        Ok(())
    }

    /// Read the IP header behind the link layer; none where there is no IP.
    #[inline]
    pub fn read_ip(&mut self) -> Result<Option<Packet>, Undecoded> {
        let Layer { protocol, at, .. } = self.layer;
        let packet = ip::read(protocol, &self.data, at, self.end_on_the_wire())?;
        if let Some(packet) = &packet {
            self.carried.ip_bytes = packet.ip_bytes as u64;
        }
        Ok(packet)
    }

    /// A mirror may cut frames before it wraps them: there the IP header knows the end (AWS, ERSPAN).
    ///
    /// Where the snap length cut that header, the end may be as far as a packet reaches.
    fn end_on_the_wire(&self) -> usize {
        if !self.mirrored {
            return self.end;
        }
        let Layer { protocol, at, .. } = self.layer;
        let packet = self.data.get(at..).unwrap_or_default();
        let on_the_wire = self.end.saturating_sub(at);
        let size_bytes = match (protocol, packet) {
            (links::IPV4, [_, _, high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
            (links::IPV6, [_, _, _, _, high, low, ..]) => {
                40 + usize::from(u16::from_be_bytes([*high, *low]))
            }
            (links::IPV4, _) if on_the_wire >= 4 => ip::MAX_DATAGRAM_BYTES,
            (links::IPV6, _) if on_the_wire >= 6 => 40 + ip::MAX_DATAGRAM_BYTES,
            _ => 0,
        };
        self.end.max(at + size_bytes)
    }

    /// Keep what stands from `at` to `end`, and nothing else.
    fn keep(&mut self, at: usize, end: usize) {
        self.data = match std::mem::take(&mut self.data) {
            Cow::Borrowed(data) => Cow::Borrowed(captured(data, at, end)),
            Cow::Owned(data) => Cow::Owned(captured(&data, at, end).to_vec()),
        };
        self.end = end.saturating_sub(at);
    }
}

/// What was captured of the bytes from `at` to `end`.
fn captured(data: &[u8], at: usize, end: usize) -> &[u8] {
    data.get(at..end.min(data.len())).unwrap_or_default()
}

/// One tunnel: its kind, and what sets it apart from others of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tunnel {
    /// What the kind is called.
    pub kind: &'static str,
    /// The network or session identifier.
    pub identifier: Option<u32>,
}

impl Tunnel {
    /// A tunnel of which nothing tells others of the kind apart.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            identifier: None,
        }
    }

    /// A tunnel with an identifier.
    #[must_use]
    pub const fn numbered(kind: &'static str, identifier: u32) -> Self {
        Self {
            kind,
            identifier: Some(identifier),
        }
    }
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
mod tests;
