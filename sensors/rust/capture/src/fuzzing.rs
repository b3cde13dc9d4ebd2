//! What must hold of any file: the entry point of the fuzzer, run by tests over the corpus that is committed.
//!
//! Frames and faults are the same however the file is read, both are bounded, and the accounts of a sensor that
//! is fed the frames are closed.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic is what a broken promise does"
)]

use std::io::Cursor;

use dissect::encode::Encoder;
use dissect::gaps::Count;
use dissect::observations::Observation;
use dissect::sensor::{Limits, Manner, Sensor};

use crate::captured::{MAX_FAULTS, MAX_FRAME_BYTES};
use crate::inflate::PIECE_BYTES;
use crate::member::Member;
use crate::window::CHUNK_BYTES;
use crate::{CaptureReader, Fault};

/// So small that every bound bites.
const SMALL: Limits = Limits {
    flows: 3,
    stream_bytes: 600,
    reading_bytes: 900,
    fragments: 2,
};
/// A file of some kB may hold a million empty frames in compressed form.
const MAX_FRAMES: usize = 20_000;

/// Input: how much to read at once, then the file.
pub fn capture_file(input: &[u8]) {
    let Some((chunk_bytes, file)) = input.split_first() else {
        return;
    };
    let mut sensor = Sensor::new(Manner::replay(SMALL), 7);
    let (frames, faults) = read(file, CHUNK_BYTES, &mut sensor);
    let mut other = Sensor::new(Manner::replay(SMALL), 8);
    let again = read(file, other_chunk(file, *chunk_bytes), &mut other);
    assert_eq!(again, (frames, faults));
    assert_eq!(finish(sensor, frames), finish(other, frames));
}

/// Another size to read at once. Of a damaged compressed stream whole pieces are lost, so there it is some of them.
fn other_chunk(file: &[u8], choice: u8) -> usize {
    let bytes = usize::from(choice) + 1;
    if Member::begun_by(file).is_some() {
        bytes * PIECE_BYTES
    } else {
        bytes
    }
}

/// Read a file to its end, feeding a sensor; return what it held and what was wrong.
fn read(file: &[u8], chunk_bytes: usize, sensor: &mut Sensor) -> (Count, Vec<Fault>) {
    let bytes = Box::new(Cursor::new(file.to_vec()));
    let mut reader = CaptureReader::over(bytes, "file".to_owned(), chunk_bytes);
    let mut read = Count::default();
    while read.packets < MAX_FRAMES as u64
        && let Some(frame) = reader.next()
    {
        assert!(frame.ts_ns >= 0);
        assert!(frame.data.len() <= MAX_FRAME_BYTES as usize);
        assert!(frame.data.len() <= frame.wire_bytes as usize);
        sensor.frames(&[frame]);
        read.add(Count {
            packets: 1,
            bytes: u64::from(frame.wire_bytes),
        });
    }
    assert!(reader.consumed_bytes() <= file.len() as u64);
    let faults = reader.faults().to_vec();
    assert!(faults.len() <= MAX_FAULTS);
    for fault in &faults {
        let text = [&fault.path, &fault.problem, &fault.mend];
        assert!(text.iter().all(|text| !text.contains(char::is_control)));
    }
    (read, faults)
}

/// End a sensor; return what it said, encoded.
fn finish(mut sensor: Sensor, read: Count) -> Vec<u8> {
    assert!(sensor.finish(usize::MAX));
    let observations = sensor.take();
    let accounting = sensor.accounting(Vec::new(), 0);
    let mut all = Count::default();
    for (_, count) in accounting.decoded.iter().chain(&accounting.undecoded) {
        all.add(*count);
    }
    assert_eq!(
        (accounting.read, all),
        (read, read),
        "the accounts are not closed"
    );
    let flows = |name: &str| name == "tcp" || name == "udp";
    let decoded = accounting.decoded.iter().filter(|(name, _)| flows(name));
    let decoded_packets: u64 = decoded.map(|(_, count)| count.packets).sum();
    assert!(in_flows(&observations) <= decoded_packets);
    let mut encoder = Encoder::default();
    encoder.observations(&observations, sensor.tunnels());
    encoder.accounting(&accounting);
    encoder.take()
}

/// The packets in the last report of every flow.
fn in_flows(observations: &[Observation]) -> u64 {
    let last = observations
        .iter()
        .filter_map(|observation| match observation {
            Observation::Flow(update) if update.reason.is_final() => Some(update),
            _ => None,
        });
    last.map(|update| update.packets_up + update.packets_down)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::capture_file;
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/capture_file");
        let inputs = fs::read_dir(corpus).unwrap();
        let count = inputs
            .map(|input| capture_file(&fs::read(input.unwrap().path()).unwrap()))
            .count();
        assert!(count >= 5);
        capture_file(b"");
    }
}
