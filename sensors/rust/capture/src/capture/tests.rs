//! One capture file: whatever it is, frames and faults; and how much was consumed.

use std::ffi::OsStr;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

use super::CaptureReader;
use crate::bytes::Order;
use crate::captured::{Fault, FaultKind};
use crate::kit::{
    Folder, Packet, drain, gzip, noise, packet, packets, pcap, pcapng, read, read_by, section, zstd,
};
use crate::window::CHUNK_BYTES;

fn read_file(path: &Path) -> (Vec<Packet>, Vec<Fault>) {
    let mut reader = CaptureReader::open(path, CHUNK_BYTES);
    let packets = drain(&mut reader);
    assert!(reader.next().is_none());
    (packets, reader.faults().to_vec())
}

#[test]
fn compression_is_told_by_the_bytes_not_the_name() {
    let folder = Folder::new("names");
    for data in [pcap(&packets(5)), pcapng(&packets(5), Order::Big)] {
        let members = data.chunks(100).flat_map(gzip).collect();
        let frames = data.chunks(100).flat_map(zstd).collect();
        for packed in [gzip(&data), members, zstd(&data), frames, data.clone()] {
            assert_eq!(
                read_file(&folder.write("plain.pcap.gz", &packed)),
                (packets(5), vec![])
            );
        }
    }
}

#[test]
fn files_that_cannot_be_read() {
    let data = pcap(&packets(5));
    let ng = pcapng(&[], Order::Little);
    let header = "the file header is cut off or of an unknown version";
    let table = [
        (vec![], "the file is empty"),
        (gzip(&[]), "the file is empty"),
        (data[..1].to_vec(), "this is not a pcap or pcapng file"),
        (
            b"PK\x03\x04 something else".to_vec(),
            "this is not a pcap or pcapng file",
        ),
        (
            zstd(b"something else, and longer than a header"),
            "this is not a pcap or pcapng file",
        ),
        (data[..23].to_vec(), header),
        ([&data[..4], &[7], &data[5..]].concat(), header),
        (ng[..27].to_vec(), header),
        ([&ng[..12], &[7], &ng[13..]].concat(), header),
        ([&ng[..8], &[7; 20]].concat(), header),
        (section(Order::Big, 2), header),
        (
            gzip(&data)[..15].to_vec(),
            "the gzip stream is cut off before the first packet",
        ),
        (
            gzip(&noise(200))[..200].to_vec(), // cut off far behind its head
            "this is not a pcap or pcapng file",
        ),
        (
            [&b"\x1f\x8b\xff\xff"[..], &[0; 20]].concat(),
            "the gzip stream is damaged before the first packet",
        ),
        (
            zstd(&data)[..9].to_vec(),
            "the Zstandard stream is cut off before the first packet",
        ),
    ];
    for (data, problem) in table {
        let (got, faults) = read(&data);
        assert_eq!((got, faults.len()), (vec![], 1));
        assert_eq!(
            (faults[0].offset, faults[0].kind),
            (0, FaultKind::Unreadable)
        );
        assert_eq!(faults[0].problem, problem);
    }
}

#[test]
fn paths_that_cannot_be_opened() {
    let folder = Folder::new("unopened");
    let file = folder.write("file", b"");
    let long = "x".repeat(5_000);
    let table: [(&Path, &str, &str); 5] = [
        (
            &folder.0.join("missing.pcap"),
            "there is no such file",
            "check the path",
        ),
        (
            &file.join("inside"),
            "it cannot be opened (Not a directory)",
            "check the path",
        ),
        (
            long.as_ref(),
            "it cannot be opened (File name too long)",
            "check the path",
        ),
        (
            "a\0b".as_ref(),
            "it cannot be opened (not a valid path)",
            "check the path",
        ),
        (
            &folder.0,
            "this folder holds no capture files",
            "name a capture file, or a folder that holds *.pcap or *.pcapng",
        ),
    ];
    for (path, problem, mend) in table {
        let (got, faults) = read_file(path);
        assert_eq!((got, faults.len()), (vec![], 1));
        assert_eq!(
            (faults[0].problem.as_str(), faults[0].mend.as_str()),
            (problem, mend)
        );
        assert_eq!(
            (faults[0].offset, faults[0].kind),
            (0, FaultKind::Unreadable)
        );
    }
    let refused = super::open_problem(&std::io::Error::from_raw_os_error(13));
    assert_eq!(
        refused,
        (
            "permission denied".to_owned(),
            "let the user who runs this read it"
        )
    );
}

#[test]
fn faults_name_a_path_on_one_line() {
    let table: [(&[u8], &str); 5] = [
        (b"new\nline", "new\\nline"),
        (b"\xff\x80", "\\udcff\\udc80"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        ("\u{fc}n\u{ef}code".as_bytes(), "\u{fc}n\u{ef}code"),
        (b".//a/./b/", "a/b"),
    ];
    for (path, text) in table {
        let (_, faults) = read_file(Path::new(OsStr::from_bytes(path)));
        assert_eq!(faults[0].path, text);
    }
}

#[test]
fn a_compressed_file_that_is_cut_keeps_what_it_held() {
    let large: Vec<_> = noise(1_500_000)
        .chunks(1_000)
        .enumerate()
        .map(|(index, data)| packet(index as i64 * 1_000, data))
        .collect();
    let packed = gzip(&pcap(&large));
    let (got, faults) = read(&packed[..packed.len() / 2]);
    assert!(got.len() > 700 && got.len() < 800);
    assert_eq!(got, large[..got.len()]);
    assert_eq!(faults[0].kind, FaultKind::Truncated);
    assert_eq!(
        faults[0].problem,
        format!("the gzip stream is cut off after packet {}", got.len())
    );
    assert_eq!(faults[0].offset, pcap(&large[..got.len()]).len() as u64);
}

#[test]
fn faults_name_the_offset_in_the_uncompressed_stream() {
    let data = pcap(&packets(5));
    let (got, faults) = read(&gzip(&data[..data.len() - 5]));
    assert_eq!(got, packets(4));
    assert_eq!(
        (faults[0].kind, faults[0].offset),
        (FaultKind::Truncated, pcap(&packets(4)).len() as u64)
    );
}

#[test]
fn consumed_bytes_are_those_on_the_disk() {
    let data = pcap(&vec![packet(0, noise(9_000)); 100]);
    for packed in [data.clone(), gzip(&data), zstd(&data)] {
        let size = packed.len() as u64;
        let mut reader = CaptureReader::over(Box::new(Cursor::new(packed)), "x".to_owned(), 65_536);
        assert_eq!(reader.consumed_bytes(), 65_536.min(size));
        assert_eq!(drain(&mut reader).len(), 100);
        assert_eq!(reader.consumed_bytes(), size);
    }
}

#[test]
fn frames_stay_in_the_order_of_the_file() {
    let all = packets(5);
    let jumping = [3, 0, 4, 1, 2]
        .map(|index: usize| all[index].clone())
        .to_vec();
    for data in [pcap(&jumping), pcapng(&jumping, Order::Little)] {
        assert_eq!(read(&data), (jumping.clone(), vec![]));
    }
}

proptest! {
    #[test]
    fn any_file_is_read_the_same_however_it_is_cut(
        head in 0..5_usize,
        rest in vec(any::<u8>(), 0..300),
        chunk_bytes in 1..400_usize,
    ) {
        let heads: [Vec<u8>; 5] = [
            vec![],
            pcap(&[]),
            pcapng(&[], Order::Little),
            gzip(&pcap(&packets(5)))[..60].to_vec(),
            zstd(&pcapng(&packets(5), Order::Big))[..60].to_vec(),
        ];
        let data = [&heads[head][..], &rest].concat();
        let (got, faults) = read(&data);
        prop_assert!(got.iter().all(|packet| packet.ts_ns >= 0));
        if head < 3 {
            prop_assert_eq!(read_by(&data, chunk_bytes), (got, faults));
        }
    }
}
