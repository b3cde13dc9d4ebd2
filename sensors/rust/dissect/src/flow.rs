//! One flow in the table: its two ends, its totals, and what is still to be read of it.

use std::hash::{Hash, Hasher};

use crate::direction::Direction;
use crate::flows::Class;
use crate::observations::{EndReason, FlowKey, FlowUpdate};
use crate::reading::Reading;
use crate::segment::{Address, Segment, TCP};

/// A flow that lives longer reports its totals now and then.
pub const ACTIVE_NS: i64 = 1_800 * crate::flows::SECOND_NS;
/// The number of no packet.
const NEVER: u64 = u64::MAX;
/// Who is the server when no start was seen.
const SERVER_PORTS: [u16; 7] = [53, 80, 443, 853, 3128, 8080, 8443];

/// A five-tuple with its ends in order: "low" is the lower address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The lower end's address.
    pub low: Address,
    /// The higher end's address.
    pub high: Address,
    /// The lower end's port.
    pub low_port: u16,
    /// The higher end's port.
    pub high_port: u16,
    /// The outermost 802.1Q identifier.
    pub vlan: Option<u16>,
    /// The encapsulation, as an index into the decoder's tunnel names.
    pub tunnel: Option<u16>,
    /// `segment::TCP` or `segment::UDP`.
    pub transport: u8,
}

impl Key {
    /// The key of a segment, and whether its sender is the lower end.
    #[must_use]
    pub fn of(segment: &Segment<'_>) -> (Self, bool) {
        let source = (segment.source, segment.source_port);
        let target = (segment.target, segment.target_port);
        let from_low = (source.0.bytes(), source.1) < (target.0.bytes(), target.1);
        let ((low, low_port), (high, high_port)) = if from_low {
            (source, target)
        } else {
            (target, source)
        };
        let (vlan, tunnel, transport) = (segment.vlan, segment.tunnel, segment.transport);
        (
            Self {
                low,
                high,
                low_port,
                high_port,
                vlan,
                tunnel,
                transport,
            },
            from_low,
        )
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u64::from(self.low_port) << 48 | u64::from(self.high_port) << 32;
        let vlan = u64::from(self.vlan.unwrap_or(0xfff)) << 20;
        let tunnel = u64::from(self.tunnel.map_or(0, |id| id.wrapping_add(1)));
        state.write_u64(ports | vlan | tunnel << 8 | u64::from(self.transport));
        state.write_u128(u128::from_ne_bytes(*self.low.bytes()));
        state.write_u128(u128::from_ne_bytes(*self.high.bytes()));
    }
}

/// One flow. "low" and "high" are its ends in the order of `key`.
#[derive(Debug)]
pub struct Flow {
    /// Its two ends.
    pub key: Key,
    /// What its silence is measured by.
    pub class: Class,
    /// Whether the lower end is the client.
    pub client_low: bool,
    /// Whether that is known (SYN, `ClientHello`), not guessed.
    pub sure: bool,
    /// Bit 0: low sent FIN, bit 1: high did.
    pub fins: u8,
    /// Bit 0: nothing more is to be learnt from low's bytes, bit 1: from high's.
    read: u8,
    /// Whether the client sent what looked like a QUIC Initial.
    pub seen_quic: bool,
    /// FIN or RST, once it is over.
    pub ended: Option<EndReason>,
    /// The table's clock at the last packet.
    pub active_ns: i64,
    /// The number of the last packet.
    pub last_packet: u64,
    /// The number of the first packet.
    pub born: u64,
    /// The first packet's time.
    pub first_ns: i64,
    /// The latest time of any of its packets.
    pub last_ns: i64,
    /// When its totals were told last.
    pub reported_ns: i64,
    packets: [u64; 2],
    bytes: [u64; 2],
    /// The client's SYN.
    pub syn_ns: Option<i64>,
    /// The handshake's round trip.
    pub rtt_ns: Option<i64>,
    request_ns: Option<i64>,
    /// From the client's first payload byte to the server's.
    pub first_byte_ns: Option<i64>,
    /// The sequence number of the client's SYN, where it was seen.
    pub initial_seq: u32,
    /// The sequence numbers of both ends' SYNs, where they matter for reading: low, then high.
    starts: [Option<u32>; 2],
    /// The first sequence numbers that were read: of low, then of high.
    first_seqs: [Option<u32>; 2],
    /// What it holds of messages that are not whole, as the budget knows it,
    pub held_bytes: usize,
    /// and since which packet.
    pub held_since: u64,
    /// The name in a QUIC connection's hello.
    pub quic_name: Option<Box<str>>,
    /// What is being read of it.
    pub reading: Option<Box<Reading>>,
}

impl Flow {
    /// A new flow that begins with this segment.
    #[must_use]
    pub fn new(key: Key, segment: &Segment<'_>, from_low: bool) -> Self {
        let ts_ns = segment.ts_ns;
        Self {
            key,
            class: if segment.transport == TCP {
                Class::Tcp
            } else {
                Class::Udp
            },
            client_low: client_is_source(segment.source_port, segment.target_port) == from_low,
            sure: false,
            fins: 0,
            read: 0,
            seen_quic: false,
            ended: None,
            active_ns: ts_ns,
            last_packet: 0,
            born: 0,
            first_ns: ts_ns,
            last_ns: ts_ns,
            reported_ns: ts_ns,
            packets: [0; 2],
            bytes: [0; 2],
            syn_ns: None,
            rtt_ns: None,
            request_ns: None,
            first_byte_ns: None,
            initial_seq: 0,
            starts: [None; 2],
            first_seqs: [None; 2],
            held_bytes: 0,
            held_since: 0,
            quic_name: None,
            reading: None,
        }
    }

    /// Move the flow out of its place; what is left there was never born, and holds no memory.
    pub(crate) fn take(&mut self) -> Self {
        let (reading, quic_name) = (self.reading.take(), self.quic_name.take());
        let born = std::mem::replace(&mut self.born, NEVER);
        Self {
            born,
            quic_name,
            reading,
            ..*self
        }
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
        self.key.low_port == port || self.key.high_port == port
    }

    /// How much is kept of messages that are not whole.
    #[must_use]
    pub fn held_now(&self) -> usize {
        self.reading
            .as_ref()
            .map_or(0, |reading| reading.held_bytes())
    }

    /// Whether nothing more is to be learnt from one end's bytes.
    #[must_use]
    pub const fn is_read(&self, low: bool) -> bool {
        self.read & if low { 1 } else { 2 } != 0
    }

    /// Stop reading one end's bytes, and free what was kept for it.
    pub fn mark_read(&mut self, low: bool) {
        self.read |= if low { 1 } else { 2 };
        if let Some(reading) = &mut self.reading {
            reading.forget(low);
            if reading.is_empty() {
                self.reading = None;
            }
        }
    }

    /// Note where the bytes of one end begin: behind its SYN.
    pub fn begins(&mut self, low: bool, initial_seq: u32) {
        let index = usize::from(!low);
        if let Some(start) = self.starts.get_mut(index) {
            start.get_or_insert(initial_seq);
        }
        if let Some(first) = self.first_seqs.get_mut(index) {
            first.get_or_insert(initial_seq.wrapping_add(1));
        }
    }

    /// Begin to read the bytes of one end, of which the first seen is at `seq`.
    pub fn listen(&mut self, low: bool, direction: Direction, seq: u32) {
        if let Some(first) = self.first_seqs.get_mut(usize::from(!low)) {
            first.get_or_insert(seq);
        }
        *self.reading.get_or_insert_default().side(low) = Some(direction);
    }

    /// The sequence number of one end's SYN.
    #[must_use]
    pub fn initial_seq_of(&self, low: bool) -> Option<u32> {
        self.starts.get(usize::from(!low)).copied().flatten()
    }

    /// The first sequence number of one end that was read.
    #[must_use]
    pub fn first_seq_of(&self, low: bool) -> Option<u32> {
        self.first_seqs.get(usize::from(!low)).copied().flatten()
    }

    /// Note the client's first payload byte.
    pub fn mark_request(&mut self, ts_ns: i64) {
        self.request_ns.get_or_insert(ts_ns);
    }

    /// Note the server's first payload byte.
    pub fn mark_answer(&mut self, ts_ns: i64) {
        if let (None, Some(request_ns)) = (self.first_byte_ns, self.request_ns) {
            self.first_byte_ns = Some((ts_ns - request_ns).max(0));
        }
    }

    /// The five-tuple from the client's side.
    #[must_use]
    pub fn flow_key(&self) -> FlowKey {
        let Key {
            low,
            high,
            low_port,
            high_port,
            vlan,
            tunnel,
            transport,
        } = self.key;
        let (low, high) = ((low, low_port), (high, high_port));
        let (client, server) = if self.client_low {
            (low, high)
        } else {
            (high, low)
        };
        FlowKey {
            client: client.0,
            client_port: client.1,
            server: server.0,
            server_port: server.1,
            transport,
            vlan,
            tunnel,
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
            midstream: self.key.transport == TCP && self.syn_ns.is_none(),
            reason,
        }
    }

    /// What flows are sorted by when the input ends.
    #[must_use]
    pub fn first_seen(&self) -> impl Ord + use<> {
        let Key {
            low,
            high,
            low_port,
            high_port,
            vlan,
            tunnel,
            transport,
        } = self.key;
        let (low, high) = (low.on_wire(), high.on_wire());
        (
            self.first_ns,
            transport,
            low,
            low_port,
            high,
            high_port,
            vlan,
            tunnel,
        )
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
