//! `cargo xtask`: sets the machine up, builds the component, and runs the demo, the tests, the
//! benchmark and what CI checks. Everything a person or CI has to call is a subcommand here.

mod command;
mod component;
mod deny;
mod fuzz;
mod python;
mod report;
mod sanitize;
mod steps;
mod toolchain;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::Session;
use crate::toolchain::Route;

/// Set up, build, demonstrate, test and measure Larder
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    /// Where Rust's standard library for WebAssembly comes from
    #[arg(long, global = true, value_enum, default_value_t, env = "LARDER_TOOLCHAIN")]
    toolchain: Route,

    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Find or install what building the component needs, or say what to install
    Setup,
    /// Build target/larder/larder.wasm and target/larder/larder-standalone.wasm
    Build,
    /// Run Larder's main job on real files and check the outcome
    Demo {
        /// Directory to cache [default: the crate sources cargo has downloaded]
        directory: Option<PathBuf>,
    },
    /// Run every test
    Test {
        /// Handed on to `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show each rule of python-diskcache on every shape of a cache, and compare with it
    Conformance {
        /// Handed on to the suite: `--write`, `--seed N`, `--operations N`, or parts of names of rules
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Compare Larder's speed with other caches
    Bench {
        /// Handed on to the benchmark (`cargo xtask bench --help` lists them)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Check the licences, sources and known vulnerabilities of all dependencies
    Deny,
    /// Test under fire for as long as wanted: histories, kills, clocks that leap
    Soak {
        /// Handed on to the soak: `--minutes N`, `--seed N`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Look for inputs that make Larder fail, with libFuzzer; what it finds stays below target/fuzz
    Fuzz(fuzz::Fuzz),
    /// Run the tests of the crates with unsafe code under a sanitizer of addresses
    Sanitize,
    /// Check formatting, dependencies, lints and documentation, then run every test
    Ci,
}

fn main() -> ExitCode {
    if fuzz::instrument::is_asked() {
        return fuzz::instrument::compile(std::env::args_os().skip(1));
    }
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let session = Session::new(arguments.toolchain)?;
    match &arguments.step {
        Step::Setup => session.setup().map(drop),
        Step::Build => session.build().map(drop),
        Step::Demo { directory } => session.demo(directory.as_deref()),
        Step::Test { arguments } => session.test(arguments),
        Step::Conformance { arguments } => session.conformance(arguments),
        Step::Bench { arguments } => session.bench(arguments),
        Step::Deny => session.deny(),
        Step::Soak { arguments } => session.soak(arguments),
        Step::Fuzz(fuzz) => session.fuzz(fuzz),
        Step::Sanitize => session.sanitize(),
        Step::Ci => session.ci(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_after_test_are_handed_on() {
        let parsed = Arguments::try_parse_from(["cargo xtask", "test", "-p", "larder", "--", "--nocapture"]).unwrap();
        let Step::Test { arguments } = parsed.step else {
            panic!("not parsed as a test");
        };
        assert_eq!(arguments, ["-p", "larder", "--", "--nocapture"]);
    }
}
