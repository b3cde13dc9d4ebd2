//! A flow table: packets and bytes of each five-tuple, both ways. The hash is keyed: tuples are an attacker's.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;

use crate::headers::{End, Tuple};

/// Packets and bytes by direction: that of the lower end first.
#[derive(Default)]
struct Flow {
    packets: [u64; 2],
    bytes: [u64; 2],
}

type Flows<A> = HashMap<(End<A>, End<A>, u8), Flow, RandomState>;

/// The flows of both address families.
#[derive(Default)]
pub struct Table {
    v4: Flows<u32>,
    v6: Flows<u128>,
}

impl Table {
    /// Count a packet.
    #[inline]
    pub fn count(&mut self, tuple: Tuple, bytes: u32) {
        match tuple {
            Tuple::V4(from, to, protocol) => count(&mut self.v4, from, to, (protocol, bytes)),
            Tuple::V6(from, to, protocol) => count(&mut self.v6, from, to, (protocol, bytes)),
        }
    }

    /// Return the number of flows, and of their packets.
    pub fn totals(&self) -> (usize, u64) {
        let flows = self.v4.values().chain(self.v6.values());
        let packets = flows.map(|flow| flow.packets.iter().sum::<u64>()).sum();
        (self.v4.len() + self.v6.len(), packets)
    }
}

#[inline]
fn count<A: Hash + Ord + Copy>(flows: &mut Flows<A>, from: End<A>, to: End<A>, packet: (u8, u32)) {
    let (protocol, bytes) = packet;
    let upward = from <= to;
    let key = if upward {
        (from, to, protocol)
    } else {
        (to, from, protocol)
    };
    let flow = flows.entry(key).or_default();
    flow.packets[usize::from(!upward)] += 1;
    flow.bytes[usize::from(!upward)] += u64::from(bytes);
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::headers::Tuple;

    #[test]
    fn both_ways_are_one_flow() {
        let mut table = Table::default();
        table.count(Tuple::V4((1, 10), (2, 20), 6), 100);
        table.count(Tuple::V4((2, 20), (1, 10), 6), 50);
        table.count(Tuple::V4((1, 10), (2, 20), 17), 1);
        table.count(Tuple::V6((1, 10), (2, 20), 6), 1);
        assert_eq!(table.totals(), (3, 4));
        let flow = &table.v4[&((1, 10), (2, 20), 6)];
        assert_eq!((flow.packets, flow.bytes), ([1, 1], [100, 50]));
    }
}
