//! The frames of an opened QUIC Initial packet (RFC 9000 section 19), and the integers they are written in.
//!
//! Only the frames that section 12.4 allows in an Initial may stand there; any other makes the packet malformed.

use std::ops::Range;

use crate::wire::Malformed;

/// The end of the longest stream (section 19.6).
pub const MAX_OFFSET: u64 = (1 << 62) - 1;
const ACK: u8 = 0x02;
const ACK_ECN: u8 = 0x03;
const CRYPTO: u8 = 0x06;
const CONNECTION_CLOSE: u8 = 0x1c;

/// A field runs past the end of the bytes at hand: malformed, unless the capture cut them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastEnd;

impl From<PastEnd> for Malformed {
    fn from(_: PastEnd) -> Self {
        Malformed("quic-past-end")
    }
}

/// Return the variable-length integer at `at` and the offset after it (section 16).
pub fn read_varint(data: &[u8], at: usize) -> Result<(u64, usize), PastEnd> {
    let &first = data.get(at).ok_or(PastEnd)?;
    let end = at + (1 << (first >> 6));
    let rest = data.get(at + 1..end).ok_or(PastEnd)?;
    let high = u64::from(first & 0x3f);
    let value = rest
        .iter()
        .fold(high, |value, &byte| value << 8 | u64::from(byte));
    Ok((value, end))
}

/// Return the place of the bytes whose length stands at `at`.
pub fn bytes_after_length(data: &[u8], at: usize) -> Result<Range<usize>, PastEnd> {
    let (length, start) = read_varint(data, at)?;
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| start.checked_add(length));
    match end {
        Some(end) if end <= data.len() => Ok(start..end),
        _ => Err(PastEnd),
    }
}

/// Where the data of one CRYPTO frame belongs in its stream, and where it stands in the packet.
pub type CryptoPiece = (u64, Range<usize>);

/// Append the CRYPTO frames at `frames` of `opened`, a packet's content, in the order of the packet.
///
/// The frame type is one byte: section 12.4 wants the shortest encoding.
pub fn crypto_pieces(
    opened: &[u8],
    frames: Range<usize>,
    pieces: &mut Vec<CryptoPiece>,
) -> Result<(), Malformed> {
    if frames.is_empty() {
        return Err(Malformed("quic-no-frames"));
    }
    let opened = opened.get(..frames.end).unwrap_or_default();
    let mut at = frames.start;
    while let Some((next, kind)) = next_frame(opened, at) {
        at = match kind {
            CRYPTO => {
                let (offset, length_at) = read_varint(opened, next + 1)?;
                let data = bytes_after_length(opened, length_at)?;
                let end = data.end;
                if offset + data.len() as u64 > MAX_OFFSET {
                    return Err(Malformed("quic-crypto-offset"));
                }
                pieces.push((offset, data));
                end
            }
            ACK | ACK_ECN => after_ack(opened, next, kind)?,
            CONNECTION_CLOSE => after_close(opened, next)?,
            _ => return Err(Malformed("quic-frame-type")),
        };
    }
    Ok(())
}

/// The first frame from `at` on that is neither PADDING nor PING, which have one byte and often come in hundreds.
fn next_frame(opened: &[u8], at: usize) -> Option<(usize, u8)> {
    const BLOCK: usize = 16;
    let rest = opened.get(at..)?;
    let blocks = rest.chunks_exact(BLOCK);
    let idle = blocks
        .take_while(|block| block.iter().fold(0, |all, byte| all | byte) <= 1)
        .count();
    let start = at + idle * BLOCK;
    let (skipped, &kind) = opened
        .get(start..)?
        .iter()
        .enumerate()
        .find(|(_, byte)| **byte > 1)?;
    Some((start + skipped, kind))
}

/// Skip an ACK frame (section 19.3). Whatever count it claims, the packet's end ends the loop.
fn after_ack(opened: &[u8], at: usize, kind: u8) -> Result<usize, PastEnd> {
    let (_largest, at) = read_varint(opened, at + 1)?;
    let (_delay, at) = read_varint(opened, at)?;
    let (ranges, mut at) = read_varint(opened, at)?;
    let counts = if kind == ACK_ECN { 3 } else { 0 };
    for _ in 0..1 + 2 * ranges + counts {
        (_, at) = read_varint(opened, at)?;
    }
    Ok(at)
}

/// Skip a `CONNECTION_CLOSE` frame of the transport (section 19.19).
fn after_close(opened: &[u8], at: usize) -> Result<usize, PastEnd> {
    let (_error, at) = read_varint(opened, at + 1)?;
    let (_frame_at_fault, at) = read_varint(opened, at)?;
    Ok(bytes_after_length(opened, at)?.end)
}

#[cfg(test)]
mod tests;
