//! Several files in time order: rotated, overlapping, damaged, and more than may be open.

use proptest::collection::vec;
use proptest::prelude::*;

use super::MergedCaptures;
use crate::bytes::Order;
use crate::kit::{Folder, Packet, SECOND_NS, packet, packets, pcap, pcapng};

/// Packets at some seconds; `mark` tells them apart.
fn timed(mark: u8, seconds: &[u8]) -> Vec<Packet> {
    seconds
        .iter()
        .map(|second| packet(i64::from(*second) * SECOND_NS, [mark, *second]))
        .collect()
}

fn merged(captures: &mut MergedCaptures) -> Vec<Packet> {
    let mut got = Vec::new();
    loop {
        let before = got.len();
        got.extend(captures.next().into_iter().map(Packet::from));
        if got.len() == before {
            break;
        }
    }
    assert!(captures.next().is_empty());
    got
}

fn of_folder(folder: &Folder) -> Vec<Packet> {
    merged(&mut MergedCaptures::new(&[&folder.0]))
}

#[test]
fn one_file_is_read_as_it_is() {
    let folder = Folder::new("one");
    folder.write("a.pcap", &pcap(&timed(0, &[3, 1, 2])));
    assert_eq!(of_folder(&folder), timed(0, &[3, 1, 2]));
}

#[test]
fn rotated_files_follow_each_other_whatever_their_names() {
    let folder = Folder::new("rotated");
    folder.write("a.pcap", &pcap(&timed(0, &[7, 8, 9])));
    folder.write("b.pcapng", &pcapng(&timed(0, &[1, 2, 3]), Order::Big));
    folder.write("c.pcap", &pcap(&timed(0, &[4, 5, 6])));
    assert_eq!(of_folder(&folder), timed(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]));
}

#[test]
fn files_that_overlap_are_interleaved() {
    let folder = Folder::new("overlap");
    folder.write("a.pcap", &pcap(&timed(0, &[1, 4, 7, 10])));
    folder.write("b.pcap", &pcap(&timed(0, &[2, 5, 8])));
    folder.write("c.pcap", &pcap(&timed(0, &[3, 6, 9])));
    assert_eq!(
        of_folder(&folder),
        timed(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    );
}

#[test]
fn equal_times_are_ordered_by_path() {
    let folder = Folder::new("equal");
    let last = folder.write("b.pcap", &pcap(&timed(2, &[1, 2])));
    let first = folder.write("a.pcap", &pcap(&timed(1, &[1, 2])));
    let got = merged(&mut MergedCaptures::new(&[last, first]));
    let marks: Vec<_> = got.iter().map(|packet| packet.data[0]).collect();
    assert_eq!(marks, [1, 2, 2, 1]); // at second 2 the file that is being read goes on
}

#[test]
fn too_many_overlapping_files_wait() {
    let folder = Folder::new("wait");
    for index in 0..8 {
        folder.write(
            &format!("{index}.pcap"),
            &pcap(&timed(index, &[index, 20 + index])),
        );
    }
    let mut captures = MergedCaptures::new(&[&folder.0]);
    captures.max_open_files = 3;
    let mut seconds: Vec<_> = merged(&mut captures)
        .iter()
        .map(|packet| packet.data[1])
        .collect();
    assert_eq!(seconds[..6], [0, 1, 2, 20, 3, 21]);
    seconds.sort_unstable();
    assert_eq!(
        seconds,
        [0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23, 24, 25, 26, 27]
    );
    assert_eq!(captures.delayed_files(), 5);
}

#[test]
fn the_faults_of_all_files_in_the_order_of_their_paths() {
    let folder = Folder::new("faults");
    let data = pcap(&packets(5));
    folder.write("c.pcap", &data[..data.len() - 1]);
    folder.write("a.pcap", b"");
    folder.write("b.pcap", &data);
    let mut captures = MergedCaptures::new(&[folder.0.join("missing.pcap"), folder.0.clone()]);
    assert_eq!(captures.faults().len(), 0);
    assert_eq!(merged(&mut captures).len(), 4 + 5);
    let folder_text = format!("{}/", folder.0.display());
    let said: Vec<_> = captures
        .faults()
        .into_iter()
        .map(|fault| {
            (
                fault.path.trim_start_matches(&folder_text),
                fault.kind.text(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("a.pcap", "unreadable"),
            ("c.pcap", "truncated"),
            ("missing.pcap", "unreadable")
        ]
    );
}

#[test]
fn consumed_bytes_are_those_on_the_disk_once() {
    let folder = Folder::new("consumed");
    let sizes = [3_000, 5].map(|count| {
        let data = pcap(&vec![packet(0, vec![0; 1_000]); count]);
        folder.write(&format!("{count}.pcap"), &data);
        data.len() as u64
    });
    let mut captures = MergedCaptures::new(&[&folder.0]);
    assert_eq!(captures.consumed_bytes(), 0);
    assert_eq!(merged(&mut captures).len(), 3_005);
    assert_eq!(captures.consumed_bytes(), sizes.iter().sum::<u64>());
}

#[test]
fn no_files_no_frames() {
    let none: [&str; 0] = [];
    let mut captures = MergedCaptures::new(&none);
    assert_eq!(merged(&mut captures), []);
    assert_eq!((captures.paths().len(), captures.faults().len()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_frame_comes_once_and_in_its_files_order(files in vec(vec(0..20_u8, 0..6), 1..6)) {
        let folder = Folder::new("every");
        for (mark, seconds) in files.iter().enumerate() {
            folder.write(&format!("{mark}.pcap"), &pcap(&timed(mark as u8, seconds)));
        }
        let got = of_folder(&folder);
        prop_assert_eq!(got.len(), files.iter().map(Vec::len).sum::<usize>());
        for (mark, seconds) in files.iter().enumerate() {
            let own: Vec<_> = got.iter().filter(|packet| packet.data[0] == mark as u8).cloned().collect();
            prop_assert_eq!(own, timed(mark as u8, seconds));
        }
        if files.iter().all(|seconds| seconds.is_sorted()) {
            prop_assert!(got.is_sorted_by_key(|packet| packet.ts_ns));
        }
    }
}
