//! What a client says first: hellos, requests, and tunnels inside tunnels, in whatever pieces they come.

use dissect::observations::Carrier;
use dissect::streams::{ClientReader, Greeting, MAX_TUNNELS, Outcome};
use dissect::wire::Malformed;
use proptest::prelude::*;

use crate::bytes::*;
use crate::said::{Said, said};

type Told = (Carrier, Option<String>, Option<Said>);

fn told(greeting: &Greeting<'_>) -> Told {
    (
        greeting.carrier,
        greeting.server_name.clone(),
        greeting.hello.as_ref().map(Said::from),
    )
}

/// Feed the chunks until the reader is done.
fn fed(chunks: &[&[u8]]) -> (Vec<Told>, ClientReader) {
    let mut reader = ClientReader::new();
    let mut all = Vec::new();
    for chunk in chunks {
        if !reader.done() {
            all.extend(reader.feed(chunk).iter().map(told));
        }
    }
    (all, reader)
}

fn hello(body: &[u8]) -> Told {
    let said = said(body);
    (Carrier::Tls, said.server_name.clone(), Some(said))
}

fn request(carrier: Carrier, host: &str) -> Told {
    (carrier, Some(host.to_owned()), None)
}

fn flight() -> Vec<u8> {
    record(&message(&browser()))
}

const CONNECT: &[u8] = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// A stream, what it says, the outcome, and whether the reader is done.
type Case = (Vec<u8>, Vec<Told>, Option<&'static str>, bool);

#[test]
fn what_streams_say() {
    let through = |inner: &[u8]| [CONNECT, inner].concat();
    let tunnel = || request(Carrier::HttpConnect, "api.openai.com");
    let cases: [Case; 14] = [
        (flight(), vec![hello(&browser())], None, true),
        (
            GET.to_vec(),
            vec![request(Carrier::Http, "a.example")],
            None,
            true,
        ),
        (
            b"GET / HTTP/1.0\n\n".to_vec(),
            vec![(Carrier::Http, None, None)],
            None,
            true,
        ),
        (CONNECT.to_vec(), vec![tunnel()], None, false),
        (
            through(&flight()),
            vec![tunnel(), hello(&browser())],
            None,
            true,
        ),
        (
            through(b"SSH-2.0-x"),
            vec![tunnel()],
            Some("unknown-protocol"),
            true,
        ),
        (
            through(b"GET /\x01 HTTP/1.1\n"),
            vec![tunnel()],
            Some("malformed-http-target"),
            true,
        ),
        (
            b"SSH-2.0-x".to_vec(),
            vec![],
            Some("unknown-protocol"),
            true,
        ),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            vec![],
            Some("unknown-protocol"),
            true,
        ),
        (
            record(&typed_message(2, &[0; 70])),
            vec![],
            Some("unknown-protocol"),
            true,
        ),
        (
            record(&message(b"\x03")),
            vec![],
            Some("malformed-hello-truncated"),
            true,
        ),
        (flight()[..40].to_vec(), vec![], None, false),
        (b"\x16\x03".to_vec(), vec![], None, false),
        (vec![], vec![], None, false),
    ];
    for (data, expected, outcome, done) in cases {
        for chunks in [vec![&data[..]], data.chunks(1).collect()] {
            let (all, reader) = fed(&chunks);
            assert_eq!(all, expected);
            assert_eq!(reader.outcome().map(Outcome::name).as_deref(), outcome);
            assert_eq!(reader.done(), done);
        }
    }
}

#[test]
fn tunnels_inside_tunnels_are_bounded() {
    let most = usize::from(MAX_TUNNELS);
    for count in [1, most, most + 1, most + 2] {
        let (all, reader) = fed(&[&[CONNECT.repeat(count), flight()].concat()]);
        let last = if count > most {
            Carrier::HttpConnect
        } else {
            Carrier::Tls
        };
        assert_eq!(all.last().unwrap().0, last);
        assert_eq!(
            (all.len(), reader.done(), reader.outcome()),
            (most.min(count) + 1, true, None)
        );
    }
}

#[test]
fn a_hello_whose_rest_never_came() {
    let flight = flight();
    let (_, reader) = fed(&[CONNECT, &flight[..flight.len() - 30]]);
    let (carrier, name, hello) = told(&reader.partial().unwrap());
    assert_eq!(
        (carrier, name.as_deref()),
        (Carrier::Tls, Some("api.eu.mistral.ai"))
    );
    assert!(!hello.unwrap().complete);
    for data in [
        &flight[..],
        &flight[..9],
        &GET[..9],
        CONNECT,
        b"\x16",
        b"SSH-",
    ] {
        assert!(fed(&[data]).1.partial().is_none());
    }
}

#[test]
fn a_reader_that_was_stopped_is_done() {
    let flight = flight();
    let (_, mut reader) = fed(&[&flight[..100]]);
    reader.end(Some(Outcome::FirstMessageTooLong));
    assert!(reader.done() && reader.partial().is_none());
    assert!(reader.feed(&flight[100..]).is_empty());
    assert_eq!(reader.outcome(), Some(Outcome::FirstMessageTooLong));
}

#[test]
fn outcomes_have_the_counters_names() {
    assert_eq!(Outcome::UnknownProtocol.name(), "unknown-protocol");
    assert_eq!(
        Outcome::Malformed(Malformed("sni-list")).name(),
        "malformed-sni-list"
    );
    assert_eq!(
        Outcome::FirstMessageTooLong.name(),
        "first-message-too-long"
    );
    assert_eq!(Outcome::Midstream.name(), "midstream");
}

#[test]
fn a_greeting_can_outlive_its_segment() {
    let mut segment = flight();
    let owned = ClientReader::new()
        .feed(&segment)
        .pop()
        .unwrap()
        .into_owned();
    segment.fill(0);
    assert_eq!(told(&owned), hello(&browser()));
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        begin in prop::sample::select(vec![&b""[..], b"\r", b"\n", b"\x16\x03\x01", GET, CONNECT]),
        at: usize,
        damage in any_bytes(2),
        cuts in cuts(),
    ) {
        let stream = [begin, &damaged(&[CONNECT, &flight()].concat(), at, &damage)].concat();
        let (all, reader) = fed(&[&stream]);
        let (split_all, split_reader) = fed(&pieces(&stream, &cuts));
        prop_assert_eq!(all, split_all);
        prop_assert_eq!((reader.done(), reader.outcome()), (split_reader.done(), split_reader.outcome()));
        let partial = |reader: &ClientReader| reader.partial().as_ref().map(told);
        prop_assert_eq!(partial(&reader), partial(&split_reader));
    }

    #[test]
    fn any_bytes_end_cleanly(chunks in prop::collection::vec(any_bytes(40), 0..6)) {
        let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
        let (all, reader) = fed(&chunks);
        prop_assert!(all.is_empty() || reader.done());
    }
}
