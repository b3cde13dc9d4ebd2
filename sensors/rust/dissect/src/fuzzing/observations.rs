//! Encoded observations: each value of a batch is taken, or counted; what was taken is written and read alike.

use crate::decode::Decoder;
use crate::encode::Encoder;

/// Input: a batch.
pub fn observations(input: &[u8]) {
    let mut decoder = Decoder::default();
    let Ok(values) = decoder.batch(input) else {
        return;
    };
    let counted = values.observations.len() as u64 + values.malformed + values.unknown;
    assert!(counted <= input.len() as u64, "more values than bytes");
    let mut encoder = Encoder::default();
    encoder.observations(&values.observations, decoder.tunnels());
    let written = encoder.take();
    let mut again = Decoder::default();
    let read = again.batch(&written).expect("what was written is a batch");
    assert_eq!((read.malformed, read.unknown), (0, 0));
    encoder.observations(&read.observations, again.tunnels());
    assert_eq!(written, encoder.take());
}
