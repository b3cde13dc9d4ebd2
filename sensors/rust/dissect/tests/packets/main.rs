//! etherparse as a second opinion: the packets that it builds, and those that it reads.

mod built;
mod changed;
mod made;

use dissect::sensor::Frame;

/// A frame of which all was captured.
fn captured(data: &[u8]) -> Frame<'_> {
    Frame {
        ts_ns: 7,
        linktype: 1,
        data,
        wire_bytes: data.len() as u32,
    }
}
