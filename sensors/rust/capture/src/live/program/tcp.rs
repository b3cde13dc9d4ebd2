//! Segments: whole where they may hold a client's first words, or are of DNS.
//!
//! A segment alone does not say where in its stream it stands. So the engine may say less than of whole packets where
//! a first message is longer than `WORDS_BYTES` in one packet that offload joined; where a client cuts its hello so
//! that a segment begins like a record of data, one in 2³¹ unless it is meant; and where the start of a connection was
//! not seen, and a service's port sends to a client what only clients say, in neither TLS nor capitals.

use dissect::flow::client_is_source;
use dissect::recorder::DNS_PORT;
use dissect::tls::MAX_RECORD_BYTES;

use super::assembly::{
    ABOVE, ADD, ADD_X, AND, ANY_OF, AT_LEAST, Assembly, BYTE, BYTE_X, EQUAL, FROM_X, HALF_X,
    IPV4_BYTES_X, Label, RECALL, SET_X, SHIFT_RIGHT, STORE_X, TO_X, WORD_X,
};
use super::networks::Networks;
use super::{BEGIN_BYTES, IPV6_BYTES};

/// Of a segment that may hold a client's first words: twice the longest record of TLS, and the longest head of HTTP.
/// Only what offload joins is longer; a first message of that size is incomplete, with the name that it begins with.
pub const WORDS_BYTES: u32 = 32_768;
/// Of a client's encrypted data: the end of a handshake, and the header of the record behind it.
const SEALED_BYTES: u32 = 96;

const SYN: u32 = 0x02;
/// A header of 20 bytes, in the byte that has its length.
const LEAST_HEADER: u32 = 0x50;
/// TLS: application data, of any version from SSL 3.0 on.
const APPLICATION_DATA: u32 = 0x1703;
const MAX_MINOR: u32 = 4;
/// The longest record when it is encrypted (RFC 8446 section 5.2).
const MAX_SEALED_RECORD: u32 = MAX_RECORD_BYTES as u32 + 256;
const HANDSHAKE: u32 = 0x1603;
const CLIENT_HELLO: u32 = 1;
/// How a response of HTTP begins; and three capitals, as requests and commands do.
const RESPONSE: u32 = u32::from_be_bytes(*b"HTTP");
const CAPITALS: u32 = 0x4040_4000;
const CAPITALS_MASK: u32 = 0xe0e0_e000;
const FIRST_V6: u32 = 0x60;
/// Where the length of all headers is kept while addresses are looked up.
const HEADERS: u32 = 0;

/// A segment; x is how far it stands behind the beginning of IP's header, which is at `at`.
pub fn segment(code: &mut Assembly, at: u32, clients: &Networks, whole: Label) -> Label {
    let words = code.returns(WORDS_BYTES);
    let payload = if clients.is_empty() {
        words
    } else {
        by_direction(code, at, clients, words)
    };
    let sealed = code.returns_after(&[(FROM_X, 0), (ADD, at + SEALED_BYTES)]);
    let payload = by_record(code, at, sealed, payload);
    let header = [(AND, 0xf0), (SHIFT_RIGHT, 2), (ADD_X, 0), (TO_X, 0)];
    let header = code.before(payload, &header);
    let header = code.branch((AT_LEAST, LEAST_HEADER), header, whole);
    let header = code.before(header, &[(BYTE_X, at + 12)]);
    let flags = code.branch((ANY_OF, SYN), whole, header);
    let flags = code.before(flags, &[(BYTE_X, at + 13)]);
    [at + 2, at].into_iter().fold(flags, |next, port| {
        let found = code.any([DNS_PORT.into()], whole, next);
        code.before(found, &[(HALF_X, port)])
    })
}

/// By whether the payload begins with a record of application data. From here on x is how far the payload stands
/// behind the beginning of IP's header.
fn by_record(code: &mut Assembly, at: u32, yes: Label, no: Label) -> Label {
    let length = code.branch((ABOVE, MAX_SEALED_RECORD), no, yes);
    let length = code.before(length, &[(HALF_X, at + 3)]);
    let minor = code.branch((ABOVE, MAX_MINOR), no, length);
    let minor = code.before(minor, &[(BYTE_X, at + 2)]);
    let kind = code.any([APPLICATION_DATA], minor, no);
    code.before(kind, &[(HALF_X, at)])
}

/// A client's words, or what a server sends to a client: only the beginning of that.
///
/// It is a server's where it comes from elsewhere, to a client, from a port that is a service's to one that is none,
/// and does not begin as clients do: who opens the connection cannot be seen.
fn by_direction(code: &mut Assembly, at: u32, clients: &Networks, words: Label) -> Label {
    let begin = code.returns_after(&[(RECALL, HEADERS), (ADD, at + BEGIN_BYTES)]);
    let ports = by_ports(code, at, begin, words);
    let keep = |header: (u16, u32)| [(STORE_X, HEADERS), header];
    let ports_v4 = code.before(ports, &keep((IPV4_BYTES_X, at)));
    let ports_v6 = code.before(ports, &keep((SET_X, IPV6_BYTES)));
    let source = clients.holds_v4(code, at + 12, words, ports_v4);
    let v4 = clients.holds_v4(code, at + 16, source, words);
    let source = clients.holds_v6(code, at + 8, words, ports_v6);
    let v6 = clients.holds_v6(code, at + 24, source, words);
    let version = code.branch((AT_LEAST, FIRST_V6), v6, v4);
    let version = code.before(version, &[(BYTE, at)]);
    by_first_words(code, at, words, version)
}

/// By whether the source's port is a service's and the target's is none.
fn by_ports(code: &mut Assembly, at: u32, yes: Label, no: Label) -> Label {
    let target = code.search(&service_ports(no, yes), no);
    let target = code.before(target, &[(HALF_X, at + 2)]);
    let source = code.search(&service_ports(target, no), no);
    code.before(source, &[(HALF_X, at)])
}

/// All ports in parts, by whether they are a service's.
fn service_ports(yes: Label, no: Label) -> Vec<(u32, Label)> {
    let place = |port| {
        if client_is_source(port, u16::MAX) {
            no
        } else {
            yes
        }
    };
    let mut parts: Vec<_> = (0..=u16::MAX)
        .map(|port| (u32::from(port), place(port)))
        .collect();
    parts.dedup_by_key(|part| part.1);
    parts
}

/// By whether the payload begins as only clients' first words do: a hello of TLS, a request or command in capitals.
fn by_first_words(code: &mut Assembly, at: u32, yes: Label, no: Label) -> Label {
    let message = code.any([CLIENT_HELLO], yes, no);
    let message = code.before(message, &[(BYTE_X, at + 5)]);
    let record = code.any([HANDSHAKE], message, no);
    let record = code.before(record, &[(HALF_X, at)]);
    let capitals = code.any([CAPITALS], yes, record);
    let capitals = code.before(capitals, &[(AND, CAPITALS_MASK)]);
    let response = code.branch((EQUAL, RESPONSE), no, capitals);
    code.before(response, &[(WORD_X, at)])
}
