//! Where all workers put what they observed: one correlator, and what waits to be taken from it.
//!
//! A worker never waits for whoever takes: what waits is bounded by the outlet, which sheds and counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use correlate::Outlet;
use correlate::publishing::Cut;
use dissect::cargo::OTHER;
use dissect::encode::{Accounting, Encoder};
use dissect::observations::Observation;

use crate::live::ring::State as LinkState;

/// What a worker says of itself, once a second and at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The interface.
    pub interface: String,
    /// "up", "down" or "gone".
    pub state: &'static str,
    /// What became of every packet read, as a msgpack map.
    pub accounting: Vec<u8>,
    /// Packets that the kernel had for the ring, those that were dropped among them.
    pub packets: u64,
    /// Of these, those that found no room.
    pub dropped: u64,
    /// How often the ring was full.
    pub freezes: u64,
    /// Flows in the table.
    pub flows: u64,
}

impl Account {
    /// That of a ring which nobody read yet.
    pub(crate) fn new(interface: &str, state: LinkState) -> Self {
        let mut encoder = Encoder::default();
        encoder.accounting(&Accounting::default());
        Self {
            interface: interface.to_owned(),
            state: state.text(),
            accounting: encoder.take(),
            ..Self::default()
        }
    }
}

/// The names of tunnels of all workers, each once.
#[derive(Default)]
pub(crate) struct TunnelNames {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl TunnelNames {
    /// The number of a name; `OTHER`, which comes last, stands for all for which there was no more room.
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let last = usize::from(u16::MAX);
        if self.names.len() > last {
            return u16::MAX;
        }
        let number = self.names.len() as u16;
        let name = if number == u16::MAX { OTHER } else { name };
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// What a worker's own numbers of tunnels are for all.
#[derive(Default)]
pub(crate) struct TunnelNumbers(Vec<u16>);

impl TunnelNumbers {
    fn translate(&self, observation: &mut Observation) {
        let flow = match observation {
            Observation::Hello(hello) => &mut hello.flow,
            Observation::Flow(update) => &mut update.flow,
            Observation::Data(data) => &mut data.flow,
            Observation::Name(_) | Observation::Gap(_) => return,
        };
        flow.tunnel = flow
            .tunnel
            .and_then(|own| self.0.get(usize::from(own)).copied());
    }
}

struct State {
    outlet: Outlet,
    tunnels: TunnelNames,
    accounts: Vec<Account>,
    running: usize,
}

/// The one correlator, and what waits.
pub struct Inbox {
    state: Mutex<State>,
    news: Condvar,
}

impl Inbox {
    /// An inbox for as many workers as there are accounts. None runs yet.
    #[must_use]
    pub fn new(outlet: Outlet, accounts: Vec<Account>) -> Self {
        Self {
            state: Mutex::new(State {
                outlet,
                tunnels: TunnelNames::default(),
                accounts,
                running: 0,
            }),
            news: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Put a worker's observations; `tunnels` are its sensor's names, `numbers` what they are here.
    pub(crate) fn put(
        &self,
        mut observations: Vec<Observation>,
        tunnels: &[String],
        numbers: &mut TunnelNumbers,
    ) {
        let mut state = self.state();
        let State {
            outlet,
            tunnels: known,
            ..
        } = &mut *state;
        for name in tunnels.get(numbers.0.len()..).unwrap_or_default() {
            numbers.0.push(known.number(name));
        }
        if !numbers.0.is_empty() {
            for observation in &mut observations {
                numbers.translate(observation);
            }
        }
        outlet.take(observations, &known.names);
        if outlet.waiting() > 0 || outlet.has_much() {
            self.news.notify_one();
        }
    }

    /// Put a worker's account of itself.
    pub(crate) fn tell(&self, worker: usize, account: Account) {
        if let Some(place) = self.state().accounts.get_mut(worker) {
            *place = account;
        }
    }

    /// What waits, as a msgpack array, after at most so long; `None` when no worker runs and nothing waits.
    pub fn next_batch(&self, timeout: Duration) -> Option<Vec<u8>> {
        let empty = |state: &mut State| {
            let outlet = &state.outlet;
            outlet.waiting() == 0 && !outlet.has_much() && state.running > 0
        };
        let (mut state, _) = self
            .news
            .wait_timeout_while(self.state(), timeout, empty)
            .unwrap_or_else(PoisonError::into_inner);
        if state.outlet.waiting() == 0 && state.running == 0 {
            return None;
        }
        Some(state.outlet.batch())
    }

    /// How much waits, and the workers' accounts.
    #[must_use]
    pub fn accounts(&self) -> (usize, Vec<Account>) {
        let state = self.state();
        (state.outlet.waiting(), state.accounts.clone())
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    pub fn parcels(&self, rest: bool) -> (Vec<Cut>, u64) {
        self.state().outlet.parcels(rest)
    }

    /// Do something with the outlet.
    pub(crate) fn with_outlet<T>(&self, act: impl FnOnce(&mut Outlet) -> T) -> T {
        act(&mut self.state().outlet)
    }
}

/// A worker, from when it is made until it is gone, however it ended. If by a panic, all others are told to end too:
/// nobody shall take what is left for the whole.
pub(crate) struct Begun {
    inbox: Arc<Inbox>,
    stop: Arc<AtomicBool>,
}

impl Begun {
    pub(crate) fn new(inbox: &Arc<Inbox>, stop: &Arc<AtomicBool>) -> Self {
        inbox.state().running += 1;
        Self {
            inbox: Arc::clone(inbox),
            stop: Arc::clone(stop),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if thread::panicking() {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.inbox.state().running -= 1;
        self.inbox.news.notify_all();
    }
}

#[cfg(test)]
mod tests;
