//! TCP (RFC 9293) and UDP (RFC 768) headers. Checksums are not verified: see `ip`.
//!
//! The mirror of `sensors/transports.py`. What the snap length cut off a payload is counted; a header is
//! only truncated where what is needed of it is.

use crate::segment::{TCP, UDP};
use crate::undecoded::{Header, Undecoded};

/// What a transport header says, and where its payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// From which port.
    pub source: u16,
    /// To which port.
    pub target: u16,
    /// TCP's flags; 0 for UDP.
    pub flags: u8,
    /// TCP's sequence number; 0 for UDP.
    pub seq: u32,
    /// Where the payload begins in the data.
    pub at: usize,
    /// Where the payload ends on the wire.
    pub end: usize,
}

impl Ports {
    /// The payload, as far as it was captured, and how many bytes of it were not.
    #[inline]
    #[must_use]
    pub fn payload<'d>(&self, data: &'d [u8]) -> (&'d [u8], usize) {
        let payload = data
            .get(self.at..self.end.min(data.len()))
            .unwrap_or_default();
        (payload, self.end - self.at - payload.len())
    }
}

/// Read a transport header, by the IP protocol's number; none for what is neither TCP nor UDP.
#[inline]
pub fn read(protocol: u8, data: &[u8], at: usize, end: usize) -> Result<Option<Ports>, Undecoded> {
    match protocol {
        TCP => tcp(data, at, end).map(Some),
        UDP => udp(data, at, end).map(Some),
        _ => Ok(None),
    }
}

/// Read the TCP segment from `at` to `end`, of which `data` may hold less.
#[inline]
pub fn tcp(data: &[u8], at: usize, end: usize) -> Result<Ports, Undecoded> {
    let header = Header::TCP.read::<20>(data, at, end)?;
    let &[
        s0,
        s1,
        t0,
        t1,
        n0,
        n1,
        n2,
        n3,
        _,
        _,
        _,
        _,
        offset,
        flags,
        ..,
    ] = header;
    let header_bytes = usize::from(offset >> 4) * 4;
    let start = at + header_bytes;
    if header_bytes < 20 || start > end {
        return Err(Header::TCP.malformed);
    }
    Ok(Ports {
        source: u16::from_be_bytes([s0, s1]),
        target: u16::from_be_bytes([t0, t1]),
        flags,
        seq: u32::from_be_bytes([n0, n1, n2, n3]),
        at: start,
        end,
    })
}

/// Read the UDP datagram from `at` to `end`, of which `data` may hold less.
#[inline]
pub fn udp(data: &[u8], at: usize, end: usize) -> Result<Ports, Undecoded> {
    let &[s0, s1, t0, t1, high, low, _, _] = Header::UDP.read(data, at, end)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 8 || at + length > end {
        return Err(Header::UDP.malformed);
    }
    Ok(Ports {
        source: u16::from_be_bytes([s0, s1]),
        target: u16::from_be_bytes([t0, t1]),
        flags: 0,
        seq: 0,
        at: at + 8,
        end: at + length,
    })
}

#[cfg(test)]
mod tests;
