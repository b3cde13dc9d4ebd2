//! What a policy can care about: names, address ranges, ports and protocols. All else is only counted.
//!
//! The rule: whatever the monitor could make a decision of is cared for. More may be; that costs time, and
//! changes nothing that comes out.

use ahash::RandomState;
use dissect::observations::{Carrier, HelloSeen};
use dissect::segment::Address;

use crate::connections::{Connection, Coverage, Name, Source};
use crate::hostmatch::{AddressIndex, AddressMap, Literal, NameIndex, literal, normal_name};

/// Counted apart. The mirror of `MAX_GROUPS` in `sensors/interest.py`.
pub const MAX_GROUPS: u32 = 4_096;

/// What is cared for, as texts. The mirror of `Interest` in `sensors/interest.py`.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Host names and patterns.
    pub names: Vec<String>,
    /// Of servers' addresses, in CIDR notation.
    pub prefixes: Vec<String>,
    /// Of servers.
    pub server_ports: Vec<u16>,
    /// Application protocols that a hello offers.
    pub alpn: Vec<String>,
    /// Hosts at which voice and video are arranged: names and patterns.
    pub signalling: Vec<String>,
    /// Of clients that ask in others' place, in CIDR notation.
    pub resolvers: Vec<String>,
    /// Of clients' addresses, in CIDR notation.
    pub client_prefixes: Vec<String>,
    /// Prefixes of clients' addresses, each with its group's number.
    pub groups: Vec<(String, u32)>,
    /// Prefixes where LLM endpoints are hosted.
    pub hosting: Vec<String>,
}

/// What is cared for, compiled.
pub struct Interest {
    edition: u32, // 1 at first; what was looked up in another one is looked up again
    names: NameIndex,
    prefixes: AddressIndex,
    server_ports: Vec<u16>, // in order
    alpn: Vec<String>,
    clients: AddressIndex,
    groups: AddressMap<u32>, // below MAX_GROUPS
    hosting: AddressIndex,
}

impl Interest {
    /// Compile what is wanted. A prefix that is none, or a group's number that is too high, is the error.
    pub fn new(wanted: Wanted, hasher: &RandomState) -> Result<Self, String> {
        let numbers = wanted.groups.iter().map(|(_, number)| *number);
        if let Some(number) = numbers.max().filter(|number| *number >= MAX_GROUPS) {
            return Err(format!("group {number}"));
        }
        let groups = wanted.groups.iter();
        let groups = groups.map(|(prefix, number)| (prefix.as_str(), *number));
        let mut server_ports = wanted.server_ports;
        server_ports.sort_unstable();
        Ok(Self {
            edition: 1,
            names: NameIndex::new(&wanted.names, hasher),
            prefixes: AddressIndex::new(&wanted.prefixes, hasher)?,
            server_ports,
            alpn: wanted.alpn,
            clients: AddressIndex::new(&wanted.client_prefixes, hasher)?,
            groups: AddressMap::new(groups, hasher)?,
            hosting: AddressIndex::new(&wanted.hosting, hasher)?,
        })
    }

    /// The same, as what follows on another interest.
    #[must_use]
    pub fn following(self, former: &Self) -> Self {
        let edition = former.edition % (u32::MAX >> 1) + 1;
        Self { edition, ..self }
    }

    /// Which one it is of those that follow one another, from 1 on.
    #[must_use]
    pub const fn edition(&self) -> u32 {
        self.edition
    }

    /// The number of the group that owns a client; 0 where none does.
    #[must_use]
    pub fn group(&self, client: Address) -> u32 {
        self.groups.find(client).unwrap_or_default()
    }

    /// Whether a connection has no name at all, and its server is where LLM endpoints are hosted.
    #[must_use]
    pub fn may_hide(&self, connection: &Connection<'_>) -> bool {
        let unresolved = matches!(
            connection.coverage,
            Coverage::Address | Coverage::Midstream | Coverage::Lost
        );
        unresolved && self.hosting.fits(connection.update.flow.server)
    }

    /// Whether a name is one of those cared for, in any case, with or without the trailing dot.
    #[must_use]
    pub fn fits_name(&self, name: &str) -> bool {
        normal_name(name).is_some_and(|name| self.names.fits(&name))
    }

    /// Whether an address is in a range cared for.
    #[must_use]
    pub fn fits_address(&self, address: Address) -> bool {
        self.prefixes.fits(address)
    }

    /// Whether a policy can care about a connection.
    #[must_use]
    pub fn cares(&self, connection: &Connection<'_>) -> bool {
        let flow = &connection.update.flow;
        connection.coverage == Coverage::Concealed
            || self.server_ports.binary_search(&flow.server_port).is_ok()
            || self.fits_address(flow.server)
            || self.clients.fits(flow.client)
            || connection
                .hellos
                .iter()
                .any(|hello| self.cares_for_hello(hello))
            || connection
                .names
                .iter()
                .any(|name| self.cares_for_name(name))
    }

    fn cares_for_hello(&self, hello: &HelloSeen) -> bool {
        let usual = matches!(
            hello.carrier,
            Carrier::Tls
                | Carrier::Quic
                | Carrier::Dtls
                | Carrier::HttpConnect
                | Carrier::Socks
                | Carrier::Http
        );
        !usual
            || hello.ech == "offered"
            || hello.alpn.iter().any(|protocol| self.alpn.contains(protocol))
            // Whatever it is called, outside or in: the outer name of ECH is among these.
            || hello.server_name.as_deref().is_some_and(|name| self.fits_name(name))
    }

    fn cares_for_name(&self, name: &Name<'_>) -> bool {
        if name.told.is_some_and(|told| told.fits(self)) {
            return true;
        }
        name.source != Source::Dns
            && match literal(name.value) {
                Literal::No => false,
                Literal::Is(address) => self.fits_address(address),
                Literal::Perhaps => true,
            }
    }
}

#[cfg(test)]
mod tests;
