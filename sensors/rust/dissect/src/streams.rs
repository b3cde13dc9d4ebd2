//! What a client says first on a TCP connection: which protocol it is, and whom the client wants to reach.
//!
//! A reader takes the client's bytes in order and gives back greetings. HTTP CONNECT opens a tunnel: what
//! follows its head is read anew, so that the name inside the tunnel is found beside the proxy's target.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::clienthello::ClientHello;
use crate::http::{self, RequestHead, RequestHeadReader, looks_like_http};
use crate::observations::Carrier;
use crate::tls::{self, TlsClientReader, looks_like_tls};
use crate::wire::Malformed;

/// CONNECT inside CONNECT: more is an attack, not a proxy chain.
pub const MAX_TUNNELS: u8 = 4;

const HEAD_BYTES: usize = 16; // more than the protocols need to be told apart

/// One name that a client asked for, with the hello where there was one.
#[derive(Clone, Debug)]
pub struct Greeting<'d> {
    /// What the name stood in.
    pub carrier: Carrier,
    /// The name; none where the client named nobody.
    pub server_name: Option<String>,
    /// The hello, for the carriers that have one.
    pub hello: Option<ClientHello<'d>>,
}

/// The greetings that some bytes completed: nearly always none or one.
pub type Greetings<'d> = SmallVec<[Greeting<'d>; 1]>;

impl<'d> Greeting<'d> {
    /// A greeting that is a hello.
    #[must_use]
    pub fn of_hello(carrier: Carrier, hello: ClientHello<'d>) -> Self {
        Self {
            carrier,
            server_name: hello.server_name(),
            hello: Some(hello),
        }
    }

    /// The same greeting, without a loan of the bytes it was read from.
    #[must_use]
    pub fn into_owned(self) -> Greeting<'static> {
        Greeting {
            carrier: self.carrier,
            server_name: self.server_name,
            hello: self.hello.map(ClientHello::into_owned),
        }
    }
}

/// Why nothing (more) is to be learnt from a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Neither TLS nor HTTP.
    UnknownProtocol,
    /// The first message breaks its protocol's rules.
    Malformed(Malformed),
    /// The first message is longer than the stream's bytes that are kept.
    FirstMessageTooLong,
    /// The stream's begin was not captured, and nothing seen looks like one.
    Midstream,
}

impl Outcome {
    /// The counter's name.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::UnknownProtocol => Cow::Borrowed("unknown-protocol"),
            Self::Malformed(Malformed(reason)) => Cow::Owned(format!("malformed-{reason}")),
            Self::FirstMessageTooLong => Cow::Borrowed("first-message-too-long"),
            Self::Midstream => Cow::Borrowed("midstream"),
        }
    }
}

impl From<tls::Refusal> for Outcome {
    fn from(refusal: tls::Refusal) -> Self {
        match refusal {
            tls::Refusal::NotTls | tls::Refusal::NotClientHello => Self::UnknownProtocol,
            tls::Refusal::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

impl From<http::Refusal> for Outcome {
    fn from(refusal: http::Refusal) -> Self {
        match refusal {
            http::Refusal::NotHttp => Self::UnknownProtocol,
            http::Refusal::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

/// Reads a client's first bytes, until nothing more is to be learnt from them.
#[derive(Debug, Default)]
pub struct ClientReader {
    state: State,
    outcome: Option<Outcome>,
    tunnels: u8,
}

#[derive(Debug)]
enum State {
    Detecting(Head),
    Tls(TlsClientReader),
    Http(Box<RequestHeadReader>),
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Detecting(Head::default())
    }
}

impl ClientReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing more is to be learnt.
    #[must_use]
    pub fn done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// When done: why there was no greeting, or none after a tunnel's; `None` where there was one.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Take the next bytes in order; return the greetings that they completed.
    ///
    /// A hello that `data` holds whole is lent from there; one that came in pieces owns its bytes.
    pub fn feed<'d>(&mut self, data: &'d [u8]) -> Greetings<'d> {
        let mut greetings = Greetings::new();
        let mut data = data;
        while !data.is_empty() {
            match self.read(data, &mut greetings) {
                Ok(rest) => data = rest,
                Err(outcome) => {
                    self.end(Some(outcome));
                    break;
                }
            }
        }
        greetings
    }

    /// What can be said of a hello whose rest never came.
    #[must_use]
    pub fn partial(&self) -> Option<Greeting<'_>> {
        match &self.state {
            State::Tls(reader) => Some(Greeting::of_hello(Carrier::Tls, reader.partial()?)),
            _ => None,
        }
    }

    /// Stop reading, and free what was kept.
    pub fn end(&mut self, outcome: Option<Outcome>) {
        self.state = State::Done;
        self.outcome = outcome;
    }

    /// Read on; return the bytes that stand to be read anew, in another state.
    fn read<'d>(
        &mut self,
        data: &'d [u8],
        greetings: &mut Greetings<'d>,
    ) -> Result<&'d [u8], Outcome> {
        match &mut self.state {
            State::Detecting(head) => {
                let Some(state) = head.detect(data)? else {
                    return Ok(&[]);
                };
                self.state = state;
                return Ok(data);
            }
            State::Tls(reader) => {
                if let Some(hello) = reader.feed(data)? {
                    greetings.push(Greeting::of_hello(Carrier::Tls, hello));
                    self.end(None);
                }
            }
            State::Http(reader) => {
                if let Some(head) = reader.feed(data)? {
                    return Ok(self.take_request(head, greetings));
                }
            }
            State::Done => {}
        }
        Ok(&[])
    }

    /// Note a request; return what its tunnel carries.
    fn take_request<'d>(
        &mut self,
        head: RequestHead<'d>,
        greetings: &mut Greetings<'d>,
    ) -> &'d [u8] {
        let carrier = if head.is_connect {
            Carrier::HttpConnect
        } else {
            Carrier::Http
        };
        greetings.push(Greeting {
            carrier,
            server_name: head.host,
            hello: None,
        });
        if !head.is_connect || self.tunnels == MAX_TUNNELS {
            self.end(None);
            return &[];
        }
        self.tunnels += 1;
        self.state = State::default();
        head.rest
    }
}

/// The first bytes, while they are too few to tell the protocol.
#[derive(Debug, Default)]
struct Head {
    bytes: [u8; HEAD_BYTES],
    len: u8,
}

impl Head {
    /// Choose the reader, to which `data` is still to be fed; `None` when more bytes are needed.
    fn detect(&mut self, data: &[u8]) -> Result<Option<State>, Outcome> {
        let kept = usize::from(self.len);
        let len = HEAD_BYTES.min(kept + data.len());
        for (place, &byte) in self.bytes.iter_mut().skip(kept).zip(data) {
            *place = byte;
        }
        let begin = self.bytes.get(..len).unwrap_or_default();
        let before = self.bytes.get(..kept).unwrap_or_default();
        let is_tls = looks_like_tls(begin);
        if is_tls == Some(true) {
            let mut reader = TlsClientReader::new();
            reader.feed(before)?;
            return Ok(Some(State::Tls(reader)));
        }
        match (is_tls, looks_like_http(begin)) {
            (_, Some(true)) => {
                let mut reader = RequestHeadReader::new();
                reader.feed(before)?;
                Ok(Some(State::Http(Box::new(reader))))
            }
            (Some(false), Some(false)) => Err(Outcome::UnknownProtocol),
            _ => {
                self.len = len as u8;
                Ok(None)
            }
        }
    }
}
