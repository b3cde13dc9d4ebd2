//! What a client says first: hellos, requests, and tunnels inside tunnels, in whatever pieces they come.

use dissect::observations::Carrier;
use dissect::proxy_header::ProxiedEnds;
use dissect::segment::Address;
use dissect::streams::{ClientReader, Found, Greeting, MAX_TUNNELS, Outcome};
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

/// Feed the chunks until the reader is done; return the greetings.
fn fed(chunks: &[&[u8]]) -> (Vec<Told>, ClientReader) {
    let (_, all, reader) = fed_with_ends(chunks);
    (all, reader)
}

/// Feed the chunks until the reader is done; return whose connection it is, and the greetings.
fn fed_with_ends(chunks: &[&[u8]]) -> (Option<ProxiedEnds>, Vec<Told>, ClientReader) {
    let mut reader = ClientReader::new();
    let (mut ends, mut all) = (None, Vec::new());
    for chunk in chunks {
        if reader.done() {
            break;
        }
        for found in reader.feed(chunk) {
            match found {
                Found::Proxied(proxied) => {
                    assert_eq!((ends.replace(proxied), all.len()), (None, 0));
                }
                Found::Greeting(greeting) => all.push(told(&greeting)),
            }
        }
    }
    (ends, all, reader)
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

const SOCKS: &[u8] = b"\x05\x01\x00\x05\x01\x00\x03\x0eapi.mistral.ai\x01\xbb";
const PROXY_LINE: &[u8] = b"PROXY TCP4 10.20.1.5 203.0.113.7 50000 443\r\n";

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
    check(cases);
}

#[test]
fn what_stands_before_a_hello_is_passed_over() {
    let target = |host| request(Carrier::Socks, host);
    let v4 = b"\x04\x01\x01\xbb\xc0\x00\x02\x07me\0";
    let through = |before: &[&[u8]]| [&before.concat(), &flight()[..]].concat();
    check([
        (
            through(&[SOCKS, CONNECT]),
            vec![
                target("api.mistral.ai"),
                request(Carrier::HttpConnect, "api.openai.com"),
                hello(&browser()),
            ],
            None,
            true,
        ),
        (
            through(&[v4]),
            vec![target("192.0.2.7"), hello(&browser())],
            None,
            true,
        ),
        (
            through(&[SOCKS, b"a1 STARTTLS\r\n"]),
            vec![target("api.mistral.ai"), hello(&browser())],
            None,
            true,
        ),
    ]);
}

#[test]
fn what_ends_before_a_hello() {
    let without =
        |data: &[u8], outcome| -> Case { (data.to_vec(), vec![], outcome, outcome.is_some()) };
    check([
        without(b"\x05\x01\x00\x05\x01\x00\x02", None),
        without(
            b"\x05\x01\x00\x05\x01\x00\x02\x01",
            Some("malformed-socks-address-type"),
        ),
        without(
            b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0",
            Some("socks-no-connect"),
        ),
        without(b"PROXY TCP4\r\n", Some("malformed-proxy-line")),
        without(&[PROXY_LINE, PROXY_LINE].concat(), Some("unknown-protocol")),
        without(
            &[b"EHLO a\r\n", &flight()[..], b"\n"].concat(),
            Some("unknown-protocol"),
        ),
    ]);
}

/// Feed each stream whole and byte by byte.
fn check<const N: usize>(cases: [Case; N]) {
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
fn a_proxy_says_whose_connection_it_passes_on() {
    let flight = flight();
    let v2 = |address: &[u8]| {
        let fixed = b"\r\n\r\n\0\r\nQUIT\n\x21";
        [fixed, address, &flight].concat()
    };
    let v4 = ProxiedEnds {
        client: Address::v4([10, 20, 1, 5]),
        client_port: 50_000,
        server: Address::v4([203, 0, 113, 7]),
        server_port: 443,
    };
    let cases = [
        ([PROXY_LINE, &flight].concat(), Some(v4)),
        ([b"PROXY UNKNOWN\r\n", &flight[..]].concat(), None),
        (
            v2(b"\x11\0\x0c\x0a\x14\x01\x05\xcb\x00\x71\x07\xc3\x50\x01\xbb"),
            Some(v4),
        ),
        (v2(b"\x00\0\0"), None),
    ];
    for (data, expected) in cases {
        for chunks in [vec![&data[..]], data.chunks(1).collect()] {
            let (ends, all, reader) = fed_with_ends(&chunks);
            assert_eq!((ends, all), (expected, vec![hello(&browser())]));
            assert_eq!((reader.done(), reader.outcome()), (true, None));
        }
    }
    let (ends, all, reader) = fed_with_ends(&[PROXY_LINE, PROXY_LINE]);
    assert_eq!((ends, all), (Some(v4), vec![]));
    assert_eq!(reader.outcome(), Some(Outcome::UnknownProtocol));
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
    assert_eq!(Outcome::SocksNoConnect.name(), "socks-no-connect");
}

#[test]
fn a_greeting_can_outlive_its_segment() {
    let mut segment = flight();
    let Some(Found::Greeting(greeting)) = ClientReader::new().feed(&segment).pop() else {
        panic!("no greeting");
    };
    let owned = greeting.into_owned();
    segment.fill(0);
    assert_eq!(told(&owned), hello(&browser()));
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        begin in prop::sample::select(vec![
            &b""[..], b"\r", b"\n", b"\x16\x03\x01", GET, CONNECT, SOCKS, PROXY_LINE,
            b"EHLO a\r\nSTARTTLS\r\n", b"\x30\x05\x02\x01\x01\x42\x00",
        ]),
        at: usize,
        damage in any_bytes(2),
        cuts in cuts(),
    ) {
        let stream = [begin, &damaged(&[CONNECT, SOCKS, &flight()].concat(), at, &damage)].concat();
        let (ends, all, reader) = fed_with_ends(&[&stream]);
        let (split_ends, split_all, split_reader) = fed_with_ends(&pieces(&stream, &cuts));
        prop_assert_eq!((ends, all), (split_ends, split_all));
        prop_assert_eq!((reader.done(), reader.outcome()), (split_reader.done(), split_reader.outcome()));
        let partial = |reader: &ClientReader| reader.partial().as_ref().map(told);
        prop_assert_eq!(partial(&reader), partial(&split_reader));
    }

    #[test]
    fn any_bytes_end_cleanly(chunks in prop::collection::vec(any_bytes(40), 0..6)) {
        let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
        let (all, reader) = fed(&chunks);
        let tunnels = all.iter().filter(|(carrier, ..)| *carrier == Carrier::Socks).count();
        prop_assert!(all.len() == tunnels || reader.done());
    }
}
