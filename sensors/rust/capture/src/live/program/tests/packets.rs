//! Packets byte by byte.

pub const CLIENT: [u8; 4] = [10, 0, 0, 1];
pub const SERVER: [u8; 4] = [192, 0, 2, 9];
pub const FIN_ACK: u8 = 0x11;
pub const SYN: u8 = 0x02;

/// A payload that begins with some bytes.
pub fn filled(begin: &[u8], bytes: usize) -> Vec<u8> {
    let mut payload = begin.to_vec();
    payload.resize(bytes, 0xaa);
    payload
}

pub fn tcp(ports: (u16, u16), flags: u8, payload: &[u8]) -> Vec<u8> {
    let (source, target) = ports;
    let numbers = [0, 0, 0, 7, 0, 0, 0, 8, 0x80, flags, 1, 0, 0, 0, 0, 0];
    let options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let ports = [source.to_be_bytes(), target.to_be_bytes()].concat();
    [&ports[..], &numbers, &options, payload].concat()
}

pub fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let (source, target) = ports;
    let bytes = payload.len() as u16 + 8;
    let header = [source, target, bytes, 0].map(u16::to_be_bytes).concat();
    [&header[..], payload].concat()
}

/// With so many words of options.
pub fn v4_with(options: u8, protocol: u8, ends: ([u8; 4], [u8; 4]), body: &[u8]) -> Vec<u8> {
    let all = 20 + usize::from(options) * 4 + body.len();
    let [high, low] = (all as u16).to_be_bytes();
    let first = [
        0x45 + options,
        0,
        high,
        low,
        0,
        1,
        0x40,
        0,
        64,
        protocol,
        0,
        0,
    ];
    let options = vec![1; usize::from(options) * 4];
    [&first[..], &ends.0, &ends.1, &options, body].concat()
}

pub fn v4(protocol: u8, ends: ([u8; 4], [u8; 4]), body: &[u8]) -> Vec<u8> {
    v4_with(0, protocol, ends, body)
}

/// Between `fd00::1` and `2001:db8::9`.
pub fn v6(protocol: u8, up: bool, body: &[u8]) -> Vec<u8> {
    let [high, low] = (body.len() as u16).to_be_bytes();
    let first = [0x60, 0, 0, 0, high, low, protocol, 64];
    let inside = [&[0xfd][..], &[0; 14], &[1]].concat();
    let outside = [&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[9]].concat();
    let (source, target) = if up {
        (inside, outside)
    } else {
        (outside, inside)
    };
    [&first[..], &source, &target, body].concat()
}

pub fn ethernet(kind: u16, packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind.to_be_bytes(), packet].concat()
}
