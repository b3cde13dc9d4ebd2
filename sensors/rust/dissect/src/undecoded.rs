//! Why a frame could not be decoded. The reason is the counter's name, and says which of four it was.
//!
//! The mirror of `sensors/undecoded.py`. "malformed-x": no valid sender could have sent it. "truncated-x":
//! the snap length cut a header that is needed. "unknown-x": valid, but not ours to read.
//! "fragment-x": the rest of the datagram did not come, or could not be waited for.

use crate::tally::named;

named! {
    /// A reason, and the counter that it goes to.
    Undecoded {
        FragmentIncomplete = "fragment-incomplete",
        FragmentOverflow = "fragment-overflow",
        MalformedCooked = "malformed-cooked",
        MalformedEthernet = "malformed-ethernet",
        MalformedHdlc = "malformed-hdlc",
        MalformedIp = "malformed-ip",
        MalformedIpv4 = "malformed-ipv4",
        MalformedIpv6 = "malformed-ipv6",
        MalformedLlc = "malformed-llc",
        MalformedLoopback = "malformed-loopback",
        MalformedPpp = "malformed-ppp",
        MalformedSgt = "malformed-sgt",
        MalformedTcp = "malformed-tcp",
        MalformedUdp = "malformed-udp",
        MalformedVlan = "malformed-vlan",
        TruncatedCooked = "truncated-cooked",
        TruncatedEthernet = "truncated-ethernet",
        TruncatedHdlc = "truncated-hdlc",
        TruncatedIp = "truncated-ip",
        TruncatedIpv4 = "truncated-ipv4",
        TruncatedIpv6 = "truncated-ipv6",
        TruncatedLlc = "truncated-llc",
        TruncatedLoopback = "truncated-loopback",
        TruncatedPpp = "truncated-ppp",
        TruncatedSgt = "truncated-sgt",
        TruncatedTcp = "truncated-tcp",
        TruncatedUdp = "truncated-udp",
        TruncatedVlan = "truncated-vlan",
        UnknownEthertype = "unknown-ethertype",
        UnknownIpProtocol = "unknown-ip-protocol",
        UnknownJumbogram = "unknown-jumbogram",
        UnknownLinktype = "unknown-linktype",
        UnknownPppProtocol = "unknown-ppp-protocol",
    }
}

/// The two outcomes of a kind of header that is not there in full.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// No valid sender could have sent it.
    pub malformed: Undecoded,
    /// The snap length cut it.
    pub truncated: Undecoded,
}

/// Declares the headers by the ends of their reasons' names.
macro_rules! headers {
    ($($name:ident = $malformed:ident, $truncated:ident;)*) => {
        impl Header {
            $(
                #[doc = concat!("`", stringify!($malformed), "` or `", stringify!($truncated), "`")]
                pub const $name: Self =
                    Self { malformed: Undecoded::$malformed, truncated: Undecoded::$truncated };
            )*
        }
    };
}

headers! {
    COOKED = MalformedCooked, TruncatedCooked;
    ETHERNET = MalformedEthernet, TruncatedEthernet;
    HDLC = MalformedHdlc, TruncatedHdlc;
    IP = MalformedIp, TruncatedIp;
    IPV4 = MalformedIpv4, TruncatedIpv4;
    IPV6 = MalformedIpv6, TruncatedIpv6;
    LLC = MalformedLlc, TruncatedLlc;
    LOOPBACK = MalformedLoopback, TruncatedLoopback;
    PPP = MalformedPpp, TruncatedPpp;
    SGT = MalformedSgt, TruncatedSgt;
    TCP = MalformedTcp, TruncatedTcp;
    UDP = MalformedUdp, TruncatedUdp;
    VLAN = MalformedVlan, TruncatedVlan;
}

impl Header {
    /// The outcome of a header that was not captured: never sent, or cut by the snap length.
    #[must_use]
    pub const fn short(self, needed_bytes: usize, wire_bytes: usize) -> Undecoded {
        if wire_bytes < needed_bytes {
            self.malformed
        } else {
            self.truncated
        }
    }

    /// The first `N` bytes of the header at an offset; the wire had `wire_bytes` from the data's start.
    #[inline]
    pub fn read<const N: usize>(
        self,
        data: &[u8],
        at: usize,
        wire_bytes: usize,
    ) -> Result<&[u8; N], Undecoded> {
        let header = data.get(at..).and_then(<[u8]>::first_chunk);
        header.ok_or_else(|| self.short(at + N, wire_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Undecoded};

    #[test]
    fn a_header_is_whole_truncated_or_malformed() {
        let data = [1, 2, 3, 4];
        assert_eq!(Header::TCP.read(&data, 1, 4), Ok(&[2, 3, 4]));
        assert_eq!(
            Header::TCP.read::<4>(&data, 1, 5),
            Err(Undecoded::TruncatedTcp)
        );
        assert_eq!(
            Header::TCP.read::<4>(&data, 1, 4),
            Err(Undecoded::MalformedTcp)
        );
        assert_eq!(
            Header::TCP.read::<4>(&data, 9, 99),
            Err(Undecoded::TruncatedTcp)
        );
    }
}
