//! Sealing for tests: the opposite of `InitialKeys::open`.

#![cfg_attr(not(test), allow(dead_code, reason = "the fuzzer needs a part of it"))]

use super::{InitialKeys, MAX_NUMBER_BYTES};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};

/// The frames of the samples in RFC 9001 appendix A.2 and RFC 9369 appendix A.2, without their padding.
pub(crate) const CRYPTO_FRAME: &[u8] = b"\x06\x00\x40\xf1\
    \x01\x00\x00\xed\x03\x03\xeb\xf8\xfa\x56\xf1\x29\x39\xb9\x58\x4a\x38\x96\x47\x2e\xc4\x0b\xb8\x63\xcf\xd3\xe8\x68\
    \x04\xfe\x3a\x47\xf0\x6a\x2b\x69\x48\x4c\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\xc0\x00\x00\x00\x10\x00\x0e\x00\
    \x00\x0b\x65\x78\x61\x6d\x70\x6c\x65\x2e\x63\x6f\x6d\xff\x01\x00\x01\x00\x00\x0a\x00\x08\x00\x06\x00\x1d\x00\x17\
    \x00\x18\x00\x10\x00\x07\x00\x05\x04\x61\x6c\x70\x6e\x00\x05\x00\x05\x01\x00\x00\x00\x00\x00\x33\x00\x26\x00\x24\
    \x00\x1d\x00\x20\x93\x70\xb2\xc9\xca\xa4\x7f\xba\xba\xf4\x55\x9f\xed\xba\x75\x3d\xe1\x71\xfa\x71\xf5\x0f\x1c\xe1\
    \x5d\x43\xe9\x94\xec\x74\xd7\x48\x00\x2b\x00\x03\x02\x03\x04\x00\x0d\x00\x10\x00\x0e\x04\x03\x05\x03\x06\x03\x02\
    \x03\x08\x04\x08\x05\x08\x06\x00\x2d\x00\x02\x01\x01\x00\x1c\x00\x02\x40\x01\x00\x39\x00\x32\x04\x08\xff\xff\xff\
    \xff\xff\xff\xff\xff\x05\x04\x80\x00\xff\xff\x07\x04\x80\x00\xff\xff\x08\x01\x10\x01\x04\x80\x00\x75\x30\x09\x01\
    \x10\x0f\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\x06\x04\x80\x00\xff\xff";

/// The handshake message in it, the hello of a client that wants example.com.
pub(crate) fn client_hello() -> &'static [u8] {
    &CRYPTO_FRAME[4..]
}

/// Seal a packet: `header` ends with the packet number, as many bytes as its first byte says.
pub(crate) fn seal(keys: &InitialKeys, header: &[u8], frames: &[u8]) -> Vec<u8> {
    let number_bytes = usize::from(header[0] & 3) + 1;
    let number_at = header.len() - number_bytes;
    let mut nonce = keys.iv;
    for (byte, number) in nonce.iter_mut().rev().zip(header[number_at..].iter().rev()) {
        *byte ^= number;
    }
    let mut body = frames.to_vec();
    let tag = Aes128Gcm::new(&keys.key.into())
        .encrypt_inout_detached(&nonce.into(), header, body.as_mut_slice().into())
        .unwrap();
    let mut packet = [header, &body, &tag].concat();
    let sample_at = number_at + MAX_NUMBER_BYTES;
    let mask = keys.mask(packet[sample_at..].first_chunk().unwrap());
    packet[0] ^= mask[0] & 0x0f;
    for (byte, mask) in packet[number_at..header.len()].iter_mut().zip(&mask[1..]) {
        *byte ^= mask;
    }
    packet
}
