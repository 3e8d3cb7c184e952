//! What building the component takes beyond the cargo that runs this program: Rust's standard
//! library for `wasm32-wasip1`, and a C compiler with a WASI libc for SQLite. Each can come from
//! two places; this module finds what the machine has, and installs what it may.

mod choice;
mod environment;
mod install;
mod machine;

use std::process::Command;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use self::choice::{CCompiler, Rust};
use self::machine::Machine;
use crate::report;

/// The target that the component's core module is compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// Where Rust's standard library for WebAssembly comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Route {
    /// Whichever of the others is there, rustup's first
    #[default]
    Auto,
    /// Installed beside the compiler, as `rustup target add wasm32-wasip1` does
    Rustup,
    /// Built from source with Debian's rustc-web, cargo-web and rust-web-src
    Debian,
}

/// Everything needed to build the component.
#[derive(Debug)]
pub(crate) struct Toolchain {
    rust: Rust,
    c: CCompiler,
}

impl Toolchain {
    /// Finds a toolchain, and installs one where none is. The error says what to install by hand.
    pub(crate) fn ensure(route: Route) -> Result<Self> {
        let mut tried = Vec::new();
        loop {
            let machine = Machine::inspect();
            let needs = match choice::choose(&machine, route) {
                Ok(toolchain) => {
                    let all_there = if tried.is_empty() { "everything is there: " } else { "" };
                    report::line("Toolchain", &format!("{all_there}{}", toolchain.description()));
                    return Ok(toolchain);
                }
                Err(needs) => needs,
            };
            let Some(action) = install::next(&machine, route, &needs, &tried) else {
                return Err(anyhow!(install::instructions(route, &needs)));
            };
            report::line("Installing", action.description());
            if let Err(error) = action.run() {
                report::line("Not done", &format!("{error:#}"));
            }
            tried.push(action);
        }
    }

    /// A cargo command that builds for [`TARGET`], up to and without its subcommand's options.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        environment::cargo(self, subcommand)
    }

    /// A directory name for what this toolchain builds, different for each kind.
    pub(crate) fn slug(&self) -> &'static str {
        match self.rust {
            Rust::Installed => "rustup",
            Rust::Distribution(_) => "debian",
        }
    }

    /// Whether lints can be run: only with the toolchain that comes with clippy.
    pub(crate) fn has_clippy(&self) -> bool {
        matches!(self.rust, Rust::Installed)
    }

    fn description(&self) -> String {
        let rust = match &self.rust {
            Rust::Installed => format!("Rust with its standard library for {TARGET}"),
            Rust::Distribution(rust) => {
                format!("Debian's Rust {} and std from source", rust.version)
            }
        };
        format!("{rust}; {}", self.c.description())
    }
}
