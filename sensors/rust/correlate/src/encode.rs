//! Connections, gaps and counts as msgpack maps, with the fields of `sensors/connections.py` in their order.
//!
//! Few come this far, so they are written plainly. Writing into a `Vec` cannot fail, so the writers' results
//! carry nothing.

use std::fmt::Write as _;

use dissect::observations::{FlowKey, FlowUpdate, Gap};
use dissect::segment::{Address, TCP};
use rmp::encode::{
    write_array_len, write_bool, write_map_len, write_nil, write_sint, write_str, write_uint,
};

use crate::connections::{Connection, Coverage, Hello, Name};
use crate::filter::{Counted, FlowCount};

/// Writes values one after the other into a buffer.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    text: String,
    waiting: usize,
}

impl Encoder {
    /// How many connections and gaps wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Take the connections and gaps that wait, as one array.
    pub fn batch(&mut self) -> Vec<u8> {
        let values = std::mem::take(&mut self.out);
        let mut batch = Vec::with_capacity(values.len() + 5);
        let _ = write_array_len(&mut batch, std::mem::take(&mut self.waiting) as u32);
        batch.extend_from_slice(&values);
        batch
    }

    /// Write a connection; `tunnels` are the decoder's tunnel names.
    pub fn connection(&mut self, connection: &Connection<'_>, tunnels: &[String]) {
        self.waiting += 1;
        self.map(7);
        self.text("type", "connection_seen");
        self.int("ts_ns", connection.update.first_ns);
        self.flow(&connection.update.flow, tunnels);
        self.key("names");
        self.array(connection.names.len());
        for name in &connection.names {
            self.name(name);
        }
        match &connection.hello {
            Some(hello) => self.hello(hello),
            None => self.nil("hello"),
        }
        self.totals(&connection.update);
        self.text("coverage", connection.coverage.text());
    }

    /// Write a gap.
    pub fn gap(&mut self, gap: &Gap) {
        self.waiting += 1;
        self.map(6);
        self.text("type", "gap");
        self.int("ts_ns", gap.ts_ns);
        self.int("since_ns", gap.since_ns);
        self.count("packets", gap.packets);
        self.count("bytes", gap.bytes);
        self.text("reason", gap.reason);
    }

    /// Write what was counted and not handed on; return it.
    #[must_use]
    pub fn counted(mut self, counted: &Counted) -> Vec<u8> {
        self.map(3);
        self.key("coverage");
        self.map(Coverage::ALL.len() as u32);
        for (class, count) in Coverage::ALL.into_iter().zip(counted.coverage) {
            self.flows(class.text(), count);
        }
        self.flows("lookups", counted.lookups);
        self.key("forgotten");
        self.map(2);
        self.count("forgotten_hellos", counted.forgotten.hellos);
        self.count("forgotten_names", counted.forgotten.names);
        self.out
    }

    fn flows(&mut self, name: &str, count: FlowCount) {
        self.key(name);
        self.map(3);
        self.count("flows", count.flows);
        self.count("bytes_up", count.bytes_up);
        self.count("bytes_down", count.bytes_down);
    }

    fn flow(&mut self, flow: &FlowKey, tunnels: &[String]) {
        self.key("flow");
        self.map(7);
        self.address("client", flow.client);
        self.int("client_port", i64::from(flow.client_port));
        self.address("server", flow.server);
        self.int("server_port", i64::from(flow.server_port));
        let transport = if flow.transport == TCP { "tcp" } else { "udp" };
        self.text("transport", transport);
        self.moment("vlan", flow.vlan.map(i64::from));
        self.option("tunnel", flow.tunnel_name(tunnels).as_deref());
    }

    fn name(&mut self, name: &Name<'_>) {
        self.map(4);
        self.text("value", name.value);
        self.text("source", name.source.text());
        self.text("state", name.state.text());
        self.texts("cnames", name.cnames());
    }

    fn hello(&mut self, hello: &Hello<'_>) {
        let seen = hello.seen;
        self.key("hello");
        self.map(7);
        self.text("carrier", seen.carrier.text());
        self.texts("alpn", &seen.alpn);
        self.key("versions");
        self.array(seen.versions.len());
        for version in &seen.versions {
            let _ = write_uint(&mut self.out, u64::from(*version));
        }
        self.text("ech", hello.ech);
        self.option("outer_name", hello.outer_name);
        self.option("ja4", seen.ja4.as_deref());
        self.key("complete");
        let _ = write_bool(&mut self.out, seen.complete);
    }

    fn totals(&mut self, update: &FlowUpdate) {
        self.key("totals");
        self.map(8);
        self.count("packets_up", update.packets_up);
        self.count("packets_down", update.packets_down);
        self.count("bytes_up", update.bytes_up);
        self.count("bytes_down", update.bytes_down);
        let duration_ns = update.ts_ns.saturating_sub(update.first_ns);
        self.int("duration_ns", duration_ns.max(0));
        self.moment("handshake_rtt_ns", update.handshake_rtt_ns);
        self.moment("first_byte_ns", update.first_byte_ns);
        self.text("reason", update.reason.text());
    }

    fn map(&mut self, fields: u32) {
        let _ = write_map_len(&mut self.out, fields);
    }

    fn array(&mut self, len: usize) {
        let _ = write_array_len(&mut self.out, len as u32);
    }

    fn key(&mut self, name: &str) {
        let _ = write_str(&mut self.out, name);
    }

    fn nil(&mut self, name: &str) {
        self.key(name);
        let _ = write_nil(&mut self.out);
    }

    fn int(&mut self, name: &str, value: i64) {
        self.key(name);
        let _ = write_sint(&mut self.out, value);
    }

    fn count(&mut self, name: &str, value: u64) {
        self.key(name);
        let _ = write_uint(&mut self.out, value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        let _ = write_str(&mut self.out, value);
    }

    fn texts(&mut self, name: &str, values: &[String]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            let _ = write_str(&mut self.out, value);
        }
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.nil(name),
        }
    }

    fn moment(&mut self, name: &str, value: Option<i64>) {
        match value {
            Some(value) => self.int(name, value),
            None => self.nil(name),
        }
    }

    fn address(&mut self, name: &str, address: Address) {
        self.text.clear();
        let _ = write!(self.text, "{address}");
        self.key(name);
        let _ = write_str(&mut self.out, &self.text);
    }
}
