//! The tests of the crates with unsafe code under `AddressSanitizer`, whose runtime comes with a nightly toolchain.

use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{command, report};

/// The crates: that of the file layer, which talks to SQLite by pointers and maps what others change, and
/// that by which the host maps files in place of memory.
const PACKAGES: [&str; 2] = ["larder-vfs", "larder-sharing"];

/// Runs them. A reading or writing out of bounds, or of what was given back, is a failing test.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let target = target().context(
        "AddressSanitizer needs a nightly toolchain beside the usual one: `rustup toolchain install nightly` adds it",
    )?;
    report::line("Sanitizing", &format!("{} with AddressSanitizer", PACKAGES.join(", ")));
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace.root()).args(["+nightly", "test", "--target", &target, "--target-dir"]);
    // Not those of the documentation: rustdoc links without the sanitizer.
    cargo.arg(workspace.sanitized()).arg("--tests");
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    // Through the shim of rustup, not the toolchain that runs this program.
    cargo.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    // One test asks for more memory than there is, to be refused. In another a region can not be unmapped, which
    // is then never used again, nor given back; so leaks are for the tests of resources to find.
    // SQLite is compiled for the sanitizer, too, and by another compiler, whose globals seem to be there twice.
    cargo.env("ASAN_OPTIONS", "allocator_may_return_null=1:detect_leaks=0:detect_odr_violation=0");
    command::run(cargo.env("RUSTFLAGS", "-Zsanitizer=address"))
}

/// The target of the nightly toolchain, with which it is named so that build scripts go without; none if there is
/// no such toolchain.
fn target() -> Option<String> {
    let mut rustc = Command::new("rustc");
    let version = command::output(rustc.args(["+nightly", "-vV"]).env_remove("RUSTUP_TOOLCHAIN"))?;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}
