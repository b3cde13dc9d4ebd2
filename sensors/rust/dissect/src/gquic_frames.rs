//! The frames of Google's QUIC that a client sends while the handshake begins (Chromium, `quic_framer.cc`).
//!
//! The mirror of `sensors/gquic_frames.py`. The handshake runs in stream 1, and from Q050 on in CRYPTO frames. A
//! frame that may not stand before the handshake's end makes the packet malformed. All numbers are big-endian.

use std::ops::Range;

use crate::quic_frames::{CryptoPiece, MAX_OFFSET, PastEnd, bytes_after_length, read_varint};
use crate::wire::Malformed;

const STREAM: u8 = 0x80;
const HAS_LENGTH: u8 = 0x20;
const ACK: u8 = 0x40;
const ACK_MANY: u8 = 0x20;
const PADDING: u8 = 0x00;
const STOP_WAITING: u8 = 0x06;
const PING: u8 = 0x07;
const CRYPTO: u8 = 0x08;
const CRYPTO_STREAM: u64 = 1;

/// Append what the frames at `frames` of `opened` hold of the handshake, in the order of the packet.
///
/// `number_bytes` is the length of the packet's number: that of a `STOP_WAITING` frame too.
pub fn handshake_pieces(
    opened: &[u8],
    frames: Range<usize>,
    number_bytes: u8,
    pieces: &mut Vec<CryptoPiece>,
) -> Result<(), Malformed> {
    if frames.is_empty() {
        return Err(Malformed("quic-no-frames"));
    }
    let opened = opened.get(..frames.end).unwrap_or_default();
    let mut at = frames.start;
    while let Some(&kind) = opened.get(at) {
        at = match kind {
            PADDING | PING => at + 1,
            STREAM.. => {
                let (stream, offset, data) = stream(opened, at, kind)?;
                let end = data.end;
                if stream == CRYPTO_STREAM {
                    pieces.push(piece(offset, data)?);
                }
                end
            }
            ACK.. => after_ack(opened, at, kind)?,
            CRYPTO => {
                let (offset, length_at) = read_varint(opened, at + 1)?;
                let data = bytes_after_length(opened, length_at)?;
                let end = data.end;
                pieces.push(piece(offset, data)?);
                end
            }
            STOP_WAITING => skip(opened, at + 1, usize::from(number_bytes))?,
            _ => return Err(Malformed("quic-frame-type")),
        };
    }
    Ok(())
}

fn piece(offset: u64, data: Range<usize>) -> Result<CryptoPiece, Malformed> {
    if offset.saturating_add(data.len() as u64) > MAX_OFFSET {
        return Err(Malformed("quic-crypto-offset"));
    }
    Ok((offset, data))
}

fn skip(opened: &[u8], at: usize, count: usize) -> Result<usize, PastEnd> {
    if at + count > opened.len() {
        return Err(PastEnd);
    }
    Ok(at + count)
}

fn number(opened: &[u8], at: usize, size: usize) -> Result<(u64, usize), PastEnd> {
    let bytes = opened.get(at..at + size).ok_or(PastEnd)?;
    let value = bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    Ok((value, at + size))
}

/// Return identifier, offset and data of a STREAM frame; without a length it fills the packet.
fn stream(opened: &[u8], at: usize, kind: u8) -> Result<(u64, u64, Range<usize>), PastEnd> {
    let (stream, at) = number(opened, at + 1, usize::from(kind & 0x03) + 1)?;
    let offset_bytes = match usize::from(kind >> 2 & 0x07) {
        0 => 0,
        code => code + 1,
    };
    let (offset, at) = number(opened, at, offset_bytes)?;
    if kind & HAS_LENGTH == 0 {
        return Ok((stream, offset, at..opened.len()));
    }
    let (length, at) = number(opened, at, 2)?;
    let end = skip(opened, at, usize::try_from(length).map_err(|_| PastEnd)?)?;
    Ok((stream, offset, at..end))
}

/// Skip an ACK frame: the largest number and its delay, blocks, and the times of packets.
fn after_ack(opened: &[u8], at: usize, kind: u8) -> Result<usize, PastEnd> {
    let block_bytes = number_bytes(kind);
    let mut at = skip(opened, at + 1, number_bytes(kind >> 2) + 2)?;
    let mut blocks = 0;
    if kind & ACK_MANY != 0 {
        blocks = usize::from(*opened.get(at).ok_or(PastEnd)?);
        at += 1;
    }
    at = skip(opened, at, block_bytes + blocks * (1 + block_bytes))?;
    let times = usize::from(*opened.get(at).ok_or(PastEnd)?);
    at += 1;
    if times == 0 {
        return Ok(at);
    }
    skip(opened, at, 5 + 3 * (times - 1))
}

/// The length of a number that two bits of a frame's type say.
const fn number_bytes(code: u8) -> usize {
    match code & 0x03 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 6,
    }
}

#[cfg(test)]
mod tests;
