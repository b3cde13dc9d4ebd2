//! See `dissect::fuzzing::stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dissect::fuzzing::stream(input));
