//! A stream's first bytes, while they are too few to tell the protocol.

use super::{Outcome, State};
use crate::concealing::looks_like_openvpn;
use crate::http::{RequestHeadReader, looks_like_http};
use crate::preface::Gathered;
use crate::proxy_header::looks_like_proxy_header;
use crate::socks::looks_like_socks;
use crate::starttls::{
    Cut, cut_element, cut_ldap, cut_line, cut_mysql, cut_postgres, looks_like_ldap,
    looks_like_lines, looks_like_mysql, looks_like_postgres, looks_like_xml,
};
use crate::tls::{TlsClientReader, looks_like_tls};

const HEAD_BYTES: usize = 16; // more than the protocols need to be told apart

/// Tells by a stream's first bytes whether it is of a protocol; `None` when more are needed.
type LooksLike = fn(&[u8]) -> Option<bool>;

#[derive(Clone, Copy)]
enum Protocol {
    Tls,
    Http,
    Socks,
    Openvpn,
    Clear(Cut),
    Proxy,
}

/// How streams begin, in the order of asking. The last may only begin a connection.
const PROTOCOLS: [(LooksLike, Protocol); 10] = [
    (looks_like_tls, Protocol::Tls),
    (looks_like_http, Protocol::Http),
    (looks_like_socks, Protocol::Socks),
    (looks_like_openvpn, Protocol::Openvpn),
    (looks_like_ldap, Protocol::Clear(cut_ldap)),
    (looks_like_postgres, Protocol::Clear(cut_postgres)),
    (looks_like_mysql, Protocol::Clear(cut_mysql)),
    (looks_like_xml, Protocol::Clear(cut_element)),
    (looks_like_lines, Protocol::Clear(cut_line)),
    (looks_like_proxy_header, Protocol::Proxy),
];

/// The first bytes so far.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: [u8; HEAD_BYTES],
    len: u8,
}

impl Head {
    /// Choose the reader, to which `data` is still to be fed; `None` when more bytes are needed.
    ///
    /// `later` says that it is not the connection's very begin.
    pub(super) fn detect(&mut self, data: &[u8], later: bool) -> Result<Option<State>, Outcome> {
        let kept = usize::from(self.len);
        let len = HEAD_BYTES.min(kept + data.len());
        for (place, &byte) in self.bytes.iter_mut().skip(kept).zip(data) {
            *place = byte;
        }
        let begin = self.bytes.get(..len).unwrap_or_default();
        let before = self.bytes.get(..kept).unwrap_or_default();
        let count = PROTOCOLS.len() - usize::from(later);
        for (looks_like, protocol) in PROTOCOLS.iter().take(count) {
            match looks_like(begin) {
                Some(true) => return reader(*protocol, before).map(Some),
                Some(false) => {}
                None => {
                    self.len = len as u8;
                    return Ok(None);
                }
            }
        }
        Err(Outcome::UnknownProtocol)
    }
}

/// A reader of a protocol, to which these bytes were fed.
fn reader(protocol: Protocol, before: &[u8]) -> Result<State, Outcome> {
    Ok(match protocol {
        Protocol::Tls => {
            let mut reader = TlsClientReader::new();
            reader.feed(before)?;
            State::Tls(reader)
        }
        Protocol::Http => {
            let mut reader = RequestHeadReader::new();
            reader.feed(before)?;
            State::Http(Box::new(reader))
        }
        Protocol::Socks => State::Socks(Gathered::after(before)),
        Protocol::Openvpn => State::Openvpn(Gathered::after(before)),
        Protocol::Clear(cut) => State::Clear(Gathered::after(before), cut),
        Protocol::Proxy => State::Proxy(Gathered::after(before)),
    })
}
