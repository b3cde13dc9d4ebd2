//! One flow in the table: its two ends, its totals, and what is still to be read of it.

use crate::direction::Direction;
use crate::flows::Class;
use crate::key::Key;
use crate::observations::{Carrier, EndReason, FlowKey, FlowUpdate};
use crate::proxy_header::ProxiedEnds;
use crate::reading::Reading;
use crate::segment::{Segment, TCP};

/// A flow that lives longer reports its totals now and then.
pub const ACTIVE_NS: i64 = 1_800 * crate::flows::SECOND_NS;
/// No time.
const UNKNOWN_NS: i64 = i64::MIN;
/// The client's first payload byte was seen,
const REQUESTED: u8 = 1;
/// and so was the server's.
const ANSWERED: u8 = 2;
/// It holds bytes of messages that are not whole.
const HOLDS: u8 = 4;
/// The client began with a request of STUN.
const STUN: u8 = 8;
/// It was taken out of its place.
const GONE: u8 = 16;
/// The data behind its last hello is awaited.
const AWAITS: u8 = 32;
/// Who is the server when no start was seen.
const SERVER_PORTS: [u16; 7] = [53, 80, 443, 853, 3128, 8080, 8443];

/// One flow. "low" and "high" are its ends in the order of `key`.
///
/// What every packet touches comes first, in 128 bytes of their own: with many flows, fetching them is most of
/// the work. The whole is twice as much.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Flow {
    /// Its two ends.
    pub key: Key,
    /// The table's clock at the last packet.
    pub active_ns: i64,
    /// The number of the last packet.
    pub last_packet: u64,
    /// The latest time of any of its packets.
    pub last_ns: i64,
    /// When its totals were told last.
    pub reported_ns: i64,
    packets: [u64; 2],
    bytes: [u64; 2],
    /// What is being read of it.
    pub reading: Option<Box<Reading>>,
    /// What its silence is measured by.
    pub class: Class,
    /// FIN or RST, once it is over.
    pub ended: Option<EndReason>,
    /// Whether the lower end is the client.
    pub client_low: bool,
    /// Whether that is known (SYN, `ClientHello`), not guessed.
    pub sure: bool,
    /// Bit 0: low sent FIN, bit 1: high did.
    pub fins: u8,
    /// Bit 0: nothing more is to be learnt from low's bytes, bit 1: from high's.
    read: u8,
    /// Whether the client began a handshake in datagrams: of QUIC, of DTLS.
    pub seen_handshake: bool,
    /// `REQUESTED`, `ANSWERED`, `HOLDS`, `STUN`, `GONE` and `AWAITS`.
    marks: u8,
    /// The first packet's time.
    pub first_ns: i64,
    syn_ns: i64,
    /// The handshake's round trip.
    pub rtt_ns: Option<i64>,
    /// From the client's first payload byte to the server's.
    pub first_byte_ns: Option<i64>,
    request_ns: i64,
    /// The name in the hello of that handshake.
    pub datagrams_name: Option<Box<str>>,
    /// The connection that a proxy passes on in this one.
    pub proxied: Option<Box<ProxiedEnds>>,
    /// Since which packet it holds anything of messages that are not whole.
    pub held_since: u64,
    held_bytes: u32,
    /// The sequence number of the client's SYN, where it was seen.
    pub initial_seq: u32,
    starts: Seqs,
    first_seqs: Seqs,
    /// Where data can begin in the client's stream, where that is awaited.
    pub data_seq: u32,
    awaited: Option<Carrier>,
}

/// Sequence numbers of both ends, low then high, where they are known.
#[derive(Clone, Copy, Debug, Default)]
struct Seqs {
    known: u8,
    seqs: [u32; 2],
}

impl Seqs {
    fn get(&self, low: bool) -> Option<u32> {
        let [of_low, of_high] = self.seqs;
        (self.known & side(low) != 0).then_some(if low { of_low } else { of_high })
    }

    fn note(&mut self, low: bool, seq: u32) {
        let [of_low, of_high] = &mut self.seqs;
        if self.known & side(low) == 0 {
            self.known |= side(low);
            *(if low { of_low } else { of_high }) = seq;
        }
    }
}

const fn side(low: bool) -> u8 {
    if low { 1 } else { 2 }
}

impl Flow {
    /// A new flow that begins with this segment.
    #[must_use]
    pub fn new(key: Key, segment: &Segment<'_>, from_low: bool) -> Self {
        let ts_ns = segment.ts_ns;
        Self {
            key,
            active_ns: ts_ns,
            last_packet: 0,
            last_ns: ts_ns,
            reported_ns: ts_ns,
            packets: [0; 2],
            bytes: [0; 2],
            reading: None,
            class: if segment.transport == TCP {
                Class::Tcp
            } else {
                Class::Udp
            },
            ended: None,
            client_low: client_is_source(segment.source_port, segment.target_port) == from_low,
            sure: false,
            fins: 0,
            read: 0,
            seen_handshake: false,
            marks: 0,
            first_ns: ts_ns,
            syn_ns: UNKNOWN_NS,
            rtt_ns: None,
            first_byte_ns: None,
            request_ns: UNKNOWN_NS,
            datagrams_name: None,
            proxied: None,
            held_since: 0,
            held_bytes: 0,
            initial_seq: 0,
            starts: Seqs::default(),
            first_seqs: Seqs::default(),
            data_seq: 0,
            awaited: None,
        }
    }

    /// Move the flow out of its place; what is left there is marked as gone, and holds no memory.
    pub(crate) fn take(&mut self) -> Self {
        let (reading, datagrams_name) = (self.reading.take(), self.datagrams_name.take());
        let proxied = self.proxied.take();
        let taken = Self {
            reading,
            datagrams_name,
            proxied,
            ..*self
        };
        self.marks = GONE;
        taken
    }

    /// Count a packet.
    pub fn count(&mut self, bytes: u64, from_low: bool) {
        let [low, high] = &mut self.packets;
        let [low_bytes, high_bytes] = &mut self.bytes;
        if from_low {
            *low += 1;
            *low_bytes += bytes;
        } else {
            *high += 1;
            *high_bytes += bytes;
        }
    }

    /// How many packets and bytes there were both ways.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        (self.packets.iter().sum(), self.bytes.iter().sum())
    }

    /// Whether the client sent anything: nobody believes an answer to what was not asked.
    #[must_use]
    pub const fn heard_client(&self) -> bool {
        let [low, high] = self.packets;
        (if self.client_low { low } else { high }) > 0
    }

    /// Whether one of the two ends is at a port.
    #[must_use]
    pub const fn has_port(&self, port: u16) -> bool {
        self.key.low().1 == port || self.key.high().1 == port
    }

    /// How much is kept of messages that are not whole.
    #[must_use]
    pub fn held_now(&self) -> usize {
        self.reading
            .as_ref()
            .map_or(0, |reading| reading.held_bytes())
    }

    /// How much it holds as the budget knows it.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes as usize
    }

    /// Whether that is anything.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.marks & HOLDS != 0
    }

    /// Tell how much it holds, as the budget shall know it.
    pub fn hold(&mut self, bytes: usize) {
        self.held_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.marks = if bytes == 0 {
            self.marks & !HOLDS
        } else {
            self.marks | HOLDS
        };
    }

    /// Whether nothing more is to be learnt from one end's bytes.
    #[must_use]
    pub const fn is_read(&self, low: bool) -> bool {
        self.read & side(low) != 0
    }

    /// Stop reading one end's bytes, and free what was kept for it.
    pub fn mark_read(&mut self, low: bool) {
        self.read |= side(low);
        if let Some(reading) = &mut self.reading {
            reading.forget(low);
            if reading.is_empty() {
                self.reading = None;
            }
        }
    }

    /// Note where the bytes of one end begin: behind its SYN.
    pub fn begins(&mut self, low: bool, initial_seq: u32) {
        self.starts.note(low, initial_seq);
        self.first_seqs.note(low, initial_seq.wrapping_add(1));
    }

    /// Begin to read the bytes of one end, of which the first seen is at `seq`.
    pub fn listen(&mut self, low: bool, direction: Direction, seq: u32) {
        self.first_seqs.note(low, seq);
        *self.reading.get_or_insert_default().side(low) = Some(direction);
    }

    /// The sequence number of one end's SYN.
    #[must_use]
    pub fn initial_seq_of(&self, low: bool) -> Option<u32> {
        self.starts.get(low)
    }

    /// The first sequence number of one end that was read.
    #[must_use]
    pub fn first_seq_of(&self, low: bool) -> Option<u32> {
        self.first_seqs.get(low)
    }

    /// When the client's SYN was seen.
    #[must_use]
    pub fn syn_ns(&self) -> Option<i64> {
        Some(self.syn_ns).filter(|syn_ns| *syn_ns != UNKNOWN_NS)
    }

    /// Note the client's SYN.
    pub const fn mark_syn(&mut self, ts_ns: i64, seq: u32) {
        self.syn_ns = ts_ns;
        self.initial_seq = seq;
    }

    /// Note payload from one end.
    #[inline]
    pub fn mark(&mut self, low: bool, ts_ns: i64) {
        if low == self.client_low {
            self.mark_request(ts_ns);
        } else {
            self.mark_answer(ts_ns);
        }
    }

    /// Note that it is alive: the packet's time, the table's clock, and the packet's number.
    #[inline]
    pub fn touch(&mut self, ts_ns: i64, now_ns: i64, packet: u64) {
        self.active_ns = now_ns;
        self.last_packet = packet;
        self.last_ns = self.last_ns.max(ts_ns);
    }

    /// Note that the client began with a request of STUN; tell whether that is new.
    pub const fn mark_stun(&mut self) -> bool {
        let new = self.marks & STUN == 0;
        self.marks |= STUN;
        new
    }

    /// Await the data behind a hello of this kind, or none.
    pub const fn await_data(&mut self, carrier: Option<Carrier>) {
        self.awaited = carrier;
        self.marks = if carrier.is_some() {
            self.marks | AWAITS
        } else {
            self.marks & !AWAITS
        };
    }

    /// The kind of hello behind which data from this end is awaited.
    #[inline]
    #[must_use]
    pub const fn awaited(&self, low: bool) -> Option<Carrier> {
        if self.marks & AWAITS != 0 && low == self.client_low {
            self.awaited
        } else {
            None
        }
    }

    /// How much the client sent so far.
    #[must_use]
    pub const fn bytes_up(&self) -> u64 {
        let [low, high] = self.bytes;
        if self.client_low { low } else { high }
    }

    /// Note the client's first payload byte.
    #[inline]
    pub const fn mark_request(&mut self, ts_ns: i64) {
        if self.marks & REQUESTED == 0 {
            self.marks |= REQUESTED;
            self.request_ns = ts_ns;
        }
    }

    /// Note the server's first payload byte.
    #[inline]
    pub fn mark_answer(&mut self, ts_ns: i64) {
        if self.marks & (REQUESTED | ANSWERED) == REQUESTED {
            self.marks |= ANSWERED;
            self.first_byte_ns = Some((ts_ns - self.request_ns).max(0));
        }
    }

    /// The five-tuple on the wire, from the client's side.
    #[must_use]
    pub fn ends(&self) -> FlowKey {
        self.key.from_client(self.client_low)
    }

    /// The five-tuple from the client's side; of the connection that a proxy passes on, where one does.
    #[must_use]
    pub fn flow_key(&self) -> FlowKey {
        let wire = self.ends();
        let Some(proxied) = &self.proxied else {
            return wire;
        };
        FlowKey {
            client: proxied.client,
            client_port: proxied.client_port,
            server: proxied.server,
            server_port: proxied.server_port,
            proxy: Some(wire.both_ends()),
            ..wire
        }
    }

    /// The flow's totals.
    #[must_use]
    pub fn update(&self, ts_ns: i64, reason: EndReason) -> FlowUpdate {
        let ([low, high], [low_bytes, high_bytes]) = (self.packets, self.bytes);
        let (low, high) = ((low, low_bytes), (high, high_bytes));
        let (up, down) = if self.client_low {
            (low, high)
        } else {
            (high, low)
        };
        FlowUpdate {
            ts_ns,
            flow: self.flow_key(),
            first_ns: self.first_ns,
            packets_up: up.0,
            packets_down: down.0,
            bytes_up: up.1,
            bytes_down: down.1,
            handshake_rtt_ns: self.rtt_ns,
            first_byte_ns: self.first_byte_ns,
            midstream: self.key.transport() == TCP && self.syn_ns().is_none(),
            reason,
        }
    }

    /// Whether the place of the flow in the table is taken: not `take`n.
    pub(crate) const fn lives(&self) -> bool {
        self.marks & GONE == 0
    }
}

/// Guess from the ports alone who is the client: the side whose port is not a service's.
#[must_use]
pub fn client_is_source(source_port: u16, target_port: u16) -> bool {
    let serves = |port: u16| SERVER_PORTS.contains(&port);
    if serves(source_port) != serves(target_port) {
        return serves(target_port);
    }
    if (source_port < 1024) != (target_port < 1024) {
        return target_port < 1024;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Flow;

    #[test]
    fn a_flow_takes_256_bytes() {
        assert_eq!(size_of::<Flow>(), 256);
    }
}
