//! Protocols by the names that they are counted under, and those that are recognised and carry no flow.
//!
//! The mirror of `sensors/flowless.py`. What is not named here nor decoded is unknown. SCTP, tunnels that
//! are not read and the like carry flows that are not seen, so they do not belong here.

use crate::links::LINK_CONTROL;
use crate::tally::named;

named! {
    /// What a frame was decoded to: TCP, UDP, or something without a flow.
    Protocol {
        Arp = "arp",
        Cdp = "cdp",
        Cfm = "cfm",
        Dtp = "dtp",
        Eapol = "eapol",
        Eigrp = "eigrp",
        Esp = "esp",
        Icmp = "icmp",
        Icmpv6 = "icmpv6",
        Igmp = "igmp",
        Ipv6None = "ipv6-none",
        Ipx = "ipx",
        Isis = "isis",
        LinkControl = "link-control",
        Lldp = "lldp",
        LoopTest = "loop-test",
        Netbios = "netbios",
        Ospf = "ospf",
        Pim = "pim",
        PppoeDiscovery = "pppoe-discovery",
        Ptp = "ptp",
        Rarp = "rarp",
        SlowProtocols = "slow-protocols",
        Stp = "stp",
        Tcp = "tcp",
        Udld = "udld",
        Udp = "udp",
        Vrrp = "vrrp",
        Vtp = "vtp",
    }
}

/// What stands in the place of a network packet, by `EtherType`, LLC service access point or SNAP identifier.
#[must_use]
pub const fn network(protocol: u64) -> Option<Protocol> {
    Some(match protocol {
        0x0806 => Protocol::Arp,
        0x8035 => Protocol::Rarp,
        0x8137 | 0xe0 | 0xff => Protocol::Ipx,
        0x88cc => Protocol::Lldp,
        0x8863 => Protocol::PppoeDiscovery,
        LINK_CONTROL => Protocol::LinkControl,
        0x8809 => Protocol::SlowProtocols, // LACP, OAM (IEEE 802.3 annex 57A)
        0x888e => Protocol::Eapol,
        0x88f7 => Protocol::Ptp,
        0x8902 => Protocol::Cfm,
        0x9000 => Protocol::LoopTest,
        // Service access points, and Cisco's protocols.
        0x42 | 0x0c_010b => Protocol::Stp,
        0xf0 => Protocol::Netbios,
        0xfe => Protocol::Isis,
        0x0c_0111 => Protocol::Udld,
        0x0c_2000 => Protocol::Cdp,
        0x0c_2003 => Protocol::Vtp,
        0x0c_2004 => Protocol::Dtp,
        _ => return None,
    })
}

/// What an IP packet carries beside TCP and UDP, by its protocol number.
#[must_use]
pub const fn transport(protocol: u8) -> Option<Protocol> {
    Some(match protocol {
        1 => Protocol::Icmp,
        2 => Protocol::Igmp,
        50 => Protocol::Esp,
        58 => Protocol::Icmpv6,
        59 => Protocol::Ipv6None,
        88 => Protocol::Eigrp,
        89 => Protocol::Ospf,
        103 => Protocol::Pim,
        112 => Protocol::Vrrp,
        _ => return None,
    })
}
