//! QUIC packets for tests.

#![cfg_attr(not(test), allow(dead_code, reason = "the fuzzer needs a part of it"))]

use crate::quic_crypto::kit::seal;
use crate::quic_crypto::{ConnectionId, InitialKeys};
use crate::quic_version::version_of;

pub(crate) const V1: [u8; 4] = [0, 0, 0, 1];
pub(crate) const V2: [u8; 4] = [0x6b, 0x33, 0x43, 0xcf];
pub(crate) const CLIENT_ID: &[u8] = b"client-8";
pub(crate) const OTHER_ID: &[u8] = b"server-id-9";

/// An integer in its shortest form (RFC 9000 section 16).
pub(crate) fn varint(value: u64) -> Vec<u8> {
    let (bytes, form) = match value {
        0..0x40 => (1, 0),
        0x40..0x4000 => (2, 1),
        0x4000..0x4000_0000 => (4, 2),
        _ => (8, 3),
    };
    (value | form << (8 * bytes - 2)).to_be_bytes()[8 - bytes..].to_vec()
}

/// A CRYPTO frame.
pub(crate) fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
    [&[6], &varint(offset)[..], &varint(data.len() as u64), data].concat()
}

/// One Initial for the connection ID `to`, sealed under the keys of `key`.
pub(crate) fn initial_of(version: [u8; 4], to: &[u8], key: &[u8], frames: &[u8]) -> Vec<u8> {
    let scheme = version_of(version).unwrap();
    let mut frames = frames.to_vec();
    frames.resize(frames.len().max(3), 0);
    let length = (1 + frames.len() + 16) as u16 | 0x4000;
    let ids = [&[to.len() as u8], to, &[0]].concat();
    let parts = [
        &[scheme.initial],
        &version[..],
        &ids,
        &[0],
        &length.to_be_bytes(),
        &[7],
    ];
    let keys = InitialKeys::new((scheme, ConnectionId::new(key).unwrap()));
    seal(&keys, &parts.concat(), &frames)
}

/// An ordinary Initial.
pub(crate) fn initial(frames: &[u8]) -> Vec<u8> {
    initial_of(V1, CLIENT_ID, CLIENT_ID, frames)
}

/// An Initial that cannot be opened.
pub(crate) fn closed(frames: &[u8]) -> Vec<u8> {
    initial_of(V1, CLIENT_ID, OTHER_ID, frames)
}

/// A long-header packet that is no Initial, with 30 opaque bytes.
pub(crate) fn other_packet(first: u8, version: [u8; 4]) -> Vec<u8> {
    let ids = [&[CLIENT_ID.len() as u8], CLIENT_ID, &[0]].concat();
    [&[first], &version[..], &ids, &[30], &[0xaa; 30]].concat()
}
