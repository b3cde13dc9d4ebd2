//! The proof: of packets cut as the filter says, the engine says what it says of the whole ones.

use std::path::PathBuf;

use dissect::observations::Observation;
use dissect::sensor::{Frame, Limits, Manner, Sensor};
use proptest::prelude::*;

use crate::MergedCaptures;
use crate::kit::Packet;
use crate::live::program::tests::machine::{check, run};
use crate::live::program::{Instruction, Link, program};

const LIMITS: Limits = Limits {
    flows: 100_000,
    stream_bytes: 131_072,
    reading_bytes: 1 << 28,
    fragments: 1_000,
};
/// Whom a policy may watch: the captures' clients, only some of them, nobody, all, and their servers.
const CLIENTS: [&[&str]; 5] = [
    &["10.0.0.0/8", "fd00::/8"],
    &["10.20.0.0/16", "10.30.0.0/24", "fd00:10:20::/48"],
    &[],
    &["0.0.0.0/0", "::/0"],
    &[
        "0.0.0.0/5",
        "8.0.0.0/7",
        "11.0.0.0/8",
        "12.0.0.0/6",
        "16.0.0.0/4",
        "32.0.0.0/3",
        "64.0.0.0/2",
        "128.0.0.0/1",
    ],
];

fn captures() -> Vec<(String, Vec<Packet>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../pcaps");
    let mut captures: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|case| {
            let name = case.file_name()?.to_str()?.to_owned();
            let capture = ["pcap", "pcapng", "pcap.gz"]
                .map(|kind| case.join(format!("traffic.{kind}")))
                .into_iter()
                .find(|path| path.exists())?;
            Some((name, packets(&capture)))
        })
        .collect();
    captures.sort_by(|a, b| a.0.cmp(&b.0));
    captures
}

fn packets(capture: &PathBuf) -> Vec<Packet> {
    let mut frames = MergedCaptures::new(&[capture]);
    let mut packets = Vec::new();
    loop {
        let few = frames.next();
        if few.is_empty() {
            return packets;
        }
        packets.extend(few.into_iter().map(Packet::from));
    }
}

/// What the engine says: observations, and the account of all frames.
fn said(packets: &[Packet]) -> (Vec<Observation>, String) {
    let manner = Manner {
        eager: true,
        ..Manner::replay(LIMITS)
    };
    let mut sensor = Sensor::new(manner, 7);
    for packet in packets {
        sensor.frames(&[Frame {
            ts_ns: packet.ts_ns,
            linktype: packet.linktype,
            data: &packet.data,
            wire_bytes: packet.wire_bytes,
        }]);
    }
    assert!(sensor.finish(usize::MAX));
    let account = format!("{:?}", sensor.accounting(Vec::new(), 0));
    (sensor.take(), account)
}

fn link(linktype: u32) -> Option<Link> {
    match linktype {
        1 => Some(Link::Ethernet),
        101 => Some(Link::Raw),
        _ => None, // no ring has such packets
    }
}

/// The packets as the kernel copies them.
fn cut(packets: &[Packet], programs: &[(Link, Vec<Instruction>)]) -> Vec<Packet> {
    packets
        .iter()
        .map(|packet| {
            let (_, program) = programs
                .iter()
                .find(|(one, _)| Some(*one) == link(packet.linktype))
                .unwrap();
            let bytes = run(program, &packet.data).unwrap().bytes as usize;
            let data = packet.data[..bytes.min(packet.data.len())].to_vec();
            Packet {
                data,
                ..packet.clone()
            }
        })
        .collect()
}

fn programs(clients: &[&str]) -> Vec<(Link, Vec<Instruction>)> {
    let clients: Vec<_> = clients.iter().map(|prefix| (*prefix).to_owned()).collect();
    let programs = [Link::Ethernet, Link::Raw].map(|link| {
        let program = program(link, &clients).unwrap();
        check(&program);
        (link, program)
    });
    programs.into()
}

/// The captures that a ring could have made.
fn fit() -> Vec<(String, Vec<Packet>)> {
    let mut captures = captures();
    captures.retain(|(_, packets)| packets.iter().all(|packet| link(packet.linktype).is_some()));
    assert!(captures.len() > 40, "{}", captures.len());
    captures
}

#[test]
fn the_engine_says_the_same_of_every_capture() {
    for (name, packets) in fit() {
        let whole = said(&packets);
        for clients in CLIENTS {
            let cut = cut(&packets, &programs(clients));
            assert_eq!(said(&cut), whole, "{name} {clients:?}");
        }
    }
}

#[test]
fn little_is_copied() {
    let bytes =
        |packets: &[Packet]| -> usize { packets.iter().map(|packet| packet.data.len()).sum() };
    let (_, demo) = fit().into_iter().find(|(name, _)| name == "demo").unwrap();
    let percent =
        CLIENTS.map(|clients| bytes(&cut(&demo, &programs(clients))) * 100 / bytes(&demo));
    assert_eq!(percent, [26, 55, 71, 71, 71]);
}

proptest! {
    /// Whatever was lost before the capture, came late, or is broken.
    #[test]
    fn the_engine_says_the_same_of_captures_with_holes(
        capture in any::<prop::sample::Index>(),
        clients in 0..CLIENTS.len(),
        lost in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        late in proptest::collection::vec((any::<prop::sample::Index>(), 1..5_usize), 0..6),
        broken in proptest::collection::vec((any::<prop::sample::Index>(), 0..90_usize, any::<u8>()), 0..4),
    ) {
        let all = FIT.with(Clone::clone);
        let (name, packets) = capture.get(&all);
        let mut packets = packets.clone();
        for (which, by) in late {
            let at = which.index(packets.len());
            let to = (at + by).min(packets.len() - 1);
            packets[at..=to].rotate_left(1);
        }
        for (which, place, byte) in broken {
            let at = which.index(packets.len());
            let packet = &mut packets[at];
            if let Some(place) = packet.data.get_mut(place) {
                *place = byte;
            }
        }
        for which in lost {
            if packets.len() > 1 {
                packets.remove(which.index(packets.len()));
            }
        }
        let cut = cut(&packets, &programs(CLIENTS[clients]));
        let (whole, cut) = (said(&packets), said(&cut));
        prop_assert_eq!(cut.0, whole.0, "{}", name);
    }
}

thread_local! {
    static FIT: std::rc::Rc<Vec<(String, Vec<Packet>)>> = std::rc::Rc::new(fit());
}
