//! What a flow is known by: its two ends in order, and where on the wire it was seen.
//!
//! Every packet has its key made, hashed and compared, so it is kept as a few numbers.

use std::hash::{Hash, Hasher};

use crate::observations::FlowKey;
use crate::segment::{Address, Segment};

/// No VLAN, or no tunnel: above every identifier of 12 bits, and every tunnel's index.
const NONE: u16 = u16::MAX;

/// A five-tuple with its ends in order: "low" is the lower address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The addresses' sixteen bytes as numbers: low, then high.
    addresses: [u128; 2],
    /// Both ports, VLAN and tunnel, sixteen bits each.
    place: u64,
    transport: u8,
    v4: bool,
}

impl Key {
    /// The key of no segment.
    pub const NOTHING: Self = Self {
        addresses: [0; 2],
        place: 0,
        transport: 0,
        v4: false,
    };

    /// The key of a segment, and whether its sender is the lower end.
    #[inline]
    #[must_use]
    pub fn of(segment: &Segment<'_>) -> (Self, bool) {
        let source = (number(segment.source), segment.source_port);
        let target = (number(segment.target), segment.target_port);
        let from_low = source < target;
        let (low, high) = if from_low {
            (source, target)
        } else {
            (target, source)
        };
        let (vlan, tunnel) = (segment.vlan.unwrap_or(NONE), segment.tunnel.unwrap_or(NONE));
        let place = u64::from(low.1) << 48
            | u64::from(high.1) << 32
            | u64::from(vlan) << 16
            | u64::from(tunnel);
        let key = Self {
            addresses: [low.0, high.0],
            place,
            transport: segment.transport,
            v4: segment.source.is_v4(),
        };
        (key, from_low)
    }

    /// The lower end.
    #[must_use]
    pub const fn low(&self) -> (Address, u16) {
        (self.address(self.addresses[0]), (self.place >> 48) as u16)
    }

    /// The higher end.
    #[must_use]
    pub const fn high(&self) -> (Address, u16) {
        (self.address(self.addresses[1]), (self.place >> 32) as u16)
    }

    /// The outermost 802.1Q identifier.
    #[must_use]
    pub fn vlan(&self) -> Option<u16> {
        Some((self.place >> 16) as u16).filter(|vlan| *vlan != NONE)
    }

    /// The encapsulation, as an index into the decoder's tunnel names.
    #[must_use]
    pub fn tunnel(&self) -> Option<u16> {
        Some(self.place as u16).filter(|tunnel| *tunnel != NONE)
    }

    /// `segment::TCP` or `segment::UDP`.
    #[must_use]
    pub const fn transport(&self) -> u8 {
        self.transport
    }

    /// The five-tuple from the client's side.
    #[must_use]
    pub fn from_client(&self, client_low: bool) -> FlowKey {
        let (client, server) = if client_low {
            (self.low(), self.high())
        } else {
            (self.high(), self.low())
        };
        FlowKey {
            client: client.0,
            client_port: client.1,
            server: server.0,
            server_port: server.1,
            transport: self.transport,
            vlan: self.vlan(),
            tunnel: self.tunnel(),
            proxy: None,
        }
    }

    /// What flows that began at the same time are sorted by; `tunnel_ranks` orders the tunnels.
    pub(crate) fn order(&self, tunnel_ranks: &[u16]) -> impl Ord + use<> {
        let ((low, low_port), (high, high_port)) = (self.low(), self.high());
        let rank = |tunnel: u16| tunnel_ranks.get(usize::from(tunnel)).copied();
        (
            self.transport,
            (low.on_wire(), low_port, high.on_wire(), high_port),
            self.vlan(),
            self.tunnel().and_then(rank),
        )
    }

    const fn address(&self, number: u128) -> Address {
        Address::from_number(number, self.v4)
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low, high] = self.addresses;
        state.write_u128(low);
        state.write_u128(high);
        state.write_u64(self.place ^ u64::from(self.transport) << 56);
    }
}

#[inline]
pub(crate) const fn number(address: Address) -> u128 {
    u128::from_be_bytes(*address.bytes())
}

#[cfg(test)]
mod tests {
    use super::Key;
    use crate::kit::segment;
    use crate::segment::{Address, Segment, TCP};

    #[test]
    fn both_ways_are_one_key_and_everything_in_it_comes_out_again() {
        let addresses = [
            [Address::v4([10, 0, 0, 1]), Address::v4([9, 255, 0, 1])],
            [Address::v6([0xff; 16]), Address::v6([1; 16])],
        ];
        for [client, server] in addresses {
            for (vlan, tunnel) in [
                (None, None),
                (Some(0), Some(0)),
                (Some(4_095), Some(16_384)),
            ] {
                let there = Segment {
                    ts_ns: 0,
                    ip_bytes: 40,
                    transport: TCP,
                    source: client,
                    source_port: 50_000,
                    target: server,
                    target_port: 443,
                    vlan,
                    tunnel,
                    flags: 0,
                    seq: 0,
                    payload: &[],
                    missing_bytes: 0,
                };
                let back = Segment {
                    source: server,
                    source_port: 443,
                    target: client,
                    target_port: 50_000,
                    ..there
                };
                let ((key, from_low), (same, not_from_low)) = (Key::of(&there), Key::of(&back));
                assert_eq!(key, same);
                assert_ne!(from_low, not_from_low);
                let flow = key.from_client(from_low);
                assert_eq!((flow.client, flow.client_port), (client, 50_000));
                assert_eq!((flow.server, flow.server_port), (server, 443));
                assert_eq!(
                    (flow.vlan, flow.tunnel, flow.transport),
                    (vlan, tunnel, TCP)
                );
            }
        }
    }

    #[test]
    fn a_mapped_address_is_not_its_ipv4_one() {
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
        let of = |address| {
            Key::of(&Segment {
                source: address,
                target: address,
                ..segment(1)
            })
            .0
        };
        assert_ne!(of(Address::v4([10, 0, 0, 1])), of(Address::v6(mapped)));
    }
}
