//! QUIC clients: packets that authenticate, because the target seals them itself, among any others.

use super::choices::{Choices, pieces, reordered};
use super::said::Greeted;
use crate::quic::Outcome;
use crate::quic::kit::{V1, V2, crypto, initial, initial_of};
use crate::quic_client::{MAX_DATAGRAMS, QuicClient};
use crate::wire::Malformed;

const IDS: [&[u8]; 4] = [b"client-8", b"server-id-9", b"", b"twenty-bytes-long-id"];
/// As many fit an Initial's length of two bytes.
const MAX_STREAM_BYTES: usize = 8_192;
/// The input says how often a CRYPTO stream is cut; the client reads so many datagrams at the most.
const DATAGRAMS: usize = MAX_DATAGRAMS as usize - 4;

/// Input: a byte that chooses between datagrams of any packets, and one CRYPTO stream cut in any way.
pub fn quic_initial(input: &[u8]) {
    let mut choices = Choices::new(input);
    if choices.byte() & 1 == 0 {
        any_datagrams(choices);
    } else {
        one_stream(choices);
    }
}

/// Packets, each with what it is; every byte that says none sends the datagram.
fn any_datagrams(mut choices: Choices<'_>) {
    let mut client = QuicClient::new();
    let (mut datagram, mut fed_bytes, mut datagrams) = (Vec::new(), 0, 0);
    while !choices.is_empty() {
        let what = choices.byte();
        match what & 3 {
            0 => datagram.extend_from_slice(choices.long_list()),
            1 => datagram.extend(packet(&mut choices)),
            2 => {
                let offset = choices.short();
                datagram.extend(initial(&crypto(offset.into(), choices.list())));
            }
            _ => {
                if client.done() {
                    return;
                }
                fed_bytes += datagram.len();
                datagrams += 1;
                feed(&mut client, &std::mem::take(&mut datagram), what & 4 == 0);
                let _ = client.partial().map(|greeting| Greeted::from(&greeting));
                assert_eq!(client.held_bytes(), fed_bytes);
                assert!(client.done() || datagrams < MAX_DATAGRAMS);
            }
        }
    }
}

/// An Initial with any frames, of either version, for one ID and under another's keys or the same.
fn packet(choices: &mut Choices<'_>) -> Vec<u8> {
    let how = choices.byte();
    let id = |at: u8| IDS[usize::from(at) % IDS.len()];
    let version = if how & 0x80 == 0 { V1 } else { V2 };
    initial_of(version, id(how), id(how >> 2), choices.list())
}

fn feed(
    client: &mut QuicClient,
    datagram: &[u8],
    complete: bool,
) -> Option<Result<Greeted, Malformed>> {
    let result = client.feed(datagram, complete);
    let malformed_before = client.outcome() == Outcome::Malformed;
    assert!(!malformed_before || result.is_err());
    match result {
        Ok(None) => None,
        Ok(Some(greeting)) => {
            assert!(client.done() && client.partial().is_none());
            Some(Ok(Greeted::from(&greeting)))
        }
        Err(malformed) => Some(Err(malformed)),
    }
}

/// A stream gives the same hello in one CRYPTO frame and in many, reordered and sent again.
fn one_stream(mut choices: Choices<'_>) {
    let (sizes, keys) = (choices.list(), choices.list());
    let stream = choices.bytes(MAX_STREAM_BYTES);
    let whole = outcome(&[initial(&crypto(0, stream))]);
    let cut = reordered(keys, &pieces(sizes, stream));
    let frames: Vec<Vec<u8>> = cut
        .iter()
        .map(|(at, piece)| crypto(*at as u64, piece))
        .collect();
    let in_one = frames.len().div_ceil(DATAGRAMS / 2).max(1);
    let datagrams = frames.chunks(in_one).flat_map(|frames| {
        let datagram = initial(&frames.concat());
        [datagram.clone(), datagram]
    });
    assert_eq!(outcome(&datagrams.collect::<Vec<_>>()), whole);
}

/// The first thing that is said of a stream, at the latest when no more of it comes.
fn outcome(datagrams: &[Vec<u8>]) -> Option<Result<Greeted, Malformed>> {
    let mut client = QuicClient::new();
    let said = datagrams
        .iter()
        .find_map(|datagram| feed(&mut client, datagram, true));
    said.or_else(|| Some(Ok(Greeted::from(&client.partial()?))))
}
