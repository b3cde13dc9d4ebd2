//! The pcapng format: sections and interfaces, cut anywhere, damaged in the middle.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::bytes::Order;
use crate::captured::{Fault, FaultKind, MAX_FAULTS, MAX_FRAME_BYTES};
use crate::kit::{
    ORDERS, Packet, SECOND_NS, block, blocks, enhanced, enhanced_at, interface, interface_of,
    obsolete, packet, packets, pcapng, read, read_by, section, simple,
};

const LITTLE: Order = Order::Little;

fn problems(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.problem.as_str()).collect()
}

#[test]
fn every_byte_order_and_sections_of_both() {
    let all = packets(5);
    for order in ORDERS {
        assert_eq!(read(&pcapng(&all, order)), (all.clone(), vec![]));
    }
    let parts = [
        (&all[..2], Order::Little),
        (&all[2..4], Order::Big),
        (&all[4..], Order::Little),
    ];
    let data: Vec<_> = parts
        .iter()
        .flat_map(|(some, order)| pcapng(some, *order))
        .collect();
    assert_eq!(read(&data), (all, vec![]));
}

#[test]
fn interfaces_belong_to_their_section() {
    let all = packets(3);
    let first = [
        section(LITTLE, 1),
        interface_of(LITTLE, 101, 0, &[]),
        interface_of(LITTLE, 113, 0, &[]),
    ];
    let second = [section(LITTLE, 1), interface_of(LITTLE, 276, 0, &[])];
    let ticks = all[0].ts_ns as u64 / 1_000;
    let one = enhanced_at(&all[0], LITTLE, 1, ticks);
    let data = [
        first.concat(),
        one.clone(),
        second.concat(),
        enhanced(&all[1], LITTLE),
        one,
    ]
    .concat();
    let (got, faults) = read(&data);
    assert_eq!(
        got.iter().map(|packet| packet.linktype).collect::<Vec<_>>(),
        [113, 276]
    );
    assert_eq!(
        problems(&faults),
        ["the block after packet 2 is damaged: interface 1 is not described"]
    );
    assert_eq!(
        faults[0].mend,
        "copy it again from the sensor; it was skipped and what follows was used"
    );
}

#[test]
fn old_and_simple_packet_blocks() {
    let all = packets(5);
    for order in ORDERS {
        let head = [
            section(order, 1),
            interface(order),
            interface_of(order, 101, 0, &[]),
        ]
        .concat();
        let kinds = [
            enhanced(&all[0], order),
            obsolete(&all[1], order, 1),
            simple(&all[3], order),
        ]
        .concat();
        let (got, faults) = read(&[head, kinds].concat());
        assert_eq!(faults, []);
        let second = Packet {
            linktype: 101,
            ..all[1].clone()
        };
        let third = Packet {
            ts_ns: all[1].ts_ns,
            ..all[3].clone()
        }; // it has no time of its own
        assert_eq!(got, [all[0].clone(), second, third]);
    }
}

#[test]
fn a_simple_packet_ends_at_the_snap_length() {
    for (data_bytes, wire_bytes, captured_bytes) in [(50, 1_500, 50), (52, 51, 50), (52, 20, 20)] {
        let one = Packet {
            wire_bytes,
            ..packet(0, vec![7; data_bytes])
        };
        let head = [section(LITTLE, 1), interface_of(LITTLE, 1, 50, &[])].concat();
        let (got, _) = read(&[head, simple(&one, LITTLE)].concat());
        assert_eq!(
            (got[0].data.len(), got[0].wire_bytes, got[0].ts_ns),
            (captured_bytes, wire_bytes, 0)
        );
    }
}

#[test]
fn other_blocks_are_skipped() {
    for order in ORDERS {
        let others: Vec<_> = [4, 5, 9, 10, 0x0bad]
            .iter()
            .flat_map(|kind| block(*kind, &[0; 20], order))
            .collect();
        let long = block(0x0bad, &vec![0; 300_000], order);
        let head = [section(order, 1), others.clone(), interface(order), long].concat();
        assert_eq!(
            read(&[head, blocks(&packets(5), order), others].concat()),
            (packets(5), vec![])
        );
    }
}

#[test]
fn a_file_cut_anywhere() {
    let all = packets(5);
    for order in ORDERS {
        let data = pcapng(&all, order);
        let mut ends: Vec<_> = (0..=5)
            .map(|count| pcapng(&all[..count], order).len())
            .collect();
        ends.insert(0, section(order, 1).len());
        for cut in 28..data.len() {
            let (got, faults) = read(&data[..cut]);
            let begun = ends.iter().filter(|end| **end <= cut).count();
            let whole = begun.saturating_sub(2);
            assert_eq!(got, all[..whole]);
            if ends.contains(&cut) {
                assert_eq!(faults, []);
                continue;
            }
            assert_eq!(
                problems(&faults),
                [format!("the file ends inside packet {}", whole + 1)]
            );
            assert_eq!(
                (faults[0].kind, faults[0].offset),
                (FaultKind::Truncated, ends[begun - 1] as u64)
            );
        }
    }
}

/// Where a block is damaged, with what (for the lowest byte first), and what is said of it.
const DAMAGES: [(usize, &[u8], &str); 11] = [
    (4, b"\x07\0\0\0", "its length makes no sense"),
    (4, b"\xff\xff\xff\xff", "its length makes no sense"),
    (4, b"\0\0\0\0", "its length makes no sense"),
    (4, b"\0\x10\0\0", "the file ends inside it"),
    (4, b"\x84\0\0\0", "its two lengths differ"),
    (92, b"\x10\0\0\0", "its two lengths differ"),
    (0, &[0; 96], "its length makes no sense"),
    (0, &[0xa3; 96], "its length makes no sense"),
    (20, b"\xff\0\0\0", "its packet is longer than can be"),
    (8, b"\x09\0\0\0", "interface 9 is not described"),
    (12, b"\xff\xff\xff\xff", "its time is out of range"),
];

#[test]
fn blocks_after_a_corrupt_one_are_kept() {
    let all = packets(5);
    for order in ORDERS {
        for (at, damage, problem) in DAMAGES {
            let before = pcapng(&all[..2], order);
            let mut broken = enhanced(&all[2], order);
            let mut damage = damage.to_vec();
            if order == Order::Big && damage.len() == 4 {
                damage.reverse();
            }
            broken[at..at + damage.len()].copy_from_slice(&damage);
            let (got, faults) = read(&[before.clone(), broken, blocks(&all[3..], order)].concat());
            assert_eq!(got, [&all[..2], &all[3..]].concat(), "{problem}");
            assert_eq!(
                problems(&faults),
                [format!("the block after packet 2 is damaged: {problem}")]
            );
            assert_eq!(
                (faults[0].kind, faults[0].offset),
                (FaultKind::Corrupt, before.len() as u64)
            );
        }
    }
}

#[test]
fn a_large_hole_in_the_middle() {
    let hole = vec![0; 3_000_000];
    let (got, faults) = read(
        &[
            pcapng(&packets(5), LITTLE),
            hole,
            blocks(&packets(5), LITTLE),
        ]
        .concat(),
    );
    assert_eq!(got, [packets(5), packets(5)].concat());
    let mend =
        "copy it again from the sensor; 3000000 bytes were skipped and what follows was used";
    assert_eq!(faults[0].mend, mend);
}

#[test]
fn a_packet_that_carries_a_capture_is_not_read_into() {
    let all = pcapng(&packets(5), LITTLE);
    let inner = packet(0, [&[0; 3], &all[..]].concat());
    let mut broken = block(99, &[0xff; 40], LITTLE);
    let last = broken.len() - 4;
    broken[last..].fill(0xff);
    let carrier = enhanced(&inner, LITTLE);
    let (got, faults) = read(
        &[
            all.clone(),
            broken,
            carrier.clone(),
            blocks(&packets(5), LITTLE),
        ]
        .concat(),
    );
    assert_eq!(got, [packets(5), vec![inner], packets(5)].concat());
    assert_eq!(faults.len(), 1);
    for missing in (1..carrier.len()).step_by(4) {
        let data = [&all[..], &carrier[..carrier.len() - missing]].concat();
        let (got, faults) = read(&data);
        assert_eq!(got, packets(5));
        let said: Vec<_> = faults
            .iter()
            .map(|fault| (fault.kind, fault.offset))
            .collect();
        assert_eq!(said, [(FaultKind::Truncated, all.len() as u64)]);
    }
}

#[test]
fn nothing_is_taken_from_another_day() {
    let other = enhanced(&packet(100_000 * SECOND_NS, [1; 60]), LITTLE);
    let (got, faults) = read(&[pcapng(&packets(5), LITTLE), vec![0xff; 16], other].concat());
    assert_eq!(got, packets(5));
    let problem =
        "the block after packet 5 is damaged: its length makes no sense, nor what follows";
    assert_eq!(problems(&faults), [problem]);
}

#[test]
fn a_lost_description_makes_later_interfaces_uncertain() {
    let one = &packets(1)[0];
    let packet = enhanced_at(one, LITTLE, 1, one.ts_ns as u64 / 1_000);
    let lost = vec![0xff; 20];
    let head = [section(LITTLE, 1), interface(LITTLE), lost].concat();
    let (got, faults) = read(&[head.clone(), interface(LITTLE), packet.clone()].concat());
    assert_eq!((got, faults.len()), (packets(1), 1));
    let different = [head, interface_of(LITTLE, 101, 0, &[]), packet].concat();
    let (got, faults) = read(&different);
    assert_eq!(got, []);
    assert!(
        faults[1]
            .problem
            .ends_with("which interface it describes is lost")
    );
    assert_eq!(
        read(&[different, pcapng(&packets(5), LITTLE)].concat()).0,
        packets(5)
    );
}

#[test]
fn a_lost_section_header_makes_its_interfaces_unknown() {
    for (at, damage) in [(8, [0; 4]), (4, [0xff; 4]), (12, [2, 0, 0, 0])] {
        let mut broken = section(LITTLE, 1);
        broken[at..at + 4].copy_from_slice(&damage);
        let lost = [
            broken,
            interface_of(LITTLE, 101, 0, &[]),
            blocks(&packets(5), LITTLE),
        ]
        .concat();
        let (got, faults) = read(
            &[
                pcapng(&packets(2), LITTLE),
                lost,
                pcapng(&packets(5), LITTLE),
            ]
            .concat(),
        );
        assert_eq!(got, [packets(2), packets(5)].concat());
        assert!(faults.iter().all(|fault| fault.kind == FaultKind::Corrupt));
    }
}

#[test]
fn a_packet_longer_than_can_be_is_corrupt() {
    let giant = packet(0, vec![0; MAX_FRAME_BYTES as usize + 4]);
    let largest = packet(0, vec![0; MAX_FRAME_BYTES as usize]);
    let makes = [
        enhanced(&giant, LITTLE),
        simple(&giant, LITTLE),
        obsolete(&giant, LITTLE, 0),
    ];
    for made in makes {
        let head = pcapng(&[], LITTLE);
        let (got, faults) = read(&[head, made, enhanced(&largest, LITTLE)].concat());
        assert_eq!(got, std::slice::from_ref(&largest));
        let problem = "the block after packet 0 is damaged: its packet is longer than can be";
        assert_eq!(problems(&faults), [problem]);
    }
}

#[test]
fn a_file_made_of_damage_is_given_up() {
    let strange = enhanced_at(&packets(1)[0], LITTLE, 5, 1).repeat(2 * MAX_FAULTS);
    let (got, faults) = read(
        &[
            pcapng(&packets(5), LITTLE),
            strange,
            blocks(&packets(5), LITTLE),
        ]
        .concat(),
    );
    assert_eq!((got, faults.len()), (packets(5), MAX_FAULTS));
    assert!(
        faults
            .last()
            .unwrap()
            .problem
            .ends_with("reading stopped after packet 5")
    );
}

proptest! {
    #[test]
    fn any_blocks_are_read_or_faults(data in vec(any::<u8>(), 0..400), order in 0..2_usize) {
        let head = pcapng(&[], ORDERS[order]);
        let (got, _) = read(&[&head[..], &data].concat());
        prop_assert!(got.iter().map(|packet| packet.data.len() + 16).sum::<usize>() <= data.len());
    }

    #[test]
    fn damage_is_the_same_however_the_file_is_read(
        damage in vec((28..700_usize, any::<u8>()), 0..6),
        order in 0..2_usize,
        chunk_bytes in 1..500_usize,
    ) {
        let mut data = pcapng(&packets(5), ORDERS[order]);
        for (place, value) in damage {
            let place = place % data.len();
            data[place] = value;
        }
        let (got, faults) = read(&data);
        prop_assert!(got.iter().all(|packet| packet.ts_ns >= 0));
        prop_assert!(got.iter().all(|packet| packet.data.len() <= packet.wire_bytes as usize));
        prop_assert_eq!(read_by(&data, chunk_bytes), (got, faults));
    }
}
