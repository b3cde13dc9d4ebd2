//! Frames of every link type: the accounts are closed after each, and a snap length invents no fault.

use super::choices::Choices;
use crate::cargo::MAX_TUNNELS;
use crate::frames::FrameDecoder;
use crate::gaps::Count;
use crate::segment::{Address, Segment, TCP, UDP};
use crate::sensor::Frame;
use crate::udp_tunnels;

const FRAGMENTS: usize = 4;
/// Those that are read, and one that is not.
const LINKTYPES: [u32; 13] = [0, 1, 9, 12, 14, 101, 104, 108, 113, 228, 229, 276, 147];

/// Input: frames, each a link type, how much of it was cut off, how long to wait, and a list of its bytes.
pub fn frame(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut decoder = FrameDecoder::new(FRAGMENTS);
    let mut read = Count::default();
    let mut ts_ns = 0;
    while !choices.is_empty() {
        let linktype = LINKTYPES[usize::from(choices.byte()) % LINKTYPES.len()];
        let cut = choices.byte();
        ts_ns += i64::from(choices.byte()) * 1_000_000_000;
        let whole = choices.long_list();
        let data = &whole[..whole.len().saturating_sub(cut.into())];
        let wire_bytes = whole.len() as u64;
        let frame = Frame {
            ts_ns,
            linktype,
            data,
            wire_bytes: wire_bytes as u32,
        };
        if let Some(segment) = decoder.decode_one(&frame) {
            check(&segment);
        }
        read.add(Count {
            packets: 1,
            bytes: wire_bytes,
        });
        assert_closed(&decoder, read);
        compare_cut(linktype, whole, data);
    }
    decoder.finish();
    assert_eq!(decoder.pending(), Count::default());
    assert_closed(&decoder, read);
    assert!(decoder.tunnels().len() <= MAX_TUNNELS + 1);
}

fn check(segment: &Segment<'_>) {
    assert!(matches!(segment.transport, TCP | UDP));
    let payload_bytes = segment.payload.len() as u64 + u64::from(segment.missing_bytes);
    assert!(payload_bytes <= segment.ip_bytes);
    assert!(segment.vlan.is_none_or(|vlan| (1..4096).contains(&vlan)));
    assert!(segment.transport == TCP || (segment.flags, segment.seq) == (0, 0));
    assert!(!segment.source.to_string().is_empty());
}

/// Every packet and byte is decoded, undecoded by reason, or waits for fragments.
fn assert_closed(decoder: &FrameDecoder, read: Count) {
    let mut all = decoder.pending();
    for (_, count) in decoder.decoded().chain(decoder.undecoded()) {
        all.add(count);
    }
    assert_eq!(all, read, "the accounts are not closed");
}

/// What was made of one frame on its own.
#[derive(Debug, PartialEq, Eq)]
enum Alone {
    Flow(u8, (Address, u16), (Address, u16), Option<u16>),
    Account(&'static str),
}

fn alone(linktype: u32, data: &[u8], wire_bytes: u32) -> Alone {
    let mut decoder = FrameDecoder::new(FRAGMENTS);
    let frame = Frame {
        ts_ns: 0,
        linktype,
        data,
        wire_bytes,
    };
    if let Some(segment) = decoder.decode_one(&frame) {
        let (source, target) = (segment.source, segment.target);
        let ends = ((source, segment.source_port), (target, segment.target_port));
        return Alone::Flow(segment.transport, ends.0, ends.1, segment.vlan);
    }
    decoder.finish();
    let name = decoder.decoded().chain(decoder.undecoded()).next();
    Alone::Account(name.map_or("", |(name, _)| name))
}

/// A frame that was cut comes to the same as the whole one, or is truncated; it is never malformed.
///
/// Only where a tunnel's header in a datagram was cut, nothing tells that there was one.
fn compare_cut(linktype: u32, whole: &[u8], data: &[u8]) {
    let cut = alone(linktype, data, whole.len() as u32);
    if matches!(cut, Alone::Account(name) if name.starts_with("truncated-")) {
        return;
    }
    if matches!(cut, Alone::Flow(UDP, _, (_, port), _) if udp_tunnels::is_target(port)) {
        return;
    }
    let whole = alone(linktype, whole, whole.len() as u32);
    assert_eq!(cut, whole, "a snap length changed what a frame is");
}
