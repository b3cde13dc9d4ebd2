//! Observations as msgpack maps: `type` first, then the fields in the order of `sensors/observations.py`.
//!
//! Maps, not arrays: msgspec's tagged structs decode from maps, and a field more in a newer sensor does not
//! break an older reader. Writing into a `Vec` cannot fail, so the writers' results carry nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use rmp::encode::{
    write_array_len, write_bool, write_map_len, write_nil, write_sint, write_str, write_uint,
};

use crate::gaps::Count;
use crate::observations::{FlowKey, FlowUpdate, Gap, HelloSeen, NameResolved, Observation};
use crate::segment::{Address, TCP};

/// A place where an input file could not be read on.
#[derive(Clone, Copy, Debug)]
pub struct FaultText<'a> {
    /// The file.
    pub path: &'a str,
    /// In bytes from its beginning.
    pub offset: u64,
    /// "unreadable", "truncated" or "corrupt".
    pub kind: &'a str,
    /// What is wrong.
    pub problem: &'a str,
    /// What a person can do.
    pub mend: &'a str,
}

/// What became of every frame: `read` equals the sum of `decoded` and `undecoded`.
#[derive(Debug)]
pub struct Accounting<'a> {
    /// All frames.
    pub read: Count,
    /// By protocol.
    pub decoded: Vec<(&'a str, Count)>,
    /// By reason.
    pub undecoded: Vec<(&'a str, Count)>,
    /// Every other event.
    pub counters: BTreeMap<Cow<'static, str>, u64>,
    /// What was wrong with the input.
    pub faults: Vec<FaultText<'a>>,
    /// The first packet's time.
    pub first_ns: Option<i64>,
    /// The latest time of any packet.
    pub last_ns: Option<i64>,
}

/// Writes observations one after the other into a buffer.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    text: String,
}

impl Encoder {
    /// Take what was written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Write observations as one array; `tunnels` are the decoder's tunnel names.
    pub fn observations(&mut self, observations: &[Observation], tunnels: &[String]) {
        self.array(observations.len());
        for observation in observations {
            self.observation(observation, tunnels);
        }
    }

    fn observation(&mut self, observation: &Observation, tunnels: &[String]) {
        match observation {
            Observation::Name(name) => self.name(name),
            Observation::Hello(hello) => self.hello(hello, tunnels),
            Observation::Flow(flow) => self.flow(flow, tunnels),
            Observation::Gap(gap) => self.gap(gap),
        }
    }

    /// Write what became of every frame; `faults` are those of the input files.
    pub fn accounting(&mut self, accounting: &Accounting<'_>) {
        let _ = write_map_len(&mut self.out, 7);
        self.key("read");
        self.count(accounting.read);
        self.key("decoded");
        self.counts(&accounting.decoded);
        self.key("undecoded");
        self.counts(&accounting.undecoded);
        self.key("counters");
        let _ = write_map_len(&mut self.out, accounting.counters.len() as u32);
        for (name, value) in &accounting.counters {
            self.field_count(name, *value);
        }
        self.key("faults");
        self.array(accounting.faults.len());
        for fault in &accounting.faults {
            let _ = write_map_len(&mut self.out, 5);
            self.field_text("path", fault.path);
            self.field_count("offset", fault.offset);
            self.field_text("kind", fault.kind);
            self.field_text("problem", fault.problem);
            self.field_text("mend", fault.mend);
        }
        self.field_moment("first_ns", accounting.first_ns);
        self.field_moment("last_ns", accounting.last_ns);
    }

    fn counts(&mut self, counts: &[(&str, Count)]) {
        let _ = write_map_len(&mut self.out, counts.len() as u32);
        for (name, count) in counts {
            self.key(name);
            self.count(*count);
        }
    }

    fn count(&mut self, count: Count) {
        let _ = write_map_len(&mut self.out, 2);
        self.field_count("packets", count.packets);
        self.field_count("bytes", count.bytes);
    }

    fn name(&mut self, name: &NameResolved) {
        self.map(11, "name_resolved");
        self.field_int("ts_ns", name.ts_ns);
        self.key("client");
        self.address(name.client);
        self.key("resolver");
        self.address(name.resolver);
        self.field_text("qname", &name.qname);
        self.field_int("qtype", i64::from(name.qtype));
        self.field_int("rcode", i64::from(name.rcode));
        self.field_texts("cnames", &name.cnames);
        self.key("addresses");
        self.array(name.addresses.len());
        for address in &name.addresses {
            self.address(*address);
        }
        self.field_int("ttl", i64::from(name.ttl));
        self.field_texts("ech_public_names", &name.ech_public_names);
    }

    fn hello(&mut self, hello: &HelloSeen, tunnels: &[String]) {
        self.map(11, "hello_seen");
        self.field_int("ts_ns", hello.ts_ns);
        self.flow_key(&hello.flow, tunnels);
        self.field_text("carrier", hello.carrier.text());
        self.field_option("server_name", hello.server_name.as_deref());
        self.field_texts("alpn", &hello.alpn);
        self.key("versions");
        self.array(hello.versions.len());
        for version in &hello.versions {
            self.int(i64::from(*version));
        }
        self.field_text("ech", hello.ech);
        self.field_option("ja4", hello.ja4.as_deref());
        self.field_bool("complete", hello.complete);
        self.field_moment("rtt_ns", hello.rtt_ns);
    }

    fn flow(&mut self, flow: &FlowUpdate, tunnels: &[String]) {
        self.map(13, "flow_update");
        self.field_int("ts_ns", flow.ts_ns);
        self.flow_key(&flow.flow, tunnels);
        self.field_int("first_ns", flow.first_ns);
        for (name, count) in [
            ("packets_up", flow.packets_up),
            ("packets_down", flow.packets_down),
            ("bytes_up", flow.bytes_up),
            ("bytes_down", flow.bytes_down),
        ] {
            self.field_count(name, count);
        }
        self.field_moment("handshake_rtt_ns", flow.handshake_rtt_ns);
        self.field_moment("first_byte_ns", flow.first_byte_ns);
        self.field_bool("midstream", flow.midstream);
        self.field_bool("final", flow.reason.is_final());
        self.field_text("reason", flow.reason.text());
    }

    fn gap(&mut self, gap: &Gap) {
        self.map(6, "gap");
        self.field_int("ts_ns", gap.ts_ns);
        self.field_int("since_ns", gap.since_ns);
        self.field_count("packets", gap.packets);
        self.field_count("bytes", gap.bytes);
        self.field_text("reason", gap.reason);
    }

    fn flow_key(&mut self, flow: &FlowKey, tunnels: &[String]) {
        self.key("flow");
        let _ = write_map_len(&mut self.out, 7);
        self.key("client");
        self.address(flow.client);
        self.field_int("client_port", i64::from(flow.client_port));
        self.key("server");
        self.address(flow.server);
        self.field_int("server_port", i64::from(flow.server_port));
        self.field_text(
            "transport",
            if flow.transport == TCP { "tcp" } else { "udp" },
        );
        self.field_moment("vlan", flow.vlan.map(i64::from));
        self.field_option("tunnel", flow.tunnel_name(tunnels).as_deref());
    }

    fn map(&mut self, fields: u32, kind: &str) {
        let _ = write_map_len(&mut self.out, fields);
        self.field_text("type", kind);
    }

    fn key(&mut self, name: &str) {
        let _ = write_str(&mut self.out, name);
    }

    fn int(&mut self, value: i64) {
        let _ = write_sint(&mut self.out, value);
    }

    fn array(&mut self, len: usize) {
        let _ = write_array_len(&mut self.out, len as u32);
    }

    fn address(&mut self, address: Address) {
        self.text.clear();
        let _ = write!(self.text, "{address}");
        let _ = write_str(&mut self.out, &self.text);
    }

    fn field_int(&mut self, name: &str, value: i64) {
        self.key(name);
        self.int(value);
    }

    fn field_count(&mut self, name: &str, value: u64) {
        self.key(name);
        let _ = write_uint(&mut self.out, value);
    }

    fn field_bool(&mut self, name: &str, value: bool) {
        self.key(name);
        let _ = write_bool(&mut self.out, value);
    }

    fn field_text(&mut self, name: &str, value: &str) {
        self.key(name);
        let _ = write_str(&mut self.out, value);
    }

    fn field_option(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(text) => self.field_text(name, text),
            None => self.field_nil(name),
        }
    }

    fn field_moment(&mut self, name: &str, value: Option<i64>) {
        match value {
            Some(moment) => self.field_int(name, moment),
            None => self.field_nil(name),
        }
    }

    fn field_nil(&mut self, name: &str) {
        self.key(name);
        let _ = write_nil(&mut self.out);
    }

    fn field_texts(&mut self, name: &str, values: &[String]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            let _ = write_str(&mut self.out, value);
        }
    }
}
