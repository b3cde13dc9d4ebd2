//! Sends a capture on a veth pair or the loopback at a given rate, for so many seconds, and says what was sent.
//!
//! `sender INTERFACE CAPTURE RATE SECONDS` reads the whole capture first, then sends it again and again: RATE packets
//! a second, or as many as go where it is 0. Every round changes clients' ports and addresses, so that its
//! connections are new ones. Times in the capture do not count. Prints one line of JSON.
#![deny(unsafe_code)]

mod frames;
mod options;
mod pace;
mod rounds;
mod wire;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::frames::Frames;
use crate::options::Options;
use crate::pace::Pace;
use crate::rounds::Rounds;
use crate::wire::Wire;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("sender: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Send until the time is over.
fn run(options: &Options) -> Result<(), String> {
    let mut wire = Wire::open(&options.interface)?;
    let mut frames = Frames::read(&options.capture, wire.frame_bytes())?;
    let rounds = Rounds::of(&frames);
    let (started, mut round, mut at) = (Instant::now(), 0_u32, 0);
    let mut pace = Pace::new(options.rate, started);
    let end = started + options.duration;
    loop {
        let now = Instant::now();
        if now >= end {
            break;
        }
        let most = pace.allowed(now).min(wire::BATCH).min(frames.len() - at);
        if most == 0 {
            std::thread::sleep(pace.rest().min(end - now));
            continue;
        }
        let batch = frames.batch(at..at + most, |frame, place| {
            rounds.change(round, frame, place);
        });
        let sent = wire.send(batch)?;
        pace.used(sent);
        at += sent;
        if at == frames.len() {
            (at, round) = (0, round.wrapping_add(1));
        }
    }
    tell(&wire, &frames, started.elapsed(), round);
    Ok(())
}

fn tell(wire: &Wire, frames: &Frames, took: Duration, rounds: u32) {
    println!(
        r#"{{"packets": {}, "bytes": {}, "refused": {}, "rounds": {rounds}, "seconds": {:.4}, "cpu_seconds": {:.4}, "left_out": {}}}"#,
        wire.packets,
        wire.bytes,
        wire.refused,
        took.as_secs_f64(),
        wire::cpu_seconds(),
        frames.left_out
    );
}
