//! The floor of the benchmarks: what reading a capture, parsing its headers and keeping a flow table costs.
//!
//! `floor PATH...` prints one line of JSON: packets, how many of them are in the table, flows, bytes, seconds, and
//! the peak of its memory in bytes, null where the system does not say.
#![forbid(unsafe_code)]

mod headers;
mod table;

use std::env::args_os;
use std::fs::read_to_string;
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
    loop {
        let frames = captures.next();
        if frames.is_empty() {
            break;
        }
        for frame in frames {
            packets += 1;
            bytes += u64::from(frame.wire_bytes);
            if frame.linktype == ETHERNET
                && let Some(tuple) = five_tuple(frame.data)
            {
                table.count(tuple, frame.wire_bytes);
            }
        }
    }
    let (flows, counted) = table.totals();
    let seconds = started.elapsed().as_secs_f64();
    let peak = peak_bytes().map_or_else(|| "null".to_owned(), |peak| peak.to_string());
    println!(
        r#"{{"packets": {packets}, "counted": {counted}, "flows": {flows}, "bytes": {bytes}, "seconds": {seconds:.4}, "peak_bytes": {peak}}}"#
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

/// Return the largest resident set so far. The parent cannot ask: to Linux a child's is at least its parent's.
fn peak_bytes() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = kilobytes.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}
