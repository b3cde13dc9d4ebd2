//! The observations: all that a sensor says. The mirror of `sensors/observations.py`, and its msgpack form.
//!
//! On the wire to Python an observation is a map with `type` first and the fields in the order declared
//! there, so that msgspec decodes it into the same frozen values that the reference engine makes.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use crate::ja4::Ja4;
use crate::proxy_header::ProxiedEnds;
use crate::segment::Address;

/// A five-tuple seen from the client, and where on the wire it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// Who opened the flow.
    pub client: Address,
    /// From which port.
    pub client_port: u16,
    /// To whom.
    pub server: Address,
    /// To which port.
    pub server_port: u16,
    /// `segment::TCP` or `segment::UDP`.
    pub transport: u8,
    /// The outermost 802.1Q identifier.
    pub vlan: Option<u16>,
    /// The encapsulation, as an index into the decoder's tunnel names.
    pub tunnel: Option<u16>,
    /// The ends on the wire, where those above are of a connection that a proxy passes on: one tunnel more.
    pub proxy: Option<ProxiedEnds>,
}

impl FlowKey {
    /// Both ends alone.
    #[must_use]
    pub const fn both_ends(&self) -> ProxiedEnds {
        ProxiedEnds {
            client: self.client,
            client_port: self.client_port,
            server: self.server,
            server_port: self.server_port,
        }
    }

    /// The encapsulation's name; `tunnels` are the decoder's tunnel names.
    #[must_use]
    pub fn tunnel_name<'t>(&self, tunnels: &'t [String]) -> Option<Cow<'t, str>> {
        let outer = self
            .tunnel
            .and_then(|index| tunnels.get(usize::from(index)));
        let Some(proxy) = self.proxy.as_ref().map(ProxiedEnds::tunnel) else {
            return outer.map(Cow::from);
        };
        let all = outer.map(|outer| format!("{outer}/{proxy}"));
        Some(all.unwrap_or(proxy).into())
    }
}

/// As a few numbers, which is fast. The transport and the ends on the wire are left to comparing.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.client.hash(state);
        self.server.hash(state);
        let place = u64::from(self.client_port) << 48
            | u64::from(self.server_port) << 32
            | u64::from(self.vlan.unwrap_or(u16::MAX)) << 16
            | u64::from(self.tunnel.unwrap_or(u16::MAX));
        state.write_u64(place);
    }
}

/// One DNS answer as its asker received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameResolved {
    /// When.
    pub ts_ns: i64,
    /// Who asked.
    pub client: Address,
    /// Who answered.
    pub resolver: Address,
    /// The name asked for.
    pub qname: String,
    /// The type asked for.
    pub qtype: u16,
    /// The response code.
    pub rcode: u8,
    /// The alias chain, in order from the name asked for.
    pub cnames: Vec<String>,
    /// The addresses at its end.
    pub addresses: Vec<Address>,
    /// The smallest time to live on the way, in seconds.
    pub ttl: u32,
    /// The outer names of the ECH configurations handed out.
    pub ech_public_names: Vec<String>,
}

/// By what a client said whom it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A TLS hello over TCP.
    Tls,
    /// A TLS hello in QUIC Initials.
    Quic,
    /// A hello in DTLS records.
    Dtls,
    /// The target of an HTTP CONNECT.
    HttpConnect,
    /// The target of a SOCKS request.
    Socks,
    /// The Host of a plain HTTP request.
    Http,
    /// A tunnel that conceals: a `WireGuard` initiation.
    Wireguard,
    /// A tunnel that conceals: an `OpenVPN` client's reset.
    Openvpn,
    /// A tunnel that conceals: the first message of IKE.
    Ike,
    /// Media: a request of STUN.
    Stun,
}

impl Carrier {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Tls,
        Self::Quic,
        Self::Dtls,
        Self::HttpConnect,
        Self::Socks,
        Self::Http,
        Self::Wireguard,
        Self::Openvpn,
        Self::Ike,
        Self::Stun,
    ];

    /// The one that observations have this name for.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.text() == text)
    }

    /// The name that observations have for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Dtls => "dtls",
            Self::HttpConnect => "http-connect",
            Self::Socks => "socks",
            Self::Http => "http",
            Self::Wireguard => "wireguard",
            Self::Openvpn => "openvpn",
            Self::Ike => "ike",
            Self::Stun => "stun",
        }
    }
}

/// The first message in which a client says whom it wants to reach, or that it conceals that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelloSeen {
    /// When the message was whole.
    pub ts_ns: i64,
    /// On which flow.
    pub flow: FlowKey,
    /// In what kind of message.
    pub carrier: Carrier,
    /// The name.
    pub server_name: Option<String>,
    /// The application protocols offered.
    pub alpn: Vec<String>,
    /// The versions of TLS or DTLS offered, highest first.
    pub versions: Vec<u16>,
    /// "none", "grease" or "offered".
    pub ech: &'static str,
    /// The client's fingerprint; none for an incomplete hello.
    pub ja4: Option<Ja4>,
    /// Whether no byte of the message is missing.
    pub complete: bool,
    /// The handshake's round trip.
    pub rtt_ns: Option<i64>,
}

/// Why a flow's totals are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Both sides closed.
    Fin,
    /// One side reset.
    Rst,
    /// Nothing came for too long.
    Idle,
    /// It lives on: the totals so far.
    Active,
    /// The table was full.
    Evicted,
    /// The input ended, or the five-tuple was used anew.
    End,
}

impl EndReason {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Fin,
        Self::Rst,
        Self::Idle,
        Self::Active,
        Self::Evicted,
        Self::End,
    ];

    /// The one that observations have this name for.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.text() == text)
    }

    /// The name that observations have for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Evicted => "evicted",
            Self::End => "end",
        }
    }

    /// Whether it is the flow's last report.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Active)
    }
}

/// Totals of a flow since its first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowUpdate {
    /// When: the flow's last packet, or the packet that ended it.
    pub ts_ns: i64,
    /// Which flow.
    pub flow: FlowKey,
    /// Its first packet.
    pub first_ns: i64,
    /// From the client.
    pub packets_up: u64,
    /// From the server.
    pub packets_down: u64,
    /// Of IP packets, from the client.
    pub bytes_up: u64,
    /// Of IP packets, from the server.
    pub bytes_down: u64,
    /// SYN to SYN-ACK, or first datagram of QUIC or DTLS to first answer.
    pub handshake_rtt_ns: Option<i64>,
    /// From the client's first payload byte to the server's.
    pub first_byte_ns: Option<i64>,
    /// The capture does not hold the flow's start.
    pub midstream: bool,
    /// Why; every reason but `Active` is final.
    pub reason: EndReason,
}

/// The first packet after a client's hello that may hold application data. Only an eager sensor says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSeen {
    /// The packet's time.
    pub ts_ns: i64,
    /// On which flow.
    pub flow: FlowKey,
    /// What had gone up before that packet.
    pub bytes_up: u64,
}

/// Traffic that was on the wire and could not be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Until when.
    pub ts_ns: i64,
    /// Since when.
    pub since_ns: i64,
    /// How many packets.
    pub packets: u64,
    /// How many bytes.
    pub bytes: u64,
    /// "ring", "table", "snaplen", "fragment" or "decode".
    pub reason: &'static str,
}

/// Anything a sensor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A DNS answer.
    Name(Box<NameResolved>),
    /// A client's first message.
    Hello(Box<HelloSeen>),
    /// A flow's totals.
    Flow(FlowUpdate),
    /// Data behind a hello.
    Data(DataSeen),
    /// A loss.
    Gap(Gap),
}

#[cfg(test)]
mod tests {
    use super::FlowKey;
    use crate::proxy_header::ProxiedEnds;
    use crate::segment::{Address, TCP};

    fn ends(client: Address, server: Address) -> ProxiedEnds {
        ProxiedEnds {
            client,
            client_port: 49_152,
            server,
            server_port: 8_443,
        }
    }

    #[test]
    fn a_proxy_is_the_innermost_tunnel() {
        let names = ["vxlan:1".to_owned(), "vxlan:42/gre".to_owned()];
        let v4 = ends(Address::v4([10, 0, 0, 90]), Address::v4([10, 0, 0, 91]));
        let one = Address::v6(std::net::Ipv6Addr::LOCALHOST.octets());
        let v6 = ends(one, one);
        for (tunnel, proxy, name) in [
            (None, None, None),
            (None, Some(v4), Some("proxy:10.0.0.90:49152-10.0.0.91:8443")),
            (Some(1), None, Some("vxlan:42/gre")),
            (
                Some(1),
                Some(v6),
                Some("vxlan:42/gre/proxy:[::1]:49152-[::1]:8443"),
            ),
        ] {
            let flow = FlowKey {
                client: Address::v4([10, 20, 1, 5]),
                client_port: 50_000,
                server: Address::v4([203, 0, 113, 7]),
                server_port: 443,
                transport: TCP,
                vlan: None,
                tunnel,
                proxy,
            };
            assert_eq!(flow.tunnel_name(&names).as_deref(), name);
        }
    }
}
