//! How much all flows together may hold of first messages that are not whole yet.
//!
//! The mirror of `sensors/budget.py`. When it is used up, the flow that has been held longest is given up:
//! new ones are still read, and memory stays bounded however many flows are left unfinished.

use std::collections::VecDeque;

use crate::flow::Flow;
use crate::flows::FlowTable;

/// The bytes held, and the flows in the order in which they began to hold any.
#[derive(Debug)]
pub struct ReadingBudget {
    limit_bytes: usize,
    total_bytes: usize,
    given_up: u64,
    order: VecDeque<(u32, u64)>,
}

impl ReadingBudget {
    /// A budget of which nothing is used.
    #[must_use]
    pub const fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            total_bytes: 0,
            given_up: 0,
            order: VecDeque::new(),
        }
    }

    /// How many flows were given up.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Take note of what the flow at `slot` holds now, and give up the oldest while it is too much.
    #[inline]
    pub fn note(&mut self, flows: &mut FlowTable, slot: u32) {
        let packet = flows.packet;
        let Some(flow) = flows.get_mut(slot) else {
            return;
        };
        if flow.reading.is_none() && !flow.holds() {
            return;
        }
        let before = flow.held_bytes();
        flow.hold(flow.held_now());
        let held = flow.held_bytes();
        if held == before {
            return;
        }
        if before == 0 {
            flow.held_since = packet;
            self.order.push_back((slot, packet));
        }
        self.total_bytes = self.total_bytes + held - before;
        while self.total_bytes > self.limit_bytes {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.give_up(flows, oldest);
        }
    }

    /// A flow that held so much ended.
    pub const fn forget(&mut self, held_bytes: usize) {
        self.total_bytes -= held_bytes;
    }

    fn give_up(&mut self, flows: &mut FlowTable, (slot, since): (u32, u64)) {
        let Some(flow) = flows.get_mut(slot) else {
            return;
        };
        if !holds_since(flow, since) {
            return; // what held then has ended, or holds nothing since
        }
        self.total_bytes -= flow.held_bytes();
        self.given_up += 1;
        flow.hold(0);
        flow.mark_read(true);
        flow.mark_read(false);
    }
}

/// Whether a flow is alive, and holds bytes since a packet.
const fn holds_since(flow: &Flow, since: u64) -> bool {
    flow.lives() && flow.holds() && flow.held_since == since
}
