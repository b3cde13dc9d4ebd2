//! From segments to flows and what they carry: TCP and UDP, over one table.
//!
//! The mirror of what `sensors/tcp.py` and `sensors/udp.py` share. A full table gives up the flow that was
//! silent longest, and says so.

use crate::budget::ReadingBudget;
use crate::flow::Flow;
use crate::flows::{Class, FlowTable, Sought};
use crate::gaps::GapLog;
use crate::key::Key;
use crate::observations::EndReason;
use crate::recorder::Recorder;
use crate::segment::{Segment, TCP};

/// The flows, and what is said of them.
pub struct Tracker {
    /// The flows.
    pub flows: FlowTable,
    /// What is said.
    pub recorder: Recorder,
    /// What was lost.
    pub gaps: GapLog,
    /// How much all flows may hold.
    pub budget: ReadingBudget,
    /// How much of a direction is kept while its first message is incomplete.
    pub stream_bytes: usize,
}

impl Tracker {
    /// Take one segment or datagram.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, sought: &Sought) {
        if segment.transport == TCP {
            self.tcp(segment, sought);
        } else {
            self.udp(segment, sought);
        }
    }

    /// The place of the live flow that was sought; one that was silent too long ends here.
    #[inline]
    pub(crate) fn find_live(&mut self, sought: &Sought) -> Option<u32> {
        let slot = self.flows.place(sought)?;
        let flow = self.flows.get(slot)?;
        let (class, last_ns) = (flow.class, flow.last_ns);
        if self.flows.now_ns() - flow.active_ns > class.timeout_ns() {
            self.end(slot, last_ns, EndReason::Idle);
            return None;
        }
        Some(slot)
    }

    /// Note that a flow is alive.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32, ts_ns: i64) {
        let (now_ns, packet) = (self.flows.now_ns(), self.flows.packet);
        if let Some(flow) = self.flows.get_mut(slot) {
            flow.touch(ts_ns, now_ns, packet);
        }
    }

    /// Open a flow with this segment.
    pub(crate) fn open(&mut self, key: Key, segment: &Segment<'_>, from_low: bool) -> u32 {
        if self.flows.is_full()
            && let Some(victim) = self.flows.next_victim()
        {
            self.end(victim, self.flows.now_ns(), EndReason::Evicted);
        }
        self.flows.insert(Flow::new(key, segment, from_low))
    }

    /// Take a flow out of the table and report it; FIN or RST outweigh the other reasons.
    pub(crate) fn end(&mut self, slot: u32, ts_ns: i64, reason: EndReason) {
        if let Some(flow) = self.flows.remove(slot) {
            self.report(flow, ts_ns, reason);
        }
    }

    fn report(&mut self, flow: Flow, ts_ns: i64, reason: EndReason) {
        self.budget.forget(flow.held_bytes());
        let reason = flow.ended.unwrap_or(reason);
        if reason == EndReason::Evicted {
            let (packets, bytes) = flow.totals();
            self.gaps.evicted(packets, bytes);
        }
        self.recorder.flow_end(flow, ts_ns, reason);
    }

    /// End the flows that were silent for longer than their time-out, the longest first.
    pub fn expire(&mut self) {
        for class in Class::ALL {
            while let Some(slot) = self.flows.next_idle(class) {
                let last_ns = self.flows.get(slot).map_or(0, |flow| flow.last_ns);
                self.end(slot, last_ns, EndReason::Idle);
            }
        }
    }

    /// End the next of the flows that end because the input did; tell whether there was one.
    pub fn end_next(&mut self, ending: &mut impl Iterator<Item = u32>) -> bool {
        let Some(slot) = ending.next() else {
            return false;
        };
        let last_ns = self.flows.get(slot).map_or(0, |flow| flow.last_ns);
        self.end(slot, last_ns, EndReason::End);
        true
    }
}
