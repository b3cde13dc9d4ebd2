//! To which conversation a frame belongs, told from its headers alone, whatever frames there were before it.
//!
//! What it says is what `frames` comes to, but for fragments: which flow a datagram in fragments belongs to is
//! not known before it is whole, so of a fragment only its addresses are told.

use crate::cargo::{Cargo, Frame};
use crate::crossing::Ends;
use crate::flowless;
use crate::frames::Looked;
use crate::ip::Packet;
use crate::segment::{TCP, UDP};
use crate::sensor::Frame as Captured;
use crate::transports::{self, Ports};
use crate::tunnels;
use crate::udp_tunnels;
use crate::undecoded::Undecoded;

/// What a frame is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// A flow.
    Flow {
        /// Its ends.
        ends: Ends,
        /// TCP's flags; 0 for UDP.
        flags: u8,
        /// Whether the sender is the lower end.
        from_low: bool,
        /// Whether it is in a tunnel.
        tunnelled: bool,
    },
    /// A datagram in fragments.
    Fragment {
        /// Its addresses.
        pair: Ends,
        /// Whether that datagram may hold packets of others, with other addresses.
        hides: bool,
    },
    /// Nothing that other frames have to do with.
    Nothing,
}

impl Glance {
    /// Take a glance at a frame, at which a first look was taken.
    #[inline]
    #[must_use]
    pub fn at(frame: &Captured<'_>, looked: &Looked<'_>) -> Self {
        match looked {
            Looked::Segment(segment) => {
                let (ends, from_low) = Ends::of(segment);
                Self::Flow {
                    ends,
                    flags: segment.flags,
                    from_low,
                    tunnelled: false,
                }
            }
            Looked::Other(layer) => {
                follow(Cargo::new(Frame::of(frame), *layer)).unwrap_or(Self::Nothing)
            }
            Looked::Undecoded(_) => Self::Nothing,
        }
    }
}

/// Go through the tunnels, as `FrameDecoder` does. It ends because cargo allows so many of them.
#[cold]
fn follow(mut cargo: Cargo<'_>) -> Result<Glance, Undecoded> {
    loop {
        let Some(packet) = cargo.read_ip()? else {
            let Some(tunnel) = tunnels::network(cargo.layer.protocol) else {
                return Ok(Glance::Nothing);
            };
            let (at, end) = (cargo.layer.at, cargo.end);
            cargo.open(at, end, tunnel)?;
            continue;
        };
        let Packet {
            protocol, at, end, ..
        } = packet;
        if let Some(part) = packet.part {
            return Ok(Glance::Fragment {
                pair: Ends::pair(packet.source, packet.target),
                hides: part.offset == 0 && may_hide(protocol, &cargo, at),
            });
        }
        if let Some(ports) = transports::read(protocol, &cargo.data, at, end)? {
            let inner = match protocol {
                UDP => udp_tunnels::inside(&ports, &cargo.data)?,
                _ => None,
            };
            let Some(inner) = inner else {
                return Ok(flow(&packet, &ports, !cargo.path.is_empty()));
            };
            cargo.enter(ports.at, &inner)?;
        } else if let Some(tunnel) = tunnels::transport(protocol) {
            cargo.open(at, end, tunnel)?;
        } else {
            return Ok(Glance::Nothing);
        }
    }
}

fn flow(packet: &Packet, ports: &Ports, tunnelled: bool) -> Glance {
    let source = (packet.source, ports.source);
    let (ends, from_low) = Ends::new(source, (packet.target, ports.target), packet.protocol);
    Glance::Flow {
        ends,
        flags: ports.flags,
        from_low,
        tunnelled,
    }
}

/// Whether a datagram that begins so may be a tunnel's.
fn may_hide(protocol: u8, cargo: &Cargo<'_>, at: usize) -> bool {
    let target_port = match cargo.data.get(at + 2..at + 4) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let plain = matches!(protocol, TCP | UDP) || flowless::transport(protocol).is_some();
    // Of fragments that overlap, one may say the protocol and another one the port.
    !plain || udp_tunnels::is_target(target_port)
}

#[cfg(test)]
mod tests;
