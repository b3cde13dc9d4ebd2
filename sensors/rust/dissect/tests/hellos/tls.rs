//! Records to a hello: any split gives the same, anything else has its own clean outcome.

use dissect::clienthello::MAX_CLIENT_HELLO_BYTES;
use dissect::tls::{MAX_RECORD_BYTES, Refusal, TlsClientReader, looks_like_tls};
use dissect::wire::Malformed;
use proptest::prelude::*;

use crate::bytes::*;
use crate::said::{Said, said};

const FULL: usize = MAX_RECORD_BYTES as usize;

fn hello_body() -> Vec<u8> {
    let protocols = alpn(&[b"h2", b"http/1.1"]);
    body(&[
        sni(b"eu.api.openai.com"),
        protocols,
        versions(&[0x0304, 0x0303]),
        ech(0),
    ])
}

fn flight() -> Vec<u8> {
    record(&message(&hello_body()))
}

/// Feed the chunks until one gives a hello or a refusal.
fn fed(chunks: &[&[u8]]) -> (Result<Option<Said>, Refusal>, TlsClientReader) {
    let mut reader = TlsClientReader::new();
    for chunk in chunks {
        match reader.feed(chunk) {
            Ok(None) => {}
            outcome => {
                let said = outcome.map(|hello| hello.as_ref().map(Said::from));
                return (said, reader);
            }
        }
    }
    (Ok(None), reader)
}

fn bytewise(data: &[u8]) -> Vec<&[u8]> {
    data.chunks(1).collect()
}

fn partial(reader: &TlsClientReader) -> Option<Said> {
    reader.partial().as_ref().map(Said::from)
}

#[test]
fn a_real_flight_byte_by_byte() {
    let (hello, _) = fed(&bytewise(&real_flight()));
    assert_eq!(hello, Ok(Some(said(&real_flight()[9..]))));
}

#[test]
fn record_versions() {
    let whole = message(&hello_body());
    for version in 0x0300..0x0305 {
        let (hello, _) = fed(&[&typed_record(22, version, &whole)]);
        assert_eq!(hello, Ok(Some(said(&hello_body()))));
    }
    let later = [record(&whole[..9]), typed_record(22, 0x0399, &whole[9..])].concat();
    assert_eq!(fed(&[&later]).0, Ok(Some(said(&hello_body()))));
}

#[test]
fn a_hello_longer_than_a_record() {
    let body = body(&[extension(PADDING, &vec![0; 60_000]), sni(b"far.example")]);
    let records: Vec<_> = message(&body).chunks(FULL).map(record).collect();
    assert_eq!(records.len(), 4);
    assert_eq!(fed(&[&records.concat()]).0, Ok(Some(said(&body))));
}

#[test]
fn a_hello_in_one_piece_is_lent() {
    let flight = flight();
    let mut reader = TlsClientReader::new();
    assert!(reader.feed(&flight[..5]).unwrap().is_none());
    let hello = reader.feed(&flight[5..]).unwrap().unwrap();
    let first = hello.alpn_first().as_ptr_range();
    assert!(
        flight.as_ptr_range().contains(&first.start),
        "alpn_first points into the segment"
    );
}

#[test]
fn a_reader_is_spent_after_its_hello() {
    let mut reader = TlsClientReader::new();
    assert!(reader.feed(&flight()).unwrap().is_some());
    assert!(reader.feed(&flight()).unwrap().is_none());
    assert!(reader.feed(&[0]).unwrap().is_none());
    assert!(reader.partial().is_none());
}

#[test]
fn what_is_no_client_hello() {
    let whole = message(&hello_body());
    let ssl2 = b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10".to_vec(); // offers TLS 1.0
    let cases = [
        (Refusal::NotTls, b"GET / HTTP/1.1\r\n".to_vec()),
        (Refusal::NotTls, b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        (Refusal::NotTls, ssl2),
        (Refusal::NotTls, typed_record(22, 0x0201, &whole)),
        (Refusal::NotTls, record(b"")),
        (Refusal::NotTls, record(&vec![0; FULL + 1])),
        (Refusal::NotTls, typed_record(24, 0x0301, b"x")),
        (Refusal::NotTls, vec![0; 5]),
        (Refusal::NotClientHello, record(&typed_message(2, &[0; 70]))),
        (Refusal::NotClientHello, record(&typed_message(0, b""))),
        (
            Refusal::NotClientHello,
            record(&b"\x9c\x51\xd0\xaa".repeat(10)),
        ),
        (Refusal::NotClientHello, typed_record(20, 0x0301, &[1])),
        (Refusal::NotClientHello, typed_record(21, 0x0301, &[2, 40])),
        (
            Refusal::NotClientHello,
            typed_record(23, 0x0301, &vec![0; FULL + 256]),
        ),
    ];
    for (refusal, data) in cases {
        assert_eq!(fed(&[&data]).0, Err(refusal));
        assert_eq!(looks_like_tls(&data), Some(false));
    }
}

#[test]
fn what_is_malformed() {
    let begin = record(&message(&hello_body())[..9]);
    let after = |next: Vec<u8>| [begin.clone(), next].concat();
    let short = hello_body().len() - 1;
    let too_long = [
        vec![1],
        ((MAX_CLIENT_HELLO_BYTES + 1) as u32).to_be_bytes()[1..].to_vec(),
    ];
    let cases = [
        (
            "tls-interleaved-record",
            after(typed_record(21, 0x0301, &[2, 40])),
        ),
        (
            "tls-interleaved-record",
            after(b"GET / HTTP/1.1\r\n".to_vec()),
        ),
        ("tls-record-version", after(typed_record(22, 0x0201, b"x"))),
        ("tls-record-length", after(record(b""))),
        ("tls-record-length", after(record(&vec![0; FULL + 1]))),
        ("hello-too-long", record(&too_long.concat())),
        ("hello-truncated", record(&message(&hello_body()[..short]))),
        (
            "hello-trailing-bytes",
            record(&message(&[hello_body(), vec![0]].concat())),
        ),
        ("sni-name-length", record(&message(&body(&[sni(b"")])))),
    ];
    for (reason, data) in cases {
        for chunks in [vec![&data[..]], bytewise(&data)] {
            let (outcome, mut reader) = fed(&chunks);
            assert_eq!(outcome, Err(Refusal::Malformed(Malformed(reason))));
            assert!(reader.feed(&flight()).unwrap().is_none());
            assert!(reader.partial().is_none());
        }
    }
}

#[test]
fn partial_of_every_beginning() {
    let whole = said(&hello_body());
    let records = pieces(&message(&hello_body()), &[3, 50, 60, 61, 90, 120])
        .into_iter()
        .map(record)
        .collect::<Vec<_>>();
    let stream = records.concat();
    let mut last = None;
    for end in 0..stream.len() {
        let (outcome, reader) = fed(&[&stream[..end]]);
        assert_eq!(outcome, Ok(None));
        last = partial(&reader);
        assert_eq!(
            last.is_some(),
            end > records[0].len() + 5 + 1,
            "the message's header is 4 bytes"
        );
        if let Some(part) = &last {
            assert!(!part.complete && whole.extensions.starts_with(&part.extensions));
        }
    }
    let part = last.unwrap();
    assert_eq!(
        (part.server_name, part.versions, part.ech),
        (whole.server_name, whole.versions, "none")
    );
}

#[test]
fn partial_of_a_malformed_beginning_is_nothing() {
    let body = body(&[
        sni(b"a.example"),
        sni(b"b.example"),
        extension(PADDING, &[0; 99]),
    ]);
    let stream = record(&message(&body));
    let (outcome, reader) = fed(&[&stream[..stream.len() - 20]]);
    assert_eq!((outcome, partial(&reader)), (Ok(None), None));
}

#[test]
fn first_bytes() {
    let cases: [(&[u8], Option<bool>); 14] = [
        (b"", None),
        (b"\x16", None),
        (b"\x16\x03\x01\x02\x00", None),
        (b"\x16\x03\x01\x02\x00\x01", Some(true)),
        (b"\x16\x03\x04\x00\x01\x01", Some(true)),
        (b"\x16\x03\x03\x40\x00\x01", Some(true)),
        (b"\x16\x03\x03\x40\x01\x01", Some(false)),
        (b"\x16\x03\x05", Some(false)),
        (b"\x16\x02", Some(false)),
        (b"\x17", Some(false)),
        (b"\x16\x03\x03\x41", Some(false)),
        (b"\x16\x03\x03\x00\x00\x01", Some(false)),
        (b"\x16\x03\x03\x00\x46\x02", Some(false)),
        (b"\x80\x2e\x01", Some(false)),
    ];
    for (data, expected) in cases {
        assert_eq!(looks_like_tls(data), expected, "{data:02x?}");
    }
}

/// 64 kB in one-byte records and one-byte segments.
#[test]
fn the_smallest_records() {
    let body = body(&[extension(PADDING, &vec![0; 65_000]), sni(b"far.example")]);
    let stream: Vec<u8> = message(&body).chunks(1).flat_map(record).collect();
    assert_eq!(fed(&bytewise(&stream)).0, Ok(Some(said(&body))));
}

/// The longest hello that a client may announce ends the reading, well-formed or not.
#[test]
fn a_stream_without_end_is_not_kept() {
    let length = (MAX_CLIENT_HELLO_BYTES as u32).to_be_bytes();
    let announced = record(&[&[1], &length[1..]].concat());
    let full = record(&vec![0; FULL]);
    let mut chunks = vec![&announced[..]];
    chunks.extend(std::iter::repeat_n(
        &full[..],
        MAX_CLIENT_HELLO_BYTES / FULL,
    ));
    assert_eq!(fed(&chunks).0, Ok(None));
    chunks.push(&full);
    assert!(matches!(fed(&chunks).0, Err(Refusal::Malformed(_))));
}

proptest! {
    #[test]
    fn any_split_into_records_and_segments_gives_the_same_hello(
        record_cuts in cuts(), segment_cuts in cuts(), same_record in any_bytes(30), later in any_bytes(30),
    ) {
        let message = message(&hello_body());
        let mut fragments: Vec<_> = pieces(&message, &record_cuts).iter().map(|part| part.to_vec()).collect();
        fragments.last_mut().unwrap().extend(same_record);
        let mut stream: Vec<u8> = fragments.iter().flat_map(|fragment| record(fragment)).collect();
        stream.extend(later);
        let (hello, reader) = fed(&pieces(&stream, &segment_cuts));
        prop_assert_eq!(hello, Ok(Some(said(&hello_body()))));
        prop_assert!(reader.partial().is_none());
    }

    #[test]
    fn a_split_does_not_change_what_a_damaged_flight_is(at: usize, damage in any_bytes(3), cuts in cuts()) {
        let stream = damaged(&flight(), at, &damage);
        let (outcome, reader) = fed(&[&stream]);
        let (split_outcome, split_reader) = fed(&pieces(&stream, &cuts));
        prop_assert_eq!(outcome, split_outcome);
        prop_assert_eq!(partial(&reader), partial(&split_reader));
    }

    #[test]
    fn a_decision_stands(data in any_bytes(8), same in 0..8_usize) {
        for stream in [data.clone(), [&flight()[..same], &data].concat()] {
            let decisions: Vec<_> = (0..=stream.len()).map(|end| looks_like_tls(&stream[..end])).collect();
            let first = decisions.iter().position(Option::is_some).unwrap_or(decisions.len());
            prop_assert!(decisions[first..].windows(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn any_bytes_end_cleanly(same in 0..70_usize, chunks in prop::collection::vec(any_bytes(100), 0..6)) {
        let flight = flight();
        let mut parts = vec![&flight[..same]];
        parts.extend(chunks.iter().map(Vec::as_slice));
        let (_, reader) = fed(&parts);
        prop_assert!(reader.partial().is_none_or(|hello| !hello.is_complete()));
    }
}
