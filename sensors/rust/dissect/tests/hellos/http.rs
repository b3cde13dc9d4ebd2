//! Request heads: whom they are for, in whatever form and in whatever pieces they come.

use dissect::http::{MAX_HEAD_BYTES, Refusal, RequestHeadReader, looks_like_http};
use dissect::wire::Malformed;
use proptest::prelude::*;

use crate::bytes::*;

const GET: &[u8] =
    b"GET /v1/models?key=1 HTTP/1.1\r\nHost: api.example:8080\r\nAccept: */*\r\n\r\n";

/// Host, port, whether it is a CONNECT, and the rest.
type Head = (Option<String>, Option<u16>, bool, Vec<u8>);

/// Feed the chunks until one gives a head or a refusal; the rest is all that follows the head.
fn fed(chunks: &[&[u8]]) -> Result<Option<Head>, Refusal> {
    let mut reader = RequestHeadReader::new();
    for (index, chunk) in chunks.iter().enumerate() {
        if let Some(head) = reader.feed(chunk)? {
            let rest = [head.rest, &chunks[index + 1..].concat()].concat();
            return Ok(Some((head.host, head.port, head.is_connect, rest)));
        }
    }
    Ok(None)
}

fn head(host: Option<&str>, port: Option<u16>, is_connect: bool) -> Head {
    (host.map(str::to_owned), port, is_connect, vec![])
}

fn request(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\n{fields}\r\n\r\n").into_bytes()
}

fn connect(target: &str) -> Vec<u8> {
    format!("CONNECT {target} HTTP/1.0\r\n\r\n").into_bytes()
}

fn bytewise(data: &[u8]) -> Vec<&[u8]> {
    data.chunks(1).collect()
}

#[test]
fn host_and_port() {
    let umlaut = b"GET / HTTP/1.1\r\nHost: m\xc3\xbcnchen.example\r\n\r\n".to_vec();
    let no_cr: Vec<u8> = GET.iter().copied().filter(|&byte| byte != b'\r').collect();
    let cases: [(Vec<u8>, Option<&str>, Option<u16>); 23] = [
        (GET.to_vec(), Some("api.example"), Some(8080)),
        (request("/", "Host: API.Example"), Some("api.example"), None),
        (
            request("/", "hOsT:\t api.example. \t"),
            Some("api.example"),
            None,
        ),
        (request("/", "Host: ."), Some("."), None),
        (
            request("/", "Host: api.example:"),
            Some("api.example"),
            None,
        ),
        (
            request("/", "Host: 192.0.2.7:00080"),
            Some("192.0.2.7"),
            Some(80),
        ),
        (
            request("/", "Host: [2001:DB8::1]:8443"),
            Some("2001:db8::1"),
            Some(8443),
        ),
        (
            request("/", "Host: [2001:db8::1]"),
            Some("2001:db8::1"),
            None,
        ),
        (umlaut, Some(r"m\xc3\xbcnchen.example"), None),
        (request("/", "Host:"), None, None),
        (request("/", "Host: :80"), None, Some(80)),
        (
            request("/", "X-Host: b.example\r\nHost: a.example\r\nA:Host"),
            Some("a.example"),
            None,
        ),
        (
            b"OPTIONS * HTTP/1.0\r\nHost: a.example\r\n\r\n".to_vec(),
            Some("a.example"),
            None,
        ),
        (b"GET / HTTP/1.0\r\n\r\n".to_vec(), None, None),
        (
            request("http://a.example/x?y=http://c.example", "Host: b.example"),
            Some("a.example"),
            None,
        ),
        (
            request("HTTPS://A.example:8443", "A:"),
            Some("a.example"),
            Some(8443),
        ),
        (request("http://[::1]:81?q#f", "A:"), Some("::1"), Some(81)),
        (
            request("http://a.example?x", "Host: b.example"),
            Some("a.example"),
            None,
        ),
        ([b"\r\n", GET].concat(), Some("api.example"), Some(8080)),
        ([b"\n", GET].concat(), Some("api.example"), Some(8080)),
        (no_cr, Some("api.example"), Some(8080)),
        (
            b"GET \t /  HTTP/1.1 \r\nHost: a.example\r\n\r\n".to_vec(),
            Some("a.example"),
            None,
        ),
        (
            b"GET\x20\x0b/\x0cHTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(),
            Some("a.example"),
            None,
        ),
    ];
    for (data, host, port) in cases {
        assert_eq!(
            fed(&[&data]),
            Ok(Some(head(host, port, false))),
            "{}",
            data.escape_ascii()
        );
        assert_eq!(fed(&bytewise(&data)), Ok(Some(head(host, port, false))));
    }
}

#[test]
fn a_tunnel_begins_right_after_the_head() {
    let hello = real_flight();
    let data = [&connect("api.openai.com:443")[..], &hello].concat();
    let expected = (Some("api.openai.com".to_owned()), Some(443), true, hello);
    assert_eq!(fed(&[&data]), Ok(Some(expected)));
    assert_eq!(
        fed(&[&connect("[2001:db8::1]:443")]),
        Ok(Some(head(Some("2001:db8::1"), Some(443), true)))
    );
    let with_host = b"CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n";
    assert_eq!(
        fed(&[with_host]),
        Ok(Some(head(Some("a.example"), Some(443), true)))
    );
}

fn assert_malformed(cases: &[(&'static str, Vec<u8>)]) {
    for (reason, data) in cases {
        let expected = Err(Refusal::Malformed(Malformed(reason)));
        assert_eq!(fed(&[data]), expected, "{}", data.escape_ascii());
        assert_eq!(fed(&bytewise(data)), expected, "{}", data.escape_ascii());
    }
}

#[test]
fn malformed_targets() {
    assert_malformed(&[
        ("http-request-line", b"GET HTTP/1.1\r\n\r\n".to_vec()),
        ("http-request-line", b"GET / x HTTP/1.1\r\n\r\n".to_vec()),
        ("http-request-line", b"GET / x y HTTP/1.1\r\n\r\n".to_vec()),
        ("http-target", request("/\x01", "A:")),
        ("http-target", request("/\x7f", "A:")),
        ("http-target", request("a.example", "A:")),
        ("http-target", request("1http://a.example", "A:")),
        ("http-target", request("http:/a.example", "A:")),
        ("http-target", request("http:///path", "A:")),
        ("http-target", request("http://user@a.example/", "A:")),
        ("http-connect-target", connect("a.example")),
        ("http-connect-target", connect(":443")),
        ("http-connect-target", connect("a.example:")),
        ("http-connect-target", connect("a.example:65536")),
        ("http-connect-target", connect("a.example:44a")),
        (
            "http-connect-target",
            connect(&format!("a.example:{}", "9".repeat(6_000))),
        ),
        ("http-connect-target", connect("2001:db8::1:443")),
        ("http-connect-target", connect("http://a.example/")),
        ("http-field", request("a.example", "Host : \x01")),
        ("http-host", request("a.example", "Host: \x01")),
    ]);
}

#[test]
fn malformed_fields() {
    assert_malformed(&[
        (
            "http-two-hosts",
            request("/", "Host: a.example\r\nHOST: a.example"),
        ),
        ("http-two-hosts", request("/", "Host:\r\nHost:")),
        ("http-two-hosts", request("/", "Host: \x01\r\nHost:")),
        ("http-host", request("/", "Host: a\0b")),
        ("http-host", request("/", "Host: a\rb")),
        ("http-host", request("/", "Host: a\r")),
        ("http-host", request("/", "Host: a\x7fb")),
        ("http-host", request("/", "Host: a.example b.example")),
        ("http-host", request("/", "Host: a.example/b")),
        ("http-host", request("/", "Host: u@a.example")),
        ("http-host", request("/", "Host: a:b:80")),
        ("http-host", request("/", "Host: [::1")),
        ("http-host", request("/", "Host: [:]")),
        ("http-host", request("/", "Host: [::1]80")),
        (
            "http-host",
            request("/", &format!("Host: {}", "a".repeat(256))),
        ),
        (
            "http-host",
            b"CONNECT a.example:443 HTTP/1.1\r\nHost: \x01\r\n\r\n".to_vec(),
        ),
        (
            "http-obs-fold",
            request("/", "Host: a.example\r\n .evil.example"),
        ),
        ("http-obs-fold", request("/", "\tHost: a.example")),
        ("http-field", request("/", "Host : a.example")),
        ("http-field", request("/", ": a.example")),
        ("http-field", request("/", "no colon")),
        ("http-field", request("/", "\r")),
        (
            "http-head-too-long",
            request(&format!("/{}", "a".repeat(MAX_HEAD_BYTES)), "A:"),
        ),
        (
            "http-head-too-long",
            request("/", &"a:\r\n".repeat(MAX_HEAD_BYTES / 4)),
        ),
    ]);
}

#[test]
fn what_is_not_http() {
    let cases: [&[u8]; 14] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n",
        b"GET \r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/1.10\r\n",
        b"OPTIONS sip:a@b.example SIP/2.0\r\n",
        b"OPTIONS rtsp://a.example RTSP/1.0\r\n",
        b"get / HTTP/1.1\r\n",
        b"GETS / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"GET\r\n",
        b"\x16\x03\x01",
        b"SSH-2.0-x\r\n",
    ];
    for data in cases {
        assert_eq!(
            fed(&[data]),
            Err(Refusal::NotHttp),
            "{}",
            data.escape_ascii()
        );
        assert_eq!(fed(&bytewise(data)), Err(Refusal::NotHttp));
    }
}

#[test]
fn a_reader_is_spent_after_its_head_or_a_refusal() {
    for data in [GET, b"SSH-2.0-x\r\n", b"GET HTTP/1.1\r\n\r\n"] {
        let mut reader = RequestHeadReader::new();
        assert!(!matches!(reader.feed(data), Ok(None)));
        assert_eq!(reader.feed(GET), Ok(None));
    }
}

#[test]
fn first_bytes() {
    let cases: [(&[u8], Option<bool>); 18] = [
        (b"", None),
        (b"G", None),
        (b"GET", None),
        (b"GET ", Some(true)),
        (b"PRI * HTTP/2.0", Some(true)),
        (b"CONNECT a", Some(true)),
        (b"CONNECTS", Some(false)),
        (b"PROPFIND /", Some(true)),
        (b"PROPX", Some(false)),
        (b"get ", Some(false)),
        (b"\r", None),
        (b"\r\n", None),
        (b"\n", None),
        (b"\r\nPO", None),
        (b"\nPOST ", Some(true)),
        (b"\r\n\r", Some(false)),
        (b"\r\r", Some(false)),
        (b"\x16", Some(false)),
    ];
    for (data, expected) in cases {
        assert_eq!(looks_like_http(data), expected, "{}", data.escape_ascii());
    }
}

#[test]
fn the_longest_head_is_read_and_what_follows_may_be_longer() {
    let room = MAX_HEAD_BYTES - request("/", "a: ").len();
    let data = request("/", &format!("a: {}", "b".repeat(room)));
    assert_eq!(data.len(), MAX_HEAD_BYTES);
    let (.., rest) = fed(&[&[&data[..], &vec![0; 100_000]].concat()])
        .unwrap()
        .unwrap();
    assert_eq!(rest.len(), 100_000);
    let longer = request("/", &format!("a: {}", "b".repeat(room + 1)));
    let too_long = Refusal::Malformed(Malformed("http-head-too-long"));
    assert_eq!(fed(&[&longer]), Err(too_long));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_head(cuts in cuts(), later in any_bytes(20)) {
        let stream = [GET, &later].concat();
        let expected = (Some("api.example".to_owned()), Some(8080), false, later);
        prop_assert_eq!(fed(&pieces(&stream, &cuts)), Ok(Some(expected)));
    }

    #[test]
    fn any_bytes_have_one_outcome_however_split(
        begin in prop::sample::select(vec![
            "", "\r", "GET ", "CONNECT ", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost:",
        ]),
        data in prop_oneof![any_bytes(60), "[a:/\\]\\[?# 0-9\\r\\n]{0,20}".prop_map(String::into_bytes)],
        end in prop::sample::select(vec!["", "\r\n\r\n", " HTTP/1.1\r\n\r\n"]),
        cuts in cuts(),
    ) {
        let stream = [begin.as_bytes(), &data, end.as_bytes()].concat();
        let outcome = fed(&[&stream]);
        prop_assert_eq!(&outcome, &fed(&pieces(&stream, &cuts)));
        if let Ok(Some((Some(host), ..))) = outcome {
            prop_assert!(host.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
