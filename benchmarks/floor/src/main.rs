//! The floor of the benchmarks: what reading a capture, parsing its headers and keeping a flow table costs.
//!
//! `floor PATH...` prints one line of JSON: packets, how many of them are in the table, flows, bytes, seconds.
#![forbid(unsafe_code)]

mod headers;
mod table;

use std::env::args_os;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use capture::MergedCaptures;

use crate::headers::{ETHERNET, five_tuple};
use crate::table::Table;

fn main() -> ExitCode {
    let paths: Vec<_> = args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("usage: floor PATH...");
        return ExitCode::from(2);
    }
    let started = Instant::now();
    let mut captures = MergedCaptures::new(&paths);
    let mut table = Table::default();
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    while let Some(frame) = captures.next() {
        packets += 1;
        bytes += u64::from(frame.wire_bytes);
        if frame.linktype == ETHERNET
            && let Some(tuple) = five_tuple(frame.data)
        {
            table.count(tuple, frame.wire_bytes);
        }
    }
    let (flows, counted) = table.totals();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        r#"{{"packets": {packets}, "counted": {counted}, "flows": {flows}, "bytes": {bytes}, "seconds": {seconds:.4}}}"#
    );
    for fault in captures.faults() {
        eprintln!(
            "floor: {}: offset {}: {}",
            fault.path, fault.offset, fault.problem
        );
    }
    if captures.faults().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(4)
    }
}
