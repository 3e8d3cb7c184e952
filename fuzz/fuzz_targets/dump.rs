//! libFuzzer for the target `dump`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: larder_fuzz::plant(larder_fuzz::dump::seeds), |input: &[u8]| larder_fuzz::dump::run(input));
