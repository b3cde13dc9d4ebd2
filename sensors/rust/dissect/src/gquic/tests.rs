use super::{HASH_BYTES, fnv, is_clear_hello};
use crate::observations::Carrier;
use crate::quic::{InitialReader, Outcome};
use crate::quic_client::QuicClient;
use proptest::prelude::*;

/// A hello with these tags and values.
fn chlo(values: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut end = 0;
    let mut index = Vec::new();
    for (tag, value) in values {
        end += value.len() as u32;
        index.extend_from_slice(&[&tag[..], &end.to_le_bytes()].concat());
    }
    let head = [b"CHLO", &(values.len() as u16).to_le_bytes()[..], &[0, 0]].concat();
    let values: Vec<u8> = values
        .iter()
        .flat_map(|(_, value)| *value)
        .copied()
        .collect();
    [head, index, values].concat()
}

fn hello() -> Vec<u8> {
    chlo(&[(b"PAD\0", &[b'-'; 600]), (b"SNI\0", b"gemini.google.com")])
}

/// A STREAM frame of the handshake's stream.
fn stream_frame(data: &[u8], offset: usize) -> Vec<u8> {
    let place = (offset as u16).to_be_bytes();
    let length = (data.len() as u16).to_be_bytes();
    [&[0xa4, 1], &place[..], &length, data].concat()
}

/// A client's packet in clear text, with its hash.
fn clear_packet(version: [u8; 4], frames: &[u8]) -> Vec<u8> {
    let header = match &version {
        b"Q046" => [b"\xc3", &version[..], b"\x50client-8\0\0\0\x01"].concat(),
        _ => [b"\x0dclient-8", &version[..], b"\x01"].concat(),
    };
    let hash = fnv(&[&header, frames, b"Client"]).to_le_bytes();
    [&header[..], &hash[..HASH_BYTES], frames].concat()
}

#[test]
fn the_hash_is_chromiums() {
    let said = fnv(&[b"hello world!", b"goodbye!", b"Client"]).to_le_bytes();
    assert_eq!(
        said[..HASH_BYTES],
        *b"\x97\xdc\x27\x2f\x18\xa8\x56\x73\xdf\x8d\x1d\xd0"
    );
}

#[test]
fn a_hello_in_clear_text_gives_its_name() {
    for version in [b"Q039", b"Q043", b"Q046"] {
        let packet = clear_packet(*version, &stream_frame(&hello(), 0));
        assert!(is_clear_hello(&packet));
        let mut client = QuicClient::new();
        let greeting = client.feed(&packet, true).unwrap().unwrap();
        assert_eq!(greeting.carrier, Carrier::Quic);
        assert_eq!(greeting.server_name.as_deref(), Some("gemini.google.com"));
        assert!(greeting.hello.is_none() && client.done() && client.oddity().is_none());
    }
}

#[test]
fn what_the_hash_does_not_match_is_not_read() {
    for (complete, outcome) in [(true, Outcome::Undecryptable), (false, Outcome::Truncated)] {
        let packet = clear_packet(*b"Q043", &stream_frame(&hello(), 0));
        let mut reader = InitialReader::default();
        assert_eq!(reader.feed(&packet[..400], complete), Ok(vec![]));
        assert_eq!(reader.outcome(), outcome);
        assert_eq!(reader.feed(&packet, true), Ok(hello()));
    }
}

proptest! {
    #[test]
    fn any_cut_and_order_gives_the_name(cut in 300_usize..600, first in any::<bool>()) {
        let hello = hello();
        let (begin, rest) = hello.split_at(cut);
        let mut packets = [
            clear_packet(*b"Q046", &stream_frame(begin, 0)),
            clear_packet(*b"Q046", &stream_frame(rest, begin.len())),
        ];
        if first {
            packets.reverse();
        }
        let mut client = QuicClient::new();
        let said: Vec<_> = packets.iter().filter_map(|packet| client.feed(packet, true).unwrap()).collect();
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!(said[0].server_name.as_deref(), Some("gemini.google.com"));
    }

    #[test]
    fn any_change_is_noticed(at in 0_usize..600, change in 1_u8..=255) {
        let mut packet = clear_packet(*b"Q046", &stream_frame(&hello(), 0));
        let at = at % packet.len();
        packet[at] ^= change;
        let ready = InitialReader::default().feed(&packet, true);
        prop_assert!(ready.is_err() || ready == Ok(vec![]));
    }
}
