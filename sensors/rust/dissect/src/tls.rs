//! TLS over TCP up to the `ClientHello`: records (RFC 8446 section 5.1) to the first handshake message.
//!
//! A message that one piece of the stream holds whole is read where it stands. One that is split over
//! records or segments is put together before anything in it is read: each byte is looked at once, however
//! small the pieces are; work and memory follow the bytes received.

use std::borrow::Cow;

use crate::clienthello::{
    ClientHello, HANDSHAKE_CLIENT_HELLO, MAX_CLIENT_HELLO_BYTES, MESSAGE_HEADER_BYTES,
    parse_client_hello,
};
use crate::wire::Malformed;

/// The longest record in clear text (RFC 8446 section 5.1).
pub const MAX_RECORD_BYTES: u16 = 16_384;

const MAX_SEALED_BYTES: u16 = MAX_RECORD_BYTES + 2_048; // of an encrypted one (RFC 5246 section 6.2.3)
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const MAJOR: u8 = 3; // of every version from SSL 3.0; the minor one means nothing (RFC 8446 section 5.1)
const MAX_MINOR: u8 = 4; // that any client has ever written
const RECORD_HEADER_BYTES: usize = 5; // type, version, length

/// Why a client's bytes hold no `ClientHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They do not begin a TLS client's stream. Unknown, not malformed (`SSLv2` hellos among them).
    NotTls,
    /// TLS, but another message comes first: the server's side, or a stream seen from its middle.
    NotClientHello,
    /// They break the rules of TLS.
    Malformed(Malformed),
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Tell whether a stream begins with a `ClientHello` in a TLS record; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_tls(first_bytes: &[u8]) -> Option<bool> {
    let at = |index: usize| first_bytes.get(index).copied();
    let length_is_plausible = match (at(3), at(4)) {
        (Some(high), Some(low)) => {
            (1..=MAX_RECORD_BYTES).contains(&u16::from_be_bytes([high, low]))
        }
        (high, _) => high.is_none_or(|high| u16::from(high) <= MAX_RECORD_BYTES >> 8),
    };
    let plausible = length_is_plausible
        && at(0).is_none_or(|kind| kind == HANDSHAKE)
        && at(1).is_none_or(|major| major == MAJOR)
        && at(2).is_none_or(|minor| minor <= MAX_MINOR)
        && at(5).is_none_or(|kind| kind == HANDSHAKE_CLIENT_HELLO);
    if !plausible {
        return Some(false);
    }
    at(5).map(|_| true)
}

/// Reads a client's bytes up to the end of its `ClientHello`. After that, or a refusal, it is spent.
#[derive(Debug, Default)]
pub struct TlsClientReader {
    message: Vec<u8>, // of the handshake: header and body, while it is not whole
    header: [u8; RECORD_HEADER_BYTES], // of the record that begins
    header_bytes: u8, // of it that are there
    left: u16,        // bytes of the current record still to come
    later: bool,      // a record's header was read already
    spent: bool,
    data_behind: bool,
}

/// Whether what a client sends after its hello may hold application data.
///
/// Whole records of handshake and `change_cipher_spec` hold none; anything else may.
#[must_use]
pub fn may_hold_data(mut records: &[u8]) -> bool {
    while let Some(&kind) = records.first() {
        if kind != CHANGE_CIPHER_SPEC && kind != HANDSHAKE {
            return true;
        }
        let Some(&[_, _, _, high, low]) = records.first_chunk::<RECORD_HEADER_BYTES>() else {
            return false;
        };
        let end = RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
        records = records.get(end..).unwrap_or_default();
    }
    false
}

impl TlsClientReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether what came with the hello's end may hold application data.
    #[must_use]
    pub const fn data_behind(&self) -> bool {
        self.data_behind
    }

    /// Take the next bytes in order; return the hello when they complete it.
    pub fn feed<'d>(&mut self, data: &'d [u8]) -> Result<Option<ClientHello<'d>>, Refusal> {
        if self.spent {
            return Ok(None);
        }
        let outcome = self.read(data);
        if !matches!(outcome, Ok(None)) {
            self.spent = true;
            self.message = Vec::new();
        }
        outcome
    }

    /// What can be read of a hello whose rest never came; `None` where that is nothing.
    #[must_use]
    pub fn partial(&self) -> Option<ClientHello<'_>> {
        if self.message.len() <= MESSAGE_HEADER_BYTES {
            return None;
        }
        parse_client_hello(Cow::Borrowed(&self.message), false).ok()
    }

    fn read<'d>(&mut self, mut data: &'d [u8]) -> Result<Option<ClientHello<'d>>, Refusal> {
        while !data.is_empty() {
            if self.left == 0 {
                data = self.read_header(data)?;
                continue;
            }
            let (fragment, rest) = split(data, usize::from(self.left));
            self.left -= fragment.len() as u16;
            data = rest;
            let hello = self.add(fragment)?;
            if hello.is_some() {
                self.data_behind = may_hold_data(data);
                return Ok(hello);
            }
        }
        Ok(None)
    }

    /// Take what is still missing of a record's header; return the bytes after it.
    fn read_header<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8], Refusal> {
        let missing = RECORD_HEADER_BYTES - usize::from(self.header_bytes);
        let (part, rest) = split(data, missing);
        let places = self.header.iter_mut().skip(usize::from(self.header_bytes));
        for (place, &byte) in places.zip(part) {
            *place = byte;
        }
        if part.len() < missing {
            self.header_bytes += part.len() as u8;
            return Ok(rest);
        }
        let [kind, major, _, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        if self.later {
            check_next_record(kind, major, length)?;
        } else {
            check_first_record(kind, major, length)?;
        }
        self.header_bytes = 0;
        self.later = true;
        self.left = length;
        Ok(rest)
    }

    /// Take the next bytes of the handshake message.
    fn add<'d>(&mut self, fragment: &'d [u8]) -> Result<Option<ClientHello<'d>>, Refusal> {
        if !self.message.is_empty() {
            self.message.extend_from_slice(fragment);
            let end = message_end(&self.message)?;
            return match end {
                Some(end) if end <= self.message.len() => {
                    let mut message = std::mem::take(&mut self.message);
                    message.truncate(end);
                    Ok(Some(parse_client_hello(Cow::Owned(message), true)?))
                }
                _ => Ok(None),
            };
        }
        let end = message_end(fragment)?;
        if let Some(message) = end.and_then(|end| fragment.get(..end)) {
            return Ok(Some(parse_client_hello(Cow::Borrowed(message), true)?));
        }
        // Room for a rest that is no longer than this: most split hellos come in two segments.
        let room = end.unwrap_or(usize::MAX).min(2 * fragment.len());
        self.message.reserve_exact(room);
        self.message.extend_from_slice(fragment);
        Ok(None)
    }
}

/// Where the handshake message at the begin of `message` ends; `None` when its header is not whole yet.
fn message_end(message: &[u8]) -> Result<Option<usize>, Refusal> {
    if message
        .first()
        .is_some_and(|&kind| kind != HANDSHAKE_CLIENT_HELLO)
    {
        return Err(Refusal::NotClientHello);
    }
    let Some(&[_, l0, l1, l2]) = message.first_chunk::<MESSAGE_HEADER_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
    if length > MAX_CLIENT_HELLO_BYTES {
        return Err(Malformed("hello-too-long").into());
    }
    Ok(Some(MESSAGE_HEADER_BYTES + length))
}

fn check_first_record(kind: u8, major: u8, length: u16) -> Result<(), Refusal> {
    let limit_bytes = match kind {
        HANDSHAKE => MAX_RECORD_BYTES,
        20..=23 => MAX_SEALED_BYTES, // change_cipher_spec, alert, application_data
        _ => return Err(Refusal::NotTls),
    };
    if major != MAJOR || !(1..=limit_bytes).contains(&length) {
        return Err(Refusal::NotTls);
    }
    if kind != HANDSHAKE {
        return Err(Refusal::NotClientHello);
    }
    Ok(())
}

/// Check a record that continues a handshake message (RFC 8446 section 5.1).
fn check_next_record(kind: u8, major: u8, length: u16) -> Result<(), Malformed> {
    if kind != HANDSHAKE {
        return Err(Malformed("tls-interleaved-record"));
    }
    if major != MAJOR {
        return Err(Malformed("tls-record-version"));
    }
    if !(1..=MAX_RECORD_BYTES).contains(&length) {
        return Err(Malformed("tls-record-length"));
    }
    Ok(())
}

fn split(data: &[u8], at: usize) -> (&[u8], &[u8]) {
    data.split_at_checked(at).unwrap_or((data, &[]))
}
