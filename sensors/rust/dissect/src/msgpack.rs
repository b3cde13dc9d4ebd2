//! Writes msgpack maps into memory, field by field. Writing into a `Vec` cannot fail, so results carry nothing.

#![allow(clippy::inline_always)] // so that a field's name is a few stores of constants, not a call for a copy

use std::fmt::Write as _;

use rmp::encode::{
    write_array_len, write_bool, write_map_len, write_nil, write_sint, write_str, write_uint,
};

use crate::observations::{DataSeen, FlowKey, Gap};
use crate::segment::{Address, TCP};

/// What a short text begins with, its length in the lower bits.
const FIXSTR: u8 = 0xa0;
const MAX_KEY_BYTES: usize = 31;
/// `255.255.255.255`
const MAX_OCTETS_BYTES: usize = 15;
const ROOM_BYTES: usize = 1_024;
/// Of an array, ahead of its values.
const MAX_HEAD_BYTES: usize = 5;
/// Memory that is kept for what comes next.
const MAX_SPARE_BYTES: usize = 16_384;

/// What was written so far.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    text: String,
}

impl Writer {
    /// Take what was written. The next will need about as much memory.
    pub fn take(&mut self) -> Vec<u8> {
        let room = Vec::with_capacity(self.out.len());
        std::mem::replace(&mut self.out, room)
    }

    /// Take the values that were written, so many, as one array. What is written next goes where they were.
    pub fn take_array(&mut self, count: usize) -> Vec<u8> {
        let mut array = Vec::with_capacity(self.out.len() + MAX_HEAD_BYTES);
        let _ = write_array_len(&mut array, count as u32);
        array.append(&mut self.out);
        if self.out.capacity() > MAX_SPARE_BYTES {
            self.out = Vec::new();
        }
        array
    }

    /// How many bytes were written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Begin a map of so many fields.
    pub fn map(&mut self, fields: u32) {
        let _ = write_map_len(&mut self.out, fields);
    }

    /// Begin an array.
    pub fn array(&mut self, len: usize) {
        let _ = write_array_len(&mut self.out, len as u32);
    }

    /// Make room for what is about to be written: most values need less, and none needs to fit.
    pub fn make_room(&mut self) {
        self.out.reserve(ROOM_BYTES);
    }

    /// A field's name; its value has to follow.
    #[inline(always)]
    pub fn key(&mut self, name: &'static str) {
        debug_assert!(name.len() <= MAX_KEY_BYTES, "{name} is too long");
        self.out.push(FIXSTR | name.len() as u8);
        self.out.extend_from_slice(name.as_bytes());
    }

    /// A map's key that is data; its value has to follow.
    pub fn entry(&mut self, key: &str) {
        let _ = write_str(&mut self.out, key);
    }

    /// A number, where a value is due.
    #[inline]
    pub fn number(&mut self, value: i64) {
        let _ = write_sint(&mut self.out, value);
    }

    /// A count, where a value is due.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        let _ = write_uint(&mut self.out, value);
    }

    /// An address as text, where a value is due.
    pub fn address_text(&mut self, address: Address) {
        if let Some(octets) = address.octets() {
            return self.octets(octets);
        }
        self.text.clear();
        let _ = write!(self.text, "{address}");
        let _ = write_str(&mut self.out, &self.text);
    }

    /// An IPv4 address as text: there are two in each value, and formatting by `Display` is slow.
    fn octets(&mut self, octets: [u8; 4]) {
        let mut text = [b'.'; MAX_OCTETS_BYTES];
        let mut free = text.iter_mut();
        for (index, octet) in octets.into_iter().enumerate() {
            if index > 0 {
                free.next();
            }
            for unit in [100, 10, 1] {
                if (octet >= unit || unit == 1)
                    && let Some(place) = free.next()
                {
                    *place = b'0' + octet / unit % 10;
                }
            }
        }
        let used = MAX_OCTETS_BYTES - free.len();
        self.out.push(FIXSTR | used as u8);
        self.out
            .extend_from_slice(text.get(..used).unwrap_or_default());
    }

    /// A field that holds nothing.
    #[inline(always)]
    pub fn nil(&mut self, name: &'static str) {
        self.key(name);
        let _ = write_nil(&mut self.out);
    }

    /// A field with a number.
    #[inline(always)]
    pub fn int(&mut self, name: &'static str, value: i64) {
        self.key(name);
        self.number(value);
    }

    /// A field with a count.
    #[inline(always)]
    pub fn count(&mut self, name: &'static str, value: u64) {
        self.key(name);
        self.unsigned(value);
    }

    /// A field that is true or false.
    #[inline(always)]
    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.key(name);
        let _ = write_bool(&mut self.out, value);
    }

    /// A field with text.
    #[inline(always)]
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.key(name);
        let _ = write_str(&mut self.out, value);
    }

    /// A field with a list of texts.
    #[inline(always)]
    pub fn texts(&mut self, name: &'static str, values: &[String]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            let _ = write_str(&mut self.out, value);
        }
    }

    /// A field with a list of numbers.
    #[inline(always)]
    pub fn numbers(&mut self, name: &'static str, values: &[u16]) {
        self.key(name);
        self.array(values.len());
        for value in values {
            self.number(i64::from(*value));
        }
    }

    /// A field with text, or nothing.
    #[inline(always)]
    pub fn option(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.nil(name),
        }
    }

    /// A field with a number, or nothing.
    #[inline(always)]
    pub fn moment(&mut self, name: &'static str, value: Option<i64>) {
        match value {
            Some(value) => self.int(name, value),
            None => self.nil(name),
        }
    }

    /// A field with an address.
    #[inline(always)]
    pub fn address(&mut self, name: &'static str, address: Address) {
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

    /// Data behind a hello; `tunnels` are the decoder's tunnel names.
    pub fn data(&mut self, data: &DataSeen, tunnels: &[String]) {
        self.map(4);
        self.text("type", "data_seen");
        self.int("ts_ns", data.ts_ns);
        self.flow(&data.flow, tunnels);
        self.count("bytes_up", data.bytes_up);
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
