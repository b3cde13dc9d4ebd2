//! UDP: from datagrams to flows, DNS answers, and the names in QUIC Initials.
//!
//! The mirror of `sensors/udp.py`. Whoever sends first is the client, unless the ports say otherwise. Only
//! a flow's first datagrams are tried as QUIC, and later ones that look like the first of another connection.

use crate::flow::{ACTIVE_NS, Flow};
use crate::flows::Sought;
use crate::observations::EndReason;
use crate::quic::Outcome;
use crate::quic_client::QuicClient;
use crate::quic_packets::{is_client_initial_candidate, is_long_header};
use crate::recorder::{DNS_PORT, Recorder};
use crate::segment::Segment;
use crate::streams::Greeting;
use crate::tracker::Tracker;

/// A client's datagrams that are looked at for the first Initial.
const QUIC_TRIES: u64 = 8;

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
            begin_quic(flow, datagram, low, greeting, &mut self.recorder);
        } else if !datagram.payload.is_empty() {
            if low == flow.client_low {
                from_client(flow, datagram, low, &mut self.recorder);
            } else {
                from_server(flow, datagram, &mut self.recorder);
            }
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
        let after_hello = flow.seen_quic && low == flow.client_low && flow.is_read(low);
        if !after_hello || !is_client_initial_candidate(datagram.payload) {
            return None;
        }
        let reading = flow.reading.get_or_insert_default();
        let quic = reading.quic_again.get_or_insert_default();
        if quic.done() {
            return None;
        }
        let greeting = feed(quic, datagram, &mut self.recorder);
        if greeting.is_none() {
            self.budget.note(&mut self.flows, slot);
            return None;
        }
        reading.quic_again = None;
        if reading.is_empty() {
            flow.reading = None;
        }
        greeting.filter(|greeting| greeting.server_name.as_deref() != flow.quic_name.as_deref())
    }
}

fn begin_quic(
    flow: &mut Flow,
    datagram: &Segment<'_>,
    low: bool,
    greeting: Greeting<'_>,
    recorder: &mut Recorder,
) {
    flow.client_low = low;
    flow.seen_quic = true;
    flow.mark_request(datagram.ts_ns);
    flow.quic_name = greeting.server_name.clone().map(String::into_boxed_str);
    recorder.hello(flow, datagram.ts_ns, greeting);
    flow.mark_read(low);
}

fn from_client(flow: &mut Flow, datagram: &Segment<'_>, low: bool, recorder: &mut Recorder) {
    flow.mark_request(datagram.ts_ns);
    if flow.is_read(low) {
        return;
    }
    if flow.reading.is_none() {
        if !is_client_initial_candidate(datagram.payload) {
            if flow.totals().0 >= QUIC_TRIES {
                flow.mark_read(low);
            }
            return;
        }
        flow.reading.get_or_insert_default().quic = Some(QuicClient::new());
        flow.seen_quic = true;
    }
    let Some(mut reading) = flow.reading.take() else {
        return;
    };
    let Some(quic) = &mut reading.quic else {
        return;
    };
    if let Some(greeting) = feed(quic, datagram, recorder) {
        flow.quic_name = greeting.server_name.clone().map(String::into_boxed_str);
        recorder.hello(flow, datagram.ts_ns, greeting);
    }
    let done = quic.done();
    flow.reading = Some(reading);
    if done {
        flow.mark_read(low);
    }
}

/// Read one of the client's datagrams, and count what is odd about it.
fn feed(
    quic: &mut QuicClient,
    datagram: &Segment<'_>,
    recorder: &mut Recorder,
) -> Option<Greeting<'static>> {
    match quic.feed(datagram.payload, datagram.missing_bytes == 0) {
        Err(malformed) => {
            recorder.count(format!("malformed-{}", malformed.0));
            None
        }
        Ok(greeting) => {
            if !matches!(quic.outcome(), Outcome::Initial | Outcome::NoInitial) {
                recorder.count(format!("quic-{}", quic.outcome().as_str()));
            }
            greeting
        }
    }
}

fn from_server(flow: &mut Flow, datagram: &Segment<'_>, recorder: &mut Recorder) {
    flow.mark_answer(datagram.ts_ns);
    if flow.seen_quic && flow.rtt_ns.is_none() && is_long_header(datagram.payload) {
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
