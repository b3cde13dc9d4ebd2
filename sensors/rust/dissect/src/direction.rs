//! One direction of a TCP connection: segments in any order become bytes in order, for a reader.
//!
//! The mirror of `sensors/direction.py`. With the SYN seen, the stream's start is known. Without it
//! (midstream, or the SYN comes late) the lowest bytes seen so far are tried as a beginning, a few times,
//! before the direction is given up; once they said something, they are the beginning.

use crate::dns_tcp::TcpMessages;
use crate::ranges::RangeBuffer;
use crate::streams::{ClientReader, Found, Greeting, Outcome};

/// Segments with payload that are tried as a beginning when no SYN was seen,
pub const MIDSTREAM_SEGMENTS: u32 = 64;
/// and how much of them is kept meanwhile.
pub const MIDSTREAM_BYTES: usize = 16_384;
/// How far before the first segment seen a reordered one may lie.
const LOOKBACK_BYTES: u16 = 65_535;

/// What was read of a direction.
#[derive(Debug)]
pub enum Event<'d> {
    /// What a client said first.
    Found(Found<'d>),
    /// A DNS message.
    Dns(&'d [u8]),
}

/// What a direction's bytes are read as.
#[derive(Debug)]
pub enum Reader {
    /// A client's first messages.
    Client(ClientReader),
    /// DNS messages.
    Dns(TcpMessages),
}

/// The signed distance between two sequence numbers, which wrap (RFC 9293 section 3.4).
#[must_use]
pub const fn seq_distance(seq: u32, base: u32) -> i64 {
    seq.wrapping_sub(base).cast_signed() as i64
}

/// Whether a segment at `seq` can be among the first of a stream that began with this SYN.
#[must_use]
pub const fn may_follow(seq: u32, initial_seq: u32) -> bool {
    let distance = seq_distance(seq, initial_seq.wrapping_add(1));
    0 <= distance && distance <= LOOKBACK_BYTES as i64
}

/// Reassembles one direction until its reader is done. Offsets are relative to `base`.
#[derive(Debug)]
pub struct Direction {
    reader: Reader,
    started: bool,
    done: bool,
    outcome: Option<Outcome>,
    base: u32,
    limit: usize,
    segments: u32,
    fed_bytes: usize,
    buffer: RangeBuffer,
}

impl Direction {
    /// A direction whose SYN was seen: its first byte is at `initial_seq + 1`.
    #[must_use]
    pub fn started(reader: Reader, initial_seq: u32, limit: usize) -> Self {
        Self::at(
            reader,
            initial_seq.wrapping_add(1),
            limit,
            RangeBuffer::new(0, limit),
            true,
        )
    }

    /// A direction whose first segment seen is at `seq`; where it began is not known.
    #[must_use]
    pub fn midstream(reader: Reader, seq: u32, limit: usize) -> Self {
        let buffer = RangeBuffer::new(
            -i64::from(LOOKBACK_BYTES),
            usize::from(LOOKBACK_BYTES) + limit,
        );
        Self::at(reader, seq, limit, buffer, false)
    }

    fn at(reader: Reader, base: u32, limit: usize, buffer: RangeBuffer, started: bool) -> Self {
        let (done, outcome, segments, fed_bytes) = (false, None, 0, 0);
        Self {
            reader,
            started,
            done,
            outcome,
            base,
            limit,
            segments,
            fed_bytes,
            buffer,
        }
    }

    /// Whether nothing more is to be learnt from this direction.
    #[must_use]
    pub const fn done(&self) -> bool {
        self.done
    }

    /// When done: why nothing was learnt.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether, when a client is read, there may be application data behind its last greeting.
    #[must_use]
    pub fn data_behind(&self) -> bool {
        match &self.reader {
            Reader::Client(reader) => self.outcome.is_some() || reader.data_behind(),
            Reader::Dns(_) => false,
        }
    }

    /// The sequence number of the first byte that was not read.
    #[must_use]
    pub fn next_seq(&self) -> u32 {
        self.base
            .wrapping_add(self.buffer.next_offset().cast_unsigned() as u32)
    }

    /// How much is kept, at the most: all that was fed to a client's reader, what is unfinished of DNS.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let held = match &self.reader {
            Reader::Client(_) => self.fed_bytes,
            Reader::Dns(messages) => self.buffer.waiting_bytes() + messages.unfinished_bytes(),
        };
        held + self.buffer.overhead_bytes()
    }

    /// Take the SYN that came after data of its stream.
    pub fn start(&mut self, initial_seq: u32, mut each: impl FnMut(Event<'_>)) {
        if !self.started {
            let first = seq_distance(initial_seq.wrapping_add(1), self.base);
            self.begin(first, &mut each);
        }
    }

    /// Take one segment's payload; hand on what the reader made of the bytes that came into order.
    pub fn add(&mut self, seq: u32, payload: &[u8], mut each: impl FnMut(Event<'_>)) {
        let offset = seq_distance(seq, self.base);
        if matches!(self.reader, Reader::Dns(_)) {
            self.buffer.extend(self.limit); // a connection carries any number of answers
        }
        self.fed_bytes += payload.len();
        if self.started {
            self.push(offset, payload, &mut each);
            return;
        }
        let _ = self.buffer.push(offset, payload);
        self.segments += 1;
        self.try_as_beginning(each);
    }

    /// What can be said of a first message whose rest never came.
    pub fn partial(&mut self, each: impl FnOnce(Greeting<'_>)) -> bool {
        let Reader::Client(reader) = &self.reader else {
            return false;
        };
        if self.done {
            return false;
        }
        if self.started {
            return reader.partial().map(each).is_some();
        }
        let mut attempt = ClientReader::new();
        attempt.feed(self.buffer.first_piece());
        attempt.partial().map(each).is_some()
    }

    /// Read on from the offset at which the stream begins.
    fn begin(&mut self, first: i64, each: &mut impl FnMut(Event<'_>)) {
        self.started = true;
        let waiting = std::mem::replace(&mut self.buffer, RangeBuffer::new(first, self.limit));
        for (offset, piece) in waiting.into_pieces() {
            self.push(offset, &piece, each);
        }
    }

    fn push(&mut self, offset: i64, data: &[u8], each: &mut impl FnMut(Event<'_>)) {
        let ready = self.buffer.push(offset, data);
        if ready.is_empty() || self.done {
            return;
        }
        match &mut self.reader {
            Reader::Client(reader) => {
                for found in reader.feed(&ready) {
                    each(Event::Found(found));
                }
                self.done = reader.done();
                self.outcome = reader.outcome();
            }
            Reader::Dns(messages) => messages.feed(&ready, |message| each(Event::Dns(message))),
        }
        if self.buffer.full() && !self.done && matches!(self.reader, Reader::Client(_)) {
            self.done = true;
            self.outcome = Some(Outcome::FirstMessageTooLong);
        }
    }

    fn try_as_beginning(&mut self, mut each: impl FnMut(Event<'_>)) {
        let first = self.buffer.first_offset();
        let attempt = self.buffer.first_piece();
        if !ClientReader::new().feed(attempt).is_empty() {
            self.reader = Reader::Client(ClientReader::new());
            self.begin(first, &mut each);
        } else if self.segments >= MIDSTREAM_SEGMENTS || self.fed_bytes >= MIDSTREAM_BYTES {
            self.done = true;
            self.outcome = Some(Outcome::Midstream);
        }
    }
}
