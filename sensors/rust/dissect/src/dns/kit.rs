//! DNS messages for tests, written field by field.

use std::net::IpAddr;

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const AAAA: u16 = 28;
pub(crate) const SVCB: u16 = 64;
pub(crate) const HTTPS: u16 = 65;
pub(crate) const QUESTION_NAME: &[u8] = b"\xc0\x0c";

/// A name's labels.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    wire.push(0);
    wire
}

/// Bytes after their 16-bit length.
pub(crate) fn vector16(data: &[u8]) -> Vec<u8> {
    [&(data.len() as u16).to_be_bytes(), data].concat()
}

/// One record of class IN.
pub(crate) fn record(owner: &[u8], kind: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let fixed = [&kind.to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes()].concat();
    [owner, &fixed, &vector16(rdata)].concat()
}

/// An A or AAAA record.
pub(crate) fn host(owner: &str, ttl: u32, address: &str) -> Vec<u8> {
    match address.parse().unwrap() {
        IpAddr::V4(v4) => record(&wire(owner), A, ttl, &v4.octets()),
        IpAddr::V6(v6) => record(&wire(owner), AAAA, ttl, &v6.octets()),
    }
}

/// A CNAME record.
pub(crate) fn alias(owner: &str, ttl: u32, target: &str) -> Vec<u8> {
    record(&wire(owner), CNAME, ttl, &wire(target))
}

/// An HTTPS record.
pub(crate) fn https(owner: &str, priority: u16, target: &str, parameters: &[u8]) -> Vec<u8> {
    let rdata = [&priority.to_be_bytes(), &wire(target)[..], parameters].concat();
    record(&wire(owner), HTTPS, 60, &rdata)
}

/// A response to one question; `sections` are answers, authorities and additional records.
pub(crate) fn response_of(
    flags: u16,
    qname: &str,
    qtype: u16,
    sections: [&[Vec<u8>]; 3],
) -> Vec<u8> {
    let mut message = vec![0x12, 0x34];
    message.extend(flags.to_be_bytes());
    message.extend([0, 1]);
    for section in sections {
        message.extend((section.len() as u16).to_be_bytes());
    }
    message.extend(wire(qname));
    message.extend(qtype.to_be_bytes());
    message.extend([0, 1]);
    message.extend(sections.concat().concat());
    message
}

/// A plain response for `a.example`.
pub(crate) fn response(qtype: u16, answers: &[Vec<u8>]) -> Vec<u8> {
    response_of(0x8180, "a.example", qtype, [answers, &[], &[]])
}

/// An `ECHConfigList` of one configuration.
pub(crate) fn ech_list(public_name: &[u8]) -> Vec<u8> {
    vector16(&ech_config(0xfe0d, public_name, b""))
}

/// An `ECHConfig` of any version.
pub(crate) fn ech_config(version: u16, public_name: &[u8], extensions: &[u8]) -> Vec<u8> {
    let contents = [
        b"\x07\x00\x20",
        &vector16(&[b'k'; 32])[..],
        &vector16(b"\x00\x01\x00\x01"),
        &[0x40, public_name.len() as u8],
        public_name,
        &vector16(extensions),
    ];
    [&version.to_be_bytes()[..], &vector16(&contents.concat())].concat()
}
