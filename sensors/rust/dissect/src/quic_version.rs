//! The versions of QUIC whose Initial packets are read: how each numbers its packet types and derives its keys.

/// How one version numbers its long packet types and derives its Initial keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// The high four bits of an Initial's first byte (long header, fixed bit, type).
    pub initial: u8,
    /// The same of a Retry.
    pub retry: u8,
    pub(crate) salt: [u8; 20],
    pub(crate) labels: Labels,
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

/// RFC 9001.
static V1: Version = Version {
    initial: 0xc0,
    retry: 0xf0,
    salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
    labels: QUIC,
};

/// RFC 9369.
static V2: Version = Version {
    initial: 0xd0,
    retry: 0xc0,
    salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
    labels: QUIC_V2,
};

/// The last draft that was deployed widely: old captures hold it.
static DRAFT_29: Version = Version {
    initial: 0xc0,
    retry: 0xf0,
    salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
    labels: QUIC,
};

/// Draft 27, which Facebook deployed under a name of its own.
static DRAFT_27: Version = Version {
    initial: 0xc0,
    retry: 0xf0,
    salt: *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02",
    labels: QUIC,
};

/// The version that a long header's four bytes name, `None` if its Initials are not read.
#[must_use]
pub fn version_of(number: [u8; 4]) -> Option<&'static Version> {
    match number {
        [0, 0, 0, 1] => Some(&V1),
        [0x6b, 0x33, 0x43, 0xcf] => Some(&V2),
        [0xff, 0, 0, 0x1d] => Some(&DRAFT_29),
        [0xfa, 0xce, 0xb0, 0x02] => Some(&DRAFT_27),
        _ => None,
    }
}
