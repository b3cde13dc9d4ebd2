//! Packet dissection: frames in, observations out. No I/O, no clock, no logging, no unsafe code.
//!
//! The Python reference engine (`sensors/*.py`) is the specification: each module here has the name of its
//! counterpart there and gives the same values, the same counters, and the same reasons. Parsers have three
//! outcomes: a value, `None` for "more bytes needed", and `Malformed`.
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
    any(test, feature = "fuzzing"),
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod address_text;
pub mod budget;
pub mod cargo;
pub mod clienthello;
pub mod clock;
pub mod concealing;
pub mod crossing;
pub mod datagrams;
pub mod decode;
pub mod direction;
pub mod dns;
pub mod dns_chain;
pub mod dns_names;
pub mod dns_pool;
pub mod dns_records;
pub mod dns_tcp;
pub mod dtls;
pub mod encode;
pub mod express;
pub mod flow;
pub mod flowless;
pub mod flows;
pub mod fragments;
pub mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gaps;
pub mod glance;
pub mod gquic;
pub mod gquic_frames;
pub mod gquic_hello;
pub mod gre;
pub mod http;
pub mod ip;
pub mod ja4;
pub mod key;
#[cfg(test)]
mod kit;
pub mod links;
pub mod msgpack;
pub mod msgpack_reader;
pub mod observations;
pub mod places;
pub mod preface;
pub mod proxy_header;
pub mod quic;
pub mod quic_client;
pub mod quic_crypto;
pub mod quic_frames;
pub mod quic_packets;
pub mod quic_version;
pub mod ranges;
pub mod reading;
pub mod recorder;
pub mod segment;
pub mod sensor;
pub mod silence;
pub mod socks;
pub mod starttls;
pub mod streams;
pub mod stun;
pub mod svcb;
pub mod tally;
pub mod tcp;
pub mod tls;
pub mod tracker;
pub mod transports;
pub mod tunnels;
pub mod udp;
pub mod udp_tunnels;
pub mod undecoded;
pub mod wire;
