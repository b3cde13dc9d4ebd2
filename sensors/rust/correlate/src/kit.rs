//! Observations for the tests, in seconds since one start. The mirror of `tests/observed.py`.

use dissect::observations::{
    Carrier, EndReason, FlowKey, FlowUpdate, HelloSeen, NameResolved, Observation,
};
use dissect::segment::{Address, TCP};

use crate::resolutions::Limits;

pub const SECOND_NS: i64 = 1_000_000_000;
pub const CLIENT: Address = Address::v4([10, 20, 1, 5]);
pub const OTHER: Address = Address::v4([10, 20, 1, 6]);
pub const RESOLVER: Address = Address::v4([10, 0, 0, 53]);
pub const SERVER: Address = Address::v4([203, 0, 113, 7]);
pub const LLM: &str = "api.openai.com";
pub const USUAL: Limits = Limits {
    pending: 500_000,
    hellos: 8,
    answer_bytes: 1 << 28,
    public_names: 65_536,
    names: 128,
    lifetimes: 32,
    callers: 65_536,
};

/// A moment, given in tenths of a second.
pub fn at(tenths: i64) -> i64 {
    1_773_133_200 * SECOND_NS + tenths * SECOND_NS / 10
}

pub fn flow_key(client: Address, server: Address, server_port: u16) -> FlowKey {
    FlowKey {
        client,
        client_port: 50_000,
        server,
        server_port,
        transport: TCP,
        vlan: None,
        tunnel: None,
        proxy: None,
    }
}

pub fn flow() -> FlowKey {
    flow_key(CLIENT, SERVER, 443)
}

pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A client's answer: this name has the server's address for a minute.
pub fn answer(tenths: i64, name: &str) -> NameResolved {
    NameResolved {
        ts_ns: at(tenths),
        client: CLIENT,
        resolver: RESOLVER,
        qname: name.to_owned(),
        qtype: 1,
        rcode: 0,
        cnames: Vec::new(),
        addresses: vec![SERVER],
        ttl: 60,
        ech_public_names: Vec::new(),
    }
}

/// The same, with some of it changed.
pub fn resolved(tenths: i64, name: &str, change: impl FnOnce(&mut NameResolved)) -> Observation {
    let mut made = answer(tenths, name);
    change(&mut made);
    Observation::Name(Box::new(made))
}

/// A TLS hello, with some of it changed.
pub fn hello(tenths: i64, name: Option<&str>, change: impl FnOnce(&mut HelloSeen)) -> Observation {
    let mut made = HelloSeen {
        ts_ns: at(tenths),
        flow: flow(),
        carrier: Carrier::Tls,
        server_name: name.map(str::to_owned),
        alpn: Vec::new(),
        versions: Vec::new(),
        ech: "none",
        ja4: None,
        complete: true,
        rtt_ns: None,
    };
    change(&mut made);
    Observation::Hello(Box::new(made))
}

/// A flow's end, with some of it changed.
pub fn ended(first: i64, last: i64, change: impl FnOnce(&mut FlowUpdate)) -> Observation {
    let mut made = FlowUpdate {
        ts_ns: at(last),
        flow: flow(),
        first_ns: at(first),
        packets_up: 5,
        packets_down: 4,
        bytes_up: 1_000,
        bytes_down: 2_000,
        handshake_rtt_ns: None,
        first_byte_ns: None,
        midstream: false,
        reason: EndReason::Fin,
    };
    change(&mut made);
    Observation::Flow(made)
}
