//! The live engine: rings on interfaces, a worker for each, one correlator behind them all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use correlate::filter::Counted;
use correlate::publishing::Cut;
use correlate::{Outlet, Wanted};
use dissect::sensor::Sensor;

use crate::live::inbox::{Account, Inbox};
use crate::live::ring::{Ask, Refusal, Ring, Tap};
use crate::live::snaplen::Snaplen;
use crate::live::worker::Worker;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The interfaces, and what each ring is asked to be.
    pub asks: Vec<Ask>,
    /// Rings, and threads, on each interface.
    pub threads: usize,
    /// How much of each packet is copied.
    pub snaplen: Snaplen,
}

/// Why something else cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A filter of the kernel.
    Tap(Refusal),
    /// The interest.
    Interest(String),
}

/// Rings that are open, and the threads that read them.
pub struct Engine {
    snaplen: Mutex<Snaplen>,
    rings: Vec<Ring>,
    taps: Vec<Arc<Tap>>,
    inbox: Arc<Inbox>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Open the rings, which takes `CAP_NET_RAW`. From here on packets are kept; they are read after `start`.
    pub fn open(plan: Plan, outlet: Outlet) -> Result<Self, Refusal> {
        let mut rings = Vec::new();
        for ask in &plan.asks {
            rings.extend(open(ask, plan.threads, &plan.snaplen)?);
        }
        let first = |ring: &mut Ring| {
            let state = ring.look_after();
            Account::new(ring.interface(), state)
        };
        let accounts = rings.iter_mut().map(first).collect();
        Ok(Self {
            snaplen: Mutex::new(plan.snaplen),
            taps: rings.iter().map(Ring::tap).collect(),
            inbox: Arc::new(Inbox::new(outlet, accounts)),
            stop: Arc::default(),
            threads: Vec::new(),
            rings,
        })
    }

    /// Start the threads, each with a sensor that `sensor` makes.
    ///
    /// # Errors
    /// The system has not so many threads. Those that run are told to end.
    pub fn start(&mut self, sensor: impl Fn() -> Sensor) -> std::io::Result<()> {
        let (inbox, stop) = (&self.inbox, &self.stop);
        let worker = |(number, ring)| {
            Worker::new(number, ring, sensor(), Arc::clone(inbox), Arc::clone(stop))
        };
        let rings = std::mem::take(&mut self.rings).into_iter().enumerate();
        let workers: Vec<Worker> = rings.map(worker).collect();
        for (number, worker) in workers.into_iter().enumerate() {
            let name = format!("capture-{number}");
            let thread = Builder::new().name(name).spawn(move || worker.run());
            self.threads.push(thread.inspect_err(|_| self.stop())?);
        }
        Ok(())
    }

    /// What waits, as a msgpack array, after at most so long; `None` when no worker runs and nothing waits.
    #[must_use]
    pub fn next_batch(&self, timeout: Duration) -> Option<Vec<u8>> {
        self.inbox.next_batch(timeout)
    }

    /// The parcels to publish, and how many observations were shed since the last call. `rest`: what is still gathered
    /// is cut before.
    #[must_use]
    pub fn parcels(&self, rest: bool) -> (Vec<Cut>, u64) {
        self.inbox.parcels(rest)
    }

    /// How much waits, and the workers' accounts.
    #[must_use]
    pub fn accounts(&self) -> (usize, Vec<Account>) {
        self.inbox.accounts()
    }

    /// What was counted since the last call and not handed out.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.inbox.with_outlet(Outlet::counted)
    }

    /// Care for something else, and copy another length of each packet, from now on; return what was counted before.
    /// With an error nothing changes.
    pub fn retarget(&self, wanted: Wanted, snaplen: Snaplen) -> Result<Counted, Refused> {
        let mut current = self.snaplen.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = match self.snap(&snaplen) {
            Ok(()) => self
                .inbox
                .with_outlet(|outlet| outlet.retarget(wanted))
                .map_err(Refused::Interest),
            Err(refusal) => Err(Refused::Tap(refusal)),
        };
        match &counted {
            Ok(_) => *current = snaplen,
            Err(_) => _ = self.snap(&current), // it was there before
        }
        counted
    }

    fn snap(&self, snaplen: &Snaplen) -> Result<(), Refusal> {
        self.taps.iter().try_for_each(|tap| tap.attach(snaplen))
    }

    /// Tell the workers to end; what they have left is still handed out.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // one that panicked said so already
        }
    }
}

/// Open the rings of one interface. They hear nothing before all of them share its flows: else a packet would be in
/// two of them, or a flow go from one to another.
fn open(ask: &Ask, threads: usize, snaplen: &Snaplen) -> Result<Vec<Ring>, Refusal> {
    let rings: Vec<Ring> = (0..threads)
        .map(|_| Ring::open(ask))
        .collect::<Result<_, _>>()?;
    let mut group = None;
    for ring in &rings {
        group = ring.listen((threads > 1).then_some(group))?;
    }
    for ring in &rings {
        ring.tap().attach(snaplen)?;
    }
    Ok(rings)
}

#[cfg(test)]
mod tests;
