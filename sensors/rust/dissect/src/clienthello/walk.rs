//! One pass over a `ClientHello`: its fixed part, then its extensions. It finds fields; it reads none.

use crate::clienthello::{
    ALPN, ENCRYPTED_CLIENT_HELLO, ENCRYPTED_SERVER_NAME, MESSAGE_HEADER_BYTES, SERVER_NAME,
    SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS,
};
use crate::wire::Malformed;

const RANDOM_BYTES: usize = 32;
const MAX_SESSION_ID_BYTES: usize = 32;
const EXTENSION_HEADER_BYTES: usize = 4; // type, length

/// Where a field's bytes stand in a message, which `MAX_CLIENT_HELLO_BYTES` bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The field's bytes.
    pub(super) fn of(self, message: &[u8]) -> &[u8] {
        message
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// The field without its first bytes.
    pub(super) fn after(self, bytes: usize) -> Self {
        Self {
            start: (self.start + bytes as u32).min(self.end),
            end: self.end,
        }
    }

    /// A part of the field: `start` and `end` count from the field's own begin.
    pub(super) fn part(self, start: usize, end: usize) -> Self {
        let begin = self.start as usize;
        Self::new(begin + start, begin + end)
    }
}

/// Why a walk ended early.
enum Stop {
    /// The message ends before a field does: malformed, unless the capture cut it.
    PastEnd,
    Malformed(Malformed),
}

impl Stop {
    const fn malformed(reason: &'static str) -> Self {
        Self::Malformed(Malformed(reason))
    }
}

/// Where the fields are. The extensions' bodies are those of the types that are read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) legacy_version: Option<u16>,
    pub(super) cipher_suites: Span,
    /// All extensions that are whole.
    pub(super) extensions: Span,
    pub(super) server_name: Option<Span>,
    pub(super) signature_algorithms: Option<Span>,
    pub(super) alpn: Option<Span>,
    pub(super) supported_versions: Option<Span>,
    pub(super) encrypted_client_hello: Option<Span>,
    pub(super) encrypted_server_name: Option<Span>,
}

impl Found {
    /// Walk over a message's body. One that is not `complete` may end anywhere; one of DTLS has a cookie.
    pub(super) fn walk(message: &[u8], complete: bool, dtls: bool) -> Result<Self, Malformed> {
        let mut found = Self::default();
        let at = MESSAGE_HEADER_BYTES;
        match found.run(Cursor { message, at }, dtls) {
            Err(Stop::PastEnd) if complete => Err(Malformed("hello-truncated")),
            Err(Stop::Malformed(malformed)) => Err(malformed),
            Err(Stop::PastEnd) | Ok(()) => Ok(found),
        }
    }

    fn run(&mut self, mut cursor: Cursor<'_>, dtls: bool) -> Result<(), Stop> {
        self.legacy_version = Some(cursor.number16()?);
        cursor.take(RANDOM_BYTES)?;
        let session_id_bytes = cursor.number8()?;
        cursor.take(session_id_bytes)?;
        if session_id_bytes > MAX_SESSION_ID_BYTES {
            return Err(Stop::malformed("hello-session-id"));
        }
        if dtls {
            let cookie_bytes = cursor.number8()?;
            cursor.take(cookie_bytes)?;
        }
        let suites_bytes = usize::from(cursor.number16()?);
        let suites = cursor.take(suites_bytes)?;
        if suites_bytes == 0 || !suites_bytes.is_multiple_of(2) {
            return Err(Stop::malformed("hello-cipher-suites"));
        }
        self.cipher_suites = suites;
        let methods_bytes = cursor.number8()?;
        cursor.take(methods_bytes)?;
        if methods_bytes == 0 {
            return Err(Stop::malformed("hello-compression-methods"));
        }
        if cursor.at == cursor.message.len() {
            return Ok(()); // a hello without extensions, as SSL 3.0 and TLS 1.0 allow
        }
        let extensions_bytes = usize::from(cursor.number16()?);
        self.walk_extensions(cursor.message, cursor.at, extensions_bytes)
    }

    /// Walk the extensions, which must fill the message to its end (RFC 5246 section 7.4.1.2).
    fn walk_extensions(&mut self, message: &[u8], begin: usize, size: usize) -> Result<(), Stop> {
        let end = begin + size;
        if end < message.len() {
            return Err(Stop::malformed("hello-trailing-bytes"));
        }
        let mut at = begin;
        while at < end {
            let start = at + EXTENSION_HEADER_BYTES;
            if start > end {
                return Err(Stop::malformed("hello-extensions"));
            }
            let Some(&[k0, k1, l0, l1]) = message.get(at..start) else {
                return Err(Stop::PastEnd);
            };
            at = start + usize::from(u16::from_be_bytes([l0, l1]));
            if at > end {
                return Err(Stop::malformed("hello-extensions"));
            }
            if at > message.len() {
                return Err(Stop::PastEnd);
            }
            self.extensions = Span::new(begin, at);
            self.note(u16::from_be_bytes([k0, k1]), Span::new(start, at))?;
        }
        Ok(())
    }

    /// Keep the body of an extension that is read (RFC 8446 section 4.2).
    ///
    /// Other types may stand twice: OpenSSL lets unknown ones pass, so that rejecting them here would let
    /// any client hide its name from us, and not from the server.
    fn note(&mut self, kind: u16, body: Span) -> Result<(), Stop> {
        let place = match kind {
            SERVER_NAME => &mut self.server_name,
            SIGNATURE_ALGORITHMS => &mut self.signature_algorithms,
            ALPN => &mut self.alpn,
            SUPPORTED_VERSIONS => &mut self.supported_versions,
            ENCRYPTED_CLIENT_HELLO => &mut self.encrypted_client_hello,
            ENCRYPTED_SERVER_NAME => &mut self.encrypted_server_name,
            _ => return Ok(()),
        };
        if place.replace(body).is_some() {
            return Err(Stop::malformed("hello-duplicate-extension"));
        }
        Ok(())
    }
}

/// The types in a block of whole extensions.
pub(super) fn extension_types(mut block: &[u8]) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let (&[k0, k1, l0, l1], rest) = block.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        block = rest.get(length..).unwrap_or_default();
        Some(u16::from_be_bytes([k0, k1]))
    })
}

struct Cursor<'m> {
    message: &'m [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, bytes: usize) -> Result<Span, Stop> {
        let start = self.at;
        let end = start + bytes;
        if end > self.message.len() {
            return Err(Stop::PastEnd);
        }
        self.at = end;
        Ok(Span::new(start, end))
    }

    fn number8(&mut self) -> Result<usize, Stop> {
        let byte = self.message.get(self.at).ok_or(Stop::PastEnd)?;
        self.at += 1;
        Ok(usize::from(*byte))
    }

    fn number16(&mut self) -> Result<u16, Stop> {
        match self.message.get(self.at..self.at + 2) {
            Some(&[high, low]) => {
                self.at += 2;
                Ok(u16::from_be_bytes([high, low]))
            }
            _ => Err(Stop::PastEnd),
        }
    }
}
