//! Addresses as text, letter for letter as `inet_ntop` of the reference engine writes them.
//!
//! That is RFC 5952, and with it IPv4 notation at the end of `::ffff:0:0/96` and, which Rust leaves out, of the
//! old IPv4-compatible addresses in `::/96`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// An address that prints in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressText(pub IpAddr);

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let IpAddr::V6(address) = self.0
            && let [0, 0, 0, 0, 0, 0, high @ (1..), low] = address.segments()
        {
            let compatible = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
            return write!(f, "::{compatible}");
        }
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::AddressText;
    use std::net::{IpAddr, Ipv6Addr};

    /// Written by Python's `socket.inet_ntop`.
    #[test]
    fn text_is_that_of_inet_ntop() {
        let cases: [([u16; 8], &str); 19] = [
            ([0, 0, 0, 0, 0, 0, 0, 0], "::"),
            ([0, 0, 0, 0, 0, 0, 0, 1], "::1"),
            ([0, 0, 0, 0, 0, 0, 0, 0xffff], "::ffff"),
            ([0, 0, 0, 0, 0, 0, 1, 0], "::0.1.0.0"),
            ([0, 0, 0, 0, 0, 0, 0x0102, 0x0304], "::1.2.3.4"),
            ([0, 0, 0, 0, 0, 0, 0xffff, 0xffff], "::255.255.255.255"),
            ([0, 0, 0, 0, 0, 1, 0x0102, 0x0304], "::1:102:304"),
            ([0, 0, 0, 0, 0, 0xffff, 0, 0], "::ffff:0.0.0.0"),
            ([0, 0, 0, 0, 0, 0xffff, 0x0102, 0x0304], "::ffff:1.2.3.4"),
            ([0, 0, 0, 0, 0, 0xfffe, 0x0102, 0x0304], "::fffe:102:304"),
            ([0, 0, 0, 0, 0xffff, 0, 0x0102, 0x0304], "::ffff:0:102:304"),
            (
                [0, 0, 0, 1, 0, 0xffff, 0x0102, 0x0304],
                "::1:0:ffff:102:304",
            ),
            (
                [0x64, 0xff9b, 0, 0, 0, 0, 0x0102, 0x0304],
                "64:ff9b::102:304",
            ),
            ([0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"),
            ([0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"),
            ([0x2001, 0xdb8, 0, 0, 0, 1, 0, 0], "2001:db8::1:0:0"),
            ([1, 0, 0, 0, 0, 0, 0, 0], "1::"),
            ([0, 1, 2, 3, 4, 5, 6, 7], "0:1:2:3:4:5:6:7"),
            ([0xfe80, 0, 0, 0, 0x0ABC, 0, 0, 0xF], "fe80::abc:0:0:f"),
        ];
        for (segments, text) in cases {
            let address = IpAddr::from(Ipv6Addr::from(segments));
            assert_eq!(AddressText(address).to_string(), text);
            assert_eq!(text.parse(), Ok(address));
        }
        assert_eq!(
            AddressText(IpAddr::from([192, 0, 2, 1])).to_string(),
            "192.0.2.1"
        );
    }
}
