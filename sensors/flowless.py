"""Protocols that are recognised and carry no flow: counted by name, not read.

What is not named here nor decoded is unknown. SCTP, tunnels that are not read and the like carry flows that
are not seen, so they do not belong here.
"""

from dpkt.ethernet import ETH_TYPE_ARP, ETH_TYPE_IPX, ETH_TYPE_LLDP, ETH_TYPE_REVARP, ETH_TYPE_PPPoE_DISC
from dpkt.ip import (
    IP_PROTO_EIGRP,
    IP_PROTO_ESP,
    IP_PROTO_ICMP,
    IP_PROTO_ICMP6,
    IP_PROTO_IGMP,
    IP_PROTO_NONE,
    IP_PROTO_OSPF,
    IP_PROTO_PIM,
    IP_PROTO_VRRP,
)

from sensors.links import LINK_CONTROL

_CISCO = 0x00000C << 16

# By EtherType, LLC service access point or SNAP identifier (see links.py).
FLOWLESS_NETWORKS: dict[int, str] = {
    ETH_TYPE_ARP: "arp",
    ETH_TYPE_REVARP: "rarp",
    ETH_TYPE_IPX: "ipx",
    ETH_TYPE_LLDP: "lldp",
    ETH_TYPE_PPPoE_DISC: "pppoe-discovery",
    LINK_CONTROL: "link-control",
    0x8809: "slow-protocols",  # LACP, OAM (IEEE 802.3 annex 57A)
    0x888E: "eapol",
    0x88F7: "ptp",
    0x8902: "cfm",
    0x9000: "loop-test",
    0x42: "stp",
    0xE0: "ipx",
    0xF0: "netbios",
    0xFE: "isis",
    0xFF: "ipx",
    _CISCO | 0x010B: "stp",
    _CISCO | 0x0111: "udld",
    _CISCO | 0x2000: "cdp",
    _CISCO | 0x2003: "vtp",
    _CISCO | 0x2004: "dtp",
}

# By IP protocol number.
FLOWLESS_TRANSPORTS: dict[int, str] = {
    IP_PROTO_ICMP: "icmp",
    IP_PROTO_IGMP: "igmp",
    IP_PROTO_ESP: "esp",
    IP_PROTO_ICMP6: "icmpv6",
    IP_PROTO_NONE: "ipv6-none",
    IP_PROTO_EIGRP: "eigrp",
    IP_PROTO_OSPF: "ospf",
    IP_PROTO_PIM: "pim",
    IP_PROTO_VRRP: "vrrp",
}
