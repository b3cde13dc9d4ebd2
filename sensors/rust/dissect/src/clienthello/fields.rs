//! The fields of a `ClientHello` that are read: what makes them malformed, and what they say.

use std::fmt::Write as _;

use crate::clienthello::walk::{Found, Span};
use crate::wire::Malformed;

/// The longest DNS name (RFC 1035 section 2.3.4).
pub const MAX_SERVER_NAME_BYTES: usize = 255;

/// Names that stand on the outside of ECH and are nobody's own.
///
/// A provider's ordinary names do not belong here, although some serve as outer names too
/// (graph.facebook.com): a GREASE extension beside them means nothing.
pub const ECH_PUBLIC_NAMES: [&str; 4] = [
    "cloudflare-ech.com",    // developers.cloudflare.com/ssl/edge-certificates/ech/
    "ech-public.atmeta.com", // Meta: github.com/facebookincubator/fizz, its ECH test configurations
    "cover.defo.ie",         // the OpenSSL ECH test site: github.com/curl/curl docs/ECH.md
    "public.tls-ech.dev",    // the BoringSSL test site: the ech= of tls-ech.dev's HTTPS record
];

const HOST_NAME: u8 = 0; // RFC 6066 section 3: NameType
const NAME_HEADER_BYTES: usize = 3; // type, length
const ECH_OUTER: u8 = 0; // RFC 9849 section 5: ECHClientHelloType

/// What a hello's ECH extension means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchState {
    /// There is none.
    None,
    /// There is one, and the outer name is no known ECH public name: most of these are GREASE.
    Grease,
    /// There is one behind a known ECH public name, or an encrypted server name.
    Offered,
}

impl EchState {
    /// The name that observations have for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Grease => "grease",
            Self::Offered => "offered",
        }
    }
}

/// Whether a code point is one that RFC 8701 section 2 reserves: 0x0a0a, 0x1a1a, ..., 0xfafa.
#[must_use]
pub const fn is_grease(code: u16) -> bool {
    code & 0x0f0f == 0x0a0a && code >> 8 == code & 0xff
}

/// The 16-bit code points in `content`.
pub(super) fn codes(content: &[u8]) -> impl Iterator<Item = u16> {
    let pair = |pair: &[u8]| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    content.chunks_exact(2).map(pair)
}

/// The 16-bit code points in `content` that are not GREASE.
pub(super) fn select(content: &[u8]) -> impl Iterator<Item = u16> {
    codes(content).filter(|&code| !is_grease(code))
}

/// The protocols of an ALPN list that `protocol_list` has checked.
pub(super) fn protocols(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = list.split_first()?;
        let (name, after) = rest.split_at_checked(usize::from(length))?;
        list = after;
        Some(name)
    })
}

/// A protocol's name as one word, case kept: injective, since the backslash is escaped too.
pub(super) fn protocol_text(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for &byte in raw {
        if byte.is_ascii_graphic() && byte != b'\\' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The first `host_name` of a `server_name` extension (RFC 6066 section 3), without its trailing dot.
///
/// A name of another type is passed over: all of them begin with a 16-bit length.
pub(super) fn host_name(message: &[u8], body: Option<Span>) -> Result<Option<Span>, Malformed> {
    let Some(body) = body else { return Ok(None) };
    let names = unwrap16(message, body, "sni-list")?;
    let list = names.of(message);
    let mut first = None;
    let mut at = 0;
    while let Some(&[kind, high, low]) = list.get(at..at + NAME_HEADER_BYTES) {
        let start = at + NAME_HEADER_BYTES;
        at = start + usize::from(u16::from_be_bytes([high, low]));
        let Some(name) = list.get(start..at) else {
            return Err(Malformed("sni-list"));
        };
        if kind != HOST_NAME || first.is_some() {
            continue;
        }
        if !(1..=MAX_SERVER_NAME_BYTES).contains(&name.len()) {
            return Err(Malformed("sni-name-length"));
        }
        let dot = usize::from(name.len() > 1 && name.ends_with(b"."));
        first = Some(names.part(start, at - dot));
    }
    if at < list.len() {
        return Err(Malformed("sni-list"));
    }
    Ok(first)
}

/// The list in an ALPN extension, which holds no empty name (RFC 7301 section 3.1).
pub(super) fn protocol_list(message: &[u8], body: Option<Span>) -> Result<Span, Malformed> {
    let Some(body) = body else {
        return Ok(Span::default());
    };
    let content = unwrap16(message, body, "alpn-list")?;
    let mut list = content.of(message);
    while let Some((&length, rest)) = list.split_first() {
        let after = rest.get(usize::from(length)..).filter(|_| length > 0);
        list = after.ok_or(Malformed("alpn-list"))?;
    }
    Ok(content)
}

/// The list in a `supported_versions` extension (RFC 8446 section 4.2.1).
pub(super) fn version_list(message: &[u8], body: Option<Span>) -> Result<Span, Malformed> {
    let Some(body) = body else {
        return Ok(Span::default());
    };
    match body.of(message) {
        [length, list @ ..] if usize::from(*length) == list.len() && is_code_list(list) => {
            Ok(body.after(1))
        }
        _ => Err(Malformed("supported-versions")),
    }
}

/// The list in a `signature_algorithms` extension (RFC 8446 section 4.2.3).
pub(super) fn signature_list(message: &[u8], body: Option<Span>) -> Result<Span, Malformed> {
    let Some(body) = body else {
        return Ok(Span::default());
    };
    let content = unwrap16(message, body, "signature-algorithms")?;
    if !is_code_list(content.of(message)) {
        return Err(Malformed("signature-algorithms"));
    }
    Ok(content)
}

/// What the hello's ECH extension means beside the name as it was sent.
pub(super) fn ech_state(message: &[u8], found: &Found, name: Option<&[u8]>) -> EchState {
    if found.encrypted_server_name.is_some() {
        return EchState::Offered; // nobody sent GREASE for it
    }
    let Some(body) = found.encrypted_client_hello else {
        return EchState::None;
    };
    let is_public = |name: &[u8]| {
        let same = |public: &&str| name.eq_ignore_ascii_case(public.as_bytes());
        ECH_PUBLIC_NAMES.iter().any(same)
    };
    if is_outer_ech(body.of(message)) && name.is_some_and(is_public) {
        EchState::Offered
    } else {
        EchState::Grease
    }
}

/// Whether an `encrypted_client_hello` is well-formed and of type outer (RFC 9849 section 5).
///
/// Type, KDF, AEAD and configuration take 6 bytes; `enc` and `payload` follow, each after its length.
fn is_outer_ech(body: &[u8]) -> bool {
    let Some((&[ECH_OUTER, _, _, _, _, _, e0, e1], rest)) = body.split_first_chunk() else {
        return false;
    };
    let after_enc = rest.get(usize::from(u16::from_be_bytes([e0, e1]))..);
    match after_enc.and_then(<[u8]>::split_first_chunk) {
        Some((length, payload)) => {
            !payload.is_empty() && usize::from(u16::from_be_bytes(*length)) == payload.len()
        }
        None => false,
    }
}

/// The content of an extension that is one vector, which may not be empty.
fn unwrap16(message: &[u8], body: Span, reason: &'static str) -> Result<Span, Malformed> {
    match body.of(message).split_first_chunk() {
        Some((length, content))
            if !content.is_empty() && usize::from(u16::from_be_bytes(*length)) == content.len() =>
        {
            Ok(body.after(2))
        }
        _ => Err(Malformed(reason)),
    }
}

fn is_code_list(content: &[u8]) -> bool {
    !content.is_empty() && content.len().is_multiple_of(2)
}
