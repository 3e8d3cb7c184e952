//! xtask as the compiler: cargo calls it for the workspace's own crates (`RUSTC_WORKSPACE_WRAPPER`) when
//! they are compiled for libFuzzer, which needs to see which branches an input takes.
//!
//! Dependencies are compiled without it, as for the tests, and so they are shared with them: wasmtime is
//! neither compiled once more nor slowed down, and what guides the search is the product's own code.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::report;

/// Set to 1, it makes this program the compiler.
const MARK: &str = "LARDER_INSTRUMENT";

/// What the compiler is asked for: counters of branches and traces of comparisons, which libFuzzer reads,
/// in code that is fast enough to be run often, and still checks its arithmetic.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Copt-level=2",
    "-Ccodegen-units=1",
    "-Cdebuginfo=line-tables-only",
    "-Cdebug-assertions=on",
];

/// Has cargo compile the workspace's crates through this program.
pub(super) fn ask(cargo: &mut Command, xtask: &Path) {
    cargo.env("RUSTC_WORKSPACE_WRAPPER", xtask).env(MARK, "1");
}

/// Whether this program is to be the compiler.
pub(crate) fn is_asked() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Compiles: the arguments are the compiler and what it is to do.
pub(crate) fn compile(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(compiler) = arguments.next() else {
        report::failure(&anyhow::anyhow!("{MARK} is for cargo alone: no compiler was named"));
        return ExitCode::FAILURE;
    };
    let arguments: Vec<_> = arguments.collect();
    let mut rustc = Command::new(&compiler);
    rustc.args(&arguments);
    if is_of_the_product(&arguments) {
        rustc.args(FLAGS);
    }
    match rustc.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            report::failure(&anyhow::anyhow!("{}: {error}", compiler.display()));
            ExitCode::FAILURE
        }
    }
}

/// Whether code is compiled that an input can reach: not if the compiler is only asked about itself, and
/// not for what runs while others are compiled, which has no libFuzzer to talk to.
fn is_of_the_product(arguments: &[OsString]) -> bool {
    let follows = |name: &str, test: &dyn Fn(&OsStr) -> bool| {
        arguments.windows(2).any(|pair| matches!(pair, [first, second] if first == name && test(second)))
    };
    let is_named = |value: &OsStr| value.to_str().is_some_and(|name| name != "___");
    let is_build_script = |value: &OsStr| value.to_str().is_some_and(|name| name.starts_with("build_script_"));
    let is_macro = |value: &OsStr| value == "proc-macro";
    follows("--crate-name", &is_named)
        && !follows("--crate-name", &is_build_script)
        && !follows("--crate-type", &is_macro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_that_inputs_reach_is_instrumented() {
        let of_the_product = |line: &str| is_of_the_product(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(of_the_product("--crate-name larder_engine --edition=2024 src/lib.rs --crate-type lib"));
        assert!(of_the_product("--crate-name fuzz_operations fuzz_targets/operations.rs --crate-type bin"));
        for line in [
            "-vV",
            "- --crate-name ___ --print=file-names --crate-type bin --crate-type proc-macro",
            "--crate-name build_script_build build.rs --crate-type bin",
            "--crate-name larder_macros src/lib.rs --crate-type proc-macro",
        ] {
            assert!(!of_the_product(line), "{line}");
        }
    }
}
