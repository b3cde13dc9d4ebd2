//! JA4, the fingerprint of a TLS client (github.com/FoxIO-LLC/ja4, `technical_details/JA4.md`).
//!
//! JA4 is under the BSD 3-Clause licence; the other members of the JA4+ family are not, and are not made
//! here. GREASE is left out everywhere, which makes the fingerprint the same for all hellos of one client
//! build.

use std::fmt;

use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::clienthello::{ALPN, ClientHello, SERVER_NAME, is_grease};

const FINGERPRINT_BYTES: usize = 36;
const MAX_COUNT: usize = 99;
const EMPTY: [u8; DIGEST_BYTES] = [b'0'; DIGEST_BYTES];
const DIGEST_BYTES: usize = 12;
const CODE_BYTES: usize = 5; // four hexadecimal digits, and what stands between two codes
const CODES_AT_ONCE: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Code points; those of nearly all clients fit without memory from the heap.
type Codes = SmallVec<[u16; CODES_AT_ONCE]>;

/// What carried the hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS.
    Dtls,
}

/// A fingerprint: 36 characters in three parts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4([u8; FINGERPRINT_BYTES]);

impl Ja4 {
    /// The fingerprint that stands as text: 36 characters of what fingerprints have.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let is_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let bytes = text.as_bytes().try_into().ok()?;
        text.bytes().all(is_one).then_some(Self(bytes))
    }

    /// The fingerprint as text, all of it ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Return the fingerprint of a hello. It says something of the client only when the hello is complete.
#[must_use]
pub fn ja4(hello: &ClientHello<'_>, transport: Transport) -> Ja4 {
    let mut suites = without_grease(hello.cipher_suites());
    let mut extensions = without_grease(hello.extensions());
    let [version0, version1] = version(hello.highest_version());
    let [suites0, suites1] = count(suites.len());
    let [extensions0, extensions1] = count(extensions.len());
    let [alpn0, alpn1] = alpn_ends(hello.alpn_first());
    let destination = if extensions.contains(&SERVER_NAME) {
        b'd'
    } else {
        b'i'
    };
    let transport = match transport {
        Transport::Tcp => b't',
        Transport::Quic => b'q',
        Transport::Dtls => b'd',
    };
    let head = [
        transport,
        version0,
        version1,
        destination,
        suites0,
        suites1,
        extensions0,
        extensions1,
        alpn0,
        alpn1,
    ];
    suites.sort_unstable();
    extensions.retain(|kind| *kind != SERVER_NAME && *kind != ALPN);
    extensions.sort_unstable();
    let algorithms = without_grease(hello.signature_algorithms());
    let parts = [
        &head[..],
        b"_",
        &digest(&suites, &[]),
        b"_",
        &digest(&extensions, &algorithms),
    ];
    let mut text = [0; FINGERPRINT_BYTES];
    for (place, &byte) in text.iter_mut().zip(parts.into_iter().flatten()) {
        *place = byte;
    }
    Ja4(text)
}

fn without_grease(codes: impl Iterator<Item = u16>) -> Codes {
    codes.filter(|&code| !is_grease(code)).collect()
}

fn version(highest: Option<u16>) -> [u8; 2] {
    match highest {
        Some(0x0304) => *b"13",
        Some(0x0303) => *b"12",
        Some(0x0302) => *b"11",
        Some(0x0301) => *b"10",
        Some(0x0300) => *b"s3",
        Some(0x0002) => *b"s2",
        Some(0xfeff) => *b"d1",
        Some(0xfefd) => *b"d2",
        Some(0xfefc) => *b"d3",
        _ => *b"00",
    }
}

fn count(codes: usize) -> [u8; 2] {
    let shown = codes.min(MAX_COUNT) as u8;
    [b'0' + shown / 10, b'0' + shown % 10]
}

/// The first and last character of a protocol's name.
///
/// Where one of the two is not an ASCII letter or digit: those of the name written in hexadecimal.
fn alpn_ends(first: &[u8]) -> [u8; 2] {
    match (first.first(), first.last()) {
        (Some(&begin), Some(&end))
            if begin.is_ascii_alphanumeric() && end.is_ascii_alphanumeric() =>
        {
            [begin, end]
        }
        (Some(&begin), Some(&end)) => [digit(begin >> 4), digit(end)],
        _ => *b"00",
    }
}

/// The begin of the SHA-256 of a list, and after an underscore of another where that is not empty.
fn digest(codes: &[u16], more: &[u16]) -> [u8; DIGEST_BYTES] {
    if codes.is_empty() && more.is_empty() {
        return EMPTY;
    }
    let mut hash = Sha256::new();
    hash_codes(&mut hash, codes);
    if !more.is_empty() {
        hash.update(b"_");
        hash_codes(&mut hash, more);
    }
    let sum = hash.finalize();
    let mut text = EMPTY;
    for (pair, &byte) in text.chunks_exact_mut(2).zip(&sum) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte)]);
    }
    text
}

/// Hash code points as four hexadecimal digits each, with commas between them.
fn hash_codes(hash: &mut Sha256, codes: &[u16]) {
    let mut separator = &b""[..];
    for codes in codes.chunks(CODES_AT_ONCE) {
        let mut text = [b','; CODES_AT_ONCE * CODE_BYTES];
        for (place, &code) in text.chunks_exact_mut(CODE_BYTES).zip(codes) {
            let [high, low] = code.to_be_bytes();
            if let [digits @ .., _] = place {
                digits.copy_from_slice(&[
                    digit(high >> 4),
                    digit(high),
                    digit(low >> 4),
                    digit(low),
                ]);
            }
        }
        hash.update(separator);
        hash.update(text.get(..codes.len() * CODE_BYTES - 1).unwrap_or_default());
        separator = b",";
    }
}

/// The hexadecimal digit of a byte's lower half.
fn digit(byte: u8) -> u8 {
    HEX.get(usize::from(byte & 15)).copied().unwrap_or(b'0')
}
