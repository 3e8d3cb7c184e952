//! libFuzzer for the target `database`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| larder_fuzz::database::run(input));
