//! The PROXY protocol (`HAProxy`'s proxy-protocol.txt), versions 1 and 2: whose connection a proxy passes on.
//!
//! The mirror of `sensors/proxy_header.py`, which says what may be believed of it. The header stands once,
//! before everything else, and names both ends of the connection that the proxy took.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::preface::{Read, begins_with};
use crate::segment::Address;
use crate::wire::Malformed;

/// The longest line of version 1, its end included (section 2.1).
pub const MAX_LINE_BYTES: usize = 107;
/// The longest header of version 2, as servers bound it; the protocol allows 65,551.
pub const MAX_HEADER_BYTES: usize = 4_096;

const LINE: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES: usize = 16;
const LOCAL: u8 = 0x20; // version 2, command
const PROXY: u8 = 0x21;
const STREAM: u8 = 1;
const DATAGRAM: u8 = 2;

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProxiedEnds {
    /// Who opened it.
    pub client: Address,
    /// From which port.
    pub client_port: u16,
    /// To whom.
    pub server: Address,
    /// To which port.
    pub server_port: u16,
}

impl ProxiedEnds {
    /// What the way through a proxy is called; these ends are those on the wire.
    #[must_use]
    pub fn tunnel(&self) -> String {
        let (client, server) = (end(self.client), end(self.server));
        format!(
            "proxy:{client}:{}-{server}:{}",
            self.client_port, self.server_port
        )
    }

    /// The ends that a tunnel's name tells, where it is that of a way through a proxy.
    #[must_use]
    pub fn from_tunnel(name: &str) -> Option<Self> {
        let (client, server) = name.strip_prefix("proxy:")?.split_once('-')?;
        let ((client, client_port), (server, server_port)) = (read_end(client)?, read_end(server)?);
        Some(Self {
            client,
            client_port,
            server,
            server_port,
        })
    }
}

fn read_end(text: &str) -> Option<(Address, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let inside = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let parsed: IpAddr = match inside {
        Some(inside) => inside.parse::<Ipv6Addr>().ok()?.into(),
        None => address.parse::<Ipv4Addr>().ok()?.into(),
    };
    Some((parsed.into(), port.parse().ok()?))
}

fn end(address: Address) -> String {
    if address.is_v4() {
        address.to_string()
    } else {
        format!("[{address}]")
    }
}

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// None where it names none: a health check, or an unknown family.
    pub ends: Option<ProxiedEnds>,
}

/// Tell whether a stream begins with a header of either version; `None` when more bytes are needed.
#[must_use]
pub fn looks_like_proxy_header(first_bytes: &[u8]) -> Option<bool> {
    begins_with(first_bytes, &[LINE, SIGNATURE])
}

/// Read a header.
pub fn read_proxy_header(data: &[u8]) -> Read<ProxyHeader> {
    if data.first() == Some(&b'P') {
        version_1(data)
    } else {
        version_2(data)
    }
}

fn version_1(data: &[u8]) -> Read<ProxyHeader> {
    let begin = data.get(..MAX_LINE_BYTES).unwrap_or(data);
    let Some(end) = begin.windows(2).position(|pair| pair == b"\r\n") else {
        if data.len() >= MAX_LINE_BYTES {
            return Err(Malformed("proxy-line").into());
        }
        return Ok(None);
    };
    let words: Vec<&[u8]> = begin
        .get(..end)
        .unwrap_or_default()
        .split(|&byte| byte == b' ')
        .collect();
    let ends = match words[..] {
        [_, b"UNKNOWN", ..] => None,
        [_, family, client, server, client_port, server_port] => Some(ProxiedEnds {
            client: address(client, family)?,
            client_port: port(client_port)?,
            server: address(server, family)?,
            server_port: port(server_port)?,
        }),
        _ => return Err(Malformed("proxy-line").into()),
    };
    Ok(Some((ProxyHeader { ends }, end + 2)))
}

fn address(word: &[u8], family: &[u8]) -> Result<Address, Malformed> {
    let text = str::from_utf8(word).unwrap_or_default();
    let address = match family {
        b"TCP4" => text
            .parse()
            .map(|v4: Ipv4Addr| Address::v4(v4.octets()))
            .ok(),
        b"TCP6" => text
            .parse()
            .map(|v6: Ipv6Addr| Address::v6(v6.octets()))
            .ok(),
        _ => None,
    };
    address.ok_or(Malformed("proxy-line"))
}

fn port(word: &[u8]) -> Result<u16, Malformed> {
    let plain =
        word.iter().all(u8::is_ascii_digit) && (word == b"0" || word.first() != Some(&b'0'));
    let text = str::from_utf8(word).ok().filter(|_| plain);
    text.and_then(|text| text.parse().ok())
        .ok_or(Malformed("proxy-line"))
}

fn version_2(data: &[u8]) -> Read<ProxyHeader> {
    let Some(&[.., command, kind, high, low]) = data.first_chunk::<FIXED_BYTES>() else {
        return Ok(None);
    };
    let end = FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if !matches!(command, LOCAL | PROXY) {
        return Err(Malformed("proxy-command").into());
    }
    if end > MAX_HEADER_BYTES {
        return Err(Malformed("proxy-too-long").into());
    }
    let Some(body) = data.get(FIXED_BYTES..end) else {
        return Ok(None);
    };
    let ends = if command == LOCAL {
        None
    } else {
        ends(kind >> 4, kind & 15, body)?
    };
    Ok(Some((ProxyHeader { ends }, end)))
}

/// Read what follows the fixed part (section 2.2); other protocols than TCP leave the ends as they are.
fn ends(family: u8, protocol: u8, body: &[u8]) -> Result<Option<ProxiedEnds>, Malformed> {
    if protocol > DATAGRAM {
        return Err(Malformed("proxy-family"));
    }
    let (named, vectors) = match family {
        0 => return Ok(None), // unspecified: nothing is known of the rest
        1 => split::<12>(body).map(|(addresses, rest)| (Some(v4_ends(addresses)), rest)),
        2 => split::<36>(body).map(|(addresses, rest)| (Some(v6_ends(addresses)), rest)),
        3 => split::<216>(body).map(|(_, rest)| (None, rest)), // UNIX
        _ => return Err(Malformed("proxy-family")),
    }?;
    check_vectors(vectors)?;
    Ok(named.filter(|_| protocol == STREAM))
}

fn split<const N: usize>(body: &[u8]) -> Result<(&[u8; N], &[u8]), Malformed> {
    body.split_first_chunk().ok_or(Malformed("proxy-length"))
}

fn v4_ends(addresses: &[u8; 12]) -> ProxiedEnds {
    let [c0, c1, c2, c3, s0, s1, s2, s3, ports @ ..] = *addresses;
    with_ports(
        Address::v4([c0, c1, c2, c3]),
        Address::v4([s0, s1, s2, s3]),
        ports,
    )
}

fn v6_ends(addresses: &[u8; 36]) -> ProxiedEnds {
    let at = |start: usize| {
        let chunk = addresses.get(start..).and_then(<[u8]>::first_chunk);
        Address::v6(chunk.copied().unwrap_or_default())
    };
    let [.., p0, p1, p2, p3] = *addresses;
    with_ports(at(0), at(16), [p0, p1, p2, p3])
}

fn with_ports(client: Address, server: Address, ports: [u8; 4]) -> ProxiedEnds {
    let [c0, c1, s0, s1] = ports;
    ProxiedEnds {
        client,
        client_port: u16::from_be_bytes([c0, c1]),
        server,
        server_port: u16::from_be_bytes([s0, s1]),
    }
}

/// Check that type-length-value vectors fill the rest; what they say is not used.
fn check_vectors(mut rest: &[u8]) -> Result<(), Malformed> {
    while !rest.is_empty() {
        let after = match rest {
            [_, high, low, after @ ..] => {
                after.get(usize::from(u16::from_be_bytes([*high, *low]))..)
            }
            _ => None,
        };
        rest = after.ok_or(Malformed("proxy-vector"))?;
    }
    Ok(())
}
