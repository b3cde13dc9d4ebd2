//! Protection of the QUIC Initial packets that clients send (RFC 9001 section 5, RFC 9369 section 3.3).
//!
//! The keys of Initial packets follow from the connection ID that the client chose first, which stands in clear
//! text: whoever sees the packet may open it. What does not authenticate stays closed; no byte of it is used.

use std::ops::Range;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aes::Aes128Enc;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::quic_version::{CLIENT_LABEL, Version};
use crate::wire::Malformed;

/// Packet number to tag: the sample is the 16 bytes that follow the longest number.
pub const MIN_PROTECTED_BYTES: usize = 20;
/// RFC 9000 section 17.2.
pub const MAX_ID_BYTES: usize = 20;

const TAG_BYTES: usize = 16;
const MAX_NUMBER_BYTES: usize = 4;
const RESERVED_BITS: u8 = 0x0c;

/// The connection ID that a packet is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    length: u8,
    bytes: [u8; MAX_ID_BYTES], // zeros behind the ID
}

impl ConnectionId {
    /// Take an ID; `None` if it is longer than `MAX_ID_BYTES`.
    #[must_use]
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_ID_BYTES];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            length: id.len() as u8,
            bytes,
        })
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// What the Initial keys of a connection follow from: its version, and the ID that the client chose first.
pub type Origin = (&'static Version, ConnectionId);

/// The client's Initial keys of one connection.
///
/// They are kept as bytes, not as ciphers made ready: few connections need more than two packets.
#[derive(Clone, Debug)]
pub struct InitialKeys {
    origin: Origin,
    key: [u8; 16],
    iv: [u8; 12],
    header_protection: [u8; 16],
}

impl InitialKeys {
    /// Derive the keys (RFC 9001 section 5.2).
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        let (version, connection_id) = origin;
        let initial = mac(&keyed(&version.salt), &[connection_id.as_slice()]);
        let client = keyed(&expand::<32>(&keyed(&initial), CLIENT_LABEL));
        Self {
            origin,
            key: expand(&client, version.labels.key),
            iv: expand(&client, version.labels.iv),
            header_protection: expand(&client, version.labels.header_protection),
        }
    }

    /// What the keys follow from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Append the frames of a packet to `opened`; return where they stand in it, or `None` where the packet does
    /// not authenticate under these keys.
    ///
    /// `packet` runs from its first byte to the end of its tag; the protected part begins at `number_at` and
    /// holds at least `MIN_PROTECTED_BYTES`.
    pub fn open(
        &self,
        packet: &[u8],
        number_at: usize,
        opened: &mut Vec<u8>,
    ) -> Result<Option<Range<usize>>, Malformed> {
        let start = opened.len();
        opened.extend_from_slice(packet);
        let copy = opened.get_mut(start..).unwrap_or_default();
        let Some((header_bytes, first)) = self.open_in_place(copy, number_at) else {
            opened.truncate(start);
            return Ok(None);
        };
        if first & RESERVED_BITS != 0 {
            return Err(Malformed("quic-reserved-bits"));
        }
        opened.truncate(opened.len() - TAG_BYTES);
        Ok(Some(start + header_bytes..opened.len()))
    }

    /// Open a packet where it stands; return the header's length and its first byte without protection.
    fn open_in_place(&self, packet: &mut [u8], number_at: usize) -> Option<(usize, u8)> {
        let mask = self.mask(packet.get(number_at + MAX_NUMBER_BYTES..)?.first_chunk()?);
        let first = packet.first_mut()?;
        *first ^= mask.first()? & 0x0f;
        let (first, number_bytes) = (*first, usize::from(*first & 0x03) + 1);
        let (header, sealed) = packet.split_at_mut_checked(number_at + number_bytes)?;
        let number = header.get_mut(number_at..)?;
        number
            .iter_mut()
            .zip(mask.iter().skip(1))
            .for_each(|(byte, mask)| *byte ^= mask);
        // The number needs no reconstruction (RFC 9000 appendix A.3): Initial packets count from 0, and a
        // sender drops only the bits that its peer's acknowledgements made needless.
        let mut nonce = self.iv;
        nonce
            .iter_mut()
            .rev()
            .zip(number.iter().rev())
            .for_each(|(byte, number)| *byte ^= number);
        let (body, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>()?;
        let cipher = Aes128Gcm::new(&self.key.into());
        let authentic =
            cipher.decrypt_inout_detached(&nonce.into(), header, body.into(), &(*tag).into());
        authentic
            .is_ok()
            .then_some((number_at + number_bytes, first))
    }

    /// The mask of header protection (RFC 9001 section 5.4.3): the sample as one block, encrypted.
    fn mask(&self, sample: &[u8; 16]) -> [u8; 16] {
        let mut block = (*sample).into();
        Aes128Enc::new(&self.header_protection.into()).encrypt_block(&mut block);
        block.into()
    }
}

/// HMAC under a key of up to 64 bytes; it is the same with zeros behind the key (RFC 2104 section 2).
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&block.into())
}

fn mac(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HKDF-Expand (RFC 5869 section 2.3) for up to 32 bytes: one HMAC block.
fn expand<const BYTES: usize>(secret: &Hmac<Sha256>, label: &[u8]) -> [u8; BYTES] {
    let mut key = [0; BYTES];
    key.iter_mut()
        .zip(mac(secret, &[label, &[1]]))
        .for_each(|(to, from)| *to = from);
    key
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod kit;
#[cfg(test)]
mod tests;
