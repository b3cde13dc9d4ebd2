//! What readers said, as values to compare, checked for what any reader of them may rely on.

use crate::clienthello::ClientHello;
use crate::ja4::{Transport, ja4};
use crate::observations::Carrier;
use crate::proxy_header::ProxiedEnds;
use crate::streams::{Found, Greeting};

/// All that an observation takes from a hello.
#[derive(Debug, PartialEq, Eq)]
pub struct Hello {
    server_name: Option<String>,
    alpn: Vec<String>,
    versions: Vec<u16>,
    ech: &'static str,
    ja4: String,
    complete: bool,
}

impl From<&ClientHello<'_>> for Hello {
    fn from(hello: &ClientHello<'_>) -> Self {
        let said = Self {
            server_name: hello.server_name(),
            alpn: hello.alpn(),
            versions: hello.versions(),
            ech: hello.ech().text(),
            ja4: ja4(hello, Transport::Tcp).to_string(),
            complete: hello.is_complete(),
        };
        for text in said.server_name.iter().chain(&said.alpn) {
            assert_printable(text);
        }
        assert!(said.versions.is_sorted_by(|a, b| a > b));
        assert!(!said.versions.is_empty() || !said.complete);
        assert_eq!(said.ja4.len(), 36);
        assert_printable(&said.ja4);
        said
    }
}

/// A greeting, without a loan.
#[derive(Debug, PartialEq, Eq)]
pub struct Greeted {
    carrier: Carrier,
    server_name: Option<String>,
    hello: Option<Hello>,
}

impl From<&Greeting<'_>> for Greeted {
    fn from(greeting: &Greeting<'_>) -> Self {
        if let Some(name) = &greeting.server_name {
            assert_printable(name);
        }
        Self {
            carrier: greeting.carrier,
            server_name: greeting.server_name.clone(),
            hello: greeting.hello.as_ref().map(Hello::from),
        }
    }
}

/// What some bytes said, without a loan.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Whose connection a proxy passes on.
    Proxied(ProxiedEnds),
    /// Whom the client wants.
    Greeting(Greeted),
}

impl From<&Found<'_>> for Said {
    fn from(found: &Found<'_>) -> Self {
        match found {
            Found::Proxied(ends) => Self::Proxied(*ends),
            Found::Greeting(greeting) => Self::Greeting(Greeted::from(greeting)),
        }
    }
}

/// Refuse text that a terminal or a log would not show as it is.
pub fn assert_printable(text: &str) {
    assert!(
        text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{text:?} holds control characters"
    );
}
