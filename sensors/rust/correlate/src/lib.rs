//! Correlation: observations in, flows with their names out, or only counts of them. No I/O, no clock, no
//! logging, no unsafe code.
//!
//! The Python correlator (`monitor/correlator.py`, `monitor/resolutions.py`) is the specification: each module
//! here has the name of its counterpart there and gives the same names, the same coverage classes and the same
//! counts. What no policy can care about is counted here and goes no further; `interest` says what that is.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::todo
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod connections;
pub mod correlator;
pub mod encode;
pub mod filter;
pub mod hostmatch;
pub mod interest;
#[cfg(test)]
mod kit;
pub mod merge;
pub mod outlet;
pub mod publishing;
pub mod recency;
pub mod relayed;
pub mod resolutions;
pub mod shared;
pub mod signalling;
pub mod slots;
pub mod view;

pub use filter::Filter;
pub use interest::{Interest, Wanted};
pub use merge::Place;
pub use outlet::Outlet;
pub use publishing::{Plan, Publisher};
pub use relayed::{Relayed, Taken};
pub use resolutions::Limits;
