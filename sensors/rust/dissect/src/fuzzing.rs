//! What must hold whatever bytes come: the entry points of the fuzzer, one a target of `fuzz/`.
//!
//! Each makes of its input what a parser reads, and panics where the parser breaks a promise. Tests run them
//! over the corpus that is committed, so that the promises are tested where no fuzzer is.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic is what a broken promise does"
)]

mod choices;
mod client_hello;
mod dns;
mod frame;
mod observations;
mod quic_initial;
mod said;
mod stream;

pub use choices::Choices;
pub use client_hello::client_hello;
pub use dns::dns;
pub use frame::frame;
pub use observations::observations;
pub use quic_initial::quic_initial;
pub use stream::stream;

#[cfg(test)]
mod tests;
