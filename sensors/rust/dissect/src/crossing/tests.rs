//! When a conversation is surely over, and when it may go on.

use proptest::prelude::*;

use super::lives::{ACK, FEW_LIVES, FIN, Lives, RST, SYN};
use super::{Alive, Crossing, Ends, SLACK_NS};
use crate::flows::{LINGER_NS, SECOND_NS, TCP_IDLE_NS, UDP_IDLE_NS};
use crate::glance::Glance;
use crate::kit::segment;
use crate::segment::{TCP, UDP};

const UP: bool = true;
const DOWN: bool = false;

fn ends(port: u16, transport: u8) -> Ends {
    let mut packet = segment(port);
    packet.transport = transport;
    Ends::of(&packet).0
}

fn glance(ends: Ends, flags: u8, from_low: bool) -> Glance {
    Glance::Flow {
        ends,
        flags,
        from_low,
        tunnelled: false,
    }
}

/// Whether a conversation of such segments, at these seconds, may go on so many seconds after the last.
fn goes_on(transport: u8, segments: &[(i64, u8, bool)], after_seconds: i64) -> bool {
    let mut lives = Lives::new(7);
    lives.see(&Glance::Nothing, 0); // the first packet tells nothing about ends
    let one = ends(1, transport);
    let mut now_ns = 0;
    for (second, flags, from_low) in segments {
        now_ns = second * SECOND_NS;
        lives.see(&glance(one, *flags, *from_low), now_ns);
    }
    lives.see(&Glance::Nothing, now_ns + after_seconds * SECOND_NS);
    !lives.alive().0.is_empty()
}

#[test]
fn a_conversation_is_over_where_its_flow_surely_is() {
    let (tcp, udp) = (TCP_IDLE_NS / SECOND_NS, UDP_IDLE_NS / SECOND_NS);
    let (linger, margin) = (LINGER_NS / SECOND_NS, SLACK_NS / SECOND_NS + 2);
    let fins = [(0, SYN, UP), (1, FIN | ACK, UP), (2, FIN | ACK, DOWN)];
    for (transport, segments, seconds) in [
        (UDP, &[(0, 0, UP)][..], udp),
        (TCP, &[(0, ACK, UP)], tcp),
        (TCP, &[(0, SYN, UP), (1, RST, DOWN)], linger),
        (TCP, &fins, linger),
        (TCP, &fins[..2], tcp),
        // one side alone, and twice
        (TCP, &[(1, FIN, UP), (2, FIN, UP)], tcp),
        // begun anew
        (TCP, &[(1, RST, UP), (2, SYN, UP)], tcp),
        (TCP, &[(1, RST, UP), (2, SYN | ACK, DOWN)], linger),
        // the second FIN may be another flow's
        (TCP, &[(1, FIN, UP), (12, FIN, DOWN)], tcp),
        (TCP, &[(1, RST, UP), (12, ACK, DOWN)], tcp),
    ] {
        assert!(
            goes_on(transport, segments, seconds + margin),
            "{segments:?}"
        );
        assert!(
            !goes_on(transport, segments, seconds + margin + 1),
            "{segments:?}"
        );
    }
}

#[test]
fn what_the_first_packet_ends_may_begin_anew() {
    let mut lives = Lives::new(7);
    lives.see(&glance(ends(1, TCP), RST, UP), 0);
    lives.see(&Glance::Nothing, TCP_IDLE_NS);
    assert_eq!(lives.alive().0.len(), 1);
}

#[test]
fn all_that_two_addresses_say_crosses_where_there_are_fragments() {
    let (one, other) = (ends(1, TCP), ends(2, UDP));
    let fragment = Glance::Fragment {
        pair: one.addresses(),
        hides: true,
    };
    let mut lives = Lives::new(7);
    lives.see(&fragment, 0);
    assert!(lives.hides);
    assert_eq!(
        lives.pairs().0,
        lives
            .alive()
            .0
            .iter()
            .map(|(pair, _)| (*pair, 0))
            .collect::<Vec<_>>()
    );
    let none = Crossing::new(&[], false, 7);
    let pairs = Crossing::new(&[lives.pairs()], false, 7);
    let tunnels = Crossing::new(&[], true, 7);
    assert!(none.holds(&fragment) && !none.holds(&Glance::Nothing));
    for ends in [one, other] {
        assert!(!none.holds(&glance(ends, 0, UP)) && pairs.holds(&glance(ends, 0, UP)));
        assert!(!tunnels.holds(&glance(ends, 0, UP)));
        let tunnelled = Glance::Flow {
            ends,
            flags: 0,
            from_low: UP,
            tunnelled: true,
        };
        assert!(tunnels.holds(&tunnelled));
    }
}

#[test]
fn what_is_over_takes_no_memory() {
    let mut lives = Lives::new(7);
    for number in 0..300_000_u32 {
        let mut packet = segment((number % 60_000) as u16);
        packet.target_port = (number / 60_000) as u16;
        packet.transport = UDP;
        lives.see(
            &glance(Ends::of(&packet).0, 0, UP),
            i64::from(number) * SECOND_NS,
        );
        assert!(lives.len() <= FEW_LIVES + 1);
    }
    assert!(!lives.overflow);
}

proptest! {
    #[test]
    fn conversations_are_written_and_read(each in proptest::collection::vec((any::<u16>(), any::<bool>(), any::<i64>()), 0..20)) {
        let each = each.into_iter().map(|(port, tcp, until_ns)| (ends(port, if tcp { TCP } else { UDP }), until_ns));
        let alive = Alive(each.collect());
        prop_assert_eq!(Alive::decode(&alive.encode()), alive.clone());
        let carried = Alive::default().carry(&alive, 0);
        prop_assert!(carried.0.is_sorted_by(|one, other| one.0 < other.0));
        for (ends, until_ns) in alive.0.iter().filter(|(_, until_ns)| *until_ns >= 0) {
            let kept = carried.0.iter().find(|(other, _)| other == ends);
            prop_assert!(kept.is_some_and(|(_, longest_ns)| until_ns <= longest_ns));
        }
    }
}
