//! What etherparse builds is decoded to what it was built from.

use dissect::frames::FrameDecoder;
use dissect::segment::{Address, TCP, UDP};
use proptest::prelude::*;

use crate::captured;
use crate::made::{Ip, Made, Transport, made};

/// The VLAN that a segment names: the outermost identifier that is one (0 is a priority tag).
fn vlan(made: &Made) -> Option<u16> {
    made.vlans
        .iter()
        .copied()
        .find(|identifier| *identifier > 0)
}

fn ends(made: &Made) -> (Address, Address) {
    match &made.ip {
        Ip::V4 { source, target, .. } => (Address::v4(*source), Address::v4(*target)),
        Ip::V6 { source, target, .. } => (Address::v6(*source), Address::v6(*target)),
    }
}

proptest! {
    #[test]
    fn any_packet(made in made()) {
        let frame = made.frame();
        let mut decoder = FrameDecoder::new(1);
        let segment = decoder.decode_one(&captured(&frame));
        prop_assert!(segment.is_some(), "{:?}", decoder.undecoded().collect::<Vec<_>>());
        let segment = segment.unwrap();
        let (transport, seq, flags) = match made.transport {
            Transport::Tcp { seq, flags, .. } => (TCP, seq, flags),
            Transport::Udp => (UDP, 0, 0),
        };
        prop_assert_eq!((segment.source, segment.target), ends(&made));
        prop_assert_eq!((segment.source_port, segment.target_port), made.ports);
        prop_assert_eq!((segment.transport, segment.seq, segment.flags), (transport, seq, flags));
        prop_assert_eq!(segment.vlan, vlan(&made));
        prop_assert_eq!(segment.payload, &made.payload[..]);
        prop_assert_eq!(segment.missing_bytes, 0);
        prop_assert_eq!(segment.ip_bytes, made.ip_bytes() as u64);
    }
}
