//! See `dissect::fuzzing::quic_initial`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dissect::fuzzing::quic_initial(input));
