//! Protocols of lines: commands, with IMAP's tag or without.

use super::{Cutting, Unit};
use crate::preface::Refusal;

const COMMANDS: [&[u8]; 16] = [
    b"EHLO",
    b"HELO",
    b"LHLO",
    b"NOOP",
    b"RSET",
    b"STARTTLS",
    b"CAPA",
    b"CAPABILITY",
    b"CAPABILITIES",
    b"STLS",
    b"AUTH",
    b"FEAT",
    b"HOST",
    b"CLNT",
    b"OPTS",
    b"SYST",
];
const LONGEST_COMMAND: usize = 12;
const TAGGED_COMMANDS: [&[u8]; 4] = [b"CAPABILITY", b"ID", b"NOOP", b"STARTTLS"]; // IMAP (RFC 9051 section 6.1)
const MAX_TAG_BYTES: usize = 8;
const FTP_MECHANISMS: [&[u8]; 3] = [b"TLS", b"TLS-C", b"SSL"]; // RFC 4217 section 4

/// Tell whether a command, or a tag and the initial of one, comes first; `None` when more is needed.
#[must_use]
pub fn looks_like_lines(first_bytes: &[u8]) -> Option<bool> {
    let word_end = first_bytes.iter().position(|&byte| !is_tag_byte(byte));
    let word = word_end.and_then(|end| first_bytes.split_at_checked(end));
    let Some((word, [delimiter, after @ ..])) = word else {
        let may_become = first_bytes.len() <= LONGEST_COMMAND;
        return if may_become { None } else { Some(false) };
    };
    if is_one_of(word, &COMMANDS) && b" \r\n".contains(delimiter) {
        return Some(true);
    }
    if !is_tag(word) || *delimiter != b' ' {
        return Some(false);
    }
    let initial = after.first()?.to_ascii_uppercase();
    Some(b"CINS".contains(&initial))
}

/// Read a line.
pub fn cut_line(data: &[u8]) -> Cutting {
    let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let line = data.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.split(|&byte| byte == b' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let asks = if is_one_of(first, &COMMANDS) {
        is_one_of(first, &[b"STARTTLS", b"STLS"])
            || is_one_of(first, &[b"AUTH"]) && is_one_of(second, &FTP_MECHANISMS)
    } else if is_one_of(second, &TAGGED_COMMANDS) && is_tag(first) {
        is_one_of(second, &[b"STARTTLS"])
    } else {
        return Err(Refusal::Unknown);
    };
    let size = end + 1;
    Ok(Some(Unit { size, asks }))
}

fn is_tag(word: &[u8]) -> bool {
    (1..=MAX_TAG_BYTES).contains(&word.len()) && word.iter().all(|&byte| is_tag_byte(byte))
}

const fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.'
}

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}
