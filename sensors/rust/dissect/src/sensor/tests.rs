//! What only a live sensor does: it tells of flows at their hellos, and time passes on a quiet link.

use super::{Frame, Limits, Manner, Sensor};
use crate::flows::{SECOND_NS, TCP_IDLE_NS};
use crate::observations::{EndReason, Gap, Observation};

const LIMITS: Limits = Limits {
    flows: 10,
    stream_bytes: 65_536,
    reading_bytes: 1 << 20,
    fragments: 10,
};
const START_NS: i64 = 1_773_133_200 * SECOND_NS;
/// A hello without extensions.
const HELLO: [u8; 50] = {
    let mut hello = [0; 50];
    let head = [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    let mut at = 0;
    while at < head.len() {
        hello[at] = head[at];
        at += 1;
    }
    hello[45] = 2; // after the random bytes and an empty session: one cipher suite
    hello[48] = 1; // and no compression
    hello
};

/// A frame of the client's to port 443; `seq` counts from its SYN.
fn segment(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let bytes = (40 + payload.len()) as u16;
    let [high, low] = bytes.to_be_bytes();
    let ip = [0x45, 0, high, low, 0, 1, 0, 0, 64, 6, 0, 0];
    let ends = [10, 0, 0, 1, 192, 0, 2, 1, 0xc3, 0x50, 0x01, 0xbb];
    let [a, b, c, d] = seq.to_be_bytes();
    let tcp = [a, b, c, d, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
    [&[2; 12][..], &[8, 0], &ip, &ends, &tcp, payload].concat()
}

/// What a sensor says of such frames a second apart.
fn said(sensor: &mut Sensor, segments: &[Vec<u8>]) -> Vec<Observation> {
    for (at, data) in (0..).zip(segments) {
        let frame = Frame {
            ts_ns: START_NS + at * SECOND_NS,
            linktype: 1,
            data,
            wire_bytes: data.len() as u32,
        };
        sensor.frames(&[frame]);
    }
    sensor.take()
}

fn conversation() -> Vec<Vec<u8>> {
    let hello = &HELLO[..];
    vec![
        segment(0, 2, &[]),
        segment(1, 16, hello),
        segment(1, 16, hello), // again
        segment(51, 16, &[22, 3, 3, 0, 1, 0]),
        segment(57, 16, &[23, 3, 3, 0, 1, 0]),
        segment(63, 16, &[23, 3, 3, 0, 1, 0]),
    ]
}

#[test]
fn an_eager_sensor_tells_of_a_flow_at_its_hello_and_of_the_data_behind() {
    let manner = Manner {
        eager: true,
        ..Manner::replay(LIMITS)
    };
    let said_eagerly = said(&mut Sensor::new(manner, 7), &conversation());
    let [
        Observation::Hello(hello),
        Observation::Flow(active),
        Observation::Data(data),
    ] = said_eagerly.as_slice()
    else {
        panic!("{said_eagerly:?}");
    };
    assert_eq!((active.flow, data.flow), (hello.flow, hello.flow));
    assert_eq!(
        (active.reason, active.ts_ns),
        (EndReason::Active, hello.ts_ns)
    );
    assert_eq!((active.packets_up, active.bytes_up), (2, 130));
    assert_eq!(
        (data.ts_ns, data.bytes_up),
        (START_NS + 4 * SECOND_NS, 130 + 90 + 46)
    );
    let replayed = said(&mut Sensor::new(Manner::replay(LIMITS), 7), &conversation());
    assert_eq!(replayed, said_eagerly[..1]);
}

#[test]
fn silent_flows_end_and_losses_are_told_without_a_packet() {
    let manner = Manner {
        gap_interval_ns: 10 * SECOND_NS,
        tick_ns: SECOND_NS,
        ..Manner::replay(LIMITS)
    };
    let mut sensor = Sensor::new(manner, 7);
    sensor.idle(START_NS - SECOND_NS);
    said(&mut sensor, &[segment(0, 2, &[])]);
    sensor.lost(2);
    sensor.idle(START_NS + 5 * SECOND_NS);
    assert_eq!(sensor.take(), []);
    sensor.lost(1);
    sensor.idle(START_NS + 9 * SECOND_NS);
    let gap = Gap {
        ts_ns: START_NS + 9 * SECOND_NS,
        since_ns: START_NS - SECOND_NS,
        packets: 3,
        bytes: 0,
        reason: "ring",
    };
    assert_eq!(sensor.take(), [Observation::Gap(gap)]);
    sensor.idle(START_NS + TCP_IDLE_NS + SECOND_NS);
    let said = sensor.take();
    let [Observation::Flow(end)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!((end.reason, end.ts_ns), (EndReason::Idle, START_NS));
    assert_eq!(sensor.accounting(Vec::new(), 0).last_ns, Some(START_NS));
}

#[test]
fn flows_of_a_clock_that_was_set_back_end_and_time_goes_on() {
    let mut sensor = Sensor::new(Manner::replay(LIMITS), 7);
    said(&mut sensor, &[segment(0, 2, &[])]);
    sensor.set_back(START_NS);
    assert_eq!(sensor.take(), []);
    let back_ns = START_NS - 3_600 * SECOND_NS;
    sensor.set_back(back_ns);
    let said = sensor.take();
    let [Observation::Flow(end)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!((end.reason, sensor.flows()), (EndReason::Idle, 0));
    sensor.idle(back_ns + SECOND_NS);
    sensor.set_back(back_ns);
    assert_eq!(sensor.accounting(Vec::new(), 0).counters["clock-jumps"], 1);
}
