//! What correlation says: a flow with the names that it had when it started, when it ended or still lives.
//!
//! The mirror of `sensors/connections.py`. All is lent from what the correlator remembers, so that a flow nobody
//! cares about costs no memory.

use dissect::observations::{Carrier, FlowUpdate, HelloSeen};
use smallvec::SmallVec;

use crate::view::Told;

/// By what a flow could be named; each flow is in exactly one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// By the name that it carried.
    Sni,
    /// By the one name that its client had resolved.
    Dns,
    /// By its address only.
    Address,
    /// By several names.
    Ambiguous,
    /// Not at all: ECH hides the name.
    Concealed,
    /// Not at all: the capture does not hold its start.
    Midstream,
    /// Not at all: what would have told was lost.
    Lost,
}

impl Coverage {
    /// All classes, in the order of `COVERAGE_CLASSES` in `monitor/tally.py`.
    pub const ALL: [Self; 7] = [
        Self::Sni,
        Self::Dns,
        Self::Address,
        Self::Ambiguous,
        Self::Concealed,
        Self::Midstream,
        Self::Lost,
    ];

    /// The name that Python has for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::Dns => "dns",
            Self::Address => "address",
            Self::Ambiguous => "ambiguous",
            Self::Concealed => "concealed",
            Self::Midstream => "midstream",
            Self::Lost => "lost",
        }
    }
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server name of a hello.
    Sni,
    /// What a proxy was asked for.
    Connect,
    /// The host of a plain HTTP request.
    Http,
    /// What the client, or another one, had resolved.
    Dns,
    /// Where the client was connected when media began.
    Signalling,
}

impl Source {
    /// Where the name of a hello comes from.
    #[must_use]
    pub const fn of(carrier: Carrier) -> Self {
        match carrier {
            Carrier::HttpConnect | Carrier::Socks => Self::Connect,
            Carrier::Http => Self::Http,
            Carrier::Tls
            | Carrier::Quic
            | Carrier::Dtls
            | Carrier::Wireguard // this and the following have no name
            | Carrier::Openvpn
            | Carrier::Ike
            | Carrier::Stun => Self::Sni,
        }
    }

    /// The name that Python has for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::Connect => "connect",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Signalling => "signalling",
        }
    }
}

/// How far a name can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It counted at the flow's start, or the flow carried it.
    Live,
    /// Its TTL and grace were over.
    Stale,
    /// The answer to a resolver, which asks for clients that are not seen.
    Resolver,
    /// Another client's answer.
    Foreign,
    /// Of another connection of the client.
    Beside,
}

impl State {
    /// The name that Python has for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Resolver => "resolver",
            Self::Foreign => "foreign",
            Self::Beside => "beside",
        }
    }
}

/// One name of a connection's server.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// The name.
    pub value: &'a str,
    /// Where it comes from.
    pub source: Source,
    /// How far it can be trusted.
    pub state: State,
    /// What DNS said of it.
    pub told: Option<&'a Told>,
}

impl<'a> Name<'a> {
    /// Its alias chain.
    #[must_use]
    pub fn cnames(&self) -> &'a [String] {
        self.told.map_or(&[], |told| &told.cnames)
    }
}

/// The last hello of a connection, read beside what DNS said of ECH.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// As it was seen.
    pub seen: &'a HelloSeen,
    /// "none", "grease" or "offered".
    pub ech: &'static str,
    /// What stands on the outside, where ECH hides the name.
    pub outer_name: Option<&'a str>,
}

/// The hellos of one flow, in order.
pub type Hellos = SmallVec<[Box<HelloSeen>; 1]>;

/// The names of one connection.
pub type NameList<'a> = SmallVec<[Name<'a>; 4]>;

/// A flow that ended, or still lives, with the names that it had when it started.
#[derive(Debug)]
pub struct Connection<'a> {
    /// Its totals.
    pub update: FlowUpdate,
    /// All its hellos.
    pub hellos: &'a Hellos,
    /// The one that counts.
    pub hello: Option<Hello<'a>>,
    /// The names that it carried first.
    pub names: NameList<'a>,
    /// How it could be named.
    pub coverage: Coverage,
}

impl Connection<'_> {
    /// Whether it still lives.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.update.reason.is_final()
    }

    /// Whether it has a name that counts; while it lives, one that it carried itself.
    #[must_use]
    pub fn is_named(&self) -> bool {
        let carried = |name: &Name<'_>| name.source != Source::Dns || !self.is_open();
        let mut names = self.names.iter();
        names.any(|name| name.state == State::Live && carried(name))
    }
}
