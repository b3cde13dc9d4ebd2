//! From frames to TCP and UDP segments. Every packet goes through here, so the plain path is short.
//!
//! The mirror of `sensors/frames.py`. Every frame ends up in one count: decoded by the innermost protocol, or
//! undecoded by reason; fragments once their datagram is settled. The layers are matches (`links::link`,
//! `ip::read`, `transports::read`), followed in that order, and again inside every tunnel (`tunnels`).

use std::borrow::Cow;

use crate::cargo::{Cargo, Frame, TunnelNames};
use crate::express;
use crate::flowless::{self, Protocol};
use crate::fragments::{Fragment, FragmentTable, Key};
use crate::gaps::Count;
use crate::ip::{self, Packet, Part, Version};
use crate::links::{self, Layer};
use crate::segment::{Segment, TCP, UDP};
use crate::sensor::Frame as Captured;
use crate::tally::Tallies;
use crate::transports::{self, Ports};
use crate::tunnels;
use crate::udp_tunnels;
use crate::undecoded::Undecoded;

/// Decodes frames one after the other, and keeps the accounts.
pub struct FrameDecoder {
    decoded: Tallies<Protocol>,
    undecoded: Tallies<Undecoded>,
    fragments: FragmentTable,
    tunnels: TunnelNames,
    /// The reassembled datagram that was handed out last.
    whole: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder that lets at most so many datagrams wait for fragments.
    #[must_use]
    pub fn new(fragments: usize) -> Self {
        Self {
            decoded: Tallies::default(),
            undecoded: Tallies::default(),
            fragments: FragmentTable::new(fragments),
            tunnels: TunnelNames::default(),
            whole: Vec::new(),
        }
    }

    /// How many reassembled datagrams had bytes that came twice.
    #[must_use]
    pub const fn overlapping_datagrams(&self) -> u64 {
        self.fragments.overlapping_datagrams()
    }

    /// How many packets were found in a tunnel when no further name could be kept: it is "other".
    #[must_use]
    pub const fn unnamed_packets(&self) -> u64 {
        self.tunnels.unnamed_packets()
    }

    /// The names that a segment's `tunnel` points to.
    #[must_use]
    pub fn tunnels(&self) -> &[String] {
        self.tunnels.names()
    }

    /// The packets whose datagram still waits for fragments: in neither account yet.
    #[must_use]
    pub fn pending(&self) -> Count {
        self.fragments.pending()
    }

    /// What was read, by protocol, in alphabetical order; bytes are those of the frames on the wire.
    pub fn decoded(&self) -> impl Iterator<Item = (&'static str, Count)> {
        self.decoded.iter()
    }

    /// What could not be read, by reason, in alphabetical order.
    pub fn undecoded(&self) -> impl Iterator<Item = (&'static str, Count)> {
        self.undecoded.iter()
    }

    /// Settle what still waits for fragments: nothing more will come.
    pub fn finish(&mut self) {
        self.fragments.drop_all(&mut self.undecoded);
    }

    /// Settle what waited too long for fragments.
    pub fn expire(&mut self, now_ns: i64) {
        self.fragments.expire(now_ns, &mut self.undecoded);
    }

    /// Count a frame in which a look found a segment.
    #[inline]
    pub fn count_plain(&mut self, segment: &Segment<'_>, captured: &Captured<'_>) {
        self.decoded
            .add(counted_as(segment.transport), Frame::of(captured).count());
    }

    /// The segment in a frame that nobody has looked at yet.
    pub fn decode_one<'a>(&'a mut self, captured: &Captured<'a>) -> Option<Segment<'a>> {
        self.decode(captured, &Looked::at(captured))
    }

    /// The segment in a frame, or in the datagram that it completes; none for every other frame.
    ///
    /// `looked` is what a look at the frame found.
    #[inline]
    pub fn decode<'a>(
        &'a mut self,
        captured: &Captured<'a>,
        looked: &Looked<'a>,
    ) -> Option<Segment<'a>> {
        let frame = Frame::of(captured);
        match *looked {
            Looked::Segment(segment) => {
                self.count_plain(&segment, captured);
                Some(segment)
            }
            Looked::Other(layer) => self.follow(frame, layer),
            Looked::Undecoded(reason) => {
                self.undecoded.add(reason, frame.count());
                None
            }
        }
    }

    /// Decode a frame that is not plain, from behind its link layer on: with tunnels, a fragment, no flow.
    ///
    /// Plain frames would come to the same here, only slower.
    #[cold]
    #[inline(never)]
    fn follow<'a>(&'a mut self, frame: Frame<'a>, layer: Layer) -> Option<Segment<'a>> {
        let mut cargo = Cargo::new(frame, layer);
        match self.unpack(&mut cargo) {
            Ok(Some((packet, ports))) => Some(self.segment(cargo, &packet, &ports)),
            Ok(None) => None,
            Err(reason) => {
                self.undecoded.add(reason, cargo.carried.frames);
                None
            }
        }
    }

    /// Go on to the innermost transport; packets without one, or whose datagram is not whole yet, end here.
    ///
    /// It ends because cargo allows so many tunnels.
    fn unpack(&mut self, cargo: &mut Cargo<'_>) -> Result<Option<(Packet, Ports)>, Undecoded> {
        while let Some(packet) = self.reach_transport(cargo)? {
            let Packet {
                protocol, at, end, ..
            } = packet;
            if let Some(ports) = transports::read(protocol, &cargo.data, at, end)? {
                let inner = match protocol {
                    UDP => udp_tunnels::inside(&ports, &cargo.data)?,
                    _ => None,
                };
                let Some(inner) = inner else {
                    return Ok(Some((packet, ports)));
                };
                cargo.enter(ports.at, &inner)?;
            } else if let Some(tunnel) = tunnels::transport(protocol) {
                cargo.open(at, end, tunnel)?;
            } else {
                let name = flowless::transport(protocol);
                self.settle(cargo, name, Undecoded::UnknownIpProtocol);
                break;
            }
        }
        Ok(None)
    }

    /// Go on to what an IP packet carries, made whole; none where there is no such packet (by now).
    fn reach_transport(&mut self, cargo: &mut Cargo<'_>) -> Result<Option<Packet>, Undecoded> {
        loop {
            if let Some(packet) = cargo.read_ip()? {
                return match packet.part {
                    Some(part) => self.reassemble(cargo, packet, part),
                    None => Ok(Some(packet)),
                };
            }
            let Layer { protocol, at, .. } = cargo.layer;
            let Some(tunnel) = tunnels::network(protocol) else {
                let name = flowless::network(protocol);
                self.settle(cargo, name, Undecoded::UnknownEthertype);
                return Ok(None);
            };
            cargo.open(at, cargo.end, tunnel)?;
        }
    }

    /// Put a fragment to the others; go on with the datagram if it is whole now.
    fn reassemble(
        &mut self,
        cargo: &mut Cargo<'_>,
        packet: Packet,
        part: Part,
    ) -> Result<Option<Packet>, Undecoded> {
        let tunnel = self.tunnels.intern(&cargo.path);
        let key = key_of(&packet, part, cargo.layer.vlan, tunnel);
        let fragment = fragment_of(cargo, &packet, part);
        let Some(whole) = self.fragments.add(key, &fragment, &mut self.undecoded) else {
            return Ok(None);
        };
        cargo.carried = whole.carried;
        cargo.data = Cow::Owned(whole.payload);
        let end = whole.size_bytes;
        let (protocol, at) =
            ip::inner_transport(packet.version(), &cargo.data, whole.protocol, end)?;
        Ok(Some(Packet {
            protocol,
            at,
            end,
            ..packet
        }))
    }

    /// Count a segment and hand it out.
    fn segment<'a>(&'a mut self, cargo: Cargo<'a>, packet: &Packet, ports: &Ports) -> Segment<'a> {
        self.decoded
            .add(counted_as(packet.protocol), cargo.carried.frames);
        let tunnel = self.tunnels.intern(&cargo.path);
        let data = match cargo.data {
            Cow::Borrowed(data) => data,
            Cow::Owned(data) => {
                self.whole = data;
                &self.whole
            }
        };
        let segment = segment(cargo.ts_ns, data, cargo.layer.vlan, packet, ports);
        Segment {
            ip_bytes: cargo.carried.ip_bytes,
            tunnel,
            ..segment
        }
    }

    /// Count packets without a flow: by the protocol's name, or as unknown.
    fn settle(&mut self, cargo: &Cargo<'_>, name: Option<Protocol>, otherwise: Undecoded) {
        match name {
            Some(name) => self.decoded.add(name, cargo.carried.frames),
            None => self.undecoded.add(otherwise, cargo.carried.frames),
        }
    }
}

/// What a look at the headers of a frame finds, whatever frames there were before it.
#[derive(Debug)]
pub enum Looked<'a> {
    /// A segment.
    Segment(Segment<'a>),
    /// Anything else that may hold one, or is to be counted: this stands behind the link layer.
    Other(Layer),
    /// Nothing, for this reason.
    Undecoded(Undecoded),
}

impl<'a> Looked<'a> {
    /// Before a look.
    pub const NOTHING: Self = Self::Undecoded(Undecoded::UnknownLinktype);

    /// Look at a frame.
    #[inline]
    #[must_use]
    pub fn at(captured: &Captured<'a>) -> Self {
        if let Some(segment) = express::segment(captured) {
            return Self::Segment(segment);
        }
        Self::through_layers(captured)
    }

    #[inline(never)]
    pub(crate) fn through_layers(captured: &Captured<'a>) -> Self {
        let frame = Frame::of(captured);
        match plain(captured.linktype, &frame) {
            Ok(Found::Segment(vlan, packet, ports)) => {
                Self::Segment(segment(frame.ts_ns, frame.data, vlan, &packet, &ports))
            }
            Ok(Found::Other(layer)) => Self::Other(layer),
            Err(reason) => Self::Undecoded(reason),
        }
    }

    /// The segment, if there is one.
    #[inline]
    #[must_use]
    pub const fn segment(&self) -> Option<&Segment<'a>> {
        match self {
            Self::Segment(segment) => Some(segment),
            _ => None,
        }
    }
}

enum Found {
    Segment(Option<u16>, Packet, Ports),
    Other(Layer),
}

/// Read a frame's headers, as long as it is plain.
#[inline]
fn plain(linktype: u32, frame: &Frame<'_>) -> Result<Found, Undecoded> {
    let (data, end) = (frame.data, frame.end());
    let mut layer = links::link(linktype, data, end)?;
    if !matches!(layer.protocol, links::IPV4 | links::IPV6) {
        layer = links::through_shims(data, layer, end)?;
    }
    let Some(packet) = ip::read(layer.protocol, data, layer.at, end)? else {
        return Ok(Found::Other(layer));
    };
    if packet.part.is_some() {
        return Ok(Found::Other(layer));
    }
    let Some(ports) = transports::read(packet.protocol, data, packet.at, packet.end)? else {
        return Ok(Found::Other(layer));
    };
    if packet.protocol == UDP && udp_tunnels::is_target(ports.target) {
        return Ok(Found::Other(layer));
    }
    Ok(Found::Segment(layer.vlan, packet, ports))
}

#[inline]
fn segment<'a>(
    ts_ns: i64,
    data: &'a [u8],
    vlan: Option<u16>,
    packet: &Packet,
    ports: &Ports,
) -> Segment<'a> {
    let (payload, missing_bytes) = ports.payload(data);
    Segment {
        ts_ns,
        ip_bytes: packet.ip_bytes as u64,
        transport: packet.protocol,
        source: packet.source,
        source_port: ports.source,
        target: packet.target,
        target_port: ports.target,
        vlan,
        tunnel: None,
        flags: ports.flags,
        seq: ports.seq,
        payload,
        missing_bytes: u32::try_from(missing_bytes).unwrap_or(u32::MAX),
    }
}

fn key_of(packet: &Packet, part: Part, vlan: Option<u16>, tunnel: Option<u16>) -> Key {
    // The first fragment's next header counts in IPv6; others may differ (RFC 8200 section 4.5).
    let protocol = match packet.version() {
        Version::V4 => packet.protocol,
        Version::V6 => ip::FRAGMENT,
    };
    let Packet { source, target, .. } = *packet;
    Key {
        source,
        target,
        identification: part.identification,
        protocol,
        vlan,
        tunnel,
    }
}

fn fragment_of<'c>(cargo: &'c Cargo<'_>, packet: &Packet, part: Part) -> Fragment<'c> {
    let captured_end = packet.end.min(cargo.data.len());
    Fragment {
        ts_ns: cargo.ts_ns,
        offset: part.offset,
        more: part.more,
        protocol: packet.protocol,
        data: cargo.data.get(packet.at..captured_end).unwrap_or_default(),
        size_bytes: packet.end - packet.at,
        carried: cargo.carried,
    }
}

const fn counted_as(transport: u8) -> Protocol {
    if transport == TCP {
        Protocol::Tcp
    } else {
        Protocol::Udp
    }
}

#[cfg(test)]
mod tests;
