//! `ClientHello`s for the tests: written field by field, and real ones as OpenSSL writes them.

use proptest::prelude::*;

pub const SNI: u16 = 0x0000;
pub const SIGNATURES: u16 = 0x000d;
pub const ALPN: u16 = 0x0010;
pub const PADDING: u16 = 0x0015;
pub const VERSIONS: u16 = 0x002b;
pub const ECH: u16 = 0xfe0d;
pub const ESNI: u16 = 0xffce;

pub fn codes(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|code| code.to_be_bytes()).collect()
}

/// `content` after its length, which takes `length_bytes`.
pub fn vector(length_bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[length.len() - length_bytes..], content].concat()
}

pub fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [codes(&[kind]), vector(2, body)].concat()
}

pub fn name_entry(name: &[u8], kind: u8) -> Vec<u8> {
    [vec![kind], vector(2, name)].concat()
}

pub fn sni(name: &[u8]) -> Vec<u8> {
    extension(SNI, &vector(2, &name_entry(name, 0)))
}

pub fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = protocols.iter().flat_map(|name| vector(1, name)).collect();
    extension(ALPN, &vector(2, &list))
}

pub fn versions(offered: &[u16]) -> Vec<u8> {
    extension(VERSIONS, &vector(1, &codes(offered)))
}

pub fn signatures(algorithms: &[u16]) -> Vec<u8> {
    extension(SIGNATURES, &vector(2, &codes(algorithms)))
}

/// An `ECHClientHello` as Chrome shapes it: HKDF-SHA256, AES-128-GCM, an X25519 key.
pub fn ech_body(kind: u8, payload: &[u8]) -> Vec<u8> {
    let key: Vec<u8> = (0..32).collect();
    [
        vec![kind],
        codes(&[1, 1]),
        vec![0x2a],
        vector(2, &key),
        vector(2, payload),
    ]
    .concat()
}

pub fn ech(kind: u8) -> Vec<u8> {
    extension(ECH, &ech_body(kind, &[0xee; 208]))
}

/// The fixed part of a hello, and its extensions.
pub struct Hello<'a> {
    pub legacy: u16,
    pub session_id: &'a [u8],
    pub suites: &'a [u16],
    pub compression: &'a [u8],
}

pub const PLAIN: Hello<'static> = Hello {
    legacy: 0x0303,
    session_id: &[0; 32],
    suites: &[0x1301, 0x1302],
    compression: &[0],
};

impl Hello<'_> {
    /// The body of the message; without extensions it has no extension block at all.
    pub fn body(&self, extensions: &[Vec<u8>]) -> Vec<u8> {
        let fixed = [
            codes(&[self.legacy]),
            vec![0; 32],
            vector(1, self.session_id),
            vector(2, &codes(self.suites)),
            vector(1, self.compression),
        ];
        let block = if extensions.is_empty() {
            vec![]
        } else {
            vector(2, &extensions.concat())
        };
        [fixed.concat(), block].concat()
    }
}

pub fn body(extensions: &[Vec<u8>]) -> Vec<u8> {
    PLAIN.body(extensions)
}

/// A handshake message of type `ClientHello`.
pub fn message(body: &[u8]) -> Vec<u8> {
    typed_message(1, body)
}

pub fn typed_message(kind: u8, body: &[u8]) -> Vec<u8> {
    [vec![kind], vector(3, body)].concat()
}

/// A handshake record.
pub fn record(fragment: &[u8]) -> Vec<u8> {
    typed_record(22, 0x0301, fragment)
}

pub fn typed_record(kind: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    [vec![kind], codes(&[version]), vector(2, fragment)].concat()
}

/// Cut `data` at the offsets given, in any order and number; no piece is empty.
pub fn pieces<'d>(data: &'d [u8], cuts: &[usize]) -> Vec<&'d [u8]> {
    let mut edges: Vec<usize> = cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
    edges.extend([0, data.len()]);
    edges.sort_unstable();
    edges.dedup();
    edges
        .windows(2)
        .map(|edge| &data[edge[0]..edge[1]])
        .collect()
}

pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..1_000_usize, 0..12)
}

pub fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

/// The same bytes with some of them overwritten.
pub fn damaged(data: &[u8], at: usize, damage: &[u8]) -> Vec<u8> {
    let at = at % data.len();
    let after = data.get(at + damage.len()..).unwrap_or_default();
    [&data[..at], damage, after].concat()
}

/// What a browser sends, nearly.
pub fn browser() -> Vec<u8> {
    let hello = Hello {
        suites: &[0x3a3a, 0x1301, 0xc02b],
        ..PLAIN
    };
    hello.body(&[
        extension(0x1a1a, b""),
        sni(b"api.eu.mistral.ai"),
        alpn(&[b"h2", b"http/1.1"]),
        versions(&[0x2a2a, 0x0303, 0x0304]),
        signatures(&[0x0403, 0x0804]),
        ech(0),
        extension(PADDING, &[0; 40]),
    ])
}

/// A first flight of OpenSSL 3 to api.anthropic.com with ALPN, its random parts and padding as they were.
pub fn real_flight() -> Vec<u8> {
    let digits: String = include_str!("openssl3.hex").split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
