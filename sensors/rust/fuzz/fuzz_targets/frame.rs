//! See `dissect::fuzzing::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dissect::fuzzing::frame(input));
