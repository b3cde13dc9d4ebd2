//! Datagrams: whole where they may begin a connection or a tunnel, or are of DNS.

use dissect::recorder::DNS_PORT;
use dissect::udp_tunnels;

use super::BEGIN_BYTES;
use super::assembly::{
    ABOVE, ADD, AND, AT_LEAST, Assembly, BYTE_X, EQUAL, FROM_X, HALF_X, Label, SHIFT_RIGHT, WORD_X,
};

const HEADER_BYTES: u32 = 8;
/// The longest datagram with which `WireGuard` or `OpenVPN` begins, and its header.
const LONGEST_BEGIN: u32 = 1_200;
/// The first bytes of those: `WireGuard`'s, `OpenVPN`'s resets of version 2 and 3.
const BEGINS: [u32; 3] = [1, 7 << 3, 10 << 3];
/// The first byte of DTLS's handshake.
const DTLS_HANDSHAKE: u32 = 22;
/// QUIC's long header, as RFC 9000 has it (section 17.2),
const LONG_HEADER_FIXED: u32 = 0xc0;
/// and without the bit that is fixed there: one that names a version, or RTP.
const LONG_HEADER: u32 = 0x80;
/// The first three bytes of the versions that are read: RFC 9000's, RFC 9369's, the drafts', Facebook's, Google's.
const VERSIONS: [&[u8; 3]; 6] = [
    &[0, 0, 0],
    &[0x6b, 0x33, 0x43],
    &[0xff, 0, 0],
    &[0xfa, 0xce, 0xb0],
    b"Q05",
    b"T05",
];
/// Google's header with a version, and what of the first byte tells it.
const GOOGLE_FIRST: u32 = 0x09;
const GOOGLE_FIRST_MASK: u32 = 0xcb;
/// Where the version stands in it, and how those with a hello in clear text begin.
const GOOGLE_VERSION_AT: u32 = 9;
const GOOGLE_VERSION: u32 = 0x5130; // Q0

/// A datagram; x is how far it stands behind the beginning of IP's header, which is at `at`.
pub fn datagram(code: &mut Assembly, at: u32, whole: Label) -> Label {
    let payload = at + HEADER_BYTES;
    let begin = code.returns_after(&[(FROM_X, 0), (ADD, payload + BEGIN_BYTES)]);
    let first = by_first_byte(code, at, whole, begin);
    let first = code.before(first, &[(BYTE_X, payload)]);
    [at + 2, at].into_iter().fold(first, |next, port| {
        let found = code.any(ports(), whole, next);
        code.before(found, &[(HALF_X, port)])
    })
}

/// The ports whose datagrams are read whatever they are.
fn ports() -> impl Iterator<Item = u32> {
    let tunnels = (0..=u16::MAX).filter(|port| udp_tunnels::is_target(*port));
    tunnels.chain([DNS_PORT]).map(u32::from)
}

/// By the payload's first byte, which is in a.
fn by_first_byte(code: &mut Assembly, at: u32, whole: Label, begin: Label) -> Label {
    let payload = at + HEADER_BYTES;
    let google = code.any([GOOGLE_VERSION], whole, begin);
    let google = code.before(google, &[(HALF_X, payload + GOOGLE_VERSION_AT)]);
    let google = code.branch((EQUAL, GOOGLE_FIRST), google, begin);
    let google = code.before(google, &[(AND, GOOGLE_FIRST_MASK)]);
    let short = code.branch((ABOVE, LONGEST_BEGIN), begin, whole);
    let short = code.before(short, &[(HALF_X, at + 4)]);
    let other = code.any(BEGINS, short, google);
    let other = code.any([DTLS_HANDSHAKE], whole, other);
    let versions = VERSIONS.map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]));
    let version = code.any(versions, whole, begin);
    let version = code.before(version, &[(WORD_X, payload + 1), (SHIFT_RIGHT, 8)]);
    let long = code.branch((AT_LEAST, LONG_HEADER), version, other);
    code.branch((AT_LEAST, LONG_HEADER_FIXED), whole, long)
}
