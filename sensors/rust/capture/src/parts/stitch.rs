//! What all parts said, and what one engine says of that which crosses their ends, put in order and correlated.
//!
//! Parts are added one after the other, in their order, as they are read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind};
use std::path::PathBuf;

use correlate::Relayed;
use dissect::encode::Encoder;
use dissect::msgpack::Writer;
use dissect::sensor::Manner;
use dissect::sensor::border::Border;
use dissect::sensor::ordered::{Most, Order};

use super::records::{Record, read_left, read_said};
use crate::captured::Frame;

const BUFFER_BYTES: usize = 1 << 20;
/// Observations that are correlated together.
const BATCH: usize = 1_024;

/// A part that was read.
pub struct ReadPart {
    /// What was said of it.
    pub said: PathBuf,
    /// What was left to others.
    pub left: PathBuf,
    /// The number of its packets.
    pub packets: u64,
}

/// The part in work.
struct Open {
    said: BufReader<File>,
    left: BufReader<File>,
    /// What was said next.
    value: Vec<u8>,
    next: Option<Order>,
    packets: u64,
    record: Option<Record>,
    data: Vec<u8>,
}

/// Puts parts together, in their order.
pub struct Stitch {
    coming: VecDeque<ReadPart>,
    open: Option<Open>,
    /// The packets of the parts before.
    before: u64,
    border: Border,
    /// The border's observations that wait for their turn, encoded.
    waiting: VecDeque<(Order, Vec<u8>)>,
    encoder: Encoder,
    batch: Vec<u8>,
    batched: usize,
    relayed: Relayed,
    end_ns: i64,
    all_added: bool,
    over: bool,
}

impl Stitch {
    /// Of parts that come to `end_ns` by their clock. `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(end_ns: i64, manner: Manner, relayed: Relayed, seed: u64) -> Self {
        Self {
            coming: VecDeque::new(),
            open: None,
            before: 0,
            border: Border::new(manner, seed),
            waiting: VecDeque::new(),
            encoder: Encoder::default(),
            batch: Vec::new(),
            batched: 0,
            relayed,
            end_ns,
            all_added: false,
            over: false,
        }
    }

    /// Add the next part.
    pub fn add(&mut self, part: ReadPart) {
        self.coming.push_back(part);
    }

    /// No part comes any more.
    pub const fn end(&mut self) {
        self.all_added = true;
    }

    /// The connections and gaps that come next, as a msgpack array of maps; none where another part has to be added
    /// first, or at the end.
    ///
    /// # Errors
    /// What a part left cannot be read, or is none.
    pub fn next_batch(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some((batch, _)) = self.relayed.next_batch() {
                return Ok(Some(batch));
            }
            if self.over {
                return Ok(None);
            }
            while self.batched < BATCH && !self.over {
                if self.needs_another() {
                    return Ok(None);
                }
                self.go_on()?;
            }
            self.correlate()?;
        }
    }

    fn needs_another(&self) -> bool {
        self.open.is_none() && self.coming.is_empty() && !self.all_added
    }

    /// What was only counted since the last call.
    pub fn counted(&mut self) -> correlate::filter::Counted {
        self.relayed.counted()
    }

    /// What became of the packets that cross, as a msgpack map; and the most that was kept at once.
    pub fn accounting(&mut self) -> (Vec<u8>, Most) {
        let engine = &self.border.engine;
        self.encoder
            .accounting(&engine.sensor().accounting(Vec::new(), 0));
        (self.encoder.take(), engine.most())
    }

    /// Batch what comes next; or go to the next part, or to the end.
    fn go_on(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else {
            return self.go_to_next();
        };
        self.cross_until(&mut open)?;
        let Some(order) = open.next else {
            self.before += open.packets;
            return Ok(());
        };
        let order = self.global(order);
        self.hand_on(Some(order));
        self.push(&open.value);
        open.go_on()?;
        self.open = Some(open);
        Ok(())
    }

    fn go_to_next(&mut self) -> io::Result<()> {
        if let Some(part) = self.coming.pop_front() {
            self.open = Some(Open::new(&part)?);
            return Ok(());
        }
        self.border.finish(self.before, self.end_ns);
        self.gather();
        self.hand_on(None);
        self.over = true;
        Ok(())
    }

    /// Let the border's engine read what was left up to the turn of what was said next; at the part's end, all.
    fn cross_until(&mut self, open: &mut Open) -> io::Result<()> {
        let until = open.next.map_or(u64::MAX, |order| order.packet);
        loop {
            let Some(record) = &open.record else {
                return Ok(());
            };
            match *record {
                Record::Losses(losses) => self.border.add(&losses),
                Record::Tick { packet, .. } | Record::Frame { packet, .. } if packet > until => {
                    return Ok(());
                }
                Record::Tick { packet, now_ns } => self.border.tick(self.before + packet, now_ns),
                Record::Frame {
                    packet,
                    now_ns,
                    ts_ns,
                    linktype,
                    wire_bytes,
                } => {
                    let frame = Frame {
                        ts_ns,
                        linktype,
                        data: &open.data,
                        wire_bytes,
                    };
                    self.border.frame(self.before + packet, now_ns, &frame);
                }
            }
            self.gather();
            open.record = read_left(&mut open.left, &mut open.data)?;
        }
    }

    fn gather(&mut self) {
        for (order, observation) in self.border.take() {
            let tunnels = self.border.engine.sensor().tunnels();
            self.encoder.observation(&observation, tunnels);
            self.waiting.push_back((order, self.encoder.take()));
        }
    }

    /// Batch those of the border's observations that come before a place; without one, all.
    fn hand_on(&mut self, until: Option<Order>) {
        while let Some((order, _)) = self.waiting.front()
            && until.is_none_or(|until| *order < until)
        {
            if let Some((_, value)) = self.waiting.pop_front() {
                self.push(&value);
            }
        }
    }

    fn push(&mut self, value: &[u8]) {
        self.batch.extend_from_slice(value);
        self.batched += 1;
    }

    fn correlate(&mut self) -> io::Result<()> {
        let mut head = Writer::default();
        head.array(std::mem::take(&mut self.batched));
        let batch = [head.take(), std::mem::take(&mut self.batch)].concat();
        let taken = self.relayed.take(&batch).map_err(|_| strange())?;
        if taken.malformed + taken.unknown > 0 {
            return Err(strange());
        }
        Ok(())
    }

    /// A place in a part as the place among all.
    const fn global(&self, order: Order) -> Order {
        Order {
            packet: order.packet + self.before,
            stage: order.stage,
            last_packet: if order.last_packet == 0 {
                0
            } else {
                order.last_packet + self.before
            },
        }
    }
}

impl Open {
    fn new(part: &ReadPart) -> io::Result<Self> {
        let buffered =
            |path| File::open(path).map(|file| BufReader::with_capacity(BUFFER_BYTES, file));
        let mut open = Self {
            said: buffered(&part.said)?,
            left: buffered(&part.left)?,
            value: Vec::new(),
            next: None,
            packets: part.packets,
            record: None,
            data: Vec::new(),
        };
        open.go_on()?;
        open.record = read_left(&mut open.left, &mut open.data)?;
        Ok(open)
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.next = read_said(&mut self.said, &mut self.value)?;
        Ok(())
    }
}

fn strange() -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        "what was said of a part is no observation",
    )
}
