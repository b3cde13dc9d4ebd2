//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length at both ends.
//!
//! A block that makes no sense is reported, and reading goes on at the next plausible one. Interface descriptions
//! may have been lost with it: packets whose interface is not certain any more are faults, never frames with a
//! guessed time or link type.

use crate::bytes::Order;
use crate::captured::{
    COPY_AGAIN, FaultKind, FaultLog, MAX_FRAME_BYTES, Mark, Place, copied, skipped,
};
use crate::pcapng_section::{
    CorruptBlock, INTERFACE, PACKET, SECTION_MAGIC, Section, byte_order, is_packet,
    is_section_header, is_timed_packet,
};
use crate::window::Window;

/// Of a section header without options.
pub const FILE_HEADER_BYTES: usize = 28;
/// As Wireshark: a longer block is corrupt.
pub const MAX_BLOCK_BYTES: u32 = 16_777_216;
/// How far a packet may be from the last good one for reading to go on there.
pub const NEAR_NS: u64 = 86_400 * 1_000_000_000;
const SMALLEST_BLOCK_BYTES: usize = 12;
/// The longest block that reading may go on at.
const LOOKAHEAD_BYTES: usize = MAX_FRAME_BYTES as usize + 65_536;

/// Reads the frames of a stream that begins with a section header.
pub struct PcapngReader {
    section: Section,
    /// Where the next block stands in the window.
    at: usize,
    packets: u64,
    last_ns: i64,
}

/// The reader, with the stream it reads from and the log of what is wrong.
struct Step<'a> {
    reader: &'a mut PcapngReader,
    window: &'a mut Window,
    faults: &'a mut FaultLog,
}

impl PcapngReader {
    /// The reader for a stream; none where it does not begin with a section header of version 1.
    #[must_use]
    pub fn begun_by(head: &[u8]) -> Option<Self> {
        let order = byte_order(head.get(..FILE_HEADER_BYTES)?, 0)?;
        Some(Self {
            section: Section::new(order, 0),
            at: 0,
            packets: 0,
            last_ns: 0,
        })
    }

    /// Know of the packets before the first one what a mark tells.
    pub(crate) const fn go_on_from(&mut self, mark: &Mark) {
        self.packets = mark.packets;
        self.last_ns = mark.clock;
    }

    /// Where the next block stands in the window.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// What a reader has to know that goes on at the next block.
    pub(crate) fn mark(&self, window: &Window) -> Mark {
        Mark {
            offset: window.offset(self.at),
            packets: self.packets,
            clock: self.last_ns,
            head: self.section.head.clone(),
        }
    }

    /// Return where the next frame is. After `None` there is nothing more to ask for.
    #[inline]
    pub(crate) fn next(&mut self, window: &mut Window, faults: &mut FaultLog) -> Option<Place> {
        loop {
            let mut found = self.whole(window.data());
            if found.is_none() {
                let (place, at) = Step {
                    reader: self,
                    window,
                    faults,
                }
                .block()?;
                self.at = at;
                found = place.inspect(|place| self.took(place));
            }
            if found.is_some() {
                return found;
            }
        }
    }

    /// Take the packet block at hand, if it is whole, sane and plain.
    #[inline]
    pub(crate) fn whole(&mut self, data: &[u8]) -> Option<Place> {
        self.plain(data).inspect(|place| self.took(place))
    }

    #[inline]
    const fn took(&mut self, place: &Place) {
        self.packets += 1;
        self.last_ns = place.ts_ns;
    }

    /// Take a plain packet block at hand; all else is for `Step`.
    #[inline]
    fn plain(&mut self, data: &[u8]) -> Option<Place> {
        let (at, order) = (self.at, self.section.order);
        let [kind, length, number, high, low, captured_bytes, wire_bytes] =
            order.words(data, at)?;
        let following = at + length as usize;
        if kind != PACKET || following > data.len() || !length.is_multiple_of(4) {
            return None;
        }
        if captured_bytes == 0 || captured_bytes > wire_bytes || captured_bytes > MAX_FRAME_BYTES {
            return None;
        }
        let interface = self.section.interface(number)?;
        let ts_ns = interface.time_ns(high, low)?;
        if captured_bytes > length.checked_sub(32)? || order.word(data, following - 4)? != length {
            return None;
        }
        self.at = following;
        Some(Place {
            ts_ns,
            linktype: interface.linktype(),
            wire_bytes,
            at: at + 28,
            captured_bytes,
        })
    }

    /// Return the length of the block at a position; None when it makes no sense.
    fn length(&self, data: &[u8], at: usize) -> Option<u32> {
        let order = if is_section_header(data, at) {
            byte_order(data, at)?
        } else {
            self.section.order
        };
        let length = order.word(data, at + 4)?;
        (SMALLEST_BLOCK_BYTES as u32..=MAX_BLOCK_BYTES)
            .contains(&length)
            .then_some(length)
            .filter(|length| length.is_multiple_of(4))
    }

    /// Tell whether a plausible block stands at a position: whole, and near in time if it is a packet.
    fn fits(&self, window: &Window, at: usize) -> bool {
        let (data, section) = (window.data(), &self.section);
        let Some(length) = self
            .length(data, at)
            .filter(|length| is_closed(data, at, *length))
        else {
            return false;
        };
        if is_section_header(data, at) {
            return true;
        }
        if !(window.offset(at) - section.start).is_multiple_of(4) {
            return false;
        }
        if !section.order.word(data, at).is_some_and(is_packet) {
            return true;
        }
        section
            .frame(data, at, length, self.last_ns)
            .is_ok_and(|place| self.packets == 0 || place.ts_ns.abs_diff(self.last_ns) <= NEAR_NS)
    }
}

/// The frame that a block holds, if any, and where the next block stands.
type Taken = (Option<Place>, usize);

impl Step<'_> {
    /// Read one block of any kind. None when nothing follows that can be read.
    #[cold]
    fn block(&mut self) -> Option<Taken> {
        let at = self.window.fill(self.reader.at, FILE_HEADER_BYTES);
        let left_bytes = self.window.data().len().saturating_sub(at);
        let is_section = is_section_header(self.window.data(), at);
        if left_bytes
            < if is_section {
                FILE_HEADER_BYTES
            } else {
                SMALLEST_BLOCK_BYTES
            }
        {
            if left_bytes > 0 || self.window.damage().is_some() {
                self.cut_off(self.window.offset(at));
            }
            return None;
        }
        let Some(length) = self.reader.length(self.window.data(), at) else {
            return self.resume(at, "its length makes no sense");
        };
        let at = self.window.fill(at, length as usize);
        if self.window.data().len() - at < length as usize {
            return self.resume_cut(at, length);
        }
        if !is_closed(self.window.data(), at, length) {
            return self.resume(at, "its two lengths differ");
        }
        let following = at + length as usize;
        match self.read_block(at, length) {
            Ok(place) => Some((place, following)),
            Err(CorruptBlock(problem)) => {
                let mend = format!("{COPY_AGAIN}; it was skipped and what follows was used");
                self.note(self.window.offset(at), &problem, mend, Some(following))
            }
        }
    }

    fn read_block(&mut self, at: usize, length: u32) -> Result<Option<Place>, CorruptBlock> {
        let (data, reader) = (self.window.data(), &mut *self.reader);
        let offset = self.window.offset(at);
        let range = (offset, offset + u64::from(length));
        if is_section_header(data, at) {
            let order = byte_order(data, at).unwrap_or(reader.section.order);
            reader.section = Section::new(order, offset);
            reader.section.head.push(range);
            return Ok(None);
        }
        match reader.section.order.word(data, at) {
            Some(INTERFACE) => {
                let body = data
                    .get(at + 8..at + length as usize - 4)
                    .unwrap_or_default();
                reader.section.describe(body)?;
                reader.section.head.push(range);
                Ok(None)
            }
            Some(kind) if is_packet(kind) => reader
                .section
                .frame(data, at, length, reader.last_ns)
                .map(Some),
            _ => Ok(None),
        }
    }

    /// Go on behind a block that the stream ends in: the file is cut, or the block's length is wrong.
    ///
    /// A packet is not looked into: it may carry a capture.
    fn resume_cut(&mut self, at: usize, length: u32) -> Option<Taken> {
        let offset = self.window.offset(at);
        let block_bytes = match self.reader.section.order.words::<7>(self.window.data(), at) {
            Some([kind, _, _, _, _, captured_bytes, _])
                if is_timed_packet(kind)
                    && length
                        .checked_sub(32)
                        .is_some_and(|room| captured_bytes <= room) =>
            {
                28 + (captured_bytes as usize).next_multiple_of(4)
            }
            _ => 4,
        };
        let found = if self.window.damage().is_none() {
            self.find(at + block_bytes)
        } else {
            None
        };
        let Some(found) = found else {
            self.cut_off(offset);
            return None;
        };
        self.skip(offset, found, "the file ends inside it")
    }

    /// Go on behind a block that makes no sense.
    fn resume(&mut self, at: usize, problem: &str) -> Option<Taken> {
        let offset = self.window.offset(at);
        if is_section_header(self.window.data(), at) {
            self.reader.section.forget_interfaces(); // they were another section's
        }
        let Some(found) = self.find(at + 4) else {
            let problem = format!("{problem}, nor what follows");
            return self.note(offset, &problem, copied(self.reader.packets), None);
        };
        self.skip(offset, found, problem)
    }

    fn find(&mut self, at: usize) -> Option<usize> {
        let reader = &*self.reader;
        let search = match reader.section.order {
            Order::Little => find_little,
            Order::Big => find_big,
        };
        self.window.find(at, LOOKAHEAD_BYTES, search, |window, at| {
            reader.fits(window, at)
        })
    }

    fn skip(&mut self, offset: u64, found: usize, problem: &str) -> Option<Taken> {
        self.reader.section.certain = false;
        let mend = skipped(self.window.offset(found) - offset);
        self.note(offset, problem, mend, Some(found))
    }

    fn cut_off(&mut self, offset: u64) {
        self.faults
            .cut_off(offset, self.reader.packets, self.window.damage());
    }

    /// Report a corrupt block; return where to go on, or None when this was one too many.
    fn note(
        &mut self,
        offset: u64,
        problem: &str,
        mend: String,
        following: Option<usize>,
    ) -> Option<Taken> {
        let packets = self.reader.packets;
        let problem = format!("the block after packet {packets} is damaged: {problem}");
        self.faults.add(FaultKind::Corrupt, offset, problem, mend);
        if self.faults.full() {
            self.faults.stopped(offset, packets);
            return None;
        }
        following.map(|at| (None, at))
    }
}

/// Tell whether a block is whole, and the length at its end is that at its beginning.
fn is_closed(data: &[u8], at: usize, length: u32) -> bool {
    let last = at + length as usize - 4;
    let ends = data.get(at + 4..at + 8).zip(data.get(last..last + 4));
    ends.is_some_and(|(begin, end)| begin == end)
}

/// Find what the blocks begin with that reading may go on at: section headers, and types 1 to 6 and 10.
fn find_little(data: &[u8], from: usize) -> Option<usize> {
    find_block(data, from, |four| matches!(four, [1..=6 | 10, 0, 0, 0]))
}

fn find_big(data: &[u8], from: usize) -> Option<usize> {
    find_block(data, from, |four| matches!(four, [0, 0, 0, 1..=6 | 10]))
}

fn find_block(data: &[u8], from: usize, is_kind: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let looks = |four: &[u8]| is_kind(four) || *four == SECTION_MAGIC;
    Some(from + data.get(from..)?.windows(4).position(looks)?)
}

#[cfg(test)]
mod tests;
