//! What a frame carries for us: one TCP segment or UDP datagram, lent from the frame's bytes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::address_text::AddressText;

/// TCP's protocol number.
pub const TCP: u8 = 6;
/// UDP's protocol number.
pub const UDP: u8 = 17;

/// An IPv4 or IPv6 address as it was on the wire.
///
/// IPv4 is kept in the last four bytes behind the mapped prefix, so that addresses of one family order as
/// their bytes do; `v4` keeps an IPv6 packet's `::ffff:1.2.3.4` apart from IPv4's `1.2.3.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    bytes: [u8; 16],
    v4: bool,
}

impl Address {
    /// An IPv4 address.
    #[must_use]
    pub const fn v4(raw: [u8; 4]) -> Self {
        // As one number: bytes put together one by one are slow to copy on.
        let mapped = 0xffff_0000_0000 | u32::from_be_bytes(raw) as u128;
        Self {
            bytes: mapped.to_be_bytes(),
            v4: true,
        }
    }

    /// An IPv6 address.
    #[must_use]
    pub const fn v6(raw: [u8; 16]) -> Self {
        Self {
            bytes: raw,
            v4: false,
        }
    }

    /// The address whose sixteen bytes are this number.
    #[must_use]
    pub const fn from_number(number: u128, v4: bool) -> Self {
        Self {
            bytes: number.to_be_bytes(),
            v4,
        }
    }

    /// The sixteen bytes that tell addresses of one family apart.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// The bytes as they were on the wire, four or sixteen, in a form that orders as Python's bytes do.
    #[must_use]
    pub fn on_wire(&self) -> Vec<u8> {
        self.bytes
            .iter()
            .skip(if self.v4 { 12 } else { 0 })
            .copied()
            .collect()
    }

    /// An IPv4 packet's four bytes.
    #[must_use]
    pub const fn octets(&self) -> Option<[u8; 4]> {
        match self.bytes {
            [.., a, b, c, d] if self.v4 => Some([a, b, c, d]),
            _ => None,
        }
    }

    /// Whether it was an IPv4 packet's.
    #[must_use]
    pub const fn is_v4(&self) -> bool {
        self.v4
    }
}

/// An address as text has it: `::ffff:1.2.3.4` is an IPv6 packet's.
impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

/// As one number, which is fast. An IPv4 address and the IPv6 one it maps to have the same hash.
impl Hash for Address {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.bytes));
    }
}

/// Canonical text, as the reference engine writes it.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self
            .octets()
            .map_or_else(|| IpAddr::from(self.bytes), IpAddr::from);
        AddressText(address).fmt(out)
    }
}

/// One TCP segment or UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// When it was seen, in nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// The length of the IP packet on the wire; of all its fragments, where it came in fragments.
    pub ip_bytes: u64,
    /// `TCP` or `UDP`.
    pub transport: u8,
    /// Who sent it.
    pub source: Address,
    /// From which port.
    pub source_port: u16,
    /// To whom.
    pub target: Address,
    /// To which port.
    pub target_port: u16,
    /// The outermost 802.1Q identifier.
    pub vlan: Option<u16>,
    /// The encapsulation it was found in, as an index into the decoder's tunnel names.
    pub tunnel: Option<u16>,
    /// TCP's flags; 0 for UDP.
    pub flags: u8,
    /// TCP's sequence number; 0 for UDP.
    pub seq: u32,
    /// What it carries, as far as it was captured.
    pub payload: &'a [u8],
    /// Payload bytes that the snap length cut off.
    pub missing_bytes: u32,
}
