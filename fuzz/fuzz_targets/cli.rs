//! libFuzzer for the target `cli`.

#![no_main]

use std::sync::Arc;

use larder_fuzz::cli;

/// Makes this program `larder` if that is what it is for. As in all programs whose `main` is Rust's, and unlike
/// in those whose `main` is libFuzzer's, to write what nobody reads is an error and not the end.
fn begin() {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).expect("it can be caught");
    cli::serve();
}

libfuzzer_sys::fuzz_target!(init: begin(), |input: &[u8]| {
    cli::run(&cli::this_program(), input, &mut cli::Tally::default());
});
