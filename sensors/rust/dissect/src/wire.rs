//! What every parser shares: the outcome for malformed bytes, and text for addresses and names.

use std::fmt::Write as _;

/// Bytes that break their protocol's rules; the reason is a short constant, fit for a counter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// The outcome of a parser: a value, `None` when more bytes are needed, or malformed.
pub type Parsed<T> = Result<Option<T>, Malformed>;

/// Return a name as lower-case text; every byte outside printable ASCII becomes `\xNN`.
///
/// Total and injective on lower-case input: a hostile name stays one word without control characters.
#[must_use]
pub fn name_text(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for &byte in raw {
        if matches!(byte, 0x21..=0x7e) && byte != b'\\' {
            text.push(char::from(byte.to_ascii_lowercase()));
        } else {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::name_text;

    #[test]
    fn odd_bytes_are_escaped() {
        assert_eq!(name_text(b"API.OpenAI.com"), "api.openai.com");
        assert_eq!(name_text(b"a b\\c\xff\x00"), "a\\x20b\\x5cc\\xff\\x00");
    }
}
