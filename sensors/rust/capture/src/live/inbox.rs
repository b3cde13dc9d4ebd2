//! Where all workers put what they observed: one correlator, and what waits to be taken from it.
//!
//! A worker never waits for whoever takes: what waits is bounded by the filter, which sheds and counts.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use correlate::Filter;
use dissect::observations::Observation;

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

/// The names of tunnels of all workers, each once.
#[derive(Default)]
pub(crate) struct TunnelNames {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl TunnelNames {
    /// The number of a name; the last one stands for all that came when there was no more room.
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len().min(usize::from(u16::MAX - 1)) as u16;
        if usize::from(number) == self.names.len() {
            self.names.push(name.to_owned());
            self.numbers.insert(name.to_owned(), number);
        }
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
    filter: Filter,
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
    /// An inbox for so many workers.
    #[must_use]
    pub fn new(filter: Filter, workers: usize) -> Self {
        Self {
            state: Mutex::new(State {
                filter,
                tunnels: TunnelNames::default(),
                accounts: vec![Account::default(); workers],
                running: workers,
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
            filter,
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
        filter.take(observations, &known.names);
        if filter.waiting() > 0 {
            self.news.notify_one();
        }
    }

    /// Put a worker's account of itself.
    pub(crate) fn tell(&self, worker: usize, account: Account) {
        if let Some(place) = self.state().accounts.get_mut(worker) {
            *place = account;
        }
    }

    /// A worker ended.
    pub(crate) fn ended(&self) {
        self.state().running -= 1;
        self.news.notify_one();
    }

    /// What waits, as a msgpack array, after at most so long; `None` when all workers ended and nothing waits.
    pub fn next_batch(&self, timeout: Duration) -> Option<Vec<u8>> {
        let empty = |state: &mut State| state.filter.waiting() == 0 && state.running > 0;
        let (mut state, _) = self
            .news
            .wait_timeout_while(self.state(), timeout, empty)
            .unwrap_or_else(PoisonError::into_inner);
        if state.filter.waiting() == 0 && state.running == 0 {
            return None;
        }
        Some(state.filter.batch())
    }

    /// How much waits, and the workers' accounts.
    #[must_use]
    pub fn accounts(&self) -> (usize, Vec<Account>) {
        let state = self.state();
        (state.filter.waiting(), state.accounts.clone())
    }

    /// Do something with the filter.
    pub fn with_filter<T>(&self, act: impl FnOnce(&mut Filter) -> T) -> T {
        act(&mut self.state().filter)
    }
}
