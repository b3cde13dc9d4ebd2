//! A glance says of every frame what decoding it comes to.

use super::Glance;
use crate::crossing::Ends;
use crate::frames::{FrameDecoder, Looked};
use crate::sensor::Frame;
use crate::tunnels::kit::{
    ETHERNET, GRE, IPIP, RAW, SERVER_PORT, VXLAN, ethernet, ipv4, ipv4_part, ipv6, tcp_to, udp_to,
    vxlan,
};

fn glance(linktype: u32, data: &[u8]) -> (Glance, Option<Ends>) {
    let wire_bytes = data.len() as u32;
    let frame = Frame {
        ts_ns: 7,
        linktype,
        data,
        wire_bytes,
    };
    let mut decoder = FrameDecoder::new(4);
    let inside = decoder
        .decode_one(&frame)
        .map(|segment| Ends::of(&segment).0);
    (Glance::at(&frame, &Looked::at(&frame)), inside)
}

#[test]
fn flows_are_those_that_decoding_finds() {
    let tcp = ipv4(&tcp_to(SERVER_PORT, b"x"), 6);
    let outer = ipv6(&tcp, IPIP);
    let gre = ipv4(&[&[0, 0, 8, 0][..], &tcp].concat(), GRE);
    let mirrored = ipv4(&vxlan(&ethernet(&tcp, 0x0800), 42), 17);
    for (data, in_tunnel) in [
        (&tcp, false),
        (&outer, true),
        (&gre, true),
        (&mirrored, true),
    ] {
        let (found, inside) = glance(RAW, data);
        let Glance::Flow {
            ends, tunnelled, ..
        } = found
        else {
            panic!("{found:?}");
        };
        assert_eq!((Some(ends), tunnelled), (inside, in_tunnel));
    }
    let arp = ethernet(&[0; 28], 0x0806);
    assert_eq!(glance(ETHERNET, &arp), (Glance::Nothing, None));
    assert_eq!(glance(RAW, &tcp[..10]), (Glance::Nothing, None));
}

#[test]
fn a_fragment_says_whether_it_may_hide_others() {
    let more = 0x2000;
    for (payload, protocol, flags, hidden) in [
        (tcp_to(SERVER_PORT, &[0; 44]), 6, more, false),
        (udp_to(53, &[0; 40]), 17, more, false),
        (udp_to(VXLAN, &[0; 40]), 17, more, true),
        (tcp_to(VXLAN, &[0; 44]), 6, more, true), // another fragment may say that it is UDP
        (vec![0x45; 40], IPIP, more, true),
        (vec![0; 40], GRE, more, true),
        (vec![0; 40], 1, more, false),
        (udp_to(VXLAN, &[0; 40]), 17, 5, false), // no beginning: these are no ports
    ] {
        let (found, _) = glance(RAW, &ipv4_part(&payload, protocol, flags));
        let Glance::Fragment { hides, .. } = found else {
            panic!("{found:?}");
        };
        assert_eq!(hides, hidden, "{protocol} {flags}");
    }
}
