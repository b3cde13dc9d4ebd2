//! TCP: from segments to a connection's two sides, its handshake time, its end, and the client's first words.
//!
//! The mirror of `sensors/tcp.py`. The SYN says who the client is and where its stream begins; without one
//! both are guessed, and corrected by the side that first sends a `ClientHello`.

use crate::direction::{Direction, Event, Reader, may_follow, seq_distance};
use crate::dns_tcp::TcpMessages;
use crate::flow::{ACTIVE_NS, Flow};
use crate::flows::Sought;
use crate::observations::{Carrier, EndReason};
use crate::recorder::{DNS_PORT, Recorder};
use crate::segment::Segment;
use crate::streams::{ClientReader, Found};
use crate::tls::may_hold_data;
use crate::tracker::Tracker;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// One segment of a flow, from its lower end or not.
struct Heard<'s, 'd> {
    segment: &'s Segment<'d>,
    low: bool,
    stream_bytes: usize,
}

impl Tracker {
    /// Take one TCP segment.
    pub fn tcp(&mut self, segment: &Segment<'_>, sought: &Sought) {
        let low = sought.from_low;
        if segment.flags & (SYN | FIN | RST) == 0 && self.only_counts(segment, sought) {
            return;
        }
        let mut found = self.find_live(sought);
        if let Some(slot) = found
            && segment.flags & SYN != 0
            && self
                .flows
                .get(slot)
                .is_some_and(|flow| begins_anew(flow, segment, low))
        {
            self.end(slot, segment.ts_ns, EndReason::End);
            found = None;
        }
        let slot = match found {
            Some(slot) => {
                self.touch(slot, segment.ts_ns);
                slot
            }
            None => self.open(sought.key, segment, low),
        };
        let heard = Heard {
            segment,
            low,
            stream_bytes: self.stream_bytes,
        };
        let Some(flow) = self.flows.get_mut(slot) else {
            return;
        };
        flow.count(segment.ip_bytes, low);
        let mut seq = segment.seq;
        if segment.flags & SYN != 0 {
            heard.syn(flow, &mut self.recorder);
            seq = seq.wrapping_add(1);
        }
        if !segment.payload.is_empty() {
            heard.payload(flow, seq, &mut self.recorder);
        }
        let over = if segment.flags & (FIN | RST) != 0 {
            heard.end(flow)
        } else {
            false
        };
        if segment.ts_ns - flow.reported_ns > ACTIVE_NS {
            self.recorder.active(flow, segment.ts_ns);
        }
        if over {
            self.flows.close(slot);
        }
        self.budget.note(&mut self.flows, slot);
    }
}

impl Tracker {
    /// Count a segment of which nothing else is to be learnt, as it is with nearly all; tell whether it was one.
    #[inline]
    fn only_counts(&mut self, segment: &Segment<'_>, sought: &Sought) -> bool {
        let (low, now_ns, packet) = (sought.from_low, self.flows.now_ns(), self.flows.packet);
        let place = self.flows.place(sought);
        let Some(flow) = place.and_then(|slot| self.flows.get_mut(slot)) else {
            return false;
        };
        let read = flow.is_read(low) && flow.awaited(low).is_none();
        let read = segment.payload.is_empty() || read;
        let silent = now_ns - flow.active_ns > flow.class.timeout_ns();
        if !read || silent || segment.ts_ns - flow.reported_ns > ACTIVE_NS {
            return false;
        }
        flow.touch(segment.ts_ns, now_ns, packet);
        flow.count(segment.ip_bytes, low);
        if !segment.payload.is_empty() {
            flow.mark(low, segment.ts_ns);
        }
        true
    }
}

impl Heard<'_, '_> {
    fn syn(&self, flow: &mut Flow, recorder: &mut Recorder) {
        let opens = self.segment.flags & ACK == 0;
        let ts_ns = self.segment.ts_ns;
        if !flow.sure {
            flow.client_low = self.low == opens;
            flow.sure = true;
        }
        match flow.syn_ns() {
            None if opens => {
                flow.mark_syn(ts_ns, self.segment.seq);
            }
            Some(syn_ns) if !opens && flow.rtt_ns.is_none() => {
                flow.rtt_ns = Some((ts_ns - syn_ns).max(0));
            }
            _ => {}
        }
        let seq = self.segment.seq;
        if flow.is_read(self.low) {
            return;
        }
        // What came before the SYN is read as what it was taken for.
        if !self.listening(flow) && reader_for(flow, self.low).is_none() {
            flow.mark_read(self.low);
            return;
        }
        flow.begins(self.low, seq);
        self.read(flow, recorder, |direction, each| direction.start(seq, each));
    }

    fn payload(&self, flow: &mut Flow, seq: u32, recorder: &mut Recorder) {
        flow.mark(self.low, self.segment.ts_ns);
        if flow.is_read(self.low) {
            if self.brings_data(flow, seq) {
                recorder.data(flow, self.segment);
            }
            return;
        }
        if !self.listening(flow) {
            let Some(reader) = reader_for(flow, self.low) else {
                flow.mark_read(self.low);
                return;
            };
            let direction = match flow.initial_seq_of(self.low) {
                Some(initial_seq) => Direction::started(reader, initial_seq, self.stream_bytes),
                None => Direction::midstream(reader, seq, self.stream_bytes),
            };
            flow.listen(self.low, direction, seq);
        }
        let payload = self.segment.payload;
        self.read(flow, recorder, |direction, each| {
            direction.add(seq, payload, each);
        });
    }

    /// Whether this may be the data behind the client's hello; what was read before is none.
    fn brings_data(&self, flow: &Flow, seq: u32) -> bool {
        let Some(carrier) = flow.awaited(self.low) else {
            return false;
        };
        let read = usize::try_from(seq_distance(flow.data_seq, seq)).unwrap_or(0);
        let new = self.segment.payload.get(read..).unwrap_or_default();
        match carrier {
            Carrier::Http => !new.is_empty(),
            _ => may_hold_data(new),
        }
    }

    /// Whether this side's bytes are being read.
    fn listening(&self, flow: &mut Flow) -> bool {
        flow.reading
            .as_mut()
            .is_some_and(|reading| reading.side(self.low).is_some())
    }

    /// Let this side's direction read on, and note what it said.
    fn read(
        &self,
        flow: &mut Flow,
        recorder: &mut Recorder,
        step: impl FnOnce(&mut Direction, &mut dyn FnMut(Event<'_>)),
    ) {
        let Some(mut reading) = flow.reading.take() else {
            return;
        };
        let ts_ns = self.segment.ts_ns;
        let mut done = false;
        if let Some(direction) = reading.side(self.low) {
            step(direction, &mut |event| match event {
                Event::Dns(message) => recorder.dns_message(flow, ts_ns, message, true),
                // The other side said first that it is the client: one flow has one.
                Event::Found(_) if flow.sure && flow.client_low != self.low => {}
                Event::Found(found) => {
                    flow.client_low = self.low;
                    flow.sure = true;
                    match found {
                        Found::Proxied(ends) => flow.proxied = Some(Box::new(ends)),
                        Found::Greeting(greeting) => recorder.hello(flow, ts_ns, greeting),
                    }
                }
            });
            done = direction.done();
            if flow.awaited(self.low).is_some() {
                flow.data_seq = direction.next_seq();
                if done && direction.data_behind() {
                    recorder.data(flow, self.segment);
                }
            }
            // DNS is not what clients are read for: no wonder that it is nothing else
            if let Some(outcome) = direction
                .outcome()
                .filter(|_| done && !flow.has_port(DNS_PORT))
            {
                recorder.count(outcome.name());
            }
        }
        flow.reading = Some(reading);
        if done {
            flow.mark_read(self.low);
        }
    }

    /// Note FIN or RST; return whether the connection is over by this segment.
    fn end(&self, flow: &mut Flow) -> bool {
        let reason = if self.segment.flags & RST != 0 {
            EndReason::Rst
        } else {
            flow.fins |= if self.low { 1 } else { 2 };
            if flow.fins != 3 {
                return false;
            }
            EndReason::Fin
        };
        let over = flow.ended.is_none();
        flow.ended = flow.ended.or(Some(reason));
        over
    }
}

/// Choose what to read in one direction: the client's first words; DNS answers; both while unsure.
fn reader_for(flow: &Flow, low: bool) -> Option<Reader> {
    if low == flow.client_low || !flow.sure {
        return Some(Reader::Client(ClientReader::new()));
    }
    flow.has_port(DNS_PORT)
        .then(|| Reader::Dns(TcpMessages::default()))
}

/// Tell whether a SYN opens another connection on a five-tuple that is in the table.
fn begins_anew(flow: &Flow, segment: &Segment<'_>, low: bool) -> bool {
    if segment.flags & ACK != 0 {
        return false;
    }
    if flow.ended.is_some() {
        return true;
    }
    if flow.syn_ns().is_some() {
        return segment.seq != flow.initial_seq;
    }
    flow.first_seq_of(low)
        .is_some_and(|first_seq| !may_follow(first_seq, segment.seq))
}
