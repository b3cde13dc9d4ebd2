//! Which clients were connected to where voice and video are arranged, and when. Bounded.
//!
//! The mirror of `monitor/signalling.py`.

use ahash::RandomState;
use dissect::flows::SECOND_NS;
use dissect::observations::HelloSeen;
use dissect::segment::Address;

use crate::hostmatch::{NameIndex, normal_name};
use crate::recency::Recency;

/// Media goes on, and begins anew, for so long after signalling ended.
const GRACE_NS: i64 = 300 * SECOND_NS;
/// Of one client.
const MAX_HOSTS: usize = 8;

/// The connections of one client to one host.
#[derive(Debug)]
struct Call {
    host: String,
    since_ns: i64,
    until_ns: i64,
    open: u64,
}

impl Call {
    /// Whether there was one at that moment, or shortly before.
    const fn covers(&self, ts_ns: i64) -> bool {
        let held = self.open > 0 || ts_ns <= self.until_ns.saturating_add(GRACE_NS);
        self.since_ns <= ts_ns && held
    }
}

/// Remembers the latest clients; `hosts` tells where they were connected.
pub struct Signalling {
    names: NameIndex,
    limit: usize,
    clients: Recency<Address, Vec<Call>>, // the latest host last
}

impl Signalling {
    /// Remember so many clients of the hosts with these names.
    #[must_use]
    pub fn new(names: &[String], limit: usize, hasher: &RandomState) -> Self {
        Self {
            names: NameIndex::new(names, hasher),
            limit,
            clients: Recency::new(hasher.clone()),
        }
    }

    /// Go on with hosts of other names; the clients that are remembered stay.
    pub fn retarget(&mut self, names: NameIndex) {
        self.names = names;
    }

    /// Take note of a hello.
    pub fn begun(&mut self, hello: &HelloSeen) {
        let Some(host) = hello.server_name.as_deref() else {
            return;
        };
        if !normal_name(host).is_some_and(|name| self.names.fits(&name)) {
            return;
        }
        let (client, ts_ns) = (hello.flow.client, hello.ts_ns);
        let slot = self
            .clients
            .find(&client)
            .unwrap_or_else(|| self.clients.insert(client, Vec::new()));
        self.clients.touch(slot);
        if let Some(calls) = self.clients.get_mut(slot) {
            let known = calls.iter().position(|call| call.host == host);
            let known = known.map(|at| calls.remove(at));
            let mut call = known
                .filter(|call| call.covers(ts_ns))
                .unwrap_or_else(|| Call {
                    host: host.to_owned(),
                    since_ns: ts_ns,
                    until_ns: ts_ns,
                    open: 0,
                });
            call.open += 1;
            calls.push(call);
            if calls.len() > MAX_HOSTS {
                calls.remove(0);
            }
        }
        if self.clients.len() > self.limit {
            self.clients.pop_oldest();
        }
    }

    /// Take note of the end of the connection that a hello began.
    pub fn ended(&mut self, hello: &HelloSeen, ts_ns: i64) {
        let Some(host) = hello
            .server_name
            .as_deref()
            .filter(|_| !self.clients.is_empty())
        else {
            return;
        };
        let slot = self.clients.find(&hello.flow.client);
        let calls = slot.and_then(|slot| self.clients.get_mut(slot));
        if let Some(call) = calls.and_then(|calls| calls.iter_mut().find(|call| call.host == host))
        {
            call.open = call.open.saturating_sub(1);
            call.until_ns = call.until_ns.max(ts_ns);
        }
    }

    /// The hosts that a client was connected to at a moment, the latest first.
    pub fn hosts(&self, client: Address, ts_ns: i64) -> impl Iterator<Item = &str> {
        let calls = self
            .clients
            .find(&client)
            .and_then(|slot| self.clients.get(slot));
        let latest = calls.into_iter().flat_map(|calls| calls.iter().rev());
        latest
            .filter(move |call| call.covers(ts_ns))
            .map(|call| call.host.as_str())
    }
}
