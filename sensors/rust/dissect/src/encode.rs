//! Observations as msgpack maps: `type` first, then the fields in the order of `sensors/observations.py`.
//!
//! Maps, not arrays: msgspec's tagged structs decode from maps, and a field more in a newer sensor does not
//! break an older reader.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::gaps::Count;
use crate::ja4::Ja4;
use crate::msgpack::Writer;
use crate::observations::{FlowUpdate, HelloSeen, NameResolved, Observation};

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
#[derive(Debug, Default)]
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
    writer: Writer,
}

impl Encoder {
    /// Take what was written.
    pub fn take(&mut self) -> Vec<u8> {
        self.writer.take()
    }

    /// Take the values that were written, so many, as one array.
    pub fn take_array(&mut self, count: usize) -> Vec<u8> {
        self.writer.take_array(count)
    }

    /// How many bytes were written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.writer.len()
    }

    /// Whether nothing was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    /// Write observations as one array; `tunnels` are the decoder's tunnel names.
    pub fn observations(&mut self, observations: &[Observation], tunnels: &[String]) {
        self.writer.array(observations.len());
        for observation in observations {
            self.observation(observation, tunnels);
        }
    }

    /// Write one observation; `tunnels` are the decoder's tunnel names.
    pub fn observation(&mut self, observation: &Observation, tunnels: &[String]) {
        self.writer.make_room();
        match observation {
            Observation::Name(name) => self.name(name),
            Observation::Hello(hello) => self.hello(hello, tunnels),
            Observation::Flow(flow) => self.flow(flow, tunnels),
            Observation::Data(data) => self.writer.data(data, tunnels),
            Observation::Gap(gap) => self.writer.gap(gap),
        }
    }

    /// Write what became of every frame; `faults` are those of the input files.
    pub fn accounting(&mut self, accounting: &Accounting<'_>) {
        self.writer.map(7);
        self.writer.key("read");
        self.count(accounting.read);
        self.writer.key("decoded");
        self.counts(&accounting.decoded);
        self.writer.key("undecoded");
        self.counts(&accounting.undecoded);
        self.writer.key("counters");
        self.writer.map(accounting.counters.len() as u32);
        for (name, value) in &accounting.counters {
            self.writer.entry(name);
            self.writer.unsigned(*value);
        }
        self.writer.key("faults");
        self.writer.array(accounting.faults.len());
        for fault in &accounting.faults {
            self.writer.map(5);
            self.writer.text("path", fault.path);
            self.writer.count("offset", fault.offset);
            self.writer.text("kind", fault.kind);
            self.writer.text("problem", fault.problem);
            self.writer.text("mend", fault.mend);
        }
        self.writer.moment("first_ns", accounting.first_ns);
        self.writer.moment("last_ns", accounting.last_ns);
    }

    fn counts(&mut self, counts: &[(&str, Count)]) {
        self.writer.map(counts.len() as u32);
        for (name, count) in counts {
            self.writer.entry(name);
            self.count(*count);
        }
    }

    fn count(&mut self, count: Count) {
        self.writer.map(2);
        self.writer.count("packets", count.packets);
        self.writer.count("bytes", count.bytes);
    }

    fn name(&mut self, name: &NameResolved) {
        self.writer.map(11);
        self.writer.text("type", "name_resolved");
        self.writer.int("ts_ns", name.ts_ns);
        self.writer.address("client", name.client);
        self.writer.address("resolver", name.resolver);
        self.writer.text("qname", &name.qname);
        self.writer.int("qtype", i64::from(name.qtype));
        self.writer.int("rcode", i64::from(name.rcode));
        self.writer.texts("cnames", &name.cnames);
        self.writer.key("addresses");
        self.writer.array(name.addresses.len());
        for address in &name.addresses {
            self.writer.address_text(*address);
        }
        self.writer.int("ttl", i64::from(name.ttl));
        self.writer
            .texts("ech_public_names", &name.ech_public_names);
    }

    fn hello(&mut self, hello: &HelloSeen, tunnels: &[String]) {
        self.writer.map(11);
        self.writer.text("type", "hello_seen");
        self.writer.int("ts_ns", hello.ts_ns);
        self.writer.flow(&hello.flow, tunnels);
        self.writer.text("carrier", hello.carrier.text());
        self.writer
            .option("server_name", hello.server_name.as_deref());
        self.writer.texts("alpn", &hello.alpn);
        self.writer.numbers("versions", &hello.versions);
        self.writer.text("ech", hello.ech);
        self.writer
            .option("ja4", hello.ja4.as_ref().map(Ja4::as_str));
        self.writer.flag("complete", hello.complete);
        self.writer.moment("rtt_ns", hello.rtt_ns);
    }

    fn flow(&mut self, flow: &FlowUpdate, tunnels: &[String]) {
        self.writer.map(13);
        self.writer.text("type", "flow_update");
        self.writer.int("ts_ns", flow.ts_ns);
        self.writer.flow(&flow.flow, tunnels);
        self.writer.int("first_ns", flow.first_ns);
        self.writer.count("packets_up", flow.packets_up);
        self.writer.count("packets_down", flow.packets_down);
        self.writer.count("bytes_up", flow.bytes_up);
        self.writer.count("bytes_down", flow.bytes_down);
        self.writer
            .moment("handshake_rtt_ns", flow.handshake_rtt_ns);
        self.writer.moment("first_byte_ns", flow.first_byte_ns);
        self.writer.flag("midstream", flow.midstream);
        self.writer.flag("final", flow.reason.is_final());
        self.writer.text("reason", flow.reason.text());
    }
}
