//! The least that a five-tuple needs of Ethernet, 802.1Q, IPv4, IPv6, TCP and UDP headers.
//!
//! Fragments without ports, extension headers and all else give none: this is a floor, not a decoder.

/// `LINKTYPE_ETHERNET`
pub const ETHERNET: u32 = 1;
const TAGS: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// An address and a port as numbers.
pub type End<A> = (A, u16);

/// A frame's source and destination, and the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// Of IPv4.
    V4(End<u32>, End<u32>, u8),
    /// Of IPv6.
    V6(End<u128>, End<u128>, u8),
}

/// Return the five-tuple of an Ethernet frame.
#[inline]
pub fn five_tuple(frame: &[u8]) -> Option<Tuple> {
    let mut rest = frame.get(12..)?;
    while let Some((tag, inner)) = rest.split_first_chunk::<2>()
        && TAGS.contains(tag)
    {
        rest = inner.get(2..)?;
    }
    match rest.split_first_chunk::<2>()? {
        (&IPV4, packet) => ipv4(packet),
        (&IPV6, packet) => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Tuple> {
    let (header, rest) = packet.split_first_chunk::<20>()?;
    let [
        first,
        _,
        _,
        _,
        _,
        _,
        fragment,
        offset,
        _,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = *header;
    if first >> 4 != 4 || fragment & 0x1f != 0 || offset != 0 {
        return None;
    }
    let options_bytes = usize::from(first & 0xf).checked_sub(5)? * 4;
    let (from, to) = ports(protocol, rest.get(options_bytes..)?)?;
    let (source, destination) = addresses.split_first_chunk::<4>()?;
    let destination = u32::from_be_bytes(*destination.first_chunk()?);
    Some(Tuple::V4(
        (u32::from_be_bytes(*source), from),
        (destination, to),
        protocol,
    ))
}

fn ipv6(packet: &[u8]) -> Option<Tuple> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let (from, to) = ports(header[6], rest)?;
    let (source, destination) = header.get(8..)?.split_first_chunk::<16>()?;
    let destination = u128::from_be_bytes(*destination.first_chunk()?);
    Some(Tuple::V6(
        (u128::from_be_bytes(*source), from),
        (destination, to),
        header[6],
    ))
}

fn ports(protocol: u8, segment: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *segment.first_chunk::<4>()?;
    matches!(protocol, TCP | UDP)
        .then_some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

#[cfg(test)]
mod tests {
    use super::{TCP, Tuple, UDP, five_tuple};

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        [&[&[0; 12][..]], parts].concat().concat()
    }

    #[test]
    fn five_tuples() {
        let tcp = [
            0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 1,
            0xbb,
        ];
        let expected = Some(Tuple::V4((0x0a00_0001, 0x1234), (0x0a00_0002, 443), TCP));
        assert_eq!(five_tuple(&frame(&[&[8, 0], &tcp])), expected);
        assert_eq!(
            five_tuple(&frame(&[&[0x81, 0, 0, 7, 8, 0], &tcp])),
            expected
        );
        let udp = [
            &[0x60, 0, 0, 0, 0, 8, UDP, 64][..],
            &[1; 16],
            &[2; 16],
            &[0, 53, 0x80, 0],
        ]
        .concat();
        let (one, two) = (u128::from_be_bytes([1; 16]), u128::from_be_bytes([2; 16]));
        let expected = Some(Tuple::V6((one, 53), (two, 0x8000), UDP));
        assert_eq!(five_tuple(&frame(&[&[0x86, 0xdd], &udp])), expected);
    }

    #[test]
    fn all_else_gives_none() {
        let mut tcp = [
            0x45, 0, 0, 40, 0, 0, 0, 9, 64, TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 1,
            0xbb,
        ];
        assert_eq!(five_tuple(&frame(&[&[8, 0], &tcp])), None); // a fragment
        tcp[7] = 0;
        tcp[9] = 1;
        assert_eq!(five_tuple(&frame(&[&[8, 0], &tcp])), None); // ICMP
        assert_eq!(five_tuple(&frame(&[&[8, 6], &tcp])), None); // ARP
        assert_eq!(five_tuple(&frame(&[&[8, 0], &tcp[..10]])), None);
        assert_eq!(five_tuple(&[0; 12]), None);
    }
}
