//! The socket filter that tells the kernel how much of each packet to copy: what is read of it, and no bulk data.
//!
//! A filter answers for one packet alone, in classic BPF. Whole are: small packets, what begins a handshake or may
//! continue one, DNS, fragments, tunnels, and all that is odd. Of other packets only the beginning is copied, with all
//! headers; the engine says the same of it, since lengths are those in the headers.
//!
//! A load beyond the packet's end would make the kernel drop the packet unseen. So small packets are told apart
//! first, and nothing is loaded from beyond their length.

mod assembly;
mod networks;
mod tcp;
mod udp;

pub use assembly::Instruction;

use std::ops::RangeInclusive;

use dissect::{flowless, links, segment};

use crate::captured::MAX_FRAME_BYTES;
use assembly::{
    ANY_OF, AT_LEAST, Assembly, BYTE, HALF, IPV4_BYTES_X, LENGTH, Label, SET_X, SHIFT_RIGHT,
};
use networks::Networks;

/// Of a filter; with more, clients are not told from servers. Before Linux 6.7 a socket has 20 KiB for its filter and
/// the one that takes its place, and up to three instructions of 8 bytes are made from one of these.
pub const MAX_INSTRUCTIONS: usize = 450;
/// Packets that are not longer are copied whole. No header that is looked at ends behind it: Ethernet's, with IPv4's
/// and TCP's of 60 bytes each, and the first bytes behind them.
pub const SMALL_BYTES: u32 = 160;
/// Of packets that are whole: the longest frame there is.
pub const WHOLE_BYTES: u32 = MAX_FRAME_BYTES;

/// Of a payload that is not read: enough to tell what it is. The longest look is IKE's, behind a NAT.
const BEGIN_BYTES: u32 = 32;
const IPV6_BYTES: u32 = 40;
/// More fragments, or an offset.
const FRAGMENT: u32 = 0x3fff;

/// What a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The header of Ethernet.
    Ethernet,
    /// The header of IP.
    Raw,
}

impl Link {
    /// Where the header of IP begins.
    const fn bytes(self) -> u32 {
        match self {
            Self::Ethernet => 14,
            Self::Raw => 0,
        }
    }
}

/// The filter that copies so many bytes of each packet; one at the least, since with none they would be dropped.
#[must_use]
pub fn fixed(bytes: u32) -> Vec<Instruction> {
    let mut code = Assembly::default();
    code.returns(bytes.max(1));
    code.finish()
}

/// The filter that lets no packet through.
pub(crate) fn nothing() -> Vec<Instruction> {
    let mut code = Assembly::default();
    code.returns(0);
    code.finish()
}

/// The filter that copies what is read. The first prefix that is none, in CIDR notation, is the error.
///
/// `clients` are the networks of those who are watched: what servers elsewhere send to them is not read. Without
/// any, or where there are so many that the filter would be longer than `MAX_INSTRUCTIONS`, all is taken for a
/// client's.
pub fn program(link: Link, clients: &[String]) -> Result<Vec<Instruction>, String> {
    let program = written(link, &Networks::new(clients)?);
    if program.len() > MAX_INSTRUCTIONS {
        return Ok(written(link, &Networks::default()));
    }
    Ok(program)
}

/// Where a packet goes on by its transport protocol.
struct Transports {
    tcp: Label,
    udp: Label,
    /// None that carries a flow.
    flowless: Label,
    whole: Label,
}

fn written(link: Link, clients: &Networks) -> Vec<Instruction> {
    let (mut code, at) = (Assembly::default(), link.bytes());
    let whole = code.returns(WHOLE_BYTES);
    let transports = Transports {
        udp: udp::datagram(&mut code, at, whole),
        tcp: tcp::segment(&mut code, at, clients, whole),
        flowless: code.returns(SMALL_BYTES),
        whole,
    };
    let v4 = ipv4(&mut code, at, &transports);
    let v6 = ipv6(&mut code, at, &transports);
    let (types, kind) = match link {
        Link::Ethernet => ([links::IPV4 as u32, links::IPV6 as u32], vec![(HALF, 12)]),
        Link::Raw => ([4, 6], vec![(BYTE, 0), (SHIFT_RIGHT, 4)]),
    };
    let [type_v4, type_v6] = types;
    let v6_or_whole = code.any([type_v6], v6, whole);
    let by_type = code.any([type_v4], v4, v6_or_whole);
    let by_type = code.before(by_type, &kind);
    let by_length = code.branch((AT_LEAST, SMALL_BYTES), by_type, whole);
    code.before(by_length, &[(LENGTH, 0)]);
    code.finish()
}

/// Behind the header of IPv4; x is its length from then on.
fn ipv4(code: &mut Assembly, at: u32, transports: &Transports) -> Label {
    let whole = transports.whole;
    let protocol = by_protocol(code, transports);
    let protocol = code.before(protocol, &[(IPV4_BYTES_X, at), (BYTE, at + 9)]);
    let fragment = code.branch((ANY_OF, FRAGMENT), whole, protocol);
    let fragment = code.before(fragment, &[(HALF, at + 6)]);
    between(code, (BYTE, at), 0x45..=0x4f, fragment, whole)
}

/// Behind the header of IPv6; x is its length from then on. Packets with headers behind that are whole.
fn ipv6(code: &mut Assembly, at: u32, transports: &Transports) -> Label {
    let protocol = by_protocol(code, transports);
    let protocol = code.before(protocol, &[(SET_X, IPV6_BYTES), (BYTE, at + 6)]);
    between(code, (BYTE, at), 0x60..=0x6f, protocol, transports.whole)
}

/// By the transport protocol in a.
fn by_protocol(code: &mut Assembly, transports: &Transports) -> Label {
    let flowless = (0..=u8::MAX).filter(|protocol| flowless::transport(*protocol).is_some());
    let other = code.any(
        flowless.map(u32::from),
        transports.flowless,
        transports.whole,
    );
    let udp = code.any([segment::UDP.into()], transports.udp, other);
    code.any([segment::TCP.into()], transports.tcp, udp)
}

/// Load what is at a place, and go on by whether it is in a range.
fn between(
    code: &mut Assembly,
    load: (u16, u32),
    range: RangeInclusive<u32>,
    yes: Label,
    no: Label,
) -> Label {
    let parts = [(0, no), (*range.start(), yes), (range.end() + 1, no)];
    let search = code.search(&parts, no);
    code.before(search, &[load])
}

#[cfg(test)]
mod tests;
