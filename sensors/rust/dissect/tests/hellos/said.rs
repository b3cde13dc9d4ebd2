//! All that a hello says, as one value to compare.

use std::borrow::Cow;

use dissect::clienthello::{ClientHello, parse_client_hello};
use dissect::wire::Malformed;

use crate::bytes::message;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub server_name: Option<String>,
    pub alpn: Vec<String>,
    pub versions: Vec<u16>,
    pub ech: &'static str,
    pub legacy_version: Option<u16>,
    pub cipher_suites: Vec<u16>,
    pub extensions: Vec<u16>,
    pub signature_algorithms: Vec<u16>,
    pub alpn_first: Vec<u8>,
    pub complete: bool,
}

impl From<&ClientHello<'_>> for Said {
    fn from(hello: &ClientHello<'_>) -> Self {
        Self {
            server_name: hello.server_name(),
            alpn: hello.alpn(),
            versions: hello.versions(),
            ech: hello.ech().text(),
            legacy_version: hello.legacy_version(),
            cipher_suites: hello.cipher_suites().collect(),
            extensions: hello.extensions().collect(),
            signature_algorithms: hello.signature_algorithms().collect(),
            alpn_first: hello.alpn_first().to_vec(),
            complete: hello.is_complete(),
        }
    }
}

/// What the body of a hello, or of its beginning, says.
pub fn parse(body: &[u8], complete: bool) -> Result<Said, Malformed> {
    let hello = parse_client_hello(Cow::Owned(message(body)), complete)?;
    assert_eq!(hello.highest_version(), hello.versions().first().copied());
    Ok(Said::from(&hello))
}

/// What the body of a whole, good hello says.
pub fn said(body: &[u8]) -> Said {
    parse(body, true).unwrap()
}
