//! Connections, gaps and counts as msgpack maps, with the fields of `sensors/connections.py` in their order.
//!
//! Few come this far, so they are written plainly.

use std::collections::VecDeque;

use dissect::ja4::Ja4;
use dissect::msgpack::Writer;
use dissect::observations::{DataSeen, FlowUpdate, Gap};

use crate::connections::{Connection, Coverage, Hello, Name};
use crate::filter::{Counted, FlowCount, GroupCount};

/// Values that are taken together at most,
const BATCH: usize = 1_024;
/// and about so many of their bytes: whoever takes them needs several times as much.
const BATCH_BYTES: usize = 1 << 20;

/// Writes values one after the other, and hands them out in batches, the oldest first.
#[derive(Debug, Default)]
pub struct Encoder {
    writer: Writer,
    /// How many the writer has.
    written: usize,
    /// Batches that are full, each with how many it holds.
    full: VecDeque<(usize, Vec<u8>)>,
    waiting: usize,
    waiting_bytes: usize,
}

impl Encoder {
    /// How many connections and the like wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many bytes they take.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes + self.writer.len()
    }

    /// Take what waited longest, as one array.
    pub fn batch(&mut self) -> Vec<u8> {
        let (count, values) = self.full.pop_front().map_or_else(
            || (std::mem::take(&mut self.written), self.writer.take()),
            |(count, values)| {
                self.waiting_bytes -= values.len();
                (count, values)
            },
        );
        self.waiting -= count;
        let mut head = Writer::default();
        head.array(count);
        let mut batch = head.take();
        batch.extend_from_slice(&values);
        batch
    }

    /// Note that one more is about to be written.
    fn begin(&mut self) {
        if self.written >= BATCH || self.writer.len() >= BATCH_BYTES {
            let values = self.writer.take();
            self.waiting_bytes += values.len();
            self.full
                .push_back((std::mem::take(&mut self.written), values));
        }
        self.written += 1;
        self.waiting += 1;
    }

    /// Write a connection; `tunnels` are the decoder's tunnel names.
    pub fn connection(&mut self, connection: &Connection<'_>, tunnels: &[String]) {
        self.begin();
        self.writer.map(7);
        self.writer.text("type", "connection_seen");
        self.writer.int("ts_ns", connection.update.first_ns);
        self.writer.flow(&connection.update.flow, tunnels);
        self.writer.key("names");
        self.writer.array(connection.names.len());
        for name in &connection.names {
            self.name(name);
        }
        match &connection.hello {
            Some(hello) => self.hello(hello),
            None => self.writer.nil("hello"),
        }
        self.totals(&connection.update);
        self.writer.text("coverage", connection.coverage.text());
    }

    /// Write that data was seen; `tunnels` are the decoder's tunnel names.
    pub fn data(&mut self, data: &DataSeen, tunnels: &[String]) {
        self.begin();
        self.writer.data(data, tunnels);
    }

    /// Write a gap.
    pub fn gap(&mut self, gap: &Gap) {
        self.begin();
        self.writer.gap(gap);
    }

    /// Write what was counted and not handed on; return it.
    #[must_use]
    pub fn counted(mut self, counted: &Counted) -> Vec<u8> {
        self.writer.map(3);
        self.writer.key("groups");
        let groups = counted.groups.iter().enumerate();
        let groups = groups.filter(|(_, count)| **count != GroupCount::default());
        self.writer.map(groups.clone().count() as u32);
        for (number, count) in groups {
            self.writer.unsigned(number as u64);
            self.group(count);
        }
        self.writer.key("forgotten");
        self.writer.map(2);
        self.writer
            .count("forgotten_hellos", counted.forgotten.hellos);
        self.writer
            .count("forgotten_names", counted.forgotten.names);
        self.writer.key("shed");
        self.writer.map(3);
        self.writer.count("opened", counted.shed.opened);
        self.writer.count("ended", counted.shed.ended);
        self.writer.count("data", counted.shed.data);
        self.writer.take()
    }

    fn group(&mut self, count: &GroupCount) {
        self.writer.map(5);
        self.writer.key("coverage");
        self.writer.map(Coverage::ALL.len() as u32);
        for (class, count) in Coverage::ALL.into_iter().zip(count.coverage) {
            self.writer.entry(class.text());
            self.flows(count);
        }
        let others = [
            ("ech_offered", count.ech_offered),
            ("ech_grease", count.ech_grease),
            ("address_hosting", count.address_hosting),
            ("lookups", count.lookups),
        ];
        for (name, count) in others {
            self.writer.key(name);
            self.flows(count);
        }
    }

    fn flows(&mut self, count: FlowCount) {
        self.writer.map(3);
        self.writer.count("flows", count.flows);
        self.writer.count("bytes_up", count.bytes_up);
        self.writer.count("bytes_down", count.bytes_down);
    }

    fn name(&mut self, name: &Name<'_>) {
        self.writer.map(4);
        self.writer.text("value", name.value);
        self.writer.text("source", name.source.text());
        self.writer.text("state", name.state.text());
        self.writer.texts("cnames", name.cnames());
    }

    fn hello(&mut self, hello: &Hello<'_>) {
        let seen = hello.seen;
        self.writer.key("hello");
        self.writer.map(7);
        self.writer.text("carrier", seen.carrier.text());
        self.writer.texts("alpn", &seen.alpn);
        self.writer.numbers("versions", &seen.versions);
        self.writer.text("ech", hello.ech);
        self.writer.option("outer_name", hello.outer_name);
        self.writer
            .option("ja4", seen.ja4.as_ref().map(Ja4::as_str));
        self.writer.flag("complete", seen.complete);
    }

    fn totals(&mut self, update: &FlowUpdate) {
        self.writer.key("totals");
        self.writer.map(8);
        self.writer.count("packets_up", update.packets_up);
        self.writer.count("packets_down", update.packets_down);
        self.writer.count("bytes_up", update.bytes_up);
        self.writer.count("bytes_down", update.bytes_down);
        let duration_ns = update.ts_ns.saturating_sub(update.first_ns);
        self.writer.int("duration_ns", duration_ns.max(0));
        self.writer
            .moment("handshake_rtt_ns", update.handshake_rtt_ns);
        self.writer.moment("first_byte_ns", update.first_byte_ns);
        self.writer.text("reason", update.reason.text());
    }
}
