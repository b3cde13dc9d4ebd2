//! The versions of QUIC whose Initial packets are read: how each numbers its packet types and derives its keys.
//!
//! The mirror of `sensors/quic_version.py`. Google's own versions stand beside the IETF's.

/// How one version numbers its long packet types and derives its Initial keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// What tells it from the others; drafts with the same keys share one.
    pub name: [u8; 4],
    /// Whether its frames are those of `gquic_frames`.
    pub google: bool,
    /// Whether its handshake is TLS, and not Google's own.
    pub tls: bool,
    /// The high four bits of an Initial's first byte (long header, fixed bit, type).
    pub initial: u8,
    /// The same of a Retry.
    pub retry: u8,
    pub(crate) salt: [u8; 20],
    pub(crate) labels: Labels,
}

impl Version {
    /// The high four bits of a 0-RTT packet's first byte, which follow an Initial's in all versions.
    #[must_use]
    pub const fn zero_rtt(&self) -> u8 {
        self.initial + 0x10
    }
}

/// What follows from the client's secret, as HKDF-Expand-Label asks for it (RFC 8446 section 7.1): the length
/// wanted, the label after its length, and an empty context.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    pub key: &'static [u8],
    pub iv: &'static [u8],
    pub header_protection: &'static [u8],
}

/// Before it comes the secret of the client.
pub(crate) const CLIENT_LABEL: &[u8] = b"\x00\x20\x0ftls13 client in\x00";

const QUIC: Labels = Labels {
    key: b"\x00\x10\x0etls13 quic key\x00",
    iv: b"\x00\x0c\x0dtls13 quic iv\x00",
    header_protection: b"\x00\x10\x0dtls13 quic hp\x00",
};

const QUIC_V2: Labels = Labels {
    key: b"\x00\x10\x10tls13 quicv2 key\x00",
    iv: b"\x00\x0c\x0ftls13 quicv2 iv\x00",
    header_protection: b"\x00\x10\x0ftls13 quicv2 hp\x00",
};

/// How the IETF's versions and Google's number their types, and a salt to be filled in.
const IETF: Version = Version {
    name: [0; 4],
    google: false,
    tls: true,
    initial: 0xc0,
    retry: 0xf0,
    salt: [0; 20],
    labels: QUIC,
};

/// RFC 9001.
static V1: Version = Version {
    name: [0, 0, 0, 1],
    salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
    ..IETF
};

/// RFC 9369.
static V2: Version = Version {
    name: [0x6b, 0x33, 0x43, 0xcf],
    initial: 0xd0,
    retry: 0xc0,
    salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
    labels: QUIC_V2,
    ..IETF
};

/// The draft with which the long header got its final form; Facebook has a name of its own for it.
static DRAFT_22: Version = Version {
    name: [0xff, 0, 0, 22],
    salt: *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a",
    ..IETF
};

/// Drafts 23 to 28; Facebook has a name of its own for the 27th.
static DRAFT_23: Version = Version {
    name: [0xff, 0, 0, 23],
    salt: *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02",
    ..IETF
};

/// Drafts 29 to 32.
static DRAFT_29: Version = Version {
    name: [0xff, 0, 0, 29],
    salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
    ..IETF
};

/// Google's handshake in sealed packets.
static Q050: Version = Version {
    name: *b"Q050",
    google: true,
    tls: false,
    salt: *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45",
    ..IETF
};

/// TLS in Google's packets.
static T050: Version = Version {
    name: *b"T050",
    google: true,
    salt: *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10",
    ..IETF
};

/// The version after it.
static T051: Version = Version {
    name: *b"T051",
    google: true,
    salt: *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d",
    ..IETF
};

static Q039: Version = Version {
    name: *b"Q039",
    google: true,
    tls: false,
    ..IETF
};

static Q043: Version = Version {
    name: *b"Q043",
    google: true,
    tls: false,
    ..IETF
};

static Q046: Version = Version {
    name: *b"Q046",
    google: true,
    tls: false,
    ..IETF
};

/// The version that a long header's four bytes name, `None` if its Initials are not read.
#[must_use]
pub fn version_of(number: [u8; 4]) -> Option<&'static Version> {
    match number {
        [0, 0, 0, 1] | [0xff, 0, 0, 33..=34] => Some(&V1),
        [0x6b, 0x33, 0x43, 0xcf] => Some(&V2),
        [0xff, 0, 0, 22] | [0xfa, 0xce, 0xb0, 0x01] => Some(&DRAFT_22),
        [0xff, 0, 0, 23..=28] | [0xfa, 0xce, 0xb0, 0x02] => Some(&DRAFT_23),
        [0xff, 0, 0, 29..=32] => Some(&DRAFT_29),
        [b'Q', b'0', b'5', b'0'] => Some(&Q050),
        [b'T', b'0', b'5', b'0'] => Some(&T050),
        [b'T', b'0', b'5', b'1'] => Some(&T051),
        _ => None,
    }
}

/// The version in clear text with Google's public header that four bytes name.
#[must_use]
pub fn public_version_of(number: [u8; 4]) -> Option<&'static Version> {
    match &number {
        b"Q039" => Some(&Q039),
        b"Q043" => Some(&Q043),
        _ => None,
    }
}

/// The version in clear text with a long header that four bytes name.
#[must_use]
pub fn clear_version_of(number: [u8; 4]) -> Option<&'static Version> {
    (&number == b"Q046").then_some(&Q046)
}
