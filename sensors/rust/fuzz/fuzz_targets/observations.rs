//! See `dissect::fuzzing::observations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dissect::fuzzing::observations(input));
