//! The `ClientHello` of TLS (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2): whom a client wants to reach.
//!
//! Strict about what is read, because every server rejects it too; blind to the rest, because a server may
//! well accept it, and what a server accepts must not hide a name. Unknown code points are data. A hello is
//! a view of its message: all is checked when it is parsed, and turned into text and numbers when asked for.
//! The hello of DTLS has one field more (RFC 6347 section 4.2.1), and numbers its versions downwards.

mod fields;
mod walk;

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::clienthello::fields::{codes, ech_state, protocols, select};
use crate::clienthello::walk::{Found, Span};
use crate::wire::{Malformed, name_text};

pub use crate::clienthello::fields::{
    ECH_PUBLIC_NAMES, EchState, MAX_SERVER_NAME_BYTES, is_grease,
};

/// The type of the handshake message (RFC 8446 section 4).
pub const HANDSHAKE_CLIENT_HELLO: u8 = 1;
/// The type and the 24-bit length before a handshake message's body.
pub const MESSAGE_HEADER_BYTES: usize = 4;
/// The body's length when every field in it is as long as it may be.
pub const MAX_CLIENT_HELLO_BYTES: usize = 131_396;

/// The extension with the server's name (RFC 6066 section 3).
pub const SERVER_NAME: u16 = 0x0000;
/// The extension with the signature algorithms (RFC 8446 section 4.2.3).
pub const SIGNATURE_ALGORITHMS: u16 = 0x000d;
/// The extension with the application protocols (RFC 7301).
pub const ALPN: u16 = 0x0010;
/// The extension with the TLS versions (RFC 8446 section 4.2.1).
pub const SUPPORTED_VERSIONS: u16 = 0x002b;
/// The extension with an encrypted hello (RFC 9849).
pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// What came before it: draft-ietf-tls-esni-00 to -06.
pub const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// What one `ClientHello` says. Code points are the numbers on the wire, in the order of the wire.
#[derive(Clone, Debug)]
pub struct ClientHello<'d> {
    message: Cow<'d, [u8]>,
    server_name: Option<Span>,
    cipher_suites: Span,
    extensions: Span,
    alpn: Span,
    versions: Span,
    signature_algorithms: Span,
    legacy_version: Option<u16>,
    ech: EchState,
    complete: bool,
    dtls: bool,
}

/// Read a `ClientHello` from a handshake message, whose 4-byte header the caller has read.
///
/// With `complete` false it is only the beginning of the message: all that is whole in it is read.
pub fn parse_client_hello(
    message: Cow<'_, [u8]>,
    complete: bool,
) -> Result<ClientHello<'_>, Malformed> {
    parse(message, complete, false)
}

/// Read a `ClientHello` of DTLS, whose message the caller has put behind a header without fragments.
pub fn parse_dtls_client_hello(
    message: Cow<'_, [u8]>,
    complete: bool,
) -> Result<ClientHello<'_>, Malformed> {
    parse(message, complete, true)
}

fn parse(message: Cow<'_, [u8]>, complete: bool, dtls: bool) -> Result<ClientHello<'_>, Malformed> {
    if message.len() > MESSAGE_HEADER_BYTES + MAX_CLIENT_HELLO_BYTES {
        return Err(Malformed("hello-too-long"));
    }
    let found = Found::walk(&message, complete, dtls)?;
    let server_name = fields::host_name(&message, found.server_name)?;
    let alpn = fields::protocol_list(&message, found.alpn)?;
    let versions = fields::version_list(&message, found.supported_versions)?;
    let name = server_name.map(|name| name.of(&message));
    let ech = ech_state(&message, &found, name);
    let signature_algorithms = fields::signature_list(&message, found.signature_algorithms)?;
    Ok(ClientHello {
        message,
        server_name,
        cipher_suites: found.cipher_suites,
        extensions: found.extensions,
        alpn,
        versions,
        signature_algorithms,
        legacy_version: found.legacy_version,
        ech,
        complete,
        dtls,
    })
}

impl ClientHello<'_> {
    /// The name as `name_text` writes it, without the trailing dot; the outer one where there is ECH.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        self.server_name
            .map(|name| name_text(name.of(&self.message)))
    }

    /// The application protocols as text: the case is kept, what is not printable ASCII stands as `\xNN`.
    #[must_use]
    pub fn alpn(&self) -> Vec<String> {
        protocols(self.alpn.of(&self.message))
            .map(fields::protocol_text)
            .collect()
    }

    /// The first application protocol's name as it was sent; empty where there is none.
    #[must_use]
    pub fn alpn_first(&self) -> &[u8] {
        protocols(self.alpn.of(&self.message))
            .next()
            .unwrap_or_default()
    }

    /// The versions offered, without GREASE and each once, highest first.
    ///
    /// A complete hello always has one: without the extension it is the legacy version.
    #[must_use]
    pub fn versions(&self) -> Vec<u16> {
        let mut versions: Vec<u16> = self.offered_versions().collect();
        if self.dtls {
            versions.sort_unstable();
        } else {
            versions.sort_unstable_by_key(|&version| Reverse(version));
        }
        versions.dedup();
        if versions.is_empty() {
            versions.extend(self.highest_version());
        }
        versions
    }

    /// The first of `versions`.
    #[must_use]
    pub fn highest_version(&self) -> Option<u16> {
        let legacy = || self.legacy_version.filter(|_| self.complete);
        let offered = if self.dtls {
            self.offered_versions().min()
        } else {
            self.offered_versions().max()
        };
        offered.or_else(legacy)
    }

    /// The version before the random; none where the message ended before it.
    #[must_use]
    pub fn legacy_version(&self) -> Option<u16> {
        self.legacy_version
    }

    /// Whether an encrypted hello was offered behind this one.
    #[must_use]
    pub fn ech(&self) -> EchState {
        self.ech
    }

    /// The cipher suites, GREASE included.
    pub fn cipher_suites(&self) -> impl Iterator<Item = u16> {
        codes(self.cipher_suites.of(&self.message))
    }

    /// The types of all extensions, GREASE included.
    pub fn extensions(&self) -> impl Iterator<Item = u16> {
        walk::extension_types(self.extensions.of(&self.message))
    }

    /// The signature algorithms, GREASE included.
    pub fn signature_algorithms(&self) -> impl Iterator<Item = u16> {
        codes(self.signature_algorithms.of(&self.message))
    }

    /// False when the message's end was missing: what was not reached is then none or empty.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The same hello with a copy of the message, where it only borrowed that.
    #[must_use]
    pub fn into_owned(self) -> ClientHello<'static> {
        ClientHello {
            message: Cow::Owned(self.message.into_owned()),
            ..self
        }
    }

    fn offered_versions(&self) -> impl Iterator<Item = u16> {
        select(self.versions.of(&self.message))
    }
}
