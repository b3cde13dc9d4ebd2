//! The pcap format: every byte order and resolution, cut anywhere, and damaged in the middle.

use proptest::collection::vec;
use proptest::prelude::*;

use super::NEAR_SECONDS;
use crate::bytes::Order;
use crate::captured::{FaultKind, MAX_FRAME_BYTES};
use crate::kit::{
    MICRO, MODIFIED, NANO, ORDERS, Packet, SECOND_NS, packet, packets, pcap, pcap_header, pcap_of,
    pcap_record, pcap_records, read, read_by, words,
};

const MAGICS: [u32; 3] = [MICRO, NANO, MODIFIED];

fn every_form() -> impl Iterator<Item = (Order, u32)> {
    ORDERS
        .into_iter()
        .flat_map(|order| MAGICS.map(|magic| (order, magic)))
}

#[test]
fn every_byte_order_and_magic() {
    for (order, magic) in every_form() {
        assert_eq!(
            read(&pcap_of(&packets(5), order, magic)),
            (packets(5), vec![])
        );
    }
}

#[test]
fn nanoseconds_are_exact_to_the_last_second() {
    let late = Packet {
        ts_ns: i64::from(u32::MAX) * SECOND_NS + 999_999_999,
        ..packet(0, *b"x")
    };
    assert_eq!(
        read(&pcap_of(std::slice::from_ref(&late), Order::Big, NANO)),
        (vec![late], vec![])
    );
    let beyond = [
        pcap_header(Order::Little, MICRO, 1),
        vec![0xff; 8],
        words(Order::Little, [1, 1]),
        vec![0],
    ];
    assert_eq!(
        read(&beyond.concat()).0[0].ts_ns,
        4_294_967_295_000_000_000 + 4_294_967_295_000
    );
}

#[test]
fn the_link_type_may_carry_check_sequence_bits() {
    let table = [
        (1, 1),
        (276, 276),
        (0xf000_0001, 1),
        (0x2400_0065, 101),
        (0x0224_0002, 0x0224_0002),
    ];
    for (network, linktype) in table {
        let head = pcap_header(Order::Little, MICRO, network);
        let (got, _) = read(&[head, pcap_record(&packets(1)[0], Order::Little, MICRO)].concat());
        assert_eq!(got[0].linktype, linktype);
    }
}

#[test]
fn a_frame_is_never_shorter_on_the_wire_than_captured() {
    let mut odd = packets(3);
    odd[0].wire_bytes = 0;
    odd[1].data.clear();
    odd[2].wire_bytes = 10;
    let (got, faults) = read(&pcap(&odd));
    let sizes: Vec<_> = got
        .iter()
        .map(|packet| (packet.data.len(), packet.wire_bytes))
        .collect();
    assert_eq!(sizes, [(60, 60), (0, 61), (62, 62)]);
    assert_eq!(faults, []);
}

#[test]
fn records_larger_than_a_chunk_of_the_file() {
    let large: Vec<_> = (0..9)
        .map(|index| packet(index, vec![index as u8; MAX_FRAME_BYTES as usize]))
        .collect();
    let data = pcap_of(&large, Order::Little, NANO);
    assert_eq!(read_by(&data, 65_536), (large.clone(), vec![]));
    assert_eq!(read(&data), (large, vec![]));
}

#[test]
fn a_file_cut_anywhere() {
    let all = packets(5);
    for order in ORDERS {
        let data = pcap_of(&all, order, MICRO);
        let ends: Vec<_> = (0..=5)
            .map(|count| pcap_of(&all[..count], order, MICRO).len())
            .collect();
        for cut in 24..data.len() {
            let whole = ends.iter().filter(|end| cut >= **end).count() - 1;
            let (got, faults) = read(&data[..cut]);
            assert_eq!(got, all[..whole]);
            if ends.contains(&cut) {
                assert_eq!(faults, []);
                continue;
            }
            let said: Vec<_> = faults
                .iter()
                .map(|fault| (fault.kind, fault.offset))
                .collect();
            assert_eq!(said, [(FaultKind::Truncated, ends[whole] as u64)]);
            assert_eq!(
                faults[0].problem,
                format!("the file ends inside packet {}", whole + 1)
            );
        }
    }
}

#[test]
fn records_after_a_corrupt_one_are_kept() {
    let all = packets(5);
    for (order, magic) in every_form() {
        for length in [MAX_FRAME_BYTES + 1, u32::MAX] {
            let before = pcap_of(&all[..1], order, magic);
            let mut broken = pcap_record(&all[1], order, magic);
            broken[8..12].copy_from_slice(&words(order, [length]));
            let after = pcap_records(&all[2..], order, magic);
            let (got, faults) = read(&[&before[..], &broken, &after].concat());
            assert_eq!(got, [&all[..1], &all[2..]].concat());
            assert_eq!(faults.len(), 1);
            assert_eq!(
                (faults[0].kind, faults[0].offset),
                (FaultKind::Corrupt, before.len() as u64)
            );
            assert_eq!(faults[0].problem, "the record of packet 2 makes no sense");
            let skipped = format!(
                "{} bytes were skipped and what follows was used",
                broken.len()
            );
            assert_eq!(
                faults[0].mend,
                format!("copy it again from the sensor; {skipped}")
            );
        }
    }
}

#[test]
fn a_hole_of_zeros_is_no_packets() {
    let data = pcap(&packets(5));
    let records = pcap_records(&packets(5), Order::Little, MICRO);
    let (got, faults) = read(&[&data[..], &vec![0; 2_000_000], &records].concat());
    assert_eq!(got, [packets(5), packets(5)].concat());
    assert_eq!(
        (faults.len(), faults[0].kind, faults[0].offset),
        (1, FaultKind::Corrupt, data.len() as u64)
    );
    let (got, faults) = read(&[&data[..], &vec![0; 50_000]].concat());
    assert_eq!(got, packets(5));
    assert_eq!(
        faults[0].problem,
        "the record of packet 6 makes no sense, nor what follows"
    );
    assert_eq!(
        faults[0].mend,
        "copy it again from the sensor; the 5 packets before it were used"
    );
}

#[test]
fn nothing_is_taken_from_another_time() {
    for jump_seconds in [i64::from(NEAR_SECONDS) + 1, -i64::from(NEAR_SECONDS) - 1] {
        let mut later = packets(5);
        for packet in &mut later {
            packet.ts_ns += jump_seconds * SECOND_NS;
        }
        let later = pcap_records(&later, Order::Little, MICRO);
        let (got, faults) = read(&[&pcap(&packets(5))[..], &[0xff; 64], &later].concat());
        assert_eq!(got, packets(5));
        assert_eq!(faults.len(), 1);
    }
}

#[test]
fn without_a_good_packet_there_is_no_guess() {
    let records = pcap_records(&packets(5), Order::Little, MICRO);
    let (got, faults) = read(&[&pcap(&[])[..], &[0xff; 16], &records].concat());
    assert_eq!(got, []);
    assert_eq!((faults[0].kind, faults[0].offset), (FaultKind::Corrupt, 24));
    assert_eq!(
        faults[0].mend,
        "copy it again from the sensor; no packet stands before it"
    );
}

#[test]
fn a_file_made_of_damage_is_given_up() {
    let one = pcap_record(&packets(1)[0], Order::Little, MICRO);
    let bad = [&one[..], &one, &[0xff; 16]].concat();
    let (got, faults) = read(&[pcap(&packets(1)), bad.repeat(200)].concat());
    assert_eq!((got.len(), faults.len()), (129, 64));
    let last = faults.last().unwrap();
    assert_eq!(
        last.problem,
        "more than 63 places make no sense: reading stopped after packet 129"
    );
}

proptest! {
    #[test]
    fn any_records_are_read_or_faults(records in vec(any::<u8>(), 0..400), form in 0..6_usize) {
        let (order, magic) = every_form().nth(form).unwrap();
        let (got, faults) = read(&[&pcap_header(order, magic, 1)[..], &records].concat());
        let header_bytes = if magic == MODIFIED { 24 } else { 16 };
        let taken_bytes: usize = got.iter().map(|packet| packet.data.len() + header_bytes).sum();
        prop_assert!(taken_bytes <= records.len());
        prop_assert!(!faults.is_empty() || taken_bytes == records.len());
    }

    #[test]
    fn damage_is_the_same_however_the_file_is_read(
        damage in vec((24..450_usize, any::<u8>()), 0..6),
        chunk_bytes in 1..500_usize,
    ) {
        let mut data = pcap(&packets(5));
        for (place, value) in damage {
            let place = place % data.len();
            data[place] = value;
        }
        let (got, faults) = read(&data);
        prop_assert!(got.iter().all(|packet| packet.data.len() <= packet.wire_bytes as usize));
        prop_assert_eq!(read_by(&data, chunk_bytes), (got, faults));
    }
}
