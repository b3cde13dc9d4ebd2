//! Why a frame could not be decoded. The reason is the counter's name, and says which of four it was.
//!
//! The mirror of `sensors/undecoded.py`. "malformed-x": no valid sender could have sent it. "truncated-x":
//! the snap length cut a header that is needed. "unknown-x": valid, but not ours to read.
//! "too-deep-nesting": valid, but beyond a bound. "fragment-x": the rest of the datagram did not come, or could
//! not be waited for.

use crate::tally::named;

named! {
    /// A reason, and the counter that it goes to.
    Undecoded {
        FragmentIncomplete = "fragment-incomplete",
        FragmentOverflow = "fragment-overflow",
        MalformedCooked = "malformed-cooked",
        MalformedErspan = "malformed-erspan",
        MalformedEtherip = "malformed-etherip",
        MalformedEthernet = "malformed-ethernet",
        MalformedGre = "malformed-gre",
        MalformedHdlc = "malformed-hdlc",
        MalformedIp = "malformed-ip",
        MalformedIpv4 = "malformed-ipv4",
        MalformedIpv6 = "malformed-ipv6",
        MalformedLlc = "malformed-llc",
        MalformedLoopback = "malformed-loopback",
        MalformedMpls = "malformed-mpls",
        MalformedPpp = "malformed-ppp",
        MalformedPppoe = "malformed-pppoe",
        MalformedSgt = "malformed-sgt",
        MalformedTcp = "malformed-tcp",
        MalformedUdp = "malformed-udp",
        MalformedVlan = "malformed-vlan",
        TooDeepNesting = "too-deep-nesting",
        TruncatedCooked = "truncated-cooked",
        TruncatedErspan = "truncated-erspan",
        TruncatedEtherip = "truncated-etherip",
        TruncatedEthernet = "truncated-ethernet",
        TruncatedGre = "truncated-gre",
        TruncatedGtpu = "truncated-gtpu",
        TruncatedHdlc = "truncated-hdlc",
        TruncatedIp = "truncated-ip",
        TruncatedIpv4 = "truncated-ipv4",
        TruncatedIpv6 = "truncated-ipv6",
        TruncatedLlc = "truncated-llc",
        TruncatedLoopback = "truncated-loopback",
        TruncatedMpls = "truncated-mpls",
        TruncatedPpp = "truncated-ppp",
        TruncatedPppoe = "truncated-pppoe",
        TruncatedSgt = "truncated-sgt",
        TruncatedTcp = "truncated-tcp",
        TruncatedUdp = "truncated-udp",
        TruncatedVlan = "truncated-vlan",
        UnknownErspan = "unknown-erspan",
        UnknownEthertype = "unknown-ethertype",
        UnknownGre = "unknown-gre",
        UnknownGreProtocol = "unknown-gre-protocol",
        UnknownIpProtocol = "unknown-ip-protocol",
        UnknownJumbogram = "unknown-jumbogram",
        UnknownLinktype = "unknown-linktype",
        UnknownMplsPayload = "unknown-mpls-payload",
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
    ERSPAN = MalformedErspan, TruncatedErspan;
    ETHERIP = MalformedEtherip, TruncatedEtherip;
    ETHERNET = MalformedEthernet, TruncatedEthernet;
    GRE = MalformedGre, TruncatedGre;
    HDLC = MalformedHdlc, TruncatedHdlc;
    IP = MalformedIp, TruncatedIp;
    IPV4 = MalformedIpv4, TruncatedIpv4;
    IPV6 = MalformedIpv6, TruncatedIpv6;
    LLC = MalformedLlc, TruncatedLlc;
    LOOPBACK = MalformedLoopback, TruncatedLoopback;
    MPLS = MalformedMpls, TruncatedMpls;
    PPP = MalformedPpp, TruncatedPpp;
    PPPOE = MalformedPppoe, TruncatedPppoe;
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
