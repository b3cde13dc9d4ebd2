//! Live capture: packets from a network interface through a ring that the kernel fills, as frames.
//!
//! `sys` has the system calls, and all of the crate's unsafe code; `block` reads what the kernel wrote; `ring` joins
//! the two. `engine` runs a sensor on each ring, and one correlator behind them all.

pub mod block;
pub mod engine;
pub mod inbox;
#[cfg(test)]
mod kit;
pub mod program;
pub mod ring;
pub mod snaplen;
mod sys;
mod worker;

pub use engine::{Engine, Plan, Refused};
pub use inbox::Account;
pub use ring::{Ask, Refusal};
pub use snaplen::Snaplen;
