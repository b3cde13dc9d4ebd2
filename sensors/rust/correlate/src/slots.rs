//! Whose slot a client is in: by a keyed hash, so that nobody reads an address off it. The mirror of
//! `sensors/slots.py`.

use ahash::RandomState;
use dissect::segment::Address;
use hashbrown::HashMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Of clients, for good: no topic has use for more partitions.
pub const SLOTS: usize = 256;
/// Clients whose slot is remembered: beyond, all are looked up anew.
const MAX_REMEMBERED: usize = 65_536;

/// Slots of clients under one key.
pub struct Slots {
    keyed: Hmac<Sha256>,
    remembered: HashMap<Address, u16, RandomState>,
}

impl Slots {
    /// Slots under a key, of any length.
    ///
    /// # Errors
    /// The key is of no use.
    pub fn new(key: &[u8], hasher: &RandomState) -> Result<Self, String> {
        let keyed = Hmac::new_from_slice(key).map_err(|error| error.to_string())?;
        Ok(Self {
            keyed,
            remembered: HashMap::with_hasher(hasher.clone()),
        })
    }

    /// The slot of a client, below `SLOTS`.
    pub fn of(&mut self, client: Address) -> u16 {
        if let Some(slot) = self.remembered.get(&client) {
            return *slot;
        }
        let mut keyed = self.keyed.clone();
        keyed.update(client.to_string().as_bytes());
        let digest = keyed.finalize().into_bytes();
        let first = digest
            .iter()
            .take(4)
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let slot = (first % SLOTS) as u16;
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(client, slot);
        slot
    }
}

#[cfg(test)]
mod tests {
    use dissect::segment::Address;

    use super::{MAX_REMEMBERED, SLOTS, Slots};
    use crate::kit::CLIENT;
    use crate::recency::seeded;

    #[test]
    fn a_slot_follows_from_the_address_and_the_key() {
        let hasher = seeded(0);
        let v6 = Address::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        // hmac.digest(key, client.encode(), "sha256"), the first four bytes, modulo 256
        for (key, client, slot) in [
            (&b"k"[..], CLIENT, 137),
            (b"k", v6, 240),
            (b"another", CLIENT, 19),
        ] {
            let mut slots = Slots::new(key, &hasher).unwrap();
            assert_eq!((slots.of(client), slots.of(client)), (slot, slot));
        }
    }

    #[test]
    fn memory_is_bounded_and_slots_stay() {
        let mut slots = Slots::new(b"k", &seeded(0)).unwrap();
        let first = slots.of(Address::v4([10, 0, 0, 0]));
        for number in 0..MAX_REMEMBERED as u32 + 10 {
            let [_, a, b, c] = number.to_be_bytes();
            assert!(usize::from(slots.of(Address::v4([10, a, b, c]))) < SLOTS);
        }
        assert!(slots.remembered.len() <= MAX_REMEMBERED);
        assert_eq!(slots.of(Address::v4([10, 0, 0, 0])), first);
    }
}
