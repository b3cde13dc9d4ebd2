//! SOCKS: whom a client asks a proxy for, in version 4, 4a and 5 (RFC 1928, RFC 1929).
//!
//! The mirror of `sensors/socks.py`. Only the client's side is read: its methods, its password if it sends
//! one, its request. SOCKS has no magic number, so what is not plainly a request is another protocol, not a
//! broken request.

use crate::preface::{Read, Refusal};
use crate::segment::Address;
use crate::wire::{Malformed, name_text};

/// The longest version 4 user or name, each of which ends with a zero.
pub const MAX_TEXT_BYTES: usize = 255;

const CONNECT: u8 = 1;
const UDP_ASSOCIATE: u8 = 3; // the last of the commands
const PASSWORD: u8 = 1; // the version of the username and password negotiation (RFC 1929 section 2)

/// Whom a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocksRequest {
    /// A name, or an address as text.
    pub host: String,
    /// Whether a tunnel is asked for.
    pub is_connect: bool,
}

/// Tell whether a stream may begin with a SOCKS client's message; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_socks(first_bytes: &[u8]) -> Option<bool> {
    match first_bytes {
        [] | [4 | 5] => None,
        [4, 1 | 2, ..] | [5, 1..=255, ..] => Some(true),
        _ => Some(false),
    }
}

/// Read all that a client says up to its request.
pub fn read_socks(data: &[u8]) -> Read<SocksRequest> {
    match data {
        [4, command, rest @ ..] => version_4(*command, rest, data),
        [5, methods, ..] => version_5(2 + usize::from(*methods), data),
        _ => Ok(None),
    }
}

/// Read a request: command, port, address, user; a name where the address is 0.0.0.x (version 4a).
fn version_4(command: u8, rest: &[u8], data: &[u8]) -> Read<SocksRequest> {
    let Some(&[port_0, port_1, a, b, c, d]) = rest.first_chunk() else {
        return Ok(None);
    };
    let has_name = matches!([a, b, c], [0, 0, 0]) && d != 0;
    if [port_0, port_1] == [0, 0] || (a == 0 && !has_name) {
        return Err(Refusal::Unknown);
    }
    let behind = data.get(8..).unwrap_or_default();
    let mut user = behind
        .iter()
        .take(MAX_TEXT_BYTES)
        .take_while(|&&byte| byte != 0);
    if !user.all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Err(Refusal::Unknown);
    }
    let Some((_, user_end)) = text(data, 8)? else {
        return Ok(None);
    };
    let is_connect = command == CONNECT;
    if !has_name {
        let host = Address::v4([a, b, c, d]).to_string();
        return Ok(Some((SocksRequest { host, is_connect }, user_end)));
    }
    let Some((name, end)) = text(data, user_end)? else {
        return Ok(None);
    };
    let host = host(name)?;
    Ok(Some((SocksRequest { host, is_connect }, end)))
}

/// The text from `start` on, and where what follows its zero begins.
fn text(data: &[u8], start: usize) -> Result<Option<(&[u8], usize)>, Malformed> {
    let behind = data.get(start..).unwrap_or_default();
    let zero = behind
        .iter()
        .take(MAX_TEXT_BYTES + 1)
        .position(|&byte| byte == 0);
    match zero {
        Some(length) => Ok(behind.get(..length).map(|text| (text, start + length + 1))),
        None if behind.len() > MAX_TEXT_BYTES => Err(Malformed("socks-text-too-long")),
        None => Ok(None),
    }
}

/// Read a password, if any, and a request (RFC 1928 section 4), from behind the methods on.
fn version_5(behind_methods: usize, data: &[u8]) -> Read<SocksRequest> {
    let mut at = behind_methods;
    if data.get(at) == Some(&PASSWORD) {
        let Some(end) = password_end(data, at) else {
            return Ok(None);
        };
        at = end;
    }
    let request = data.get(at..).unwrap_or_default();
    if request.first().is_some_and(|&version| version != 5) {
        return Err(Refusal::Unknown);
    }
    let Some(&[_, command, reserved, kind, first]) = request.first_chunk() else {
        return Ok(None);
    };
    if !(CONNECT..=UDP_ASSOCIATE).contains(&command) || reserved != 0 {
        return Err(Refusal::Unknown);
    }
    let Some((host, end)) = target(kind, first, request)? else {
        return Ok(None);
    };
    let is_connect = command == CONNECT;
    Ok(Some((SocksRequest { host, is_connect }, at + end)))
}

/// Where a username and password (RFC 1929 section 2) end.
fn password_end(data: &[u8], at: usize) -> Option<usize> {
    let user_bytes = *data.get(at + 1)?;
    let user_end = at + 2 + usize::from(user_bytes);
    let password_bytes = *data.get(user_end)?;
    Some(user_end + 1 + usize::from(password_bytes))
}

/// Read a request's address (RFC 1928 section 5); return where the port after it ends.
fn target(kind: u8, first: u8, request: &[u8]) -> Read<String> {
    let (start, length) = match kind {
        1 => (4, 4),
        3 => (5, usize::from(first)),
        4 => (4, 16),
        _ => return Err(Malformed("socks-address-type").into()),
    };
    let end = start + length + 2;
    if request.len() < end {
        return Ok(None);
    }
    let raw = request.get(start..start + length).unwrap_or_default();
    let host = if kind == 3 {
        host(raw)?
    } else if let Some(&v6) = raw.first_chunk() {
        Address::v6(v6).to_string()
    } else {
        Address::v4(raw.first_chunk().copied().unwrap_or_default()).to_string()
    };
    Ok(Some((host, end)))
}

/// A name as text.
fn host(raw: &[u8]) -> Result<String, Malformed> {
    if raw.is_empty() {
        return Err(Malformed("socks-no-name"));
    }
    let name = raw.strip_suffix(b".").filter(|name| !name.is_empty());
    Ok(name_text(name.unwrap_or(raw)))
}
