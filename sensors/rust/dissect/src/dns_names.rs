//! Names inside a DNS message (RFC 1035 sections 3.1 and 4.1.4).
//!
//! A pointer has to lead to an earlier place than all before it did, so no name can loop. Every name read is
//! kept by its offset, for the pointers that follow; `steps` counts labels and pointers, for the caller to
//! bound what a message may cost.

use crate::dns_pool::{NameId, NamePool};
use crate::wire::Malformed;

/// RFC 1035 section 2.3.4; counts length octets and the root, so 127 labels at most.
pub const MAX_NAME_BYTES: usize = 255;
/// Of one name: more of them than labels serve nothing.
pub const MAX_POINTERS: usize = 127;
/// The text of the root.
pub const ROOT: &str = ".";

const LABEL_END: u8 = 0x40; // a first octet below is a label's length
const POINTER: u8 = 0xc0; // and one from here on begins a pointer

/// Why a message cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A field runs past the end of the message: malformed, unless the message was cut.
    PastEnd(&'static str),
    /// The message breaks its protocol's rules.
    Malformed(&'static str),
}

impl From<Broken> for Malformed {
    fn from(broken: Broken) -> Self {
        let (Broken::PastEnd(reason) | Broken::Malformed(reason)) = broken;
        Malformed(reason)
    }
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Broken::Malformed(malformed.0)
    }
}

const PAST_END: Broken = Broken::PastEnd("dns-name-past-end");

/// Reads the names of one message at a time; its memory serves the next one.
#[derive(Debug, Default)]
pub struct NameReader {
    /// The names read, and the others that belong to the message.
    pub pool: NamePool,
    steps: usize,
    known: Vec<(usize, NameId)>, // by rising offset
}

impl NameReader {
    /// Begin another message.
    pub fn clear(&mut self) {
        self.pool.clear();
        self.steps = 0;
        self.known.clear();
    }

    /// Labels and pointers followed in this message.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Return the name at `at` of `message` and the offset after it.
    pub fn read(&mut self, message: &[u8], at: usize) -> Result<(NameId, usize), Broken> {
        if let Some(&[high @ (POINTER..), low]) = message.get(at..).and_then(<[u8]>::first_chunk)
            && let Ok(place) = self.place(pointed(high, low))
            && let Some(&(_, name)) = self.known.get(place)
        {
            self.steps += 1; // read before, so it stands before
            return Ok((name, at + 2));
        }
        let end = match self.read_labels(message, at) {
            Ok(end) => end,
            Err(broken) => {
                self.pool.abandon();
                return Err(broken);
            }
        };
        let name = self.pool.finish();
        match self.place(at) {
            Ok(_) => {} // the same bytes gave the same name before
            Err(place) => self.known.insert(place, (at, name)),
        }
        Ok((name, end))
    }

    /// Where the name at `offset` of the message stands in `known`, or would.
    fn place(&self, offset: usize) -> Result<usize, usize> {
        match self.known.last() {
            Some(&(last, _)) if offset <= last => {
                self.known.binary_search_by_key(&offset, |&(at, _)| at)
            }
            _ => Err(self.known.len()), // messages are read forward
        }
    }

    /// Hand the labels of the name at `at` to the pool; return the offset after the name.
    fn read_labels(&mut self, message: &[u8], mut at: usize) -> Result<usize, Broken> {
        let mut lowest = at;
        let mut end = None;
        let mut name_bytes = 1;
        let (mut labels, mut pointers) = (0, 0);
        loop {
            let (&first, after) = message
                .get(at..)
                .and_then(<[u8]>::split_first)
                .ok_or(PAST_END)?;
            match first {
                0 => break,
                1..LABEL_END => {
                    let length = usize::from(first);
                    name_bytes += 1 + length;
                    if name_bytes > MAX_NAME_BYTES {
                        return Err(Broken::Malformed("dns-name-too-long"));
                    }
                    self.pool.push_label(after.get(..length).ok_or(PAST_END)?);
                    labels += 1;
                    at += 1 + length;
                }
                POINTER.. => {
                    end.get_or_insert(at + 2);
                    at = pointed(first, *after.first().ok_or(PAST_END)?);
                    pointers += 1;
                    if at >= lowest || pointers > MAX_POINTERS {
                        return Err(Broken::Malformed("dns-name-loop"));
                    }
                    lowest = at;
                }
                _ => return Err(Broken::Malformed("dns-label-type")),
            }
        }
        self.steps += 1 + labels + pointers;
        Ok(end.unwrap_or(at + 1))
    }
}

/// The offset that a pointer's two octets lead to.
fn pointed(high: u8, low: u8) -> usize {
    usize::from(high & 0x3f) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests;
