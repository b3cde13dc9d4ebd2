//! Collects what the engine says: observations in order, and the counters of everything else.
//!
//! The mirror of `sensors/recorder.py`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::clienthello::ClientHello;
use crate::dns::{Answer, ResponseReader};
use crate::flow::Flow;
use crate::ja4::{Transport, ja4};
use crate::observations::{Carrier, DataSeen, EndReason, HelloSeen, NameResolved, Observation};
use crate::segment::{Address, Segment};
use crate::streams::Greeting;

/// DNS, over UDP and TCP.
pub const DNS_PORT: u16 = 53;

/// Observations not yet handed out, and counts since the start.
///
/// An eager one says at each hello what its flow came to so far, and when data follows.
#[derive(Default)]
pub struct Recorder {
    eager: bool,
    counters: BTreeMap<Cow<'static, str>, u64>,
    observations: Vec<Observation>,
    responses: ResponseReader,
}

impl Recorder {
    /// A recorder that has noted nothing.
    #[must_use]
    pub fn new(eager: bool) -> Self {
        Self {
            eager,
            ..Self::default()
        }
    }

    /// How many observations wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.observations.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty()
    }

    /// Hand out the observations so far.
    pub fn take(&mut self) -> Vec<Observation> {
        let room = Vec::with_capacity(self.observations.len());
        std::mem::replace(&mut self.observations, room)
    }

    /// The counters, by name.
    #[must_use]
    pub const fn counters(&self) -> &BTreeMap<Cow<'static, str>, u64> {
        &self.counters
    }

    /// Note an observation.
    pub fn add(&mut self, observation: Observation) {
        self.observations.push(observation);
    }

    /// Count one event.
    pub fn count(&mut self, name: impl Into<Cow<'static, str>>) {
        *self.counters.entry(name.into()).or_default() += 1;
    }

    /// Note what a client said first on a flow that lives on.
    pub fn hello(&mut self, flow: &mut Flow, ts_ns: i64, greeting: Greeting<'_>) {
        let carrier = greeting.carrier;
        self.note_hello(flow, ts_ns, greeting);
        if self.eager {
            flow.await_data(has_data(carrier).then_some(carrier));
            self.add(Observation::Flow(flow.update(ts_ns, EndReason::Active)));
        }
    }

    /// Note the packet that may hold the data behind a hello.
    pub fn data(&mut self, flow: &mut Flow, packet: &Segment<'_>) {
        flow.await_data(None);
        self.add(Observation::Data(DataSeen {
            ts_ns: packet.ts_ns,
            flow: flow.flow_key(),
            bytes_up: flow.bytes_up().saturating_sub(packet.ip_bytes),
        }));
    }

    fn note_hello(&mut self, flow: &Flow, ts_ns: i64, greeting: Greeting<'_>) {
        let transport = match greeting.carrier {
            Carrier::Quic => Transport::Quic,
            Carrier::Dtls => Transport::Dtls,
            _ => Transport::Tcp,
        };
        let hello = greeting.hello.as_ref();
        let seen = HelloSeen {
            ts_ns,
            flow: flow.flow_key(),
            carrier: greeting.carrier,
            alpn: hello.map(ClientHello::alpn).unwrap_or_default(),
            versions: hello.map(ClientHello::versions).unwrap_or_default(),
            ech: hello.map_or("none", |hello| hello.ech().text()),
            ja4: hello
                .filter(|hello| hello.is_complete())
                .map(|hello| ja4(hello, transport)),
            complete: hello.is_none_or(ClientHello::is_complete),
            server_name: greeting.server_name,
            rtt_ns: flow.rtt_ns,
        };
        self.add(Observation::Hello(Box::new(seen)));
    }

    /// Note a DNS response that the flow's server sent to its client.
    pub fn dns_message(&mut self, flow: &Flow, ts_ns: i64, message: &[u8], complete: bool) {
        let mut responses = std::mem::take(&mut self.responses);
        match responses.parse_response(message, complete) {
            Ok(Some(answer)) => self.answer(flow, ts_ns, &answer),
            Ok(None) => self.count("dns-not-an-answer"),
            Err(malformed) => self.count(format!("malformed-{}", malformed.0)),
        }
        self.responses = responses;
    }

    fn answer(&mut self, flow: &Flow, ts_ns: i64, answer: &Answer<'_>) {
        for (name, set) in [
            ("dns-truncated-answers", answer.truncated),
            ("dns-clipped-answers", answer.clipped),
            ("dns-unrelated-records", answer.unrelated > 0),
            ("malformed-ech-configs", answer.ech_malformed),
        ] {
            if set {
                self.count(name);
            }
        }
        let ends = flow.ends(); // on the wire: what a client says it is makes nobody else believe an answer
        self.add(Observation::Name(Box::new(NameResolved {
            ts_ns,
            client: ends.client,
            resolver: ends.server,
            qname: answer.qname.to_owned(),
            qtype: answer.qtype,
            rcode: answer.rcode,
            cnames: answer.cnames.iter().map(str::to_owned).collect(),
            addresses: answer.addresses.iter().copied().map(address).collect(),
            ttl: answer.ttl,
            ech_public_names: answer.ech_public_names.iter().map(str::to_owned).collect(),
        })));
    }

    /// Note the totals of a flow that lives on.
    pub fn active(&mut self, flow: &mut Flow, ts_ns: i64) {
        flow.reported_ns = ts_ns;
        self.add(Observation::Flow(flow.update(ts_ns, EndReason::Active)));
    }

    /// Note the end of a flow, with what can be said of a first message that never became whole.
    pub fn flow_end(&mut self, mut flow: Flow, ts_ns: i64, reason: EndReason) {
        if let Some(mut reading) = flow.reading.take()
            && reading.partial(flow.client_low, |greeting| {
                self.note_hello(&flow, ts_ns, greeting);
            })
        {
            self.count("incomplete-hellos");
        }
        if reason == EndReason::Evicted {
            self.count("evicted-flows");
        }
        self.add(Observation::Flow(flow.update(ts_ns, reason)));
    }
}

/// Whether application data can be seen to follow a hello: not where a tunnel conceals, nor with STUN.
const fn has_data(carrier: Carrier) -> bool {
    !matches!(
        carrier,
        Carrier::Wireguard | Carrier::Openvpn | Carrier::Ike | Carrier::Stun
    )
}

const fn address(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => Address::v4(v4.octets()),
        IpAddr::V6(v6) => Address::v6(v6.octets()),
    }
}
