//! What a client says in clear before it turns to TLS: SMTP, IMAP, POP3, FTP, XMPP, LDAP and data bases.
//!
//! The mirror of `sensors/starttls.py`. Each protocol is cut into units (a line, an element, a message), of
//! which one asks for TLS; where a hello may follow, its first byte begins no other unit. Only the client's
//! side is read, and only so long as it says what clients say before TLS: the first other word ends it, so
//! no mail and no password is ever looked at.

use crate::preface::{Read, Refusal, begins_with};

mod lines;

pub use lines::{cut_line, looks_like_lines};

/// How much may stand before the hello.
pub const MAX_CLEAR_BYTES: usize = 1_024;

const HANDSHAKE: u8 = 22; // the first byte of a hello's record: no text has it, no message begins with it
const LDAP_START_TLS: &[u8] = b"\x80\x161.3.6.1.4.1.1466.20037"; // requestName (RFC 4511 section 4.14.1)
const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f"; // PostgreSQL's
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30"; // which a client tries before it
const MYSQL_REQUEST: &[u8] = b"\x20\0\0\x01"; // 32 bytes, the second packet: a response that is cut short
const MYSQL_BYTES: usize = 36;
const MYSQL_SSL: u8 = 0x08; // CLIENT_SSL, in the second byte of the capabilities

/// One line, element or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its length.
    pub size: usize,
    /// Whether it asks for TLS.
    pub asks: bool,
}

/// The outcome of cutting: a unit, `None` when it is not whole, or a refusal.
pub type Cutting = Result<Option<Unit>, Refusal>;

/// Takes the bytes from a unit's begin on; there is at least one.
pub type Cut = fn(&[u8]) -> Cutting;

/// Find where the hello begins.
pub fn read_clear(data: &[u8], cut: Cut) -> Read<()> {
    let clear = data.get(..=MAX_CLEAR_BYTES).unwrap_or(data);
    let (mut at, mut asked) = (0, false);
    while let Some(rest @ [first, ..]) = clear.get(at..) {
        if asked && *first == HANDSHAKE {
            return Ok(Some(((), at)));
        }
        let Some(unit) = cut(rest)? else {
            break;
        };
        at += unit.size;
        asked |= unit.asks;
    }
    if clear.len() > MAX_CLEAR_BYTES {
        return Err(Refusal::Unknown);
    }
    Ok(None)
}

/// Tell whether an XMPP stream begins (RFC 6120 section 4.2); `None` when more bytes are needed.
#[must_use]
pub fn looks_like_xml(first_bytes: &[u8]) -> Option<bool> {
    begins_with(first_bytes, &[b"<?xml ", b"<stream:stream "])
}

/// Read a tag, or a white space between two.
pub fn cut_element(data: &[u8]) -> Cutting {
    match data {
        [b' ' | b'\t' | b'\r' | b'\n', ..] => Ok(Some(Unit {
            size: 1,
            asks: false,
        })),
        [b'<', ..] => {
            let end = data.iter().position(|&byte| byte == b'>');
            Ok(end.map(|end| Unit {
                size: end + 1,
                asks: data.starts_with(b"<starttls"),
            }))
        }
        _ => Err(Refusal::Unknown),
    }
}

/// Tell whether an `LDAPMessage` (RFC 4511 section 4.1.1) begins; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_ldap(first_bytes: &[u8]) -> Option<bool> {
    let body = match first_bytes {
        [] | [0x30] => return None,
        [0x30, 0..=0x7f, body @ ..] => Some(body),
        [0x30, length @ 0x81..=0x84, rest @ ..] => rest.get(usize::from(length - 0x80)..),
        _ => return Some(false),
    };
    body.and_then(<[u8]>::first).map(|&kind| kind == 2)
}

/// Read a message, whose length is in BER (X.690 section 8.1.3); what it asks is found by its name.
pub fn cut_ldap(data: &[u8]) -> Cutting {
    let (length, behind) = match data {
        [_] => return Ok(None),
        [0x30, length @ 0..=0x7f, behind @ ..] => (usize::from(*length), behind),
        [0x30, length @ 0x81..=0x84, behind @ ..] => {
            let Some((length, behind)) = behind.split_at_checked(usize::from(length - 0x80)) else {
                return Ok(None);
            };
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            (length.iter().fold(0, add), behind)
        }
        _ => return Err(Refusal::Unknown),
    };
    Ok(behind.get(..length).map(|body| Unit {
        size: data.len() - behind.len() + length,
        asks: body
            .windows(LDAP_START_TLS.len())
            .any(|part| part == LDAP_START_TLS),
    }))
}

/// Tell whether a request for encryption comes first; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_postgres(first_bytes: &[u8]) -> Option<bool> {
    begins_with(first_bytes, &[SSL_REQUEST, GSS_REQUEST])
}

/// Read a request for encryption (`PostgreSQL`'s message formats: `SSLRequest`, `GSSENCRequest`).
pub fn cut_postgres(data: &[u8]) -> Cutting {
    match looks_like_postgres(data) {
        Some(true) => Ok(Some(Unit {
            size: SSL_REQUEST.len(),
            asks: data.starts_with(SSL_REQUEST),
        })),
        Some(false) => Err(Refusal::Unknown),
        None => Ok(None),
    }
}

/// Tell whether a request for encryption comes first; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_mysql(first_bytes: &[u8]) -> Option<bool> {
    begins_with(first_bytes, &[MYSQL_REQUEST])
}

/// Read a request for encryption (`MySQL`'s protocol: `SSLRequest`).
pub fn cut_mysql(data: &[u8]) -> Cutting {
    let Some(request) = data.get(..MYSQL_BYTES) else {
        return Ok(None);
    };
    let asks = matches!(request, [_, _, _, _, _, flags, ..] if flags & MYSQL_SSL != 0);
    if !asks || !request.starts_with(MYSQL_REQUEST) {
        return Err(Refusal::Unknown);
    }
    Ok(Some(Unit {
        size: MYSQL_BYTES,
        asks,
    }))
}
