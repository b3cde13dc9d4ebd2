//! Writes msgpack maps into memory, field by field. Writing into a `Vec` cannot fail, so results carry nothing.

use std::fmt::Write as _;

use rmp::encode::{
    write_array_len, write_bool, write_map_len, write_nil, write_sint, write_str, write_uint,
};

use crate::observations::{FlowKey, Gap};
use crate::segment::{Address, TCP};

/// What was written so far.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    text: String,
}

impl Writer {
    /// Take what was written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Begin a map of so many fields.
    pub fn map(&mut self, fields: u32) {
        let _ = write_map_len(&mut self.out, fields);
    }

    /// Begin an array.
    pub fn array(&mut self, len: usize) {
        let _ = write_array_len(&mut self.out, len as u32);
    }

    /// A field's name; its value has to follow.
    #[inline]
    pub fn key(&mut self, name: &str) {
        let _ = write_str(&mut self.out, name);
    }

    /// A number, where a value is due.
    #[inline]
    pub fn number(&mut self, value: i64) {
        let _ = write_sint(&mut self.out, value);
    }

    /// An address as text, where a value is due.
    pub fn address_text(&mut self, address: Address) {
        self.text.clear();
        let _ = write!(self.text, "{address}");
        let _ = write_str(&mut self.out, &self.text);
    }

    /// A field that holds nothing.
    pub fn nil(&mut self, name: &str) {
        self.key(name);
        let _ = write_nil(&mut self.out);
    }

    /// A field with a number.
    pub fn int(&mut self, name: &str, value: i64) {
        self.key(name);
        self.number(value);
    }

    /// A field with a count.
    pub fn count(&mut self, name: &str, value: u64) {
        self.key(name);
        let _ = write_uint(&mut self.out, value);
    }

    /// A field that is true or false.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.key(name);
        let _ = write_bool(&mut self.out, value);
    }

    /// A field with text.
    pub fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        let _ = write_str(&mut self.out, value);
    }

    /// A field with a list of texts.
    pub fn texts(&mut self, name: &str, values: &[String]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            let _ = write_str(&mut self.out, value);
        }
    }

    /// A field with a list of numbers.
    pub fn numbers(&mut self, name: &str, values: &[u16]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            self.number(i64::from(*value));
        }
    }

    /// A field with text, or nothing.
    pub fn option(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.nil(name),
        }
    }

    /// A field with a number, or nothing.
    pub fn moment(&mut self, name: &str, value: Option<i64>) {
        match value {
            Some(value) => self.int(name, value),
            None => self.nil(name),
        }
    }

    /// A field with an address.
    pub fn address(&mut self, name: &str, address: Address) {
        self.key(name);
        self.address_text(address);
    }

    /// The field `flow`; `tunnels` are the decoder's tunnel names.
    pub fn flow(&mut self, flow: &FlowKey, tunnels: &[String]) {
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

    /// A gap.
    pub fn gap(&mut self, gap: &Gap) {
        self.map(6);
        self.text("type", "gap");
        self.int("ts_ns", gap.ts_ns);
        self.int("since_ns", gap.since_ns);
        self.count("packets", gap.packets);
        self.count("bytes", gap.bytes);
        self.text("reason", gap.reason);
    }
}
