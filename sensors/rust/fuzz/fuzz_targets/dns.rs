//! See `dissect::fuzzing::dns`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dissect::fuzzing::dns(input));
