//! The two files that reading a part leaves: what it said, and what it left to others. Both are written in order.
//!
//! Only this program writes and reads them, and one version of it: the number of the form is in their names' hash.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use dissect::gaps::{Count, Losses};
use dissect::sensor::ordered::Order;
use dissect::sensor::part::Beyond;

use crate::captured::{Frame, MAX_FRAME_BYTES};

/// The form of both files: a higher number is another one.
pub const FORM: u32 = 1;
const LOSSES: u8 = 0;
const TICK: u8 = 1;
const FRAME: u8 = 2;
/// No observation is as large.
const MAX_VALUE_BYTES: usize = 1 << 26;

/// Write what was said at a place among all: a msgpack map.
///
/// # Errors
/// The file cannot be written.
pub fn write_said(out: &mut impl Write, order: Order, value: &[u8]) -> io::Result<()> {
    out.write_all(&order.packet.to_le_bytes())?;
    out.write_all(&[order.stage])?;
    out.write_all(&order.last_packet.to_le_bytes())?;
    out.write_all(&(value.len() as u32).to_le_bytes())?;
    out.write_all(value)
}

/// Read what was said next, and its place; none at the end.
///
/// # Errors
/// The file cannot be read, or is not whole.
pub fn read_said(input: &mut impl BufRead, value: &mut Vec<u8>) -> io::Result<Option<Order>> {
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let order = Order {
        packet: u64::from_le_bytes(array(input)?),
        stage: u8::from_le_bytes(array(input)?),
        last_packet: u64::from_le_bytes(array(input)?),
    };
    take(input, value, MAX_VALUE_BYTES)?;
    Ok(Some(order))
}

/// Writes what a part leaves to others. An error is kept until the end.
pub struct Left<W> {
    out: W,
    /// How many frames there were,
    pub frames: u64,
    /// and how many bytes they had.
    pub bytes: u64,
    result: io::Result<()>,
}

impl<W: Write> Left<W> {
    /// Write to this.
    pub const fn new(out: W) -> Self {
        Self {
            out,
            frames: 0,
            bytes: 0,
            result: Ok(()),
        }
    }

    /// Have done.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.result?;
        self.out.flush()
    }

    fn write(&mut self, parts: &[&[u8]]) {
        for part in parts {
            if self.result.is_ok() {
                self.result = self.out.write_all(part);
            }
        }
    }
}

impl<W: Write> Beyond for Left<W> {
    fn tick(&mut self, packet: u64, now_ns: i64) {
        self.write(&[&[TICK], &packet.to_le_bytes(), &now_ns.to_le_bytes()]);
    }

    fn frame(&mut self, packet: u64, now_ns: i64, frame: &Frame<'_>) {
        self.frames += 1;
        self.bytes += frame.data.len() as u64;
        self.write(&[
            &[FRAME],
            &packet.to_le_bytes(),
            &now_ns.to_le_bytes(),
            &frame.ts_ns.to_le_bytes(),
            &frame.linktype.to_le_bytes(),
            &frame.wire_bytes.to_le_bytes(),
            &(frame.data.len() as u32).to_le_bytes(),
            frame.data,
        ]);
    }

    fn losses(&mut self, losses: &Losses) {
        if *losses == Losses::default() {
            return;
        }
        self.write(&[&[LOSSES]]);
        for count in losses {
            self.write(&[&count.packets.to_le_bytes(), &count.bytes.to_le_bytes()]);
        }
    }
}

/// Something that a part left to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// What it could not read.
    Losses(Losses),
    /// Its clock came to a time at which silent flows end.
    Tick {
        /// At this packet's turn.
        packet: u64,
        /// The time.
        now_ns: i64,
    },
    /// A frame.
    Frame {
        /// Its number.
        packet: u64,
        /// The clock's time.
        now_ns: i64,
        /// Its own time.
        ts_ns: i64,
        /// Of its link.
        linktype: u32,
        /// What it had on the wire.
        wire_bytes: u32,
    },
}

/// Read the next record, and the frame's bytes; none at the end.
///
/// # Errors
/// The file cannot be read, or is not whole.
pub fn read_left(input: &mut impl BufRead, data: &mut Vec<u8>) -> io::Result<Option<Record>> {
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let [kind] = array(input)?;
    Ok(Some(match kind {
        LOSSES => {
            let mut losses = Losses::default();
            for count in &mut losses {
                *count = Count {
                    packets: u64::from_le_bytes(array(input)?),
                    bytes: u64::from_le_bytes(array(input)?),
                };
            }
            Record::Losses(losses)
        }
        TICK => Record::Tick {
            packet: u64::from_le_bytes(array(input)?),
            now_ns: i64::from_le_bytes(array(input)?),
        },
        FRAME => {
            let record = Record::Frame {
                packet: u64::from_le_bytes(array(input)?),
                now_ns: i64::from_le_bytes(array(input)?),
                ts_ns: i64::from_le_bytes(array(input)?),
                linktype: u32::from_le_bytes(array(input)?),
                wire_bytes: u32::from_le_bytes(array(input)?),
            };
            take(input, data, MAX_FRAME_BYTES as usize)?;
            record
        }
        _ => return Err(not_whole()),
    }))
}

fn take(input: &mut impl Read, value: &mut Vec<u8>, most_bytes: usize) -> io::Result<()> {
    let bytes = u32::from_le_bytes(array(input)?) as usize;
    if bytes > most_bytes {
        return Err(not_whole());
    }
    value.resize(bytes, 0);
    input.read_exact(value)
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn not_whole() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is not what a part left")
}

#[cfg(test)]
mod tests {
    use dissect::sensor::ordered::Order;
    use dissect::sensor::part::Beyond;

    use super::{Count, Frame, Left, Losses, Record, read_left, read_said, write_said};

    #[test]
    fn what_is_written_is_read_again_and_what_is_torn_is_an_error() {
        let mut file = Vec::new();
        let mut left = Left::new(&mut file);
        let mut losses = Losses::default();
        left.losses(&losses);
        losses[2] = Count {
            packets: 1,
            bytes: 60,
        };
        left.losses(&losses);
        left.tick(7, 70);
        let data = &[1, 2, 3][..];
        let frame = Frame {
            ts_ns: 69,
            linktype: 1,
            data,
            wire_bytes: 9,
        };
        left.frame(8, 71, &frame);
        assert_eq!((left.frames, left.bytes), (1, 3));
        left.finish().unwrap();
        let (mut input, mut bytes) = (&file[..], Vec::new());
        let mut next = || read_left(&mut input, &mut bytes).unwrap();
        assert_eq!(next(), Some(Record::Losses(losses)));
        assert_eq!(
            next(),
            Some(Record::Tick {
                packet: 7,
                now_ns: 70
            })
        );
        let record = Record::Frame {
            packet: 8,
            now_ns: 71,
            ts_ns: 69,
            linktype: 1,
            wire_bytes: 9,
        };
        assert_eq!((next(), next()), (Some(record), None));
        assert_eq!(bytes, data);
        assert!(read_left(&mut &file[..5], &mut Vec::new()).is_err());
        assert!(read_left(&mut &[9_u8][..], &mut Vec::new()).is_err());
    }

    #[test]
    fn what_was_said_keeps_its_place() {
        let order = Order {
            packet: 1,
            stage: 2,
            last_packet: 3,
        };
        let (mut file, mut value) = (Vec::new(), Vec::new());
        write_said(&mut file, order, b"said").unwrap();
        let mut input = &file[..];
        assert_eq!(read_said(&mut input, &mut value).unwrap(), Some(order));
        assert_eq!(value, b"said");
        assert_eq!(read_said(&mut input, &mut value).unwrap(), None);
        assert!(read_said(&mut &file[..20], &mut value).is_err());
    }
}
