//! A section of a pcapng file (draft-ietf-opsawg-pcapng section 4): its byte order, interfaces and packets.
//!
//! Everything here works on blocks whose two lengths agree. Times are exact: ticks become nanoseconds by integer
//! arithmetic, whatever the resolution (a power of ten or of two).

use std::borrow::Cow;

use crate::bytes::Order;
use crate::captured::{MAX_FRAME_BYTES, Place};
use crate::pcapng_interface::Interface;

pub(crate) const INTERFACE: u32 = 1;
pub(crate) const OBSOLETE_PACKET: u32 = 2;
pub(crate) const SIMPLE_PACKET: u32 = 3;
pub(crate) const PACKET: u32 = 6;
pub(crate) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Of one section.
pub const MAX_INTERFACES: usize = 4_096;

/// A block whose content makes no sense: a short clause for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorruptBlock(pub Cow<'static, str>);

impl CorruptBlock {
    pub(crate) const fn because(problem: &'static str) -> Self {
        Self(Cow::Borrowed(problem))
    }
}

/// Tell whether a block is one that holds a packet with its time.
pub(crate) const fn is_timed_packet(kind: u32) -> bool {
    matches!(kind, OBSOLETE_PACKET | PACKET)
}

/// Tell whether a block is one that holds a packet.
pub(crate) const fn is_packet(kind: u32) -> bool {
    is_timed_packet(kind) || kind == SIMPLE_PACKET
}

/// Tell whether a section header stands at a position, of whatever version.
pub(crate) fn is_section_header(data: &[u8], at: usize) -> bool {
    data.get(at..)
        .is_some_and(|rest| rest.starts_with(&SECTION_MAGIC))
}

/// Return the byte order of the section header at a position; None when it is not one of version 1.
pub(crate) fn byte_order(data: &[u8], at: usize) -> Option<Order> {
    let order = match data.get(at + 8..)?.first_chunk::<4>()? {
        b"\x4d\x3c\x2b\x1a" => Order::Little,
        b"\x1a\x2b\x3c\x4d" => Order::Big,
        _ => return None,
    };
    (is_section_header(data, at) && order.short(data, at + 12)? == 1).then_some(order)
}

/// What is known of the section that is being read.
pub(crate) struct Section {
    pub order: Order,
    /// Its offset in the stream.
    pub start: u64,
    /// No interface description of this section can have been lost.
    pub certain: bool,
    /// Where its header and the descriptions of its interfaces stand in the stream.
    pub head: Vec<(u64, u64)>,
    interfaces: Vec<Option<Interface>>,
    described: usize,
}

impl Section {
    pub const fn new(order: Order, start: u64) -> Self {
        Self {
            order,
            start,
            certain: true,
            head: Vec::new(),
            interfaces: Vec::new(),
            described: 0,
        }
    }

    /// Return an interface that was described.
    #[inline]
    pub fn interface(&self, number: u32) -> Option<&Interface> {
        self.interfaces.get(number as usize)?.as_ref()
    }

    /// Forget the interfaces; those that follow keep their numbers.
    pub fn forget_interfaces(&mut self) {
        self.interfaces.clear();
    }

    /// Take the body of an Interface Description Block.
    ///
    /// When a description may have been lost, numbers may have shifted: a further one is only taken as long as
    /// all are alike, so that the number does not matter.
    pub fn describe(&mut self, body: &[u8]) -> Result<(), CorruptBlock> {
        let number = self.described;
        self.described += 1;
        if number >= MAX_INTERFACES {
            let problem = format!("the section has more than {MAX_INTERFACES} interfaces");
            return Err(CorruptBlock(problem.into()));
        }
        let interface = Interface::read(self.order, body)?;
        if !self.certain && !self.are_all(&interface) {
            self.interfaces.clear();
            return Err(CorruptBlock::because(
                "which interface it describes is lost",
            ));
        }
        self.interfaces.resize(number, None);
        self.interfaces.push(Some(interface));
        Ok(())
    }

    /// Tell whether there are interfaces, all like this one.
    fn are_all(&self, interface: &Interface) -> bool {
        let mut known = self.interfaces.iter().flatten().peekable();
        known.peek().is_some() && known.all(|other| other == interface)
    }

    /// Return the frame in the packet block at a position.
    ///
    /// A Simple Packet Block has no time: it gets `last_ns`, that of the packet before it.
    pub fn frame(
        &self,
        data: &[u8],
        at: usize,
        length: u32,
        last_ns: i64,
    ) -> Result<Place, CorruptBlock> {
        let too_small = || CorruptBlock::because("its length is too small");
        let kind = self.order.word(data, at).ok_or_else(too_small)?;
        if kind == SIMPLE_PACKET {
            let room_bytes = length.checked_sub(16).ok_or_else(too_small)?;
            return self.simple_frame(data, at, room_bytes, last_ns);
        }
        let room_bytes = length.checked_sub(32).ok_or_else(too_small)?;
        let words = self.order.words::<7>(data, at).ok_or_else(too_small)?;
        let [_, _, mut number, high, low, captured_bytes, wire_bytes] = words;
        if kind == OBSOLETE_PACKET {
            number = self.order.short(data, at + 8).ok_or_else(too_small)?.into();
        }
        let interface = self.described_interface(number)?;
        let ts_ns = interface
            .time_ns(high, low)
            .ok_or(CorruptBlock::because("its time is out of range"))?;
        if captured_bytes > room_bytes.min(MAX_FRAME_BYTES) {
            return Err(CorruptBlock::because("its packet is longer than can be"));
        }
        let wire_bytes = wire_bytes.max(captured_bytes);
        Ok(Place {
            ts_ns,
            linktype: interface.linktype(),
            wire_bytes,
            at: at + 28,
            captured_bytes,
        })
    }

    fn simple_frame(
        &self,
        data: &[u8],
        at: usize,
        room_bytes: u32,
        ts_ns: i64,
    ) -> Result<Place, CorruptBlock> {
        let interface = self.described_interface(0)?;
        let wire_bytes = self
            .order
            .word(data, at + 8)
            .ok_or(CorruptBlock::because("its length is too small"))?;
        let captured_bytes = interface.snapped(wire_bytes).min(room_bytes);
        if captured_bytes > MAX_FRAME_BYTES {
            return Err(CorruptBlock::because("its packet is longer than can be"));
        }
        Ok(Place {
            ts_ns,
            linktype: interface.linktype(),
            wire_bytes,
            at: at + 12,
            captured_bytes,
        })
    }

    fn described_interface(&self, number: u32) -> Result<&Interface, CorruptBlock> {
        self.interface(number)
            .ok_or_else(|| CorruptBlock(format!("interface {number} is not described").into()))
    }
}

#[cfg(test)]
mod tests;
