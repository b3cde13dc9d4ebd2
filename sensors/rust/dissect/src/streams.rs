//! What a client says first on a TCP connection: which protocol it is, and whom the client wants to reach.
//!
//! The mirror of `sensors/streams.py`. A reader takes the client's bytes in order and gives back greetings.
//! HTTP CONNECT and SOCKS open a tunnel: what follows is read anew, so that the name inside the tunnel is
//! found beside the proxy's target. What may stand before a hello is passed over: a PROXY header, which says
//! whose connection it is, and clear text that asks for TLS. A tunnel that conceals is the last that can be read.

mod head;

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::clienthello::ClientHello;
use crate::concealing::read_openvpn;
use crate::http::{self, RequestHead, RequestHeadReader};
use crate::observations::Carrier;
use crate::preface::{self, Gathered};
use crate::proxy_header::{ProxiedEnds, read_proxy_header};
use crate::socks::read_socks;
use crate::starttls::{Cut, read_clear};
use crate::streams::head::Head;
use crate::tls::{self, TlsClientReader};
use crate::wire::Malformed;

/// Tunnels inside tunnels: more is an attack, not a proxy chain.
pub const MAX_TUNNELS: u8 = 4;

/// One name that a client asked for, with the hello where there was one.
#[derive(Clone, Debug)]
pub struct Greeting<'d> {
    /// What the name stood in.
    pub carrier: Carrier,
    /// The name; none where the client named nobody, or conceals it.
    pub server_name: Option<String>,
    /// The hello, for the carriers that have one.
    pub hello: Option<ClientHello<'d>>,
}

/// What some bytes said.
#[derive(Clone, Debug)]
pub enum Found<'d> {
    /// Whose connection it is that a proxy passes on.
    Proxied(ProxiedEnds),
    /// Whom the client wants.
    Greeting(Greeting<'d>),
}

/// All that some bytes said: nearly always nothing or one greeting.
pub type AllFound<'d> = SmallVec<[Found<'d>; 1]>;

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

    /// A greeting without a hello: a name, or the mere fact.
    #[must_use]
    pub fn of_name(carrier: Carrier, server_name: Option<String>) -> Self {
        Self {
            carrier,
            server_name,
            hello: None,
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
    /// None of the protocols that are read here.
    UnknownProtocol,
    /// A valid SOCKS request that opens no tunnel.
    SocksNoConnect,
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
            Self::SocksNoConnect => Cow::Borrowed("socks-no-connect"),
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

impl From<preface::Refusal> for Outcome {
    fn from(refusal: preface::Refusal) -> Self {
        match refusal {
            preface::Refusal::Unknown => Self::UnknownProtocol,
            preface::Refusal::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

/// Reads a client's first bytes, until nothing more is to be learnt from them.
#[derive(Debug, Default)]
pub struct ClientReader {
    state: State,
    outcome: Option<Outcome>,
    tunnels: u8,
    later: bool, // something was read: whose the connection is, only its first bytes can say
    data_behind: bool,
}

#[derive(Debug)]
enum State {
    Detecting(Head),
    Tls(TlsClientReader),
    Http(Box<RequestHeadReader>),
    Socks(Gathered),
    Openvpn(Gathered),
    Proxy(Gathered),
    Clear(Gathered, Cut),
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

    /// When done: whether there may be application data behind the last greeting.
    #[must_use]
    pub fn data_behind(&self) -> bool {
        self.outcome.is_some() || self.data_behind
    }

    /// Take the next bytes in order; return the greetings that they completed, after whose they are.
    ///
    /// A hello that `data` holds whole is lent from there; one that came in pieces owns its bytes.
    pub fn feed<'d>(&mut self, data: &'d [u8]) -> AllFound<'d> {
        let mut all = AllFound::new();
        let mut data = data;
        while !data.is_empty() {
            match self.read(data, &mut all) {
                Ok(rest) => data = rest,
                Err(outcome) => {
                    self.end(Some(outcome));
                    break;
                }
            }
        }
        all
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
    fn read<'d>(&mut self, data: &'d [u8], all: &mut AllFound<'d>) -> Result<&'d [u8], Outcome> {
        match &mut self.state {
            State::Detecting(head) => {
                let Some(state) = head.detect(data, self.later)? else {
                    return Ok(&[]);
                };
                self.state = state;
                return Ok(data);
            }
            State::Tls(reader) => {
                if let Some(hello) = reader.feed(data)? {
                    self.data_behind = reader.data_behind();
                    all.push(Found::Greeting(Greeting::of_hello(Carrier::Tls, hello)));
                    self.end(None);
                }
            }
            State::Http(reader) => {
                if let Some(head) = reader.feed(data)? {
                    return Ok(self.take_request(head, all));
                }
            }
            State::Socks(_) | State::Openvpn(_) | State::Proxy(_) | State::Clear(..) => {
                return self.read_preface(data, all);
            }
            State::Done => {}
        }
        Ok(&[])
    }

    /// Read on in what stands before a hello.
    fn read_preface<'d>(
        &mut self,
        data: &'d [u8],
        all: &mut AllFound<'d>,
    ) -> Result<&'d [u8], Outcome> {
        match &mut self.state {
            State::Socks(gathered) => {
                if let Some((request, rest)) = gathered.feed(data, read_socks)? {
                    if !request.is_connect {
                        return Err(Outcome::SocksNoConnect);
                    }
                    let greeting = named(Carrier::Socks, Some(request.host));
                    return Ok(self.enter(greeting, rest, all));
                }
            }
            State::Openvpn(gathered) => {
                if let Some((carrier, _)) = gathered.feed(data, read_openvpn)? {
                    all.push(Found::Greeting(named(carrier, None)));
                    self.end(None);
                }
            }
            State::Proxy(gathered) => {
                if let Some((header, rest)) = gathered.feed(data, read_proxy_header)? {
                    all.extend(header.ends.map(Found::Proxied));
                    return Ok(self.anew(State::default(), rest));
                }
            }
            State::Clear(gathered, cut) => {
                let cut = *cut;
                if let Some(((), rest)) = gathered.feed(data, |data| read_clear(data, cut))? {
                    return Ok(self.anew(State::Tls(TlsClientReader::new()), rest));
                }
            }
            _ => {}
        }
        Ok(&[])
    }

    /// Note a request; return what its tunnel carries.
    fn take_request<'d>(&mut self, head: RequestHead<'d>, all: &mut AllFound<'d>) -> &'d [u8] {
        if head.is_connect {
            let greeting = named(Carrier::HttpConnect, head.host);
            return self.enter(greeting, head.rest, all);
        }
        self.data_behind = !head.rest.is_empty();
        all.push(Found::Greeting(named(Carrier::Http, head.host)));
        self.end(None);
        &[]
    }

    /// Go into the tunnel that a greeting opens; return what it carries.
    fn enter<'d>(
        &mut self,
        greeting: Greeting<'d>,
        rest: &'d [u8],
        all: &mut AllFound<'d>,
    ) -> &'d [u8] {
        all.push(Found::Greeting(greeting));
        if self.tunnels == MAX_TUNNELS {
            self.data_behind = tls::may_hold_data(rest);
            self.end(None);
            return &[];
        }
        self.tunnels += 1;
        self.anew(State::default(), rest)
    }

    fn anew<'d>(&mut self, state: State, rest: &'d [u8]) -> &'d [u8] {
        self.later = true;
        self.state = state;
        rest
    }
}

fn named<'d>(carrier: Carrier, server_name: Option<String>) -> Greeting<'d> {
    Greeting {
        carrier,
        server_name,
        hello: None,
    }
}
