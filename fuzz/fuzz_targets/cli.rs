//! libFuzzer for the target `cli`.

#![no_main]

use larder_fuzz::cli;

libfuzzer_sys::fuzz_target!(init: cli::serve(), |input: &[u8]| {
    cli::run(&cli::this_program(), input, &mut cli::Tally::default());
});
