//! DTLS up to the `ClientHello` (RFC 6347, RFC 9147 section 5): records, fragments of messages, a hello.
//!
//! The mirror of `sensors/dtls.py`. Fragments come in any order, twice, and mixed with those of another message:
//! each message is put together on its own, and the first `ClientHello` that is whole is the greeting. The one
//! that a client sends again with the server's cookie says the same. Nothing here is authenticated, so what is
//! broken is reported and passed over.

use std::borrow::Cow;

use crate::clienthello::{
    HANDSHAKE_CLIENT_HELLO, MAX_CLIENT_HELLO_BYTES, MESSAGE_HEADER_BYTES, parse_dtls_client_hello,
};
use crate::observations::Carrier;
use crate::ranges::RangeBuffer;
use crate::streams::Greeting;
use crate::wire::Malformed;

/// Of one flow that are read for a `ClientHello`,
pub const MAX_DATAGRAMS: u32 = 64;
/// and fragments in them.
pub const MAX_FRAGMENTS: u32 = 1_024;
/// `ClientHello`s put together at once: one before the cookie, one with it.
pub const MAX_MESSAGES: usize = 4;
/// Of a record in clear text (RFC 6347 section 4.1).
pub const MAX_RECORD_BYTES: usize = 16_384;

const HANDSHAKE: u8 = 22;
const RECORD_HEADER_BYTES: usize = 13; // type, version, epoch, sequence number, length
const FRAGMENT_HEADER_BYTES: usize = 12; // type, length, message number, fragment's offset and length

/// Whether a UDP payload begins with a part of a `ClientHello`, on any port: two headers have to fit.
#[must_use]
pub fn begins_dtls(payload: &[u8]) -> bool {
    let Some((record_bytes, rest)) = clear_record(payload) else {
        return false;
    };
    let Some((first, _)) = Fragment::read(rest) else {
        return false;
    };
    first.kind == HANDSHAKE_CLIENT_HELLO
        && first.end() <= first.message_bytes
        && first.message_bytes <= MAX_CLIENT_HELLO_BYTES
        && FRAGMENT_HEADER_BYTES + first.bytes <= record_bytes
        && record_bytes <= MAX_RECORD_BYTES
}

/// Whether a UDP payload begins with a handshake record, as a server's first answer does.
#[must_use]
pub const fn is_dtls_handshake(payload: &[u8]) -> bool {
    matches!(payload, [HANDSHAKE, 0xfe, 0xfc | 0xfd | 0xff, ..]) // DTLS 1.3, 1.2 and 1.0
}

/// Whether a client's datagram after its hello may hold application data.
///
/// By its first byte that is a record of application data, one whose type is hidden (with a connection ID,
/// RFC 9146; sealed as in RFC 9147 section 4), or media keyed by the handshake (RFC 7983).
#[must_use]
pub const fn may_hold_data(payload: &[u8]) -> bool {
    matches!(payload, [23 | 25 | 32..=63 | 128..=191, ..])
}

/// The length that a handshake record in clear text claims, and the bytes after its header.
fn clear_record(payload: &[u8]) -> Option<(usize, &[u8])> {
    let (header, rest) = payload.split_first_chunk::<RECORD_HEADER_BYTES>()?;
    let &[_, _, _, 0, 0, _, _, _, _, _, _, high, low] = header else {
        return None;
    };
    is_dtls_handshake(payload).then(|| (usize::from(u16::from_be_bytes([high, low])), rest))
}

/// A part of a handshake message; `data` is shorter than `bytes` where the capture cut it.
struct Fragment<'d> {
    kind: u8,
    message_bytes: usize,
    number: u16,
    offset: u32,
    bytes: usize,
    data: &'d [u8],
}

impl<'d> Fragment<'d> {
    /// Read a fragment, and what is there of its data; return the bytes after it too. `None` without a header.
    fn read(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (&[kind, l0, l1, l2, n0, n1, o0, o1, o2, b0, b1, b2], rest) =
            bytes.split_first_chunk::<FRAGMENT_HEADER_BYTES>()?;
        let bytes = number24(b0, b1, b2) as usize;
        let (data, after) = rest.split_at_checked(bytes).unwrap_or((rest, &[]));
        let fragment = Self {
            kind,
            message_bytes: number24(l0, l1, l2) as usize,
            number: u16::from_be_bytes([n0, n1]),
            offset: number24(o0, o1, o2),
            bytes,
            data,
        };
        Some((fragment, after))
    }

    /// Where it ends in its message.
    const fn end(&self) -> usize {
        self.offset as usize + self.bytes
    }
}

const fn number24(high: u8, mid: u8, low: u8) -> u32 {
    u32::from_be_bytes([0, high, mid, low])
}

/// A `ClientHello` that is put together: what is there from its beginning, behind a header without fragments.
#[derive(Debug)]
struct Message {
    number: u16,
    size: usize,
    buffer: RangeBuffer,
    begin: Vec<u8>,
}

impl Message {
    fn new(number: u16, size: usize) -> Self {
        let [_, length @ ..] = (size as u32).to_be_bytes();
        let mut begin = vec![HANDSHAKE_CLIENT_HELLO];
        begin.extend_from_slice(&length);
        Self {
            number,
            size,
            buffer: RangeBuffer::new(0, size),
            begin,
        }
    }
}

/// Reads one flow's datagrams until a `ClientHello` is whole, or will never be.
#[derive(Debug, Default)]
pub struct DtlsClient {
    done: bool,
    over_limit: bool,
    datagrams: u32,
    fragments: u32,
    fed_bytes: usize,
    messages: Vec<Message>, // in the order of their beginnings
}

impl DtlsClient {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing more is to be learnt.
    #[must_use]
    pub const fn done(&self) -> bool {
        self.done
    }

    /// How much is kept, at the most: all that was fed.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.fed_bytes
    }

    /// What was odd about the last datagram, as a counter's name.
    #[must_use]
    pub fn oddity(&self) -> Option<String> {
        self.over_limit.then(|| "dtls-over-limit".to_owned())
    }

    /// Take one datagram of the client; `complete` is false when the snap length cut it.
    pub fn feed(
        &mut self,
        payload: &[u8],
        complete: bool,
    ) -> Result<Option<Greeting<'static>>, Malformed> {
        self.datagrams += 1;
        self.fed_bytes += payload.len();
        self.done = self.datagrams >= MAX_DATAGRAMS;
        let mut rest = payload;
        while let [HANDSHAKE, 0xfe, 0xfc | 0xfd | 0xff, 0, 0, ..] = rest {
            let record = clear_record(rest);
            let whole = record.and_then(|(size, rest)| rest.split_at_checked(size));
            let (body, after) = match (record, whole) {
                (_, Some((body, _))) if !(1..=MAX_RECORD_BYTES).contains(&body.len()) => {
                    return Err(Malformed("dtls-record-length"));
                }
                (_, Some(whole)) => whole,
                _ if complete => return Err(Malformed("dtls-past-end")),
                (record, None) => (record.map_or(&[][..], |(_, rest)| rest), &[][..]),
            };
            let greeting = self.read_record(body, whole.is_none())?;
            if self.over_limit || greeting.is_some() {
                return Ok(greeting);
            }
            rest = after;
        }
        Ok(None)
    }

    /// What can be said of the first `ClientHello`, where none became whole.
    #[must_use]
    pub fn partial(&self) -> Option<Greeting<'_>> {
        if self.done {
            return None;
        }
        let begun = |message: &&Message| message.begin.len() > MESSAGE_HEADER_BYTES;
        self.messages.iter().filter(begun).find_map(|message| {
            let hello = parse_dtls_client_hello(Cow::Borrowed(&message.begin), false).ok()?;
            Some(Greeting::of_hello(Carrier::Dtls, hello))
        })
    }

    /// Read the fragments of a record; of one that is cut the last one may miss its end.
    fn read_record(
        &mut self,
        mut record: &[u8],
        cut: bool,
    ) -> Result<Option<Greeting<'static>>, Malformed> {
        while !record.is_empty() {
            let Some((fragment, after)) = Fragment::read(record) else {
                return if cut {
                    Ok(None)
                } else {
                    Err(Malformed("dtls-fragment"))
                };
            };
            if fragment.data.len() < fragment.bytes && !cut {
                return Err(Malformed("dtls-fragment"));
            }
            record = after;
            self.fragments += 1;
            if self.fragments > MAX_FRAGMENTS {
                self.done = true;
                self.over_limit = true;
                return Ok(None);
            }
            if let Some(message) = self.add(&fragment)? {
                self.done = true;
                let hello = parse_dtls_client_hello(Cow::Owned(message), true)?;
                return Ok(Some(Greeting::of_hello(Carrier::Dtls, hello)));
            }
        }
        Ok(None)
    }

    /// Take a fragment; return the `ClientHello` that it completes.
    fn add(&mut self, fragment: &Fragment<'_>) -> Result<Option<Vec<u8>>, Malformed> {
        if fragment.kind != HANDSHAKE_CLIENT_HELLO {
            return Ok(None);
        }
        if fragment.message_bytes > MAX_CLIENT_HELLO_BYTES {
            return Err(Malformed("hello-too-long"));
        }
        if fragment.end() > fragment.message_bytes {
            return Err(Malformed("dtls-fragment"));
        }
        let Some(message) = self.message(fragment) else {
            return Ok(None);
        };
        if message.size != fragment.message_bytes {
            return Err(Malformed("dtls-message-length"));
        }
        let ready = message
            .buffer
            .push(i64::from(fragment.offset), fragment.data);
        message.begin.extend_from_slice(&ready);
        let whole = message.begin.len() == MESSAGE_HEADER_BYTES + message.size;
        Ok(whole.then(|| std::mem::take(&mut message.begin)))
    }

    /// The message that a fragment belongs to; none where there are too many.
    fn message(&mut self, fragment: &Fragment<'_>) -> Option<&mut Message> {
        let known = |message: &Message| message.number == fragment.number;
        if !self.messages.iter().any(known) && self.messages.len() < MAX_MESSAGES {
            let message = Message::new(fragment.number, fragment.message_bytes);
            self.messages.push(message);
        }
        self.messages
            .iter_mut()
            .find(|message| message.number == fragment.number)
    }
}

#[cfg(test)]
mod tests;
