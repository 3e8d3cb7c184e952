//! libFuzzer for the target `calls`.

#![no_main]

use larder_fuzz::calls::{Tally, run};

libfuzzer_sys::fuzz_target!(|input: &[u8]| run(input, &mut Tally::default()));
