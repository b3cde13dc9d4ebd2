//! A thread that reads one ring with a sensor of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dissect::encode::Encoder;
use dissect::sensor::Sensor;

use crate::live::inbox::{Account, Begun, Inbox, TunnelNumbers};
use crate::live::ring::{Ring, State};
use crate::live::sys::now_ns;
use crate::observing::BATCH;

/// How long to wait for packets before looking whether to stop.
const WAIT_MS: i32 = 100;
/// How often the kernel's counters are asked for, and an account is given.
const TICK: Duration = Duration::from_secs(1);
/// What the kernel still has in a block is handed over within so long.
const LAST_WAIT_MS: i32 = 20;

/// One ring's reader.
pub(crate) struct Worker {
    number: usize,
    ring: Ring,
    sensor: Sensor,
    inbox: Arc<Inbox>,
    stop: Arc<AtomicBool>,
    numbers: TunnelNumbers,
    account: Account,
    next_tick: Instant,
    quiet: bool,
    _begun: Begun,
}

impl Worker {
    pub(crate) fn new(
        number: usize,
        mut ring: Ring,
        sensor: Sensor,
        inbox: Arc<Inbox>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let state = ring.look_after();
        let mut worker = Self {
            number,
            account: Account::new(ring.interface(), state),
            ring,
            sensor,
            numbers: TunnelNumbers::default(),
            next_tick: Instant::now(),
            quiet: true,
            _begun: Begun::new(&inbox, &stop),
            inbox,
            stop,
        };
        worker.give_account(); // whoever asks may do so before the thread runs
        worker
    }

    /// Read until told to stop, then what is left, and end all flows.
    pub(crate) fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if !self.read() {
                let _ = self.ring.wait(WAIT_MS);
            }
            if Instant::now() >= self.next_tick {
                self.tick();
            }
        }
        self.drain();
        self.count_lost();
        let mut over = false;
        while !over {
            over = self.sensor.finish(BATCH);
            self.hand_on();
        }
        self.give_account();
    }

    /// Let nothing more in, and read what is there: all blocks at the most, each once waited for.
    fn drain(&mut self) {
        let _ = self.ring.tap().deafen(); // if not, then what comes meanwhile is read too
        for _ in 0..2 * (self.ring.blocks() + 1) {
            if !self.read() && !self.ring.wait(LAST_WAIT_MS) {
                return;
            }
        }
    }

    /// Read one block; tell whether there was one.
    fn read(&mut self) -> bool {
        let sensor = &mut self.sensor;
        let read = self.ring.read(|frames| sensor.frames(frames));
        if self.sensor.waiting() > 0 {
            self.hand_on();
        }
        self.quiet &= read.is_none();
        read.is_some()
    }

    fn hand_on(&mut self) {
        let observations = self.sensor.take();
        self.inbox
            .put(observations, self.sensor.tunnels(), &mut self.numbers);
    }

    fn tick(&mut self) {
        self.next_tick = Instant::now() + TICK;
        let state = self.ring.look_after();
        if state == State::Lost {
            self.stop.store(true, Ordering::Relaxed); // all of them: who started us can open rings anew
        }
        self.account.state = state.text();
        self.count_lost();
        let now_ns = now_ns();
        self.sensor.set_back(now_ns);
        if std::mem::replace(&mut self.quiet, true) {
            self.sensor.idle(now_ns);
        }
        if self.sensor.waiting() > 0 {
            self.hand_on();
        }
        self.give_account();
    }

    fn count_lost(&mut self) {
        let statistics = self.ring.statistics();
        self.account.packets += u64::from(statistics.packets);
        self.account.dropped += u64::from(statistics.dropped);
        self.account.freezes += u64::from(statistics.freezes);
        if statistics.dropped > 0 {
            self.sensor.lost(u64::from(statistics.dropped));
        }
    }

    fn give_account(&mut self) {
        let mut encoder = Encoder::default();
        encoder.accounting(&self.sensor.accounting(Vec::new(), 0));
        self.account.accounting = encoder.take();
        self.account.flows = self.sensor.flows() as u64;
        self.inbox.tell(self.number, self.account.clone());
    }
}
