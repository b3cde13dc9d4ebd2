//! How much all flows together may hold of first messages that are not whole yet.
//!
//! The mirror of `sensors/budget.py`. When it is used up, the flow that has been held longest is given up:
//! new ones are still read, and memory stays bounded however many flows are left unfinished.

use std::collections::VecDeque;

use crate::flow::Flow;
use crate::flows::FlowTable;

/// Of flows that hold nothing any more, so many places may be left beside twice those that are needed.
const SPARE_PLACES: usize = 4_096;

/// The bytes held, and the flows in the order in which they began to hold any.
#[derive(Debug)]
pub struct ReadingBudget {
    limit_bytes: usize,
    total_bytes: usize,
    most_bytes: usize,
    given_up: u64,
    /// How many flows hold any.
    holders: usize,
    /// Places and packets; some are of flows that hold nothing any more.
    order: VecDeque<(u32, u64)>,
}

impl ReadingBudget {
    /// A budget of which nothing is used.
    #[must_use]
    pub const fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            total_bytes: 0,
            most_bytes: 0,
            given_up: 0,
            holders: 0,
            order: VecDeque::new(),
        }
    }

    /// The most that was ever held.
    #[must_use]
    pub const fn most_bytes(&self) -> usize {
        self.most_bytes
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
            self.holders += 1;
            self.order.push_back((slot, packet));
            self.forget_places(flows);
        } else if held == 0 {
            self.holders -= 1;
        }
        self.total_bytes = self.total_bytes + held - before;
        self.most_bytes = self.most_bytes.max(self.total_bytes);
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
        self.holders -= (held_bytes > 0) as usize;
    }

    /// Forget the places of flows that hold nothing any more, once they are most.
    fn forget_places(&mut self, flows: &FlowTable) {
        if self.order.len() > SPARE_PLACES + 2 * self.holders {
            let holds = |slot, since| flows.get(slot).is_some_and(|flow| holds_since(flow, since));
            self.order.retain(|(slot, since)| holds(*slot, *since));
        }
    }

    fn give_up(&mut self, flows: &mut FlowTable, (slot, since): (u32, u64)) {
        let Some(flow) = flows.get_mut(slot) else {
            return;
        };
        if !holds_since(flow, since) {
            return; // what held then has ended, or holds nothing since
        }
        self.total_bytes -= flow.held_bytes();
        self.holders -= 1;
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

#[cfg(test)]
mod tests {
    use super::{ReadingBudget, SPARE_PLACES};
    use crate::direction::{Direction, Reader};
    use crate::flows::FlowTable;
    use crate::kit::open;
    use crate::streams::ClientReader;

    const HELD: usize = 100;

    /// Let a new flow hold a message that is not whole.
    fn begin(flows: &mut FlowTable, budget: &mut ReadingBudget, source_port: u16) -> u32 {
        let slot = open(flows, source_port);
        let mut direction = Direction::started(Reader::Client(ClientReader::new()), 0, 1_000);
        direction.add(1, &[0x16; HELD], |_| ());
        flows.get_mut(slot).unwrap().listen(true, direction, 1);
        budget.note(flows, slot);
        slot
    }

    #[test]
    fn flows_that_held_something_once_take_no_memory() {
        let (mut flows, mut budget) = (FlowTable::new(10, 7), ReadingBudget::new(10 * HELD));
        let oldest = begin(&mut flows, &mut budget, 1);
        for _ in 0..SPARE_PLACES {
            let whole = begin(&mut flows, &mut budget, 2);
            flows.get_mut(whole).unwrap().mark_read(true);
            budget.note(&mut flows, whole);
            flows.remove(whole);
            let ended = begin(&mut flows, &mut budget, 3);
            let flow = flows.remove(ended).unwrap();
            budget.forget(flow.held_bytes());
        }
        assert!(budget.order.len() <= SPARE_PLACES + 2 * 2);
        assert_eq!(
            (budget.holders, budget.total_bytes, budget.given_up()),
            (1, HELD, 0)
        );
        for source_port in 10..20 {
            begin(&mut flows, &mut budget, source_port);
        }
        assert_eq!(
            (budget.holders, budget.total_bytes, budget.given_up()),
            (10, 10 * HELD, 1)
        );
        assert!(flows.get(oldest).unwrap().is_read(true));
    }
}
