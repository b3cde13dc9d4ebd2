//! See `capture::fuzzing::capture_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capture::fuzzing::capture_file(input));
