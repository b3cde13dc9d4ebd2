//! The classic pcap format (draft-ietf-opsawg-pcap): a file header, then packet records back to back.
//!
//! A record has no marker of its own. After a corrupt one, reading goes on only where two records in a row are
//! plausible and near in time; otherwise it stops, since a guess would invent packets.

use crate::bytes::Order;
use crate::captured::{FaultKind, FaultLog, MAX_FRAME_BYTES, Mark, Place, copied, skipped};
use crate::window::Window;

/// What a file begins with.
pub const FILE_HEADER_BYTES: usize = 24;
/// How far a packet's time may be from the last good one's for reading to go on there.
pub const NEAR_SECONDS: u32 = 3_600;
const SECOND_NS: i64 = 1_000_000_000;
/// The bits above say whether frames carry their check sequence.
const LINKTYPE_MASK: u32 = 0x03ff_ffff;

/// What the magic number says.
#[derive(Clone, Copy)]
struct Form {
    order: Order,
    /// Of a record's sub-second field.
    unit_ns: u32,
    /// Seconds, sub-seconds, captured bytes, bytes on the wire; in the "modified" format of old Linux tools
    /// interface index, protocol and packet type follow.
    header_bytes: usize,
}

fn form(head: &[u8]) -> Option<Form> {
    let (order, unit_ns, header_bytes) = match head.first_chunk::<4>()? {
        b"\xd4\xc3\xb2\xa1" => (Order::Little, 1_000, 16),
        b"\xa1\xb2\xc3\xd4" => (Order::Big, 1_000, 16),
        b"\x4d\x3c\xb2\xa1" => (Order::Little, 1, 16),
        b"\xa1\xb2\x3c\x4d" => (Order::Big, 1, 16),
        b"\x34\xcd\xb2\xa1" => (Order::Little, 1_000, 24),
        b"\xa1\xb2\xcd\x34" => (Order::Big, 1_000, 24),
        _ => return None,
    };
    Some(Form {
        order,
        unit_ns,
        header_bytes,
    })
}

/// Tell whether a stream begins with one of the format's magic numbers.
#[must_use]
pub fn has_magic(head: &[u8]) -> bool {
    form(head).is_some()
}

/// Reads the frames of a stream that begins with a whole file header.
pub struct PcapReader {
    form: Form,
    linktype: u32,
    /// Where the next record stands in the window.
    at: usize,
    packets: u64,
    /// The time of the last record, where there is one.
    seconds: Option<u32>,
}

impl PcapReader {
    /// The reader for a stream; none where it does not begin with a file header of version 2.
    #[must_use]
    pub fn begun_by(head: &[u8]) -> Option<Self> {
        let form = form(head)?;
        let network = form.order.word(head, 20)?;
        (form.order.short(head, 4)? == 2).then_some(Self {
            form,
            linktype: network & LINKTYPE_MASK,
            at: FILE_HEADER_BYTES,
            packets: 0,
            seconds: None,
        })
    }

    /// Know of the packets before the first one what a mark tells.
    pub(crate) fn go_on_from(&mut self, mark: &Mark) {
        self.packets = mark.packets;
        self.seconds = u32::try_from(mark.clock).ok().filter(|_| mark.packets > 0);
    }

    /// Where the next record stands in the window.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// What a reader has to know that goes on at the next record.
    pub(crate) fn mark(&self, window: &Window) -> Mark {
        Mark {
            offset: window.offset(self.at),
            packets: self.packets,
            clock: self.seconds.map_or(0, i64::from),
            head: vec![(0, FILE_HEADER_BYTES as u64)],
        }
    }

    /// Return where the next frame is. After `None` there is nothing more to ask for.
    #[inline]
    pub(crate) fn next(&mut self, window: &mut Window, faults: &mut FaultLog) -> Option<Place> {
        loop {
            if let Some(place) = self.whole(window.data()) {
                return Some(place);
            }
            self.at = self.go_on(window, faults)?;
        }
    }

    /// Take the record at hand, if it is whole and sane.
    #[inline]
    pub(crate) fn whole(&mut self, data: &[u8]) -> Option<Place> {
        let [seconds, fraction, captured_bytes, wire_bytes] =
            self.form.order.words(data, self.at)?;
        let body = self.at + self.form.header_bytes;
        let following = body + captured_bytes as usize;
        if is_corrupt(captured_bytes, wire_bytes) || following > data.len() {
            return None;
        }
        self.at = following;
        self.packets += 1;
        self.seconds = Some(seconds);
        Some(Place {
            ts_ns: i64::from(seconds) * SECOND_NS
                + i64::from(fraction) * i64::from(self.form.unit_ns),
            linktype: self.linktype,
            wire_bytes: wire_bytes.max(captured_bytes),
            at: body,
            captured_bytes,
        })
    }

    /// Return where the next whole record stands, read so far as needed; None at the end of the frames.
    #[cold]
    fn go_on(&self, window: &mut Window, faults: &mut FaultLog) -> Option<usize> {
        let header_bytes = self.form.header_bytes;
        let mut at = window.fill(self.at, header_bytes);
        let mut left_bytes = window.data().len() - at;
        if left_bytes >= header_bytes {
            let [_, _, captured_bytes, wire_bytes] = self.form.order.words(window.data(), at)?;
            if is_corrupt(captured_bytes, wire_bytes) {
                return self.resume(window, faults, at);
            }
            let record_bytes = header_bytes + captured_bytes as usize;
            at = window.fill(at, record_bytes);
            left_bytes = window.data().len() - at;
            if left_bytes >= record_bytes {
                return Some(at);
            }
        }
        if left_bytes > 0 || window.damage().is_some() {
            faults.cut_off(window.offset(at), self.packets, window.damage());
        }
        None
    }

    /// Report a corrupt record; return where plausible records go on, if they do.
    fn resume(&self, window: &mut Window, faults: &mut FaultLog, at: usize) -> Option<usize> {
        let offset = window.offset(at);
        let problem = format!("the record of packet {} makes no sense", self.packets + 1);
        let Some(found) = self
            .seconds
            .and_then(|seconds| self.find(window, at + 1, seconds))
        else {
            let problem = format!("{problem}, nor what follows");
            faults.add(FaultKind::Corrupt, offset, problem, copied(self.packets));
            return None;
        };
        faults.add(
            FaultKind::Corrupt,
            offset,
            problem,
            skipped(window.offset(found) - offset),
        );
        if faults.full() {
            faults.stopped(offset, self.packets);
            return None;
        }
        Some(found)
    }

    fn find(&self, window: &mut Window, at: usize, seconds: u32) -> Option<usize> {
        let lookahead_bytes = 2 * self.form.header_bytes + MAX_FRAME_BYTES as usize;
        let search: fn(&[u8], usize, u32) -> Option<usize> = match self.form.order {
            Order::Little => find_little,
            Order::Big => find_big,
        };
        window.find(
            at,
            lookahead_bytes,
            |data, at| search(data, at, seconds),
            |window, at| self.fits(window, at, seconds),
        )
    }

    /// Tell whether two plausible records in a row stand at a position, or one that ends the stream.
    fn fits(&self, window: &Window, at: usize, seconds: u32) -> bool {
        let data = window.data();
        self.after(data, at, seconds).is_some_and(|following| {
            let at_the_end = window.ended() && following == data.len();
            at_the_end || self.after(data, following, seconds).is_some()
        })
    }

    /// Return where a record that is near in time and of sane lengths ends; None for any other.
    fn after(&self, data: &[u8], at: usize, seconds: u32) -> Option<usize> {
        let [now, fraction, captured_bytes, wire_bytes] = self.form.order.words(data, at)?;
        let following = at + self.form.header_bytes + captured_bytes as usize;
        let sane =
            0 < captured_bytes && captured_bytes <= wire_bytes && wire_bytes <= MAX_FRAME_BYTES;
        let near = now.abs_diff(seconds) <= NEAR_SECONDS
            && i64::from(fraction) * i64::from(self.form.unit_ns) < SECOND_NS;
        (sane && near && following <= data.len()).then_some(following)
    }
}

/// Tell whether a record's lengths make no sense: too long, or both zero as in a hole full of zeros.
#[inline]
const fn is_corrupt(captured_bytes: u32, wire_bytes: u32) -> bool {
    captured_bytes > MAX_FRAME_BYTES || (captured_bytes == 0 && wire_bytes == 0)
}

/// Find what looks like a record header near in time: the upper half of its seconds, and two small lengths.
fn find_little(data: &[u8], from: usize, seconds: u32) -> Option<usize> {
    let [_, _, upper @ ..] = seconds.to_le_bytes();
    let looks = |header: &[u8]| match header {
        [_, _, a, b, _, _, _, _, _, _, 0..=4, 0, _, _, 0..=4, 0] => [*a, *b] == upper,
        _ => false,
    };
    Some(from + data.get(from..)?.windows(16).position(looks)?)
}

fn find_big(data: &[u8], from: usize, seconds: u32) -> Option<usize> {
    let [upper @ .., _, _] = seconds.to_be_bytes();
    let looks = |header: &[u8]| match header {
        [a, b, _, _, _, _, _, _, 0, 0..=4, _, _, 0, 0..=4] => [*a, *b] == upper,
        _ => false,
    };
    Some(from + data.get(from..)?.windows(14).position(looks)?)
}

#[cfg(test)]
mod tests;
