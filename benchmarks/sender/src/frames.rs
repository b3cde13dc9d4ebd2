//! The frames of a capture in memory, and where in each the client's address and port stand.

use std::ops::Range;
use std::path::Path;

use capture::MergedCaptures;

const ETHERNET: u32 = 1;
const MAX_BYTES: usize = 2 << 30;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Where the client's side of a packet stands in its frame, and the checksums over it. Offsets in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last two bytes of the client's address, and its port.
    pub address_at: usize,
    pub port_at: usize,
    /// What stands there in the capture.
    pub address: u16,
    pub port: u16,
    /// IPv4's.
    pub header_sum_at: Option<usize>,
    /// TCP's or UDP's; none where UDP has none.
    pub sum_at: Option<usize>,
}

/// All frames, one behind the other.
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    places: Vec<Option<Place>>,
    /// Frames that do not fit the interface, or are not of Ethernet.
    pub left_out: usize,
}

impl Frames {
    /// Read a capture; frames longer than `frame_bytes` are left out.
    pub fn read(path: &Path, frame_bytes: usize) -> Result<Self, String> {
        let mut captures = MergedCaptures::new(&[path.to_owned()]);
        let mut all = Self::new();
        loop {
            let frames = captures.next();
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                if frame.linktype == ETHERNET && frame.data.len() <= frame_bytes {
                    all.add(frame.data);
                } else {
                    all.left_out += 1;
                }
            }
            if all.bytes.len() > MAX_BYTES {
                return Err(format!("{}: larger than {MAX_BYTES} bytes", path.display()));
            }
        }
        match captures.faults().first() {
            Some(fault) => Err(format!(
                "{}: offset {}: {}",
                fault.path, fault.offset, fault.problem
            )),
            None if all.ends.is_empty() => Err(format!("{}: no frames to send", path.display())),
            None => Ok(all),
        }
    }

    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            places: Vec::new(),
            left_out: 0,
        }
    }

    pub fn add(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
        self.places.push(place(frame));
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The client ports of the capture.
    pub fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.places.iter().flatten().map(|place| place.port)
    }

    /// Change some frames, and hand them out: their bytes, and where each ends.
    pub fn batch(
        &mut self,
        range: Range<usize>,
        mut change: impl FnMut(&mut [u8], &Place),
    ) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = range
            .start
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        let first = start;
        for at in range.clone() {
            let end = self.ends[at];
            if let Some(place) = &self.places[at] {
                change(&mut self.bytes[start..end], place);
            }
            start = end;
        }
        let bytes = &self.bytes;
        let mut start = first;
        self.ends[range].iter().map(move |end| {
            let frame = &bytes[start..*end];
            start = *end;
            frame
        })
    }
}

/// Find the client's side: that with the higher port. Packets without ports, and fragments, have none.
fn place(frame: &[u8]) -> Option<Place> {
    let mut at = 12;
    while matches!(half(frame, at)?, 0x8100 | 0x88a8) {
        at += 4;
    }
    let ip = at + 2;
    let (source_at, destination_at, header_sum_at, transport, segment) = match half(frame, at)? {
        0x0800 => {
            let first = *frame.get(ip)?;
            if first >> 4 != 4 || half(frame, ip + 6)? & 0x3fff != 0 {
                return None;
            }
            let segment = ip + usize::from(first & 0xf) * 4;
            (
                ip + 14,
                ip + 18,
                Some(ip + 10),
                *frame.get(ip + 9)?,
                segment,
            )
        }
        0x86dd => (ip + 22, ip + 38, None, *frame.get(ip + 6)?, ip + 40),
        _ => return None,
    };
    let (source, destination) = (half(frame, segment)?, half(frame, segment + 2)?);
    let (address_at, port_at, port) = match source.cmp(&destination) {
        std::cmp::Ordering::Greater => (source_at, segment, source),
        std::cmp::Ordering::Less => (destination_at, segment + 2, destination),
        std::cmp::Ordering::Equal => return None,
    };
    let sum_at = match transport {
        TCP => Some(segment + 16),
        UDP => Some(segment + 6),
        _ => return None,
    };
    let sum = half(frame, sum_at?)?; // the whole header is there
    Some(Place {
        address_at,
        port_at,
        address: half(frame, address_at)?,
        port,
        header_sum_at,
        sum_at: sum_at.filter(|_| transport == TCP || sum != 0),
    })
}

/// The number in two bytes.
pub fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*bytes))
}

#[cfg(test)]
pub mod tests {
    use super::{Frames, place};

    /// A UDP datagram of IPv4 from 10.20.0.1 to 192.0.2.1, with right checksums.
    pub fn datagram(source: u16, destination: u16) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend([10, 20, 0, 1, 192, 0, 2, 1]);
        frame.extend(source.to_be_bytes());
        frame.extend(destination.to_be_bytes());
        frame.extend([0, 12, 0, 0, 1, 2, 3, 4]);
        let header = !sum(&frame[14..34]);
        frame[24..26].copy_from_slice(&header.to_be_bytes());
        let datagram = !sums(&frame);
        frame[40..42].copy_from_slice(&datagram.to_be_bytes());
        frame
    }

    /// The sum over the datagram and its pseudo header; 0xffff where the checksum is right.
    pub fn sums(frame: &[u8]) -> u16 {
        sum(&[&frame[26..34], &[0, 17, 0, 12], &frame[34..]].concat())
    }

    pub fn sum(bytes: &[u8]) -> u16 {
        let total: u32 = bytes
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum();
        let folded = (total & 0xffff) + (total >> 16);
        ((folded & 0xffff) + (folded >> 16)) as u16
    }

    #[test]
    fn the_client_has_the_higher_port() {
        let up = place(&datagram(40_000, 53)).expect("a place");
        let down = place(&datagram(53, 40_000)).expect("a place");
        assert_eq!(
            (up.address_at, up.port_at, up.port, up.address),
            (28, 34, 40_000, 1)
        );
        assert_eq!(
            (down.address_at, down.port_at, down.address),
            (32, 36, 0x0201)
        );
        assert_eq!(place(&datagram(53, 53)), None);
        assert_eq!(place(&datagram(53, 40_000)[..38]), None);
        assert_eq!(place(&[0; 60]), None);
    }

    #[test]
    fn batches_are_slices_of_the_whole() {
        let mut frames = Frames::new();
        for frame in [&[1; 20][..], &[2; 30], &[3; 40]] {
            frames.add(frame);
        }
        let lengths = |frames: &mut Frames, range| {
            frames
                .batch(range, |_, _| ())
                .map(<[u8]>::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(&mut frames, 0..3), [20, 30, 40]);
        assert_eq!(lengths(&mut frames, 1..2), [30]);
    }
}
