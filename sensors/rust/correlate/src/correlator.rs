//! Joins each flow to its names: the one it carried, else those its client was told for the address.
//!
//! The mirror of `monitor/correlator.py`. What another client was told, and what had expired, is kept apart and
//! marked, never taken for the name. An eager correlator gives connections of flows that still live, too.

use ahash::RandomState;
use dissect::observations::{Carrier, EndReason, FlowKey, FlowUpdate, HelloSeen, Observation};
use smallvec::SmallVec;

use crate::connections::{Connection, Coverage, Hello, Hellos, Name, NameList, Source, State};
use crate::hostmatch::NameIndex;
use crate::interest::Wanted;
use crate::recency::Recency;
use crate::resolutions::{Asker, Limits, Resolutions};
use crate::shared::Shared;
use crate::signalling::Signalling;
use crate::view::{Names, Resolved};

/// What the bounds made the correlator forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Hellos.
    pub hellos: u64,
    /// Names.
    pub names: u64,
}

/// A flow whose end was not seen.
#[derive(Default)]
struct Pending {
    hellos: Hellos,
    /// Its last connection was handed on.
    handed_on: bool,
}

/// Takes observations in order; gives a connection back for each flow that ended.
pub struct Correlator {
    /// Whether it gives connections of flows that still live, too.
    pub eager: bool,
    limits: Limits,
    resolutions: Resolutions,
    signalling: Signalling,
    pending: Recency<FlowKey, Pending>,
    ended: Hellos, // of the flow in work
    forgotten_hellos: u64,
}

impl Correlator {
    /// A correlator within limits. A prefix of resolvers that is none is the error.
    pub fn new(limits: Limits, wanted: &Wanted, hasher: &RandomState) -> Result<Self, String> {
        let shared = Shared::new(wanted, hasher)?;
        Ok(Self {
            eager: false,
            limits,
            signalling: Signalling::new(&wanted.signalling, limits.callers, hasher),
            resolutions: Resolutions::new(limits, shared, hasher),
            pending: Recency::new(hasher.clone()),
            ended: Hellos::new(),
            forgotten_hellos: 0,
        })
    }

    /// What was forgotten so far.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        Forgotten {
            hellos: self.forgotten_hellos,
            names: self.resolutions.forgotten(),
        }
    }

    /// Go on with other hosts of signalling, and share other answers; what is remembered stays.
    pub fn retarget(&mut self, signalling: NameIndex, shared: Shared) {
        self.signalling.retarget(signalling);
        self.resolutions.retarget(shared);
    }

    /// Note whether the last connection of a flow that still lives was handed on.
    pub fn hand_on(&mut self, flow: &FlowKey, handed_on: bool) {
        let slot = self.pending.find(flow);
        if let Some(pending) = slot.and_then(|slot| self.pending.get_mut(slot)) {
            pending.handed_on = handed_on;
        }
    }

    /// Whether it was.
    #[must_use]
    pub fn was_handed_on(&self, flow: &FlowKey) -> bool {
        let slot = self.pending.find(flow);
        let pending = slot.and_then(|slot| self.pending.get(slot));
        pending.is_some_and(|pending| pending.handed_on)
    }

    /// Take one observation; return the connection when it ends a flow, or tells of one that lives.
    pub fn feed(&mut self, observation: Observation) -> Option<Connection<'_>> {
        match observation {
            Observation::Flow(update) if self.eager || update.reason.is_final() => {
                return Some(self.connection(update));
            }
            Observation::Name(name) => {
                if !name.addresses.is_empty() || !name.ech_public_names.is_empty() {
                    self.resolutions.add(*name);
                }
            }
            Observation::Hello(hello) => {
                self.signalling.begun(&hello);
                self.remember(hello);
            }
            Observation::Flow(_) | Observation::Data(_) | Observation::Gap(_) => {}
        }
        None
    }

    fn remember(&mut self, hello: Box<HelloSeen>) {
        let known = self.pending.find(&hello.flow);
        if let Some(pending) = known.and_then(|slot| self.pending.get_mut(slot)) {
            if pending.hellos.len() >= self.limits.hellos {
                self.forgotten_hellos += 1;
            } else {
                pending.hellos.push(hello);
            }
            return;
        }
        let (flow, hellos) = (hello.flow, smallvec::smallvec![hello]);
        let handed_on = false;
        self.pending.insert(flow, Pending { hellos, handed_on });
        if self.pending.len() > self.limits.pending {
            self.pending.pop_oldest();
            self.forgotten_hellos += 1;
        }
    }

    fn connection(&mut self, update: FlowUpdate) -> Connection<'_> {
        let slot = self.pending.find(&update.flow);
        let hellos = if update.reason.is_final() {
            let pending = slot.and_then(|slot| self.pending.remove(slot));
            self.ended = pending
                .map(|(_, pending)| pending.hellos)
                .unwrap_or_default();
            for seen in &self.ended {
                self.signalling.ended(seen, update.ts_ns);
            }
            &self.ended
        } else {
            self.ended.clear();
            let pending = slot.and_then(|slot| self.pending.get(slot));
            pending.map_or(&self.ended, |pending| &pending.hellos)
        };
        let resolutions = &mut self.resolutions;
        let hello = read(&update, hellos, resolutions);
        let mut names = carried(hellos, hello.as_ref());
        let flow = &update.flow;
        let own = resolutions.use_view(Asker::Client(flow.client), flow.server);
        let (everybody, resolvers) = if names.is_empty() {
            (
                resolutions.use_view(Asker::Everybody, flow.server),
                resolutions.use_view(Asker::Resolvers, flow.server),
            )
        } else {
            (None, None)
        };
        let resolutions: &Resolutions = resolutions;
        let own = resolutions.names(own, update.first_ns);
        if names.is_empty() {
            let foreign = resolutions.foreign(everybody, &own, update.first_ns);
            let by_resolvers = resolutions.names(resolvers, update.first_ns);
            names = told(&own, &foreign, &by_resolvers);
            if !own.iter().any(|each| each.live) && begins_media(hellos) {
                let hosts = self.signalling.hosts(flow.client, update.first_ns);
                names.extend(hosts.map(beside_media));
            }
        } else {
            beside(&mut names, &own);
        }
        let coverage = coverage(&update, &names, hello.as_ref());
        Connection {
            update,
            hellos,
            hello,
            names,
            coverage,
        }
    }
}

/// The last hello, and what is hidden behind its name.
fn read<'a>(
    update: &FlowUpdate,
    hellos: &'a Hellos,
    resolutions: &Resolutions,
) -> Option<Hello<'a>> {
    let seen = &**hellos.last()?;
    let name = seen.server_name.as_deref().filter(|_| seen.ech != "none");
    let outer_name = name.filter(|name| {
        seen.ech == "offered" || resolutions.is_ech_public_name(update.flow.client, name)
    });
    let ech = if outer_name.is_some() {
        "offered"
    } else {
        seen.ech
    };
    Some(Hello {
        seen,
        ech,
        outer_name,
    })
}

/// The names that the connection carried, the innermost first: what a tunnel leads to.
fn carried<'a>(hellos: &'a Hellos, hello: Option<&Hello<'a>>) -> NameList<'a> {
    let outer_name = hello.and_then(|hello| hello.outer_name);
    let mut names = NameList::new();
    for seen in hellos.iter().rev() {
        if let Some(value) = seen.server_name.as_deref()
            && outer_name != Some(value)
        {
            names.push(Name {
                value,
                source: Source::of(seen.carrier),
                state: State::Live,
                told: None,
            });
        }
    }
    names
}

/// Whether the connection carries media.
fn begins_media(hellos: &Hellos) -> bool {
    hellos.iter().any(|seen| seen.carrier == Carrier::Stun)
}

/// A host at which media may have been arranged.
const fn beside_media(host: &str) -> Name<'_> {
    Name {
        value: host,
        source: Source::Signalling,
        state: State::Beside,
        told: None,
    }
}

/// Put what the client was told beside the names that the connection carried.
fn beside<'a>(names: &mut NameList<'a>, own: &Names<'a>) {
    let mut resolved = false;
    for name in names.iter_mut() {
        let mut live = own.iter().filter(|each| each.live);
        name.told = live
            .find(|each| each.told.name == name.value)
            .map(|each| each.told);
        resolved |= own.iter().any(|each| each.told.leads_to(name.value));
    }
    if !resolved {
        // DNS gave the address for other names. Where it did for this one, those say nothing.
        names.extend(
            own.iter()
                .filter(|each| each.live)
                .map(|each| name(each, State::Live)),
        );
    }
}

/// The names that DNS alone gives: the client's own live ones first, then what counts less.
fn told<'a>(own: &Names<'a>, foreign: &Names<'a>, by_resolvers: &Names<'a>) -> NameList<'a> {
    let of_resolvers = |each: &&Resolved<'a>| {
        let mut live = by_resolvers.iter().filter(|other| other.live);
        live.any(|other| other.told.name == each.told.name)
    };
    let live = own.iter().filter(|each| each.live);
    let stale = own.iter().filter(|each| !each.live);
    let live = live.map(|each| name(each, State::Live));
    let stale = stale.map(|each| name(each, State::Stale));
    let via = foreign.iter().filter(of_resolvers);
    let via = via.map(|each| name(each, State::Resolver));
    let others = foreign.iter().filter(|each| !of_resolvers(each));
    let others = others.map(|each| name(each, State::Foreign));
    let told = live.chain(stale).chain(via).chain(others);
    told.collect::<SmallVec<_>>()
}

fn name<'a>(resolved: &Resolved<'a>, state: State) -> Name<'a> {
    Name {
        value: &resolved.told.name,
        source: Source::Dns,
        state,
        told: Some(resolved.told),
    }
}

/// Put the connection into exactly one class, by how it could be named; the classes add up.
fn coverage(update: &FlowUpdate, names: &NameList<'_>, hello: Option<&Hello<'_>>) -> Coverage {
    let mut live = names.iter().filter(|name| name.state == State::Live);
    if let Some(first) = live.next() {
        if first.source != Source::Dns {
            return Coverage::Sni;
        }
        return if live.next().is_none() {
            Coverage::Dns
        } else {
            Coverage::Ambiguous
        };
    }
    if hello.is_some_and(|hello| hello.ech == "offered") {
        return Coverage::Concealed;
    }
    let incomplete = hello.is_some_and(|hello| !hello.seen.complete);
    if update.reason == EndReason::Evicted || incomplete {
        return Coverage::Lost;
    }
    if update.midstream {
        Coverage::Midstream
    } else {
        Coverage::Address
    }
}

#[cfg(test)]
mod tests;
