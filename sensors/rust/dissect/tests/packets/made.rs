//! Packets of any shape, as etherparse builds them, and what is in them.

use etherparse::{
    IpAuthHeader, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv4Options, Ipv6Extensions,
    Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions, PacketBuilder, TcpHeader, UdpHeader,
    VlanId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A packet's parts; what is longer than a field holds is cut where it is built.
#[derive(Clone, Debug)]
pub struct Made {
    pub vlans: Vec<u16>,
    pub ip: Ip,
    pub transport: Transport,
    pub ports: (u16, u16),
    pub payload: Vec<u8>,
    /// Behind the packet, as short Ethernet frames are padded.
    pub padding: usize,
}

#[derive(Clone, Debug)]
pub enum Ip {
    V4 {
        source: [u8; 4],
        target: [u8; 4],
        option_words: usize,
        authentication: Option<usize>,
    },
    V6 {
        source: [u8; 16],
        target: [u8; 16],
        hop_by_hop: Option<usize>,
        routing: Option<usize>,
        destination: Option<usize>,
        authentication: Option<usize>,
    },
}

#[derive(Clone, Debug)]
pub enum Transport {
    Tcp {
        seq: u32,
        flags: u8,
        option_words: usize,
    },
    Udp,
}

pub fn made() -> impl Strategy<Value = Made> {
    let words = || option::of(0..6_usize);
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), 0..=10_usize, words());
    let v4 = v4.prop_map(|(source, target, option_words, authentication)| Ip::V4 {
        source,
        target,
        option_words,
        authentication,
    });
    let addresses = (any::<[u8; 16]>(), any::<[u8; 16]>());
    let v6 = (addresses, words(), words(), words(), words()).prop_map(
        |((source, target), hop_by_hop, routing, destination, authentication)| Ip::V6 {
            source,
            target,
            hop_by_hop,
            routing,
            destination,
            authentication,
        },
    );
    let tcp = (any::<u32>(), any::<u8>(), 0..=10_usize);
    let tcp = tcp.prop_map(|(seq, flags, option_words)| Transport::Tcp {
        seq,
        flags,
        option_words,
    });
    (
        vec(0..4_096_u16, 0..=2),
        prop_oneof![v4, v6],
        prop_oneof![tcp, Just(Transport::Udp)],
        any::<(u16, u16)>(),
        vec(any::<u8>(), 0..200),
        0..40_usize,
    )
        .prop_map(|(vlans, ip, transport, ports, payload, padding)| Made {
            vlans,
            ip,
            transport,
            ports,
            payload,
            padding,
        })
}

impl Made {
    /// The frame, as etherparse writes it.
    pub fn frame(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let id = |at: usize| VlanId::try_new(self.vlans[at]).unwrap();
        let headers = self.ip.headers();
        let step = match self.vlans.len() {
            0 => ethernet.ip(headers),
            1 => ethernet.single_vlan(id(0)).ip(headers),
            _ => ethernet.double_vlan(id(0), id(1)).ip(headers),
        };
        let mut frame = Vec::new();
        match self.transport {
            Transport::Tcp { .. } => step
                .tcp_header(self.tcp())
                .write(&mut frame, &self.payload)
                .unwrap(),
            Transport::Udp => step
                .udp(self.ports.0, self.ports.1)
                .write(&mut frame, &self.payload)
                .unwrap(),
        }
        frame.resize(frame.len() + self.padding, 0xee);
        frame
    }

    fn tcp(&self) -> TcpHeader {
        let Transport::Tcp {
            seq,
            flags,
            option_words,
        } = self.transport
        else {
            unreachable!("only for TCP");
        };
        let mut header = TcpHeader::new(self.ports.0, self.ports.1, seq, 8_192);
        let bit = |place: u8| flags >> place & 1 == 1;
        (header.fin, header.syn, header.rst, header.psh) = (bit(0), bit(1), bit(2), bit(3));
        (header.ack, header.urg, header.ece, header.cwr) = (bit(4), bit(5), bit(6), bit(7));
        header.set_options_raw(&vec![1; option_words * 4]).unwrap();
        header
    }

    /// The IP packet's length.
    pub fn ip_bytes(&self) -> usize {
        let transport = match self.transport {
            Transport::Tcp { .. } => self.tcp().header_len(),
            Transport::Udp => UdpHeader::LEN,
        };
        self.ip.headers().header_len() + transport + self.payload.len()
    }
}

impl Ip {
    fn headers(&self) -> IpHeaders {
        let raw = |words: &usize| vec![0_u8; 6 + 8 * words];
        let header = |words: &usize| Ipv6RawExtHeader::new_raw(IpNumber::TCP, &raw(words)).unwrap();
        let authentication = |words: &Option<usize>| {
            // In IPv6 it is a multiple of 8 bytes long (RFC 4302 section 2).
            words.map(|words| {
                IpAuthHeader::new(IpNumber::TCP, 1, 2, &vec![0; 4 + 8 * words]).unwrap()
            })
        };
        match self {
            Self::V4 {
                source,
                target,
                option_words,
                authentication: words,
            } => {
                let mut header = Ipv4Header::new(0, 64, IpNumber::TCP, *source, *target).unwrap();
                header.options = Ipv4Options::try_from(&vec![1; option_words * 4][..]).unwrap();
                let auth = authentication(words);
                IpHeaders::Ipv4(header, Ipv4Extensions { auth })
            }
            Self::V6 {
                source,
                target,
                hop_by_hop,
                routing,
                destination,
                authentication: words,
            } => {
                let base = Ipv6Header {
                    source: *source,
                    destination: *target,
                    hop_limit: 64,
                    ..Ipv6Header::default()
                };
                let extensions = Ipv6Extensions {
                    hop_by_hop_options: hop_by_hop.as_ref().map(header),
                    destination_options: destination.as_ref().map(header),
                    routing: routing.as_ref().map(|words| Ipv6RoutingExtensions {
                        routing: header(words),
                        final_destination_options: None,
                    }),
                    fragment: None,
                    auth: authentication(words),
                };
                IpHeaders::Ipv6(base, extensions)
            }
        }
    }
}
