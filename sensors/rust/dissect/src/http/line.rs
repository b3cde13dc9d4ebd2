//! The lines of a request's head, and the host and port that they name.

use crate::http::Refusal;
use crate::wire::{Malformed, name_text};

const MAX_PORT_DIGITS: usize = 5;
const MAX_HOST_BYTES: usize = 255;
const MIN_LITERAL_BYTES: usize = 2; // the address "::" between its brackets

/// What a request line says.
///
/// A malformed authority counts when the head is whole: the fields may be malformed too, and come first.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) is_connect: bool,
    /// None where the target is a path: then the Host field says whom the request is for.
    pub(super) authority: Option<Result<Authority, Malformed>>,
}

/// Host and port of `uri-host [ ":" port ]` (RFC 9110 section 7.2).
#[derive(Debug, Default)]
pub(super) struct Authority {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
}

/// Read a request line, whose words any white space may part (RFC 9112 section 3).
pub(super) fn request_line(line: &[u8]) -> Result<Request, Refusal> {
    let mut words = line
        .split(|&byte| is_space(byte))
        .filter(|word| !word.is_empty());
    if !words.next_back().is_some_and(is_version) {
        return Err(Refusal::NotHttp);
    }
    let (Some(method), Some(target), None) = (words.next(), words.next(), words.next()) else {
        return Err(Malformed("http-request-line").into());
    };
    if target.iter().any(u8::is_ascii_control) {
        return Err(Malformed("http-target").into());
    }
    let is_connect = method == b"CONNECT";
    Ok(Request {
        is_connect,
        authority: target_authority(target, is_connect),
    })
}

/// Return the Host field's value, `None` for any other field line (RFC 9112 section 5).
pub(super) fn host_field(line: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    if let [b' ' | b'\t', ..] = line {
        return Err(Malformed("http-obs-fold"));
    }
    let colon = line.iter().position(|&byte| byte == b':');
    let Some((name, [_, value @ ..])) = colon.and_then(|at| line.split_at_checked(at)) else {
        return Err(Malformed("http-field"));
    };
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Malformed("http-field"));
    }
    Ok(name.eq_ignore_ascii_case(b"host").then(|| trim(value)))
}

/// Read host and port; either may be missing.
pub(super) fn authority(raw: &[u8], reason: &'static str) -> Result<Authority, Malformed> {
    let (host, port) = split_authority(raw).ok_or(Malformed(reason))?;
    let digits = match port {
        [] => port,
        [b':', digits @ ..] => digits,
        _ => return Err(Malformed(reason)),
    };
    if digits.len() > MAX_PORT_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed(reason));
    }
    let add = |sum: u32, digit: &u8| 10 * sum + u32::from(digit - b'0');
    let port = u16::try_from(digits.iter().fold(0, add)).map_err(|_| Malformed(reason))?;
    let name = host.strip_suffix(b".").filter(|name| !name.is_empty());
    Ok(Authority {
        host: (!host.is_empty()).then(|| name_text(name.unwrap_or(host))),
        port: (!digits.is_empty()).then_some(port),
    })
}

/// What the target says of whom the request is for (RFC 9112 section 3.2).
fn target_authority(target: &[u8], is_connect: bool) -> Option<Result<Authority, Malformed>> {
    if is_connect {
        return Some(match authority(target, "http-connect-target") {
            Ok(Authority { host: None, .. } | Authority { port: None, .. }) => {
                Err(Malformed("http-connect-target"))
            }
            read => read,
        });
    }
    if let Some(raw) = absolute(target) {
        return Some(match authority(raw, "http-target") {
            Ok(Authority { host: None, .. }) => Err(Malformed("http-target")),
            read => read,
        });
    }
    match target {
        [b'/', ..] | b"*" => None,
        _ => Some(Err(Malformed("http-target"))),
    }
}

/// Return the authority in a target of absolute form, `None` for any other form (RFC 3986 section 3).
fn absolute(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let rest = rest.strip_prefix(b"://")?;
    let (first, others) = scheme.split_first()?;
    let is_scheme = first.is_ascii_alphabetic()
        && others
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte));
    let mut parts = rest.split(|byte| b"/?#".contains(byte));
    parts.next().filter(|_| is_scheme)
}

/// Return the host, without its brackets, and what follows it; `None` where it is not a host.
fn split_authority(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    if let [b'[', inner @ ..] = raw {
        let end = inner.iter().position(|&byte| byte == b']')?;
        let (host, after) = inner.split_at_checked(end)?;
        let sized = (MIN_LITERAL_BYTES..=MAX_HOST_BYTES).contains(&host.len());
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b":.%_~-".contains(byte);
        return (sized && host.iter().all(plain)).then_some((host, after.get(1..)?));
    }
    let end = raw.iter().position(|&byte| byte == b':');
    let (host, after) = raw.split_at_checked(end.unwrap_or(raw.len()))?;
    let plain = |byte: &u8| *byte > 0x20 && *byte != 0x7f && !b"/?#@[]\\".contains(byte);
    (host.len() <= MAX_HOST_BYTES && host.iter().all(plain)).then_some((host, after))
}

/// Cut off the white space that may stand around a field's value (RFC 9110 section 5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_version(word: &[u8]) -> bool {
    matches!(
        word,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9']
    )
}

/// The white space of ASCII, vertical tab included.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether a byte may stand in a field's name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&byte)
}
