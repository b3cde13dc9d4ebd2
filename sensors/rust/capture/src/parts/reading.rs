//! A part of a capture, read: what was said goes to one file, what others have to read to another one.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use dissect::crossing::Crossing;
use dissect::encode::Encoder;
use dissect::sensor::Manner;
use dissect::sensor::ordered::Most;
use dissect::sensor::part::Part;

use super::Source;
use super::records::{Left, write_said};

const BUFFER_BYTES: usize = 1 << 20;

/// What a part is read with.
pub struct Given {
    /// How.
    pub manner: Manner,
    /// What the clock came to before it.
    pub before_ns: Option<i64>,
    /// What crosses its ends.
    pub crossing: Crossing,
    /// Keys the hash of the flow table.
    pub seed: u64,
}

/// What came of it, beside the files.
#[derive(Debug)]
pub struct Done {
    /// What became of the packets that were read here, as a msgpack map; without faults.
    pub accounting: Vec<u8>,
    /// Whether all flows that were read here ended here: else something crossed that was not known to.
    pub whole: bool,
    /// The most that was kept at once.
    pub most: Most,
    /// The frames that others have to read, and their bytes.
    pub left: (u64, u64),
}

/// Read a part.
///
/// # Errors
/// A file cannot be written.
pub fn read(source: &mut Source, given: Given, said: &Path, left: &Path) -> io::Result<Done> {
    let mut said = BufWriter::with_capacity(BUFFER_BYTES, File::create(said)?);
    let mut left = Left::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(left)?));
    let Given {
        manner,
        before_ns,
        crossing,
        seed,
    } = given;
    let mut part = Part::new(manner, before_ns, crossing, seed);
    let mut encoder = Encoder::default();
    loop {
        let frames = source.next();
        if frames.is_empty() {
            break;
        }
        part.frames(&frames, &mut left);
        for (order, observation) in part.engine.take() {
            encoder.observation(&observation, part.engine.sensor().tunnels());
            write_said(&mut said, order, &encoder.take())?;
        }
    }
    let whole = part.finish(&mut left);
    let beyond = (left.frames, left.bytes);
    left.finish()?;
    said.flush()?;
    let (_, delayed_files) = source.input();
    let sensor = part.engine.sensor();
    encoder.accounting(&sensor.accounting(Vec::new(), delayed_files as u64));
    Ok(Done {
        accounting: encoder.take(),
        whole,
        most: part.engine.most(),
        left: beyond,
    })
}
