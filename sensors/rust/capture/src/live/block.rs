//! What the kernel writes into a block of a `TPACKET_V3` ring: packets with their headers, as frames.
//!
//! `struct tpacket_block_desc` and `struct tpacket3_hdr` of `linux/if_packet.h`. An 802.1Q tag that the hardware or
//! the kernel took off is put back where it stood on the wire, in the block itself.

use dissect::sensor::{FRAMES, Frame};
use smallvec::SmallVec;

use crate::bytes::Order;
use crate::captured::Place;
use crate::live::ring::ETHERNET;

/// Bytes that have to be free before each frame, so that a tag can be put back.
pub(crate) const TAG_BYTES: usize = 4;
/// Both addresses of an Ethernet frame: what stands before the tag.
const ADDRESSES_BYTES: usize = 12;
const FIRST_PACKET_AT: usize = 16;
const PACKETS_AT: usize = 12;
const TAG_PRESENT: u32 = 1 << 4;
const TAG_PROTOCOL_PRESENT: u32 = 1 << 6;
/// 802.1Q, where the kernel does not say which tag it was.
const DOT1Q: u16 = 0x8100;
const SECOND_NS: i64 = 1_000_000_000;

/// Hand out a block's frames, a few at a time. `places` is memory that is used again and again.
pub(crate) fn each_few(
    block: &mut [u8],
    linktype: u32,
    places: &mut Vec<Place>,
    mut use_few: impl FnMut(&[Frame<'_>]),
) -> usize {
    find(block, linktype, places);
    for few in places.chunks(FRAMES) {
        let few: SmallVec<[Frame<'_>; FRAMES]> = few
            .iter()
            .map(|place| Frame {
                ts_ns: place.ts_ns,
                linktype: place.linktype,
                data: block
                    .get(place.at..place.at + place.captured_bytes as usize)
                    .unwrap_or_default(),
                wire_bytes: place.wire_bytes,
            })
            .collect();
        use_few(&few);
    }
    places.len()
}

/// Find the packets of a block, and put their tags back.
fn find(block: &mut [u8], linktype: u32, places: &mut Vec<Place>) {
    places.clear();
    let packets = Order::HOST.word(block, PACKETS_AT).unwrap_or(0);
    let mut at = Order::HOST.word(block, FIRST_PACKET_AT).unwrap_or(0) as usize;
    for _ in 0..packets {
        let Some(packet) = block.get(at..).and_then(Packet::read) else {
            return;
        };
        places.push(packet.place(block, at, linktype));
        if packet.next == 0 {
            return; // the last one
        }
        at += packet.next;
    }
}

/// One packet's header.
struct Packet {
    next: usize,
    ts_ns: i64,
    captured_bytes: u32,
    wire_bytes: u32,
    status: u32,
    at: u16,
    tag: u16,
    tag_protocol: u16,
}

impl Packet {
    fn read(header: &[u8]) -> Option<Self> {
        let seconds = i64::from(Order::HOST.word(header, 4)?);
        Some(Self {
            next: Order::HOST.word(header, 0)? as usize,
            ts_ns: seconds * SECOND_NS + i64::from(Order::HOST.word(header, 8)?),
            captured_bytes: Order::HOST.word(header, 12)?,
            wire_bytes: Order::HOST.word(header, 16)?,
            status: Order::HOST.word(header, 20)?,
            at: Order::HOST.short(header, 24)?,
            tag: Order::HOST.word(header, 32)? as u16,
            tag_protocol: Order::HOST.short(header, 36)?,
        })
    }

    /// Where the frame stands, with its tag.
    fn place(&self, block: &mut [u8], header_at: usize, linktype: u32) -> Place {
        let mut place = Place {
            ts_ns: self.ts_ns,
            linktype,
            wire_bytes: self.wire_bytes.max(self.captured_bytes),
            at: header_at + usize::from(self.at),
            captured_bytes: self.captured_bytes,
        };
        let tagged = linktype == ETHERNET && self.status & TAG_PRESENT != 0;
        if tagged && self.put_tag(block, place.at).is_some() {
            place.at -= TAG_BYTES;
            place.captured_bytes += TAG_BYTES as u32;
            place.wire_bytes += TAG_BYTES as u32;
        }
        place
    }

    /// Put the tag behind the addresses, which move forward; `None` where the frame has not even these.
    fn put_tag(&self, block: &mut [u8], at: usize) -> Option<()> {
        let start = at.checked_sub(TAG_BYTES)?;
        if (self.captured_bytes as usize) < ADDRESSES_BYTES {
            return None;
        }
        let frame = block.get_mut(start..at + ADDRESSES_BYTES)?;
        frame.copy_within(TAG_BYTES.., 0);
        let protocol = if self.status & TAG_PROTOCOL_PRESENT != 0 {
            self.tag_protocol
        } else {
            DOT1Q
        };
        let tag = frame.get_mut(ADDRESSES_BYTES..)?;
        let (protocol, number) = (protocol.to_be_bytes(), self.tag.to_be_bytes());
        tag.copy_from_slice(&[protocol[0], protocol[1], number[0], number[1]]);
        Some(())
    }
}

#[cfg(test)]
mod tests;
