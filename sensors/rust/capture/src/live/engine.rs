//! The live engine: rings on interfaces, a worker for each, one correlator behind them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use correlate::Filter;
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

/// Rings that are open, and the threads that read them.
pub struct Engine {
    plan: Plan,
    rings: Vec<Ring>,
    taps: Vec<Arc<Tap>>,
    inbox: Arc<Inbox>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Open the rings, which takes `CAP_NET_RAW`. From here on packets are kept; they are read after `start`.
    pub fn open(plan: Plan, filter: Filter) -> Result<Self, Refusal> {
        let mut rings = Vec::new();
        for ask in &plan.asks {
            let mut group = None;
            for _ in 0..plan.threads {
                let ring = Ring::open(ask)?;
                ring.tap().attach(&plan.snaplen)?;
                group = ring.listen((plan.threads > 1).then_some(group))?;
                rings.push(ring);
            }
        }
        let inbox = Arc::new(Inbox::new(filter, rings.len()));
        Ok(Self {
            taps: rings.iter().map(Ring::tap).collect(),
            inbox,
            stop: Arc::default(),
            threads: Vec::new(),
            plan,
            rings,
        })
    }

    /// Start the threads, each with a sensor that `sensor` makes.
    ///
    /// # Errors
    /// The system has not so many threads.
    pub fn start(&mut self, sensor: impl Fn() -> Sensor) -> std::io::Result<()> {
        for (number, ring) in std::mem::take(&mut self.rings).into_iter().enumerate() {
            let ask = self.plan.asks.get(number / self.plan.threads);
            let interface = ask.map(|ask| ask.interface.clone()).unwrap_or_default();
            let name = format!("capture-{number}");
            let shared = (Arc::clone(&self.inbox), Arc::clone(&self.stop));
            let worker = Worker::new(number, interface, ring, sensor(), shared);
            self.threads
                .push(Builder::new().name(name).spawn(move || worker.run())?);
        }
        Ok(())
    }

    /// What waits, as a msgpack array, after at most so long; `None` when all workers ended and nothing waits.
    #[must_use]
    pub fn next_batch(&self, timeout: Duration) -> Option<Vec<u8>> {
        self.inbox.next_batch(timeout)
    }

    /// How much waits, and the workers' accounts.
    #[must_use]
    pub fn accounts(&self) -> (usize, Vec<Account>) {
        self.inbox.accounts()
    }

    /// Do something with the filter.
    pub fn with_filter<T>(&self, act: impl FnOnce(&mut Filter) -> T) -> T {
        self.inbox.with_filter(act)
    }

    /// Copy another length of each packet from now on.
    pub fn snap(&mut self, snaplen: Snaplen) -> Result<(), Refusal> {
        for tap in &self.taps {
            tap.attach(&snaplen)?;
        }
        self.plan.snaplen = snaplen;
        Ok(())
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
