//! Capture files: pcap and pcapng, plain or compressed, one or many, as frames lent from the read buffer.
//!
//! The Python readers (`sensors/*.py`) are the specification: each module here has the name of its counterpart
//! there and gives the same frames, the same faults, and the same order. A file is an attacker's: what is wrong
//! with it becomes a fault, never an error or a panic, and memory stays bounded.
#![deny(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::todo
)]
#![cfg_attr(
    any(test, feature = "fuzzing"),
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

pub mod ahead;
pub mod blocks;
mod bytes;
pub mod capture;
pub mod captured;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod inflate;
#[cfg(test)]
mod kit;
pub mod live;
mod member;
pub mod merge;
pub mod observing;
pub mod output;
pub mod parts;
pub mod paths;
pub mod pcap;
pub mod pcapng;
mod pcapng_interface;
pub mod pcapng_section;
mod posix;
pub mod replay;
pub mod series;
pub mod sink;
pub mod window;

pub use capture::CaptureReader;
pub use captured::{Fault, FaultKind, Frame};
pub use merge::MergedCaptures;
pub use replay::{Limits, Manner, Replay};
pub use series::Series;
