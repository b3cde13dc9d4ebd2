mod kinds;
mod machine;
mod packets;
mod proof;

use std::net::IpAddr;

use proptest::prelude::*;

use super::tcp::WORDS_BYTES;
use super::{Instruction, Link, MAX_INSTRUCTIONS, fixed, program};
use machine::{check, run};
use packets::{CLIENT, FIN_ACK, SERVER, ethernet, filled, tcp, v4_with, v6};

const ANSWER: (u16, u16) = (443, 50_000);

fn clients(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

fn ours() -> Vec<String> {
    clients(&["10.0.0.0/8", "fd00::/8"])
}

fn returned(program: &[Instruction], packet: &[u8]) -> u32 {
    run(program, packet).expect("the kernel drops it").bytes
}

#[test]
fn a_filter_may_copy_the_same_of_each() {
    for (bytes, copied) in [(0, 1), (1, 1), (96, 96), (u32::MAX, u32::MAX)] {
        let program = fixed(bytes);
        check(&program);
        assert_eq!((program.len(), returned(&program, &[])), (1, copied));
    }
}

#[test]
fn what_is_no_prefix_is_named() {
    for wrong in [
        "10.0.0.0",
        "10.0.0.0/33",
        "::/129",
        "x/8",
        "10.0.0.0/-1",
        "",
    ] {
        let prefixes = clients(&["10.0.0.0/8", wrong, "also wrong"]);
        assert_eq!(program(Link::Raw, &prefixes), Err(wrong.to_owned()));
    }
}

#[test]
fn with_too_many_networks_all_is_a_clients() {
    let none = program(Link::Ethernet, &[]).unwrap();
    let scattered = |count: u32| -> Vec<_> {
        (0..count)
            .map(|number| format!("10.{}.{}.1/32", number >> 8, number & 0xff))
            .collect()
    };
    let (few, many) = (scattered(70), scattered(10_000));
    let few = program(Link::Ethernet, &few).unwrap();
    check(&few);
    assert!(few.len() > none.len() && few.len() <= MAX_INSTRUCTIONS);
    assert_eq!(program(Link::Ethernet, &many).unwrap(), none);
    let neighbours: Vec<_> = (0..=255)
        .map(|number| format!("10.{number}.0.0/16"))
        .collect();
    assert_eq!(
        program(Link::Raw, &neighbours),
        program(Link::Raw, &clients(&["10.0.0.0/8", "10.1.2.3/32"]))
    );
}

/// Prefixes that are near to each other, in both versions.
fn prefix() -> impl Strategy<Value = String> {
    let v4 = (0..4_u8, 0..4_u8, any::<u8>(), 0..=32_u8)
        .prop_map(|(a, b, c, bits)| format!("{a}.{b}.{c}.{c}/{bits}"));
    let v6 = (0..3_u16, 0..3_u16, 0..3_u16, any::<u16>(), 0..=128_u8)
        .prop_map(|(a, b, c, d, bits)| format!("{a:x}:{b:x}::{c:x}:{d:x}/{bits}"));
    prop_oneof![v4, v6]
}

fn within(prefixes: &[String], address: IpAddr) -> bool {
    prefixes.iter().any(|prefix| {
        let (network, bits) = prefix.split_once('/').unwrap();
        let bits: u32 = bits.parse().unwrap();
        let same = match (network.parse().unwrap(), address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        same >= bits
    })
}

proptest! {
    #[test]
    fn clients_are_those_in_their_networks(
        prefixes in proptest::collection::vec(prefix(), 0..12),
        v4 in any::<bool>(),
        source in prefix(),
        target in prefix(),
    ) {
        let program = program(Link::Raw, &prefixes).unwrap();
        check(&program);
        let body = tcp(ANSWER, FIN_ACK, &filled(&[0x99], 1400));
        let address = |text: &String| text.split('/').next().unwrap().parse().unwrap();
        let (source, target) = (address(&source), address(&target));
        let packet = match (source, target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                packets::v4(6, (source.octets(), target.octets()), &body)
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                let mut packet = v6(6, v4, &body);
                packet[8..24].copy_from_slice(&source.octets());
                packet[24..40].copy_from_slice(&target.octets());
                packet
            }
            _ => return Ok(()),
        };
        let down = !within(&prefixes, source) && within(&prefixes, target);
        let bytes = returned(&program, &packet);
        prop_assert_eq!(bytes < WORDS_BYTES, down, "{} {}", source, target);
    }

    #[test]
    fn no_packet_is_dropped(
        v4 in any::<bool>(),
        ethernet_link in any::<bool>(),
        protocol in prop_oneof![Just(6), Just(17), any::<u8>()],
        options in 0..=10_u8,
        changes in proptest::collection::vec((0..220_usize, any::<u8>()), 0..12),
        bytes in 0..400_usize,
    ) {
        let body = tcp(ANSWER, FIN_ACK, &filled(&[0x17, 3, 3], 300));
        let (kind, packet) = if v4 {
            (0x0800, v4_with(options, protocol, (SERVER, CLIENT), &body))
        } else {
            (0x86dd, v6(protocol, false, &body))
        };
        let (link, mut packet) = if ethernet_link {
            (Link::Ethernet, ethernet(kind, &packet))
        } else {
            (Link::Raw, packet)
        };
        for (at, byte) in changes {
            packet[at] = byte;
        }
        packet.truncate(bytes);
        let program = program(link, &ours()).unwrap();
        check(&program);
        let end = run(&program, &packet);
        prop_assert!(end.is_some_and(|end| end.bytes >= 20), "{:?}", end);
    }

    #[test]
    fn no_bytes_are_dropped(packet in proptest::collection::vec(any::<u8>(), 0..400)) {
        for link in [Link::Ethernet, Link::Raw] {
            let end = run(&program(link, &ours()).unwrap(), &packet);
            prop_assert!(end.is_some_and(|end| end.bytes >= 20), "{:?}", end);
        }
    }
}
