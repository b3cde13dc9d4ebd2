//! Files of both formats, sound and damaged anywhere: their pieces give the frames and faults of the whole.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{MAX_HEAD_RANGES, Mark, Piece, cut, open};
use crate::bytes::Order;
use crate::captured::Fault;
use crate::kit::{
    Folder, IF_TSOFFSET, IF_TSRESOL, MICRO, MODIFIED, NANO, ORDERS, Packet, block, blocks, drain,
    enhanced, enhanced_at, gzip, interface, interface_of, obsolete, option, packet, packets, pcap,
    pcap_of, pcapng, section, simple, zstd,
};
use crate::{CaptureReader, window::CHUNK_BYTES};

const LITTLE: Order = Order::Little;
const NAME_RESOLUTION: u32 = 4;
const SECRETS: u32 = 10;
const CUSTOM: u32 = 0x0bad;

fn all_of(bytes: &[u8]) -> Piece {
    Piece {
        mark: Mark::default(),
        end: bytes.len() as u64,
    }
}

/// The offsets at which the pieces begin, and the end of the last.
fn ends(pieces: &[Piece]) -> Vec<u64> {
    let last = pieces.last().map(|piece| piece.end);
    pieces
        .iter()
        .map(|piece| piece.mark.offset)
        .chain(last)
        .collect()
}

fn read_pieces(path: &std::path::Path, pieces: &[Piece]) -> (Vec<Packet>, Vec<Fault>) {
    let (mut packets, mut faults) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut reader = open(path, piece).unwrap();
        packets.extend(drain(&mut reader));
        faults.extend(reader.faults().to_vec());
    }
    (packets, faults)
}

fn read_whole(path: &std::path::Path) -> (Vec<Packet>, Vec<Fault>) {
    let mut reader = CaptureReader::open(path, CHUNK_BYTES);
    let packets = drain(&mut reader);
    (packets, reader.faults().to_vec())
}

/// Cut as those do who have only the file's beginning, and fetch so many bytes more at a time.
fn cut_ahead(path: &std::path::Path, whole: &Piece, piece_bytes: u64, step: u64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = whole.clone();
    let mut until = 0;
    while until < whole.end {
        until = whole.end.min(until + step);
        let ahead = Piece {
            mark: rest.mark.clone(),
            end: until,
        };
        let mut found = cut(path, &ahead, piece_bytes).unwrap();
        rest.mark = found.pop().unwrap().mark;
        pieces.extend(found);
    }
    pieces.push(rest);
    pieces
}

#[test]
fn a_file_is_cut_behind_packets() {
    let folder = Folder::new("cut-behind-packets");
    let pcap = pcap(&[100, 20, 200, 1].map(|bytes| packet(0, vec![7; bytes])));
    let table: [(&[u8], u64, &[u64]); 5] = [
        (&pcap, 1_000, &[0, 409]),
        (&pcap, 140, &[0, 140, 392, 409]),
        (&pcap, 1, &[0, 140, 176, 392, 409]),
        (&pcap[..408], 1, &[0, 140, 176, 392, 408]), // what is cut off is in the last piece
        (&pcap[..24], 1, &[0, 24]),
    ];
    for (bytes, piece_bytes, expected) in table {
        let path = folder.write("a.pcap", bytes);
        let pieces = cut(&path, &all_of(bytes), piece_bytes).unwrap();
        assert_eq!(ends(&pieces), expected);
    }
}

#[test]
fn what_is_no_plain_capture_is_one_piece() {
    let folder = Folder::new("cut-no-capture");
    let pcap = pcap(&packets(9));
    for bytes in [
        gzip(&pcap),
        zstd(&pcap),
        vec![],
        vec![7; 500],
        pcap[..20].to_vec(),
    ] {
        let path = folder.write("a.pcap", &bytes);
        let whole = all_of(&bytes);
        assert_eq!(cut(&path, &whole, 1).unwrap(), [whole]);
    }
}

#[test]
fn a_piece_knows_the_section_and_the_interfaces_before_it() {
    let folder = Folder::new("cut-context");
    let (head, other) = (section(LITTLE, 1), interface(LITTLE));
    let names = block(NAME_RESOLUTION, &[0; 8], LITTLE);
    let one = enhanced(&packet(0, [7; 60]), LITTLE);
    let bytes = [
        &head, &names, &other, &one, &other, &one, &one, &head, &other, &one, &one,
    ]
    .map(Vec::as_slice)
    .concat();
    let path = folder.write("a.pcapng", &bytes);
    let pieces = cut(&path, &all_of(&bytes), 1).unwrap();
    let heads: Vec<_> = pieces
        .iter()
        .map(|piece| piece.mark.head.as_slice())
        .collect();
    let (header, described) = ((0, 28), (48, 68));
    let later = 68 + one.len() as u64;
    assert_eq!(
        heads[..4],
        [
            &[][..],
            &[header, described],
            &[header, described, (later, later + 20)],
            &[header, described, (later, later + 20)],
        ]
    );
    let second = later + 20 + 2 * one.len() as u64;
    assert_eq!(heads[4..], [&[(second, second + 48)]]); // header and interface side by side
}

#[test]
fn a_file_with_too_much_to_read_first_is_cut_further_on() {
    let folder = Folder::new("cut-heavy");
    let one = enhanced(&packet(0, [7; 60]), LITTLE);
    let mut bytes = section(LITTLE, 1);
    for _ in 0..MAX_HEAD_RANGES + 5 {
        bytes.extend([interface(LITTLE), one.clone()].concat());
    }
    let heavy_until = bytes.len() as u64;
    bytes.extend(pcapng(&packets(3), LITTLE));
    let path = folder.write("a.pcapng", &bytes);
    let pieces = cut(&path, &all_of(&bytes), 1).unwrap();
    assert_eq!(pieces.len(), MAX_HEAD_RANGES + 1 + 2);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.mark.head.len() <= MAX_HEAD_RANGES)
    );
    assert!(pieces[MAX_HEAD_RANGES].end > heavy_until);
    assert_eq!(read_pieces(&path, &pieces), read_whole(&path));
}

/// Blocks of one section, of any kind and in any order.
fn some_section() -> impl Strategy<Value = Vec<u8>> {
    let order = prop_oneof![Just(Order::Little), Just(Order::Big)];
    (order, vec((0..12_u8, 0..200_u8, any::<u8>()), 0..25)).prop_map(|(order, blocks)| {
        let described = interface(order);
        let made = blocks
            .into_iter()
            .flat_map(|(kind, size, choice)| a_block(order, kind, usize::from(size), choice));
        [section(order, 1), described, made.collect()].concat()
    })
}

fn a_block(order: Order, kind: u8, size: usize, choice: u8) -> Vec<u8> {
    let one = packet(i64::from(choice) * 1_000_000_000, vec![choice; size + 1]);
    let number = u32::from(choice % 3); // not always described
    match kind {
        0 => {
            let offset = u64::from(choice).to_ne_bytes();
            let resolution = [[6, 9, 3, 0x94][usize::from(choice % 4)]];
            let options = [
                option(IF_TSRESOL, &resolution, order),
                option(IF_TSOFFSET, &offset, order),
            ];
            interface_of(
                order,
                1 + u16::from(choice % 2),
                size as u32,
                &options.concat(),
            )
        }
        1 => simple(&one, order),
        2 => obsolete(&one, order, number as u16),
        3 => block(NAME_RESOLUTION, &vec![choice; size], order),
        4 => block(SECRETS, &vec![choice; size], order),
        5 => block(CUSTOM, &vec![choice; size], order),
        6 => enhanced_at(&one, order, number, u64::from(choice) << 50),
        _ => enhanced(&one, order),
    }
}

fn some_pcap() -> impl Strategy<Value = Vec<u8>> {
    (
        vec(0..300_usize, 0..30),
        prop_oneof![Just(MICRO), Just(NANO), Just(MODIFIED)],
        0..2_usize,
    )
        .prop_map(|(sizes, magic, order)| {
            let packets: Vec<_> = sizes
                .into_iter()
                .enumerate()
                .map(|(at, size)| packet(at as i64 * 1_000_000, vec![at as u8; size]))
                .collect();
            pcap_of(&packets, ORDERS[order], magic)
        })
}

/// A file of either format.
fn some_file() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(some_section(), 1..4).prop_map(|sections| sections.concat()),
        some_pcap(),
    ]
}

proptest! {
    #[test]
    fn pieces_give_what_the_whole_gives(
        mut bytes in some_file(),
        damage in vec((any::<Index>(), any::<u8>()), 0..3),
        lost in prop_oneof![3 => Just(0), 1 => 0..200_usize],
        piece_bytes in 1..600_u64,
        step in 1..900_u64,
    ) {
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(lost).max(1));
        let folder = Folder::new("cut-anything");
        let path = folder.write("a.capture", &bytes);
        let whole = all_of(&bytes);
        let expected = read_whole(&path);
        let pieces = cut(&path, &whole, piece_bytes).unwrap();
        prop_assert_eq!(read_pieces(&path, &pieces), expected);
        prop_assert_eq!(cut_ahead(&path, &whole, piece_bytes, step), pieces);
    }
}

#[test]
fn sound_pcapng_is_cut_into_many() {
    let folder = Folder::new("cut-many");
    let bytes = [
        pcapng(&packets(40), Order::Big),
        pcapng(&packets(40), LITTLE),
        blocks(&packets(40), LITTLE),
    ]
    .concat();
    let path = folder.write("a.pcapng", &bytes);
    let pieces = cut(&path, &all_of(&bytes), 1_000).unwrap();
    assert!(pieces.len() > 9, "{}", pieces.len());
    assert_eq!(read_pieces(&path, &pieces), read_whole(&path));
}
