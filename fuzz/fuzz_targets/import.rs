//! libFuzzer for the target `import`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| larder_fuzz::import::run(input));
