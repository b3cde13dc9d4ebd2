//! The client's hello of Google's handshake before TLS (CHLO): tags, where their values end, the values.
//!
//! The mirror of `sensors/gquic_hello.py`. Numbers are little-endian. Source: Chromium, `crypto_framer.cc` and
//! the "QUIC Crypto" document.

use crate::clienthello::MAX_SERVER_NAME_BYTES;
use crate::wire::{Malformed, Parsed, name_text};

/// That Chromium accepts.
pub const MAX_TAGS: usize = 128;
/// Of the whole message.
pub const MAX_HELLO_BYTES: usize = 65_536;

const MESSAGE_TAG: &[u8; 4] = b"CHLO";
const NAME_TAG: u32 = u32::from_le_bytes(*b"SNI\x00");
const HEAD_BYTES: usize = 8; // the message's tag, the number of tags, two bytes of padding
const ENTRY_BYTES: usize = 8; // a tag, and where its value ends

/// What a CHLO says of whom the client wants to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleHello {
    /// The name, where there is one.
    pub server_name: Option<String>,
}

/// Return the hello that a handshake stream begins with.
pub fn parse_chlo(stream: &[u8]) -> Parsed<GoogleHello> {
    if !stream.starts_with(MESSAGE_TAG) {
        return Err(Malformed("quic-not-a-client-hello"));
    }
    let Some((&[_, _, _, _, low, high, _, _], rest)) = stream.split_first_chunk::<HEAD_BYTES>()
    else {
        return Ok(None);
    };
    let count = usize::from(u16::from_le_bytes([low, high]));
    if count > MAX_TAGS {
        return Err(Malformed("gquic-tags"));
    }
    let Some((index, values)) = rest.split_at_checked(count * ENTRY_BYTES) else {
        return Ok(None);
    };
    let (start, end, size) = find_name(index)?;
    if HEAD_BYTES + index.len() + size > MAX_HELLO_BYTES {
        return Err(Malformed("hello-too-long"));
    }
    if values.len() < size {
        return Ok(None);
    }
    let name = values.get(start..end).unwrap_or_default();
    Ok(Some(GoogleHello {
        server_name: server_name(name)?,
    }))
}

/// Return where the name begins and ends among the values, and how long they are together.
fn find_name(index: &[u8]) -> Result<(usize, usize, usize), Malformed> {
    let mut name = (0, 0);
    let mut last_tag = None;
    let mut end = 0;
    for entry in index.chunks_exact(ENTRY_BYTES) {
        let Some((&tag, place)) = entry.split_first_chunk() else {
            break;
        };
        let tag = u32::from_le_bytes(tag);
        let start = end;
        end = place
            .first_chunk()
            .map_or(0, |place| u32::from_le_bytes(*place) as usize);
        if last_tag.is_some_and(|last| tag <= last) || end < start {
            return Err(Malformed("gquic-tags"));
        }
        if tag == NAME_TAG {
            name = (start, end);
        }
        last_tag = Some(tag);
    }
    Ok((name.0, name.1, end))
}

fn server_name(raw: &[u8]) -> Result<Option<String>, Malformed> {
    if raw.len() > MAX_SERVER_NAME_BYTES {
        return Err(Malformed("sni-name-length"));
    }
    let without_dot = raw.strip_suffix(b".").filter(|name| !name.is_empty());
    Ok((!raw.is_empty()).then(|| name_text(without_dot.unwrap_or(raw))))
}

#[cfg(test)]
mod tests;
