//! Against the samples of RFC 9001 appendix A and RFC 9369 appendix A: sealing their plain text has to give their
//! packets, first bytes and tag, which authenticates all the others.

use super::kit::{CRYPTO_FRAME, seal};
use super::{ConnectionId, InitialKeys};
use crate::quic_version::version_of;
use crate::wire::Malformed;

const CONNECTION_ID: [u8; 8] = *b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";
const NUMBER_AT: usize = 18;
const V1: [u8; 4] = [0, 0, 0, 1];
const V2: [u8; 4] = [0x6b, 0x33, 0x43, 0xcf];

/// Bytes written in hexadecimal.
fn hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

fn keys(version: [u8; 4]) -> InitialKeys {
    let id = ConnectionId::new(&CONNECTION_ID).unwrap();
    InitialKeys::new((version_of(version).unwrap(), id))
}

/// The sample's header, in plain text, with any first byte and number.
fn header(first: u8, version: [u8; 4], number: &[u8]) -> Vec<u8> {
    let parts = [
        &[first],
        &version[..],
        &[8],
        &CONNECTION_ID,
        &[0, 0, 0x44, 0x9e],
        number,
    ];
    parts.concat()
}

fn frames() -> Vec<u8> {
    let mut frames = CRYPTO_FRAME.to_vec();
    frames.resize(1162, 0);
    frames
}

/// The frames of a packet; what was opened before has to stay.
fn opened(keys: &InitialKeys, packet: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let mut opened = b"before".to_vec();
    let frames = keys.open(packet, NUMBER_AT, &mut opened)?;
    assert!(opened.starts_with(b"before"));
    assert!(frames.is_some() || opened.len() == 6);
    Ok(frames.map(|frames| opened[frames].to_vec()))
}

#[test]
fn keys_are_those_of_the_samples() {
    for (version, key, iv, header_protection) in [
        (
            V1,
            "1f369613dd76d5467730efcbe3b1a22d",
            "fa044b2f42a3fd3b46fb255c",
            "9f50449e04a0e810283a1e9933adedd2",
        ),
        (
            V2,
            "8b1a0bc121284290a29e0971b5cd045d",
            "91f73e2351d8fa91660e909f",
            "45b95e15235d6f45a6b19cbcb0294ba9",
        ),
        (
            [0xff, 0, 0, 0x1d],
            "175257a31eb09dea9366d8bb79ad80ba",
            "6b26114b9cba2b63a9e8dd4f",
            "9ddd12c994c0698b89374a9c077a3077",
        ),
        (
            [0xfa, 0xce, 0xb0, 0x02],
            "af7fd7efebd21878ff66811248983694",
            "8681359410a70bb9c92f0420",
            "a980b8b4fb7d9fbc13e814c23164253d",
        ),
    ] {
        let keys = keys(version);
        assert_eq!(keys.key[..], hex(key));
        assert_eq!(keys.iv[..], hex(iv));
        assert_eq!(keys.header_protection[..], hex(header_protection));
    }
}

#[test]
fn opens_the_samples_of_the_rfcs() {
    for (version, first, begin, tag) in [
        (
            V1,
            0xc3,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            V2,
            0xd3,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ] {
        let keys = keys(version);
        let packet = seal(&keys, &header(first, version, &[0, 0, 0, 2]), &frames());
        assert_eq!(packet.len(), 1200);
        assert_eq!(packet[..32], hex(begin));
        assert_eq!(packet[1184..], hex(tag));
        assert_eq!(opened(&keys, &packet), Ok(Some(frames())));
    }
}

#[test]
fn packet_numbers_have_any_size() {
    for (version, first) in [(V1, 0xc0), (V2, 0xd0)] {
        for number in [
            &[0xfd][..],
            &[0xff, 0xfd],
            &[0xff, 0xff, 0xfd],
            &[0xff, 0xff, 0xff, 0xfd],
        ] {
            let header = header(first | (number.len() as u8 - 1), version, number);
            let packet = seal(&keys(version), &header, &frames());
            assert_eq!(opened(&keys(version), &packet), Ok(Some(frames())));
        }
    }
}

#[test]
fn a_changed_bit_anywhere_keeps_the_packet_closed() {
    let whole = seal(&keys(V1), &header(0xc3, V1, &[0, 0, 0, 2]), &frames());
    for at in [0, 1, 6, 17, 18, 30, 1199] {
        let mut packet = whole.clone();
        packet[at] ^= if at == 0 { 0x04 } else { 0x10 }; // of the first byte, a protected bit
        assert_eq!(opened(&keys(V1), &packet), Ok(None));
    }
    assert_eq!(opened(&keys(V2), &whole), Ok(None));
    let other = ConnectionId::new(b"\x08\x57\x51\x3e\xf0\xc8\x94\x83").unwrap();
    let other = InitialKeys::new((version_of(V1).unwrap(), other));
    assert_eq!(opened(&other, &whole), Ok(None));
    assert_eq!(
        opened(&keys(V1), &whole[..NUMBER_AT + 19]),
        Ok(None),
        "too short for a sample"
    );
}

#[test]
fn reserved_bits_are_malformed_once_authenticated() {
    let packet = seal(&keys(V1), &header(0xcf, V1, &[0, 0, 0, 2]), &frames());
    assert_eq!(
        opened(&keys(V1), &packet),
        Err(Malformed("quic-reserved-bits"))
    );
}

#[test]
fn connection_ids_have_up_to_twenty_bytes() {
    let zeros = [0; 21];
    let ids: Vec<_> = (0..=20)
        .map(|length| ConnectionId::new(&zeros[..length]).unwrap())
        .collect();
    assert!(
        ids.iter()
            .enumerate()
            .all(|(length, id)| id.as_slice() == &zeros[..length])
    );
    assert_ne!(ids[7], ids[8]);
    assert_eq!(ConnectionId::new(&zeros), None);
}
