//! UDP: from datagrams to flows, DNS answers, the names in handshakes, and tunnels that conceal.
//!
//! The mirror of `sensors/udp.py`. Whoever sends first is the client, unless the ports say otherwise. Only
//! a flow's first datagrams are tried as the beginning of QUIC, DTLS or a tunnel, and later ones that look like
//! the first of another connection.

use crate::concealing::concealing_carrier;
use crate::datagrams::DatagramClient;
use crate::dtls::{self, is_dtls_handshake};
use crate::flow::{ACTIVE_NS, Flow};
use crate::flows::Sought;
use crate::observations::{Carrier, EndReason};
use crate::quic_packets::{self, is_long_header};
use crate::recorder::{DNS_PORT, Recorder};
use crate::segment::Segment;
use crate::streams::Greeting;
use crate::stun::is_stun_request;
use crate::tracker::Tracker;

/// A flow's datagrams of which the client's are looked at for a beginning.
const TRIES: u64 = 8;

impl Tracker {
    /// Take one UDP datagram.
    pub fn udp(&mut self, datagram: &Segment<'_>, sought: &Sought) {
        let low = sought.from_low;
        let mut found = self.find_live(sought);
        if let Some(slot) = found {
            self.touch(slot, datagram.ts_ns);
        }
        let another = found.and_then(|slot| self.another_connection(slot, datagram, low));
        if let (Some(slot), Some(_)) = (found, &another) {
            self.end(slot, datagram.ts_ns, EndReason::End);
            found = None;
        }
        let slot = found.unwrap_or_else(|| self.open(sought.key, datagram, low));
        let Some(flow) = self.flows.get_mut(slot) else {
            return;
        };
        flow.count(datagram.ip_bytes, low);
        if let Some(greeting) = another {
            begin(flow, datagram, low, greeting, &mut self.recorder);
        } else if !datagram.payload.is_empty() {
            if low == flow.client_low {
                from_client(flow, datagram, low, &mut self.recorder);
            } else {
                from_server(flow, datagram, &mut self.recorder);
            }
        }
        if flow
            .awaited(low)
            .is_some_and(|carrier| may_hold_data(carrier, datagram.payload))
        {
            self.recorder.data(flow, datagram);
        }
        if datagram.ts_ns - flow.reported_ns > ACTIVE_NS {
            self.recorder.active(flow, datagram.ts_ns);
        }
        self.budget.note(&mut self.flows, slot);
    }

    /// The hello of another connection on the same ports: clients may use one socket for all.
    ///
    /// A hello for the same name is a Retry's, or changes nothing that we say.
    fn another_connection(
        &mut self,
        slot: u32,
        datagram: &Segment<'_>,
        low: bool,
    ) -> Option<Greeting<'static>> {
        let flow = self.flows.get_mut(slot)?;
        if !flow.seen_handshake || low != flow.client_low || !flow.is_read(low) {
            return None;
        }
        let client = DatagramClient::for_payload(datagram.payload)?;
        let reading = flow.reading.get_or_insert_default();
        let client = reading.datagrams_again.get_or_insert(client);
        if client.done() {
            return None;
        }
        let greeting = feed(client, datagram, &mut self.recorder);
        if greeting.is_none() {
            self.budget.note(&mut self.flows, slot);
            return None;
        }
        reading.datagrams_again = None;
        if reading.is_empty() {
            flow.reading = None;
        }
        greeting
            .filter(|greeting| greeting.server_name.as_deref() != flow.datagrams_name.as_deref())
    }
}

/// Whether a client's datagram may hold application data behind a hello of that kind.
fn may_hold_data(carrier: Carrier, payload: &[u8]) -> bool {
    match carrier {
        Carrier::Quic => quic_packets::may_hold_data(payload),
        _ => dtls::may_hold_data(payload),
    }
}

fn begin(
    flow: &mut Flow,
    datagram: &Segment<'_>,
    low: bool,
    greeting: Greeting<'_>,
    recorder: &mut Recorder,
) {
    flow.client_low = low;
    flow.seen_handshake = true;
    flow.mark_request(datagram.ts_ns);
    flow.datagrams_name = greeting.server_name.clone().map(String::into_boxed_str);
    recorder.hello(flow, datagram.ts_ns, greeting);
    flow.mark_read(low);
}

fn from_client(flow: &mut Flow, datagram: &Segment<'_>, low: bool, recorder: &mut Recorder) {
    flow.mark_request(datagram.ts_ns);
    if flow.is_read(low) {
        return;
    }
    if flow.reading.is_none() {
        let Some(client) = DatagramClient::for_payload(datagram.payload) else {
            try_concealing(flow, datagram, low, recorder);
            return;
        };
        flow.reading.get_or_insert_default().datagrams = Some(client);
        flow.seen_handshake = true;
    }
    let Some(mut reading) = flow.reading.take() else {
        return;
    };
    let Some(client) = &mut reading.datagrams else {
        return;
    };
    if let Some(greeting) = feed(client, datagram, recorder) {
        flow.datagrams_name = greeting.server_name.clone().map(String::into_boxed_str);
        recorder.hello(flow, datagram.ts_ns, greeting);
    }
    let done = client.done();
    flow.reading = Some(reading);
    if done {
        flow.mark_read(low);
    }
}

/// Read one of the client's datagrams, and count what is odd about it.
fn feed(
    client: &mut DatagramClient,
    datagram: &Segment<'_>,
    recorder: &mut Recorder,
) -> Option<Greeting<'static>> {
    match client.feed(datagram.payload, datagram.missing_bytes == 0) {
        Err(malformed) => {
            recorder.count(format!("malformed-{}", malformed.0));
            None
        }
        Ok(greeting) => {
            if let Some(oddity) = client.oddity() {
                recorder.count(oddity);
            }
            greeting
        }
    }
}

/// Note a tunnel that a datagram begins, or that it is late for one.
fn try_concealing(flow: &mut Flow, datagram: &Segment<'_>, low: bool, recorder: &mut Recorder) {
    let wire_bytes = datagram.payload.len() + datagram.missing_bytes as usize;
    let carrier = concealing_carrier(datagram.payload, wire_bytes, datagram.target_port);
    if let Some(carrier) = carrier {
        recorder.hello(flow, datagram.ts_ns, Greeting::of_name(carrier, None));
    } else if is_stun_request(datagram.payload, wire_bytes) && flow.mark_stun() {
        // and reading goes on: DTLS may follow
        let greeting = Greeting::of_name(Carrier::Stun, None);
        recorder.hello(flow, datagram.ts_ns, greeting);
    }
    if carrier.is_some() || flow.totals().0 >= TRIES {
        flow.mark_read(low);
    }
}

/// Whether a server's datagram belongs to a handshake, of QUIC or of DTLS.
fn is_handshake(payload: &[u8]) -> bool {
    is_long_header(payload) || is_dtls_handshake(payload)
}

fn from_server(flow: &mut Flow, datagram: &Segment<'_>, recorder: &mut Recorder) {
    flow.mark_answer(datagram.ts_ns);
    if flow.seen_handshake && flow.rtt_ns.is_none() && is_handshake(datagram.payload) {
        flow.rtt_ns = flow.first_byte_ns;
    }
    if datagram.source_port == DNS_PORT {
        if flow.heard_client() {
            recorder.dns_message(
                flow,
                datagram.ts_ns,
                datagram.payload,
                datagram.missing_bytes == 0,
            );
        } else {
            recorder.count("dns-unsolicited");
        }
    }
}
