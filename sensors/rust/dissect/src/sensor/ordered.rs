//! An engine whose observations are told with their places among all, so that several of them make one.
//!
//! It is told the time: when flows fall silent, and losses are told, is decided by all packets together.

use super::{Frame, Manner, Sensor};
use crate::flows::Class;
use crate::frames::Looked;
use crate::gaps::{Count, Losses, losses};
use crate::observations::{EndReason, Observation};

/// The stage of a packet's turn at which losses are told: when all silent flows have ended.
pub const LOSSES: u8 = 3;
/// And when the packet itself is read.
const PACKET: u8 = 4;

/// The place of an observation among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// The packet at whose turn it was made.
    pub packet: u64,
    /// At which stage: 0 to 2 for silent flows by their class, then `LOSSES`, then the packet itself.
    pub stage: u8,
    /// Of a silent flow, its last packet.
    pub last_packet: u64,
}

/// The most that was kept at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// Flows.
    pub flows: usize,
    /// Bytes of first messages that are not whole.
    pub reading_bytes: usize,
    /// Names of tunnels.
    pub tunnels: usize,
}

/// The engine.
pub struct Ordered {
    pub(super) sensor: Sensor,
    orders: Vec<Order>,
    told: Losses,
    most_flows: usize,
}

impl Ordered {
    /// An engine that works in some manner; `seed` keys the hash of the flow table.
    #[must_use]
    pub fn new(manner: Manner, seed: u64) -> Self {
        Self {
            sensor: Sensor::new(manner, seed),
            orders: Vec::new(),
            told: Losses::default(),
            most_flows: 0,
        }
    }

    /// Note the time at a packet's turn.
    pub fn set_now(&mut self, packet: u64, now_ns: i64) {
        let flows = &mut self.sensor.tracker.flows;
        flows.packet = packet;
        if now_ns != flows.now_ns() {
            flows.set_now(now_ns);
        }
    }

    /// End the flows that are silent for too long by now; say what was lost since the last time.
    pub fn tick(&mut self, packet: u64, now_ns: i64) -> Losses {
        self.set_now(packet, now_ns);
        for (stage, class) in (0..).zip(Class::ALL) {
            self.expire(packet, stage, class);
        }
        self.sensor.decoder.expire(now_ns);
        self.losses()
    }

    fn expire(&mut self, packet: u64, stage: u8, class: Class) {
        let tracker = &mut self.sensor.tracker;
        while let Some(slot) = tracker.flows.next_idle(class) {
            let flow = tracker.flows.get(slot);
            let (last_ns, last_packet) =
                flow.map_or((0, 0), |flow| (flow.last_ns, flow.last_packet));
            tracker.end(slot, last_ns, EndReason::Idle);
            self.orders.resize(
                tracker.recorder.len(),
                Order {
                    packet,
                    stage,
                    last_packet,
                },
            );
        }
    }

    /// What was lost since the last call.
    pub fn losses(&mut self) -> Losses {
        let now = losses(self.sensor.decoder.undecoded());
        let before = std::mem::replace(&mut self.told, now);
        let mut new = now;
        for (new, before) in new.iter_mut().zip(before) {
            new.packets -= before.packets;
            new.bytes -= before.bytes;
        }
        new
    }

    /// Take a frame at which a look was taken, at its turn.
    pub fn frame(&mut self, packet: u64, frame: &Frame<'_>, looked: &Looked<'_>) {
        let sensor = &mut self.sensor;
        sensor.read.add(Count {
            packets: 1,
            bytes: u64::from(frame.wire_bytes),
        });
        if let Some(segment) = sensor.decoder.decode(frame, looked) {
            let sought = sensor.tracker.flows.seek(&segment);
            sensor.tracker.segment(&segment, &sought);
        }
        self.most_flows = self.most_flows.max(sensor.tracker.flows.len());
        let order = Order {
            packet,
            stage: PACKET,
            last_packet: 0,
        };
        self.orders.resize(sensor.tracker.recorder.len(), order);
    }

    /// Hand out the observations so far, each with its place.
    pub fn take(&mut self) -> Vec<(Order, Observation)> {
        let orders = std::mem::take(&mut self.orders);
        orders.into_iter().zip(self.sensor.take()).collect()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.sensor.waiting()
    }

    /// The engine itself, for its accounting and the names of tunnels.
    #[must_use]
    pub const fn sensor(&self) -> &Sensor {
        &self.sensor
    }

    /// The most that was kept at once.
    #[must_use]
    pub fn most(&self) -> Most {
        Most {
            flows: self.most_flows,
            reading_bytes: self.sensor.tracker.budget.most_bytes(),
            tunnels: self.sensor.tunnels().len(),
        }
    }
}
