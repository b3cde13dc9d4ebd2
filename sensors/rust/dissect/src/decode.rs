//! Observations from msgpack maps: what `encode` wrote, on this host or another one.
//!
//! Each is taken for itself: one that is malformed, or of a kind that a newer sensor knows, is counted and the
//! others stand. Names are the printable text that a sensor makes of them, and nothing has more parts than there.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::clienthello::MAX_CLIENT_HELLO_BYTES;
use crate::dns_chain::{MAX_ADDRESSES, MAX_CHAIN, MAX_PUBLIC_NAMES};
use crate::dns_names::MAX_NAME_BYTES;
use crate::gaps;
use crate::ja4::Ja4;
use crate::msgpack_reader::Reader;
use crate::observations::{
    Carrier, DataSeen, EndReason, FlowKey, FlowUpdate, Gap, HelloSeen, NameResolved, Observation,
};
use crate::proxy_header::ProxiedEnds;
use crate::segment::{Address, TCP, UDP};
use crate::wire::Malformed;

/// Tunnels by name that are told apart; flows in others are malformed.
pub const MAX_TUNNELS: usize = 65_535;
/// A byte of a name may stand as four characters.
const MAX_TEXT_BYTES: usize = 4 * MAX_NAME_BYTES;
const MAX_TUNNEL_BYTES: usize = 1_024;
const MAX_LIST: usize = MAX_CLIENT_HELLO_BYTES / 2;

const MISSING: Malformed = Malformed("observation-field-missing");
const WORD: Malformed = Malformed("observation-word");
const TEXT: Malformed = Malformed("observation-text");
const ADDRESS: Malformed = Malformed("observation-address");
const TUNNELS: Malformed = Malformed("observation-tunnels");

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The observations, in order.
    pub observations: Vec<Observation>,
    /// Those that are none, and what a torn batch claims to have and has not.
    pub malformed: u64,
    /// Those of a kind that is not known here.
    pub unknown: u64,
}

/// Reads batches; keeps the names of tunnels for flows to refer to.
#[derive(Default)]
pub struct Decoder {
    tunnels: Vec<String>,
    numbers: BTreeMap<String, u16>,
}

type Read<T> = Result<T, Malformed>;

impl Decoder {
    /// The names of tunnels so far.
    #[must_use]
    pub fn tunnels(&self) -> &[String] {
        &self.tunnels
    }

    /// Read a batch: one array of maps, with `type` first.
    ///
    /// # Errors
    /// It is no array at all.
    pub fn batch(&mut self, bytes: &[u8]) -> Read<Decoded> {
        let mut reader = Reader::new(bytes);
        let items = reader.array()?;
        let mut decoded = Decoded::default();
        decoded.observations.reserve(items.min(bytes.len() / 32));
        for taken in 0..items {
            let Ok(value) = reader.value() else {
                decoded.malformed += (items - taken) as u64;
                break;
            };
            match self.observation(value) {
                Ok(Some(observation)) => decoded.observations.push(observation),
                Ok(None) => decoded.unknown += 1,
                Err(Malformed(_)) => decoded.malformed += 1,
            }
        }
        Ok(decoded)
    }

    /// Read one; `None` where its kind is not known.
    fn observation(&mut self, value: &[u8]) -> Read<Option<Observation>> {
        let mut reader = Reader::new(value);
        let fields = reader.map()?.checked_sub(1).ok_or(MISSING)?;
        if reader.text()? != "type" {
            return Err(MISSING);
        }
        let kind = reader.text()?;
        let mut map = Fields { reader, fields };
        Ok(Some(match kind {
            "name_resolved" => Observation::Name(Box::new(name_resolved(&mut map)?)),
            "hello_seen" => Observation::Hello(Box::new(self.hello_seen(&mut map)?)),
            "flow_update" => Observation::Flow(self.flow_update(&mut map)?),
            "data_seen" => Observation::Data(self.data_seen(&mut map)?),
            "gap" => Observation::Gap(gap(&mut map)?),
            _ => return Ok(None),
        }))
    }

    fn hello_seen(&mut self, map: &mut Fields<'_>) -> Read<HelloSeen> {
        let (mut ts_ns, mut flow, mut carrier, mut ech) = (None, None, None, None);
        let (mut server_name, mut ja4, mut complete, mut rtt_ns) = (None, None, None, None);
        let (mut alpn, mut versions) = (Vec::new(), Vec::new());
        map.each(|field, reader| {
            match field {
                "ts_ns" => ts_ns = Some(reader.number()?),
                "flow" => flow = Some(self.flow(reader)?),
                "carrier" => carrier = Some(Carrier::from_text(reader.text()?).ok_or(WORD)?),
                "server_name" => server_name = reader.option(name)?,
                "alpn" => alpn = reader.list(MAX_LIST, name)?,
                "versions" => versions = reader.list(MAX_LIST, Reader::number)?,
                "ech" => ech = Some(one_of(reader.text()?, &["none", "grease", "offered"])?),
                "ja4" => ja4 = reader.option(fingerprint)?,
                "complete" => complete = Some(reader.flag()?),
                "rtt_ns" => rtt_ns = reader.option(Reader::number)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(HelloSeen {
            ts_ns: ts_ns.ok_or(MISSING)?,
            flow: flow.ok_or(MISSING)?,
            carrier: carrier.ok_or(MISSING)?,
            server_name,
            alpn,
            versions,
            ech: ech.ok_or(MISSING)?,
            ja4,
            complete: complete.ok_or(MISSING)?,
            rtt_ns,
        })
    }

    fn flow_update(&mut self, map: &mut Fields<'_>) -> Read<FlowUpdate> {
        let (mut ts_ns, mut flow, mut first_ns, mut reason) = (None, None, None, None);
        let (mut packets_up, mut packets_down, mut bytes_up, mut bytes_down) = (0, 0, 0, 0);
        let (mut handshake_rtt_ns, mut first_byte_ns, mut midstream) = (None, None, false);
        map.each(|field, reader| {
            match field {
                "ts_ns" => ts_ns = Some(reader.number()?),
                "flow" => flow = Some(self.flow(reader)?),
                "first_ns" => first_ns = Some(reader.number()?),
                "packets_up" => packets_up = reader.count()?,
                "packets_down" => packets_down = reader.count()?,
                "bytes_up" => bytes_up = reader.count()?,
                "bytes_down" => bytes_down = reader.count()?,
                "handshake_rtt_ns" => handshake_rtt_ns = reader.option(Reader::number)?,
                "first_byte_ns" => first_byte_ns = reader.option(Reader::number)?,
                "midstream" => midstream = reader.flag()?,
                "reason" => reason = Some(EndReason::from_text(reader.text()?).ok_or(WORD)?),
                _ => reader.skip()?, // "final" among them, which the reason says
            }
            Ok(())
        })?;
        Ok(FlowUpdate {
            ts_ns: ts_ns.ok_or(MISSING)?,
            flow: flow.ok_or(MISSING)?,
            first_ns: first_ns.ok_or(MISSING)?,
            packets_up,
            packets_down,
            bytes_up,
            bytes_down,
            handshake_rtt_ns,
            first_byte_ns,
            midstream,
            reason: reason.ok_or(MISSING)?,
        })
    }

    fn data_seen(&mut self, map: &mut Fields<'_>) -> Read<DataSeen> {
        let (mut ts_ns, mut flow, mut bytes_up) = (None, None, None);
        map.each(|field, reader| {
            match field {
                "ts_ns" => ts_ns = Some(reader.number()?),
                "flow" => flow = Some(self.flow(reader)?),
                "bytes_up" => bytes_up = Some(reader.count()?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(DataSeen {
            ts_ns: ts_ns.ok_or(MISSING)?,
            flow: flow.ok_or(MISSING)?,
            bytes_up: bytes_up.ok_or(MISSING)?,
        })
    }

    fn flow(&mut self, reader: &mut Reader<'_>) -> Read<FlowKey> {
        let (mut client, mut client_port, mut server, mut server_port) = (None, None, None, None);
        let (mut transport, mut vlan, mut tunnel, mut proxy) = (None, None, None, None);
        let mut map = Fields::new(reader)?;
        map.each(|field, reader| {
            match field {
                "client" => client = Some(address(reader)?),
                "client_port" => client_port = Some(reader.number()?),
                "server" => server = Some(address(reader)?),
                "server_port" => server_port = Some(reader.number()?),
                "transport" => transport = Some(protocol(reader.text()?)?),
                "vlan" => vlan = reader.option(Reader::number)?,
                "tunnel" => {
                    if let Some(path) = reader.option(Reader::text)? {
                        (tunnel, proxy) = self.tunnel(path)?;
                    }
                }
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        *reader = map.reader;
        Ok(FlowKey {
            client: client.ok_or(MISSING)?,
            client_port: client_port.ok_or(MISSING)?,
            server: server.ok_or(MISSING)?,
            server_port: server_port.ok_or(MISSING)?,
            transport: transport.ok_or(MISSING)?,
            vlan,
            tunnel,
            proxy,
        })
    }

    /// The number of a tunnel, and the ends on the wire where the innermost is a proxy.
    fn tunnel(&mut self, path: &str) -> Read<(Option<u16>, Option<ProxiedEnds>)> {
        if path.len() > MAX_TUNNEL_BYTES || !is_plain(path) {
            return Err(TEXT);
        }
        let (outer, innermost) = path.rsplit_once('/').unwrap_or(("", path));
        match ProxiedEnds::from_tunnel(innermost) {
            Some(ends) if outer.is_empty() => Ok((None, Some(ends))),
            Some(ends) => Ok((Some(self.number(outer)?), Some(ends))),
            None => Ok((Some(self.number(path)?), None)),
        }
    }

    fn number(&mut self, tunnel: &str) -> Read<u16> {
        if let Some(number) = self.numbers.get(tunnel) {
            return Ok(*number);
        }
        if self.tunnels.len() >= MAX_TUNNELS {
            return Err(TUNNELS);
        }
        let number = self.tunnels.len() as u16;
        self.tunnels.push(tunnel.to_owned());
        self.numbers.insert(tunnel.to_owned(), number);
        Ok(number)
    }
}

/// The fields of a map that are left.
struct Fields<'a> {
    reader: Reader<'a>,
    fields: u32,
}

impl<'a> Fields<'a> {
    fn new(reader: &mut Reader<'a>) -> Read<Self> {
        let fields = reader.map()?;
        let reader = *reader;
        Ok(Self { reader, fields })
    }

    /// Hand each field's name over, with the reader at its value.
    fn each(&mut self, mut take: impl FnMut(&str, &mut Reader<'a>) -> Read<()>) -> Read<()> {
        for _ in 0..self.fields {
            let field = self.reader.text()?;
            take(field, &mut self.reader)?;
        }
        Ok(())
    }
}

fn name_resolved(map: &mut Fields<'_>) -> Read<NameResolved> {
    let (mut ts_ns, mut client, mut resolver, mut qname) = (None, None, None, None);
    let (mut qtype, mut rcode, mut ttl) = (None, None, None);
    let (mut cnames, mut addresses, mut ech_public_names) = (Vec::new(), Vec::new(), Vec::new());
    map.each(|field, reader| {
        match field {
            "ts_ns" => ts_ns = Some(reader.number()?),
            "client" => client = Some(address(reader)?),
            "resolver" => resolver = Some(address(reader)?),
            "qname" => qname = Some(name(reader)?),
            "qtype" => qtype = Some(reader.number()?),
            "rcode" => rcode = Some(reader.number()?),
            "cnames" => cnames = reader.list(MAX_CHAIN, name)?,
            "addresses" => addresses = reader.list(MAX_ADDRESSES, address)?,
            "ttl" => ttl = Some(reader.number()?),
            "ech_public_names" => ech_public_names = reader.list(MAX_PUBLIC_NAMES, name)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(NameResolved {
        ts_ns: ts_ns.ok_or(MISSING)?,
        client: client.ok_or(MISSING)?,
        resolver: resolver.ok_or(MISSING)?,
        qname: qname.ok_or(MISSING)?,
        qtype: qtype.ok_or(MISSING)?,
        rcode: rcode.ok_or(MISSING)?,
        cnames,
        addresses,
        ttl: ttl.ok_or(MISSING)?,
        ech_public_names,
    })
}

fn gap(map: &mut Fields<'_>) -> Read<Gap> {
    let (mut ts_ns, mut since_ns, mut packets, mut bytes) = (None, None, 0, 0);
    let mut reason = None;
    map.each(|field, reader| {
        match field {
            "ts_ns" => ts_ns = Some(reader.number()?),
            "since_ns" => since_ns = Some(reader.number()?),
            "packets" => packets = reader.count()?,
            "bytes" => bytes = reader.count()?,
            "reason" => reason = Some(one_of(reader.text()?, &gaps::ALL_REASONS)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(Gap {
        ts_ns: ts_ns.ok_or(MISSING)?,
        since_ns: since_ns.ok_or(MISSING)?,
        packets,
        bytes,
        reason: reason.ok_or(MISSING)?,
    })
}

/// A name as a sensor writes it: printable ASCII.
fn name(reader: &mut Reader<'_>) -> Read<String> {
    let text = reader.text()?;
    if text.len() > MAX_TEXT_BYTES || !is_plain(text) {
        return Err(TEXT);
    }
    Ok(text.to_owned())
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
}

fn fingerprint(reader: &mut Reader<'_>) -> Read<Ja4> {
    Ja4::from_text(reader.text()?).ok_or(TEXT)
}

fn address(reader: &mut Reader<'_>) -> Read<Address> {
    let parsed: IpAddr = reader.text()?.parse().map_err(|_| ADDRESS)?;
    Ok(Address::from(parsed))
}

fn protocol(text: &str) -> Read<u8> {
    match text {
        "tcp" => Ok(TCP),
        "udp" => Ok(UDP),
        _ => Err(WORD),
    }
}

fn one_of(text: &str, words: &[&'static str]) -> Read<&'static str> {
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .ok_or(WORD)
}

#[cfg(test)]
mod tests;
