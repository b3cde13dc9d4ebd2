//! The part of a DNS response that hangs on its question: aliases from the name asked for, and where they lead.
//!
//! Records count for a name on the chain, or for the target of a service on it; those for any other name do not.

use std::net::IpAddr;
use std::ops::Range;

use crate::dns_names::ROOT;
use crate::dns_pool::{NameId, NamePool};
use crate::dns_records::{Record, Value};
use crate::svcb::{Service, ech_public_names};

/// Aliases followed; resolvers give up around there.
pub const MAX_CHAIN: usize = 16;
/// Addresses of one answer.
pub const MAX_ADDRESSES: usize = 64;
/// Public names of one answer.
pub const MAX_PUBLIC_NAMES: usize = 16;

/// What is known of one name of the message.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    cname: Option<NameId>,      // the first one
    alias_mode: Option<NameId>, // the first one
    on_chain: bool,
    counts: bool, // on the chain, or the target of a service on it
}

/// What hangs on the question of one message; its memory serves the next one.
#[derive(Debug, Default)]
pub struct Chain {
    /// The names after the one asked for.
    pub aliases: Vec<NameId>,
    /// Each once, in the order of the message.
    pub addresses: Vec<IpAddr>,
    /// Each once, in the order of the message.
    pub public_names: Vec<NameId>,
    /// The smallest of the records that count.
    pub ttl: Option<u32>,
    /// Whether there is more than the bounds allow.
    pub clipped: bool,
    /// Whether an `ECHConfigList` is broken.
    pub ech_malformed: bool,
    places: Vec<Place>, // by the name's number
}

impl Chain {
    /// Follow the aliases from `qname`, in whatever order they stand, and mark the names that count.
    ///
    /// The first alias of a name counts, CNAME before `AliasMode`; the chain ends before a name that it has held.
    pub fn follow<'m>(
        &mut self,
        qname: NameId,
        pool: &NamePool,
        records: impl Iterator<Item = &'m Record> + Clone,
    ) {
        self.begin(pool.len());
        for record in records.clone() {
            let Some(place) = self.places.get_mut(record.owner.index()) else {
                continue;
            };
            match &record.value {
                Value::Address(_) => {}
                Value::Alias(target) => {
                    place.cname.get_or_insert(*target);
                }
                // a target of "." means: no such service
                Value::Service(service) => {
                    if service.is_alias() && pool.text(service.target) != ROOT {
                        place.alias_mode.get_or_insert(service.target);
                    }
                }
            }
        }
        self.walk(qname);
        for record in records {
            if let Value::Service(service) = &record.value {
                self.mark_target(record.owner, service);
            }
        }
    }

    fn begin(&mut self, names: usize) {
        self.aliases.clear();
        self.addresses.clear();
        self.public_names.clear();
        self.ttl = None;
        self.clipped = false;
        self.ech_malformed = false;
        self.places.clear();
        self.places.resize(names, Place::default());
    }

    fn walk(&mut self, qname: NameId) {
        let mut name = qname;
        while let Some(place) = self.places.get_mut(name.index()) {
            if place.on_chain {
                break;
            }
            if name != qname {
                if self.aliases.len() == MAX_CHAIN {
                    self.clipped = true;
                    break;
                }
                self.aliases.push(name);
            }
            place.on_chain = true;
            place.counts = true;
            match place.cname.or(place.alias_mode) {
                Some(target) => name = target,
                None => break,
            }
        }
    }

    fn mark_target(&mut self, owner: NameId, service: &Service) {
        let on_chain = self
            .places
            .get(owner.index())
            .is_some_and(|place| place.on_chain);
        if on_chain
            && !service.is_alias()
            && let Some(target) = self.places.get_mut(service.target.index())
        {
            target.counts = true;
        }
    }

    /// Collect what the records of a section say for the names that count; return how many of them counted.
    pub fn gather(&mut self, message: &[u8], pool: &mut NamePool, records: &[Record]) -> usize {
        let mut used = 0;
        for record in records {
            if !self
                .places
                .get(record.owner.index())
                .is_some_and(|place| place.counts)
            {
                continue;
            }
            used += 1;
            self.ttl = Some(self.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            match &record.value {
                Value::Address(address) => self.add_address(*address),
                Value::Alias(_) => {}
                Value::Service(service) => self.add_service(message, pool, service),
            }
        }
        used
    }

    fn add_service(&mut self, message: &[u8], pool: &mut NamePool, service: &Service) {
        let part = |range: &Range<usize>| message.get(range.clone()).unwrap_or_default();
        let (ipv4, _) = part(&service.ipv4_hints).as_chunks::<4>();
        let (ipv6, _) = part(&service.ipv6_hints).as_chunks::<16>();
        let hints = ipv4.iter().map(|&hint| IpAddr::from(hint));
        for address in hints.chain(ipv6.iter().map(|&hint| IpAddr::from(hint))) {
            self.add_address(address);
        }
        if let Some(ech) = &service.ech {
            self.add_public_names(part(ech), pool);
        }
    }

    fn add_address(&mut self, address: IpAddr) {
        self.clipped |= add_once(&mut self.addresses, address, MAX_ADDRESSES);
    }

    fn add_public_names(&mut self, configs: &[u8], pool: &mut NamePool) {
        if ech_public_names(configs, |_| {}).is_err() {
            self.ech_malformed = true;
            return;
        }
        let _ = ech_public_names(configs, |name| {
            let name = pool.take(name);
            self.clipped |= add_once(&mut self.public_names, name, MAX_PUBLIC_NAMES);
        });
    }
}

/// Append what is not there yet; return whether there was no room for it.
fn add_once<T: Copy + PartialEq>(list: &mut Vec<T>, item: T, limit: usize) -> bool {
    if list.contains(&item) {
        return false;
    }
    if list.len() == limit {
        return true;
    }
    list.push(item);
    false
}
