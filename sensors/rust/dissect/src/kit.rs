//! Segments and flows for the tests.

use crate::flow::Flow;
use crate::flows::FlowTable;
use crate::key::Key;
use crate::segment::{Address, Segment, TCP};

/// A TCP segment without payload from a client to port 443.
pub fn segment(source_port: u16) -> Segment<'static> {
    Segment {
        ts_ns: 0,
        ip_bytes: 40,
        transport: TCP,
        source: Address::v4([10, 0, 0, 1]),
        source_port,
        target: Address::v4([192, 0, 2, 1]),
        target_port: 443,
        vlan: None,
        tunnel: None,
        flags: 0,
        seq: 0,
        payload: &[],
        missing_bytes: 0,
    }
}

/// The flow that a segment opens.
pub fn flow(segment: &Segment<'_>) -> Flow {
    let (key, from_low) = Key::of(segment);
    Flow::new(key, segment, from_low)
}

/// Add a flow of a packet of its own.
pub fn open(flows: &mut FlowTable, source_port: u16) -> u32 {
    flows.packet += 1;
    flows.insert(flow(&segment(source_port)))
}
