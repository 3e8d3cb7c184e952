//! Installing what is missing where that is possible, and saying what to install where it is not.

use std::process::Command;

use anyhow::{Context, Result};

use super::choice::Need;
use super::machine::Machine;
use super::{Route, TARGET};
use crate::command;

/// Debian's current Rust with the source of its standard library.
const RUST_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The version that is installed if it is offered, since it is the one tried most.
const USUAL_CLANG: u32 = 19;

/// Something that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The target's standard library, by rustup.
    RustupTarget,
    /// Debian's Rust.
    RustPackages,
    /// The distribution's clang and WASI libc.
    CPackages,
}

impl Action {
    /// What is installed, and from where.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::RustupTarget => "Rust's standard library for wasm32-wasip1 with rustup",
            Self::RustPackages => "rustc-web, cargo-web and rust-web-src with apt-get",
            Self::CPackages => "clang, lld, llvm and wasi-libc with apt-get",
        }
    }

    /// Installs it.
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::RustupTarget => command::run(Command::new("rustup").args(["target", "add", TARGET])),
            Self::RustPackages => {
                update_package_lists()?;
                install_packages(&RUST_PACKAGES)
            }
            Self::CPackages => {
                update_package_lists()?;
                let names = command::output(Command::new("apt-cache").args(["pkgnames", "clang-"]));
                let major = names.as_deref().and_then(clang_to_install).context("no package of clang is offered")?;
                install_packages(&c_packages(major))
            }
        }
    }
}

/// What to install next, none if nothing is left to try.
pub(super) fn next(machine: &Machine, route: Route, needs: &[Need], tried: &[Action]) -> Option<Action> {
    let rust = needs.contains(&Need::Rust);
    let c = needs.contains(&Need::CCompiler);
    let candidates = [
        (rust && route != Route::Debian && machine.rustup, Action::RustupTarget),
        (rust && route != Route::Rustup && machine.apt, Action::RustPackages),
        (c && machine.apt, Action::CPackages),
    ];
    candidates
        .into_iter()
        .filter_map(|(possible, action)| possible.then_some(action))
        .find(|action| !tried.contains(action))
}

/// What to install by hand.
pub(super) fn instructions(route: Route, needs: &[Need]) -> String {
    let mut lines = vec!["the component can not be built here yet; needed:".to_owned()];
    for need in needs {
        match need {
            Need::Rust => lines.extend(rust_instructions(route)),
            Need::CCompiler => lines.extend([
                "  a clang that compiles for WebAssembly, and a WASI libc; one of".to_owned(),
                format!("    apt-get install {}", c_packages(USUAL_CLANG).join(" ")),
                "    the WASI SDK (https://github.com/WebAssembly/wasi-sdk), and WASI_SDK_PATH set to its directory"
                    .to_owned(),
            ]),
            Need::UsableSdk(path) => lines.push(format!(
                "  a WASI SDK of version 20 or later in {}, where WASI_SDK_PATH leads, or the variable unset",
                path.display()
            )),
        }
    }
    lines.push("then run `cargo xtask setup` again".to_owned());
    lines.join("\n")
}

fn rust_instructions(route: Route) -> Vec<String> {
    let mut lines = vec![format!("  Rust's standard library for {TARGET}; one of")];
    if route != Route::Debian {
        lines.push(format!("    rustup target add {TARGET}"));
    }
    if route != Route::Rustup {
        lines.push(format!("    apt-get install {}  (Debian 12)", RUST_PACKAGES.join(" ")));
    }
    lines
}

fn c_packages(major: u32) -> [String; 4] {
    [format!("clang-{major}"), format!("lld-{major}"), format!("llvm-{major}"), "wasi-libc".to_owned()]
}

/// Which version to take of those in package names such as `clang-19`: the usual one, or else the
/// newest.
fn clang_to_install(package_names: &str) -> Option<u32> {
    let offered = || package_names.lines().filter_map(|name| name.strip_prefix("clang-")?.parse().ok());
    offered().find(|major| *major == USUAL_CLANG).or_else(|| offered().max())
}

fn update_package_lists() -> Result<()> {
    command::run(Command::new("apt-get").args(["update", "-qq"]))
}

fn install_packages(packages: &[impl AsRef<std::ffi::OsStr>]) -> Result<()> {
    command::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-qq", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Need; 2] = [Need::Rust, Need::CCompiler];

    fn machine(rustup: bool, apt: bool) -> Machine {
        Machine { rustup, apt, ..Machine::default() }
    }

    #[test]
    fn rustup_is_asked_first_and_packages_if_that_did_not_help() {
        let machine = machine(true, true);
        let tried = [Action::RustupTarget, Action::RustPackages, Action::CPackages];
        for (done, expected) in tried.iter().enumerate() {
            assert_eq!(next(&machine, Route::Auto, &BOTH, &tried[..done]), Some(*expected));
        }
        assert_eq!(next(&machine, Route::Auto, &BOTH, &tried), None);
    }

    #[test]
    fn a_route_that_is_asked_for_installs_nothing_of_the_other() {
        let machine = machine(true, true);
        let rust = [Need::Rust];
        assert_eq!(next(&machine, Route::Rustup, &rust, &[Action::RustupTarget]), None);
        assert_eq!(next(&machine, Route::Debian, &rust, &[]), Some(Action::RustPackages));
    }

    #[test]
    fn nothing_is_installed_without_the_means() {
        assert_eq!(next(&machine(false, false), Route::Auto, &BOTH, &[]), None);
        let wrong_sdk = [Need::UsableSdk("/opt/old".into())];
        assert_eq!(next(&machine(true, true), Route::Auto, &wrong_sdk, &[]), None);
    }

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(next(&machine(true, true), Route::Auto, &[Need::CCompiler], &[]), Some(Action::CPackages));
    }

    #[test]
    fn instructions_name_every_way_that_remains() {
        let both_ways = instructions(Route::Auto, &BOTH);
        assert!(both_ways.contains("rustup target add wasm32-wasip1\n"), "{both_ways}");
        assert!(both_ways.contains("apt-get install rustc-web cargo-web rust-web-src"), "{both_ways}");
        assert!(both_ways.contains("apt-get install clang-19 lld-19 llvm-19 wasi-libc\n"), "{both_ways}");
        assert!(both_ways.contains("WASI_SDK_PATH"), "{both_ways}");

        let only_rustup = instructions(Route::Rustup, &[Need::Rust]);
        assert!(!only_rustup.contains("apt-get"), "{only_rustup}");
        let only_debian = instructions(Route::Debian, &[Need::Rust]);
        assert!(!only_debian.contains("rustup"), "{only_debian}");
    }

    #[test]
    fn the_usual_clang_is_installed_and_otherwise_the_newest() {
        let names = "clang-9\nclang-19-doc\nclang-14\nclang-format-22\nclang-18\n";
        assert_eq!(clang_to_install(names), Some(18));
        assert_eq!(clang_to_install(&format!("clang-22\nclang-19\n{names}")), Some(19));
        assert_eq!(clang_to_install("clang-tools\n"), None);
    }
}
