//! Interfaces and the times of their packets, whatever the resolution.

use super::{CorruptBlock, Interface, MAX_INTERFACES, Section};
use crate::bytes::Order;
use crate::kit::{
    IF_TSOFFSET, IF_TSRESOL, ORDERS, SECOND_NS, enhanced_at, interface_of, option, packet, shorts,
};

/// The body of an interface's block.
fn body(order: Order, linktype: u16, options: &[u8]) -> Vec<u8> {
    let block = interface_of(order, linktype, 0, options);
    block[8..block.len() - 4].to_vec()
}

/// A number of eight bytes.
fn signed(order: Order, number: i64) -> [u8; 8] {
    match order {
        Order::Little => number.to_le_bytes(),
        Order::Big => number.to_be_bytes(),
    }
}

/// The time that so many ticks are, on an interface with such options.
fn time_ns(order: Order, options: &[u8], ticks: u64) -> Result<i64, CorruptBlock> {
    let mut section = Section::new(order, 0);
    section.describe(&body(order, 1, options))?;
    let block = enhanced_at(&packet(0, [7; 60]), order, 0, ticks);
    section
        .frame(&block, 0, block.len() as u32, 0)
        .map(|place| place.ts_ns)
}

#[test]
fn times_of_any_resolution() {
    let ticks = 12_345_678_901;
    let table = [
        (0, None),
        (3, Some(12_345_678_901_000_000)),
        (6, Some(12_345_678_901_000)),
        (9, Some(12_345_678_901)),
        (12, Some(12_345_678)),
        (19, Some(1)),
        (20, Some(0)),
        (70, Some(0)),
        (0x7f, Some(0)),
        (0x80, None),
        (0x8a, Some(12_056_327_051_757_812)),
        (0x94, Some(11_773_756_886_482)),
        (0xa0, Some(2_874_452_364)),
        (0xff, Some(0)),
    ];
    for order in ORDERS {
        for (resolution, since_offset_ns) in table {
            for offset_seconds in [0, 1_700_000_000, -5] {
                let offset = signed(order, offset_seconds);
                let options = [
                    option(2, b"eth0", order),
                    option(IF_TSRESOL, &[resolution], order),
                    option(IF_TSRESOL, &[0], order), // the first counts
                    option(IF_TSOFFSET, &offset, order),
                ];
                let expected = since_offset_ns
                    .map(|since_offset_ns: i64| since_offset_ns + offset_seconds * SECOND_NS)
                    .filter(|ts_ns| *ts_ns >= 0);
                let got = time_ns(order, &options.concat(), ticks);
                assert_eq!(
                    got,
                    expected.ok_or(CorruptBlock::because("its time is out of range"))
                );
            }
        }
    }
}

#[test]
fn the_largest_numbers_are_no_overflow() {
    for offset in [i64::MAX, i64::MIN, 0] {
        for resolution in [0, 9, 0x80, 0xff] {
            let options = [
                option(IF_TSRESOL, &[resolution], Order::Little),
                option(IF_TSOFFSET, &signed(Order::Little, offset), Order::Little),
            ];
            let got = time_ns(Order::Little, &options.concat(), u64::MAX);
            let fits = resolution == 0xff && offset == 0;
            assert_eq!(got.is_ok(), fits, "{offset} {resolution}");
        }
    }
}

#[test]
fn options_behind_the_end_do_not_count() {
    let options = [
        option(0, b"", Order::Little),
        option(IF_TSRESOL, &[0], Order::Little),
    ]
    .concat();
    assert_eq!(time_ns(Order::Little, &options, 5), Ok(5_000));
}

#[test]
fn an_interface_that_makes_no_sense_keeps_its_number() {
    let order = Order::Little;
    let table: [(Vec<u8>, &str); 4] = [
        (
            body(order, 1, &option(IF_TSRESOL, &[6, 6], order)),
            "its time resolution makes no sense",
        ),
        (
            body(order, 1, &option(IF_TSOFFSET, &[0; 4], order)),
            "its time offset makes no sense",
        ),
        (
            body(order, 1, &shorts(order, [IF_TSRESOL, 60_000])),
            "an option is longer than the block",
        ),
        (vec![0; 7], "its length is too small"),
    ];
    for (bad, problem) in table {
        let mut section = Section::new(order, 0);
        assert_eq!(section.describe(&bad), Err(CorruptBlock::because(problem)));
        assert_eq!(section.describe(&body(order, 101, &[])), Ok(()));
        assert!(section.interface(0).is_none());
        assert_eq!(section.interface(1).map(Interface::linktype), Some(101));
    }
}

#[test]
fn interfaces_are_bounded() {
    let mut section = Section::new(Order::Big, 0);
    let body = body(Order::Big, 1, &[]);
    for _ in 0..MAX_INTERFACES {
        assert_eq!(section.describe(&body), Ok(()));
    }
    let beyond = section.describe(&body).unwrap_err();
    assert_eq!(beyond.0, "the section has more than 4096 interfaces");
    assert!(section.interface(MAX_INTERFACES as u32 - 1).is_some());
    assert!(section.interface(MAX_INTERFACES as u32).is_none());
}

#[test]
fn when_one_may_be_lost_only_interfaces_alike_are_taken() {
    let order = Order::Little;
    let fine = |resolution| body(order, 1, &option(IF_TSRESOL, &[resolution], order));
    let lost = Err(CorruptBlock::because(
        "which interface it describes is lost",
    ));
    let mut section = Section::new(order, 0);
    section.certain = false;
    assert_eq!(section.describe(&fine(60)), lost); // there is none to be like
    for (first, second, taken) in [
        (60, 60, true),
        (60, 70, false),
        (0, 0x80, true),
        (6, 9, false),
    ] {
        let mut section = Section::new(order, 0);
        assert_eq!(section.describe(&fine(first)), Ok(()));
        section.certain = false;
        assert_eq!(
            section.describe(&fine(second)),
            if taken { Ok(()) } else { lost.clone() }
        );
        assert_eq!(section.interface(0).is_some(), taken);
    }
}

#[test]
fn a_packet_block_too_small_for_its_head() {
    let mut section = Section::new(Order::Little, 0);
    section.describe(&body(Order::Little, 1, &[])).unwrap();
    for (kind, length) in [(2, 28), (6, 28), (3, 12)] {
        let mut block = vec![0; 40];
        block[0] = kind;
        assert_eq!(
            section.frame(&block, 0, length, 0),
            Err(CorruptBlock::because("its length is too small"))
        );
    }
}
