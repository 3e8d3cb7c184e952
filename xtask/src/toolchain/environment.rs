//! The variables and flags under which cargo compiles Rust and SQLite's C for WebAssembly.

use std::process::Command;

use super::choice::{CCompiler, Rust};
use super::{TARGET, Toolchain};
use crate::command;

/// Instructions beyond the first version of WebAssembly, as C compilers name them. Every engine
/// with components has them.
const C_FEATURES: [&str; 4] = ["-mbulk-memory", "-msimd128", "-msign-ext", "-mnontrapping-fptoint"];

/// The same as rustc names them.
const RUST_FEATURES: &str = "-Ctarget-feature=+bulk-memory,+simd128,+sign-ext,+nontrapping-fptoint";

/// How SQLite is compiled, after libsqlite3-sys' own definitions, some of which this undoes.
const SQLITE: [&str; 20] = [
    // The guest's own VFS is the only one.
    "-DSQLITE_OS_OTHER=1",
    // An instance has one thread.
    "-DSQLITE_THREADSAFE=0",
    // A busy wait happens in the host, which wakes it, instead of sleeping here.
    "-DSQLITE_ENABLE_SETLK_TIMEOUT=1",
    // No temporary files.
    "-DSQLITE_TEMP_STORE=3",
    // A misspelt column is an error, not a string.
    "-DSQLITE_DQS=0",
    // Not used: less to carry, fewer checks on the way.
    "-DSQLITE_OMIT_LOAD_EXTENSION",
    "-DSQLITE_OMIT_DEPRECATED",
    "-DSQLITE_OMIT_PROGRESS_CALLBACK",
    "-DSQLITE_OMIT_SHARED_CACHE",
    "-DSQLITE_DEFAULT_MEMSTATUS=0",
    "-DSQLITE_LIKE_DOESNT_MATCH_BLOBS",
    "-DSQLITE_MAX_EXPR_DEPTH=0",
    // Extensions that no statement uses, and that would only widen what a hostile file can reach.
    "-USQLITE_ENABLE_FTS3",
    "-USQLITE_ENABLE_FTS3_PARENTHESIS",
    "-USQLITE_ENABLE_FTS5",
    "-USQLITE_ENABLE_RTREE",
    "-USQLITE_ENABLE_STAT4",
    "-USQLITE_ENABLE_DBSTAT_VTAB",
    "-USQLITE_SOUNDEX",
    "-USQLITE_ENABLE_LOAD_EXTENSION",
];

/// A cargo command for the target, with everything set that `toolchain` needs.
pub(super) fn cargo(toolchain: &Toolchain, subcommand: &str) -> Command {
    let c = &toolchain.c;
    let mut cargo = match &toolchain.rust {
        Rust::Installed => command::cargo(),
        Rust::Distribution(rust) => Command::new(&rust.cargo),
    };
    cargo.args([subcommand, "--target", TARGET]);
    if let Rust::Distribution(rust) = &toolchain.rust {
        // Building the standard library is unstable; this lets a stable compiler do it.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", &rust.rustc);
        cargo.arg("-Zbuild-std=std,panic_abort");
    }
    cargo
        .env("CC_wasm32_wasip1", &c.compiler)
        .env("AR_wasm32_wasip1", &c.archiver)
        .env("CFLAGS_wasm32_wasip1", c_flags(c))
        .env("LIBSQLITE3_FLAGS", SQLITE.join(" "))
        // Of all ways to give flags this one goes first, and it does not split at spaces.
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags(toolchain).join("\x1f"));
    cargo
}

fn c_flags(c: &CCompiler) -> String {
    let Sysrooted { triple, root, headers, .. } = Sysrooted::of(c);
    let mut flags = vec![
        format!("--target={triple}"),
        format!("--sysroot={root}"),
        // In a distribution's sysroot clang does not look there by itself.
        format!("-isystem {headers}"),
    ];
    flags.extend(C_FEATURES.map(str::to_owned));
    flags.join(" ")
}

fn rust_flags(toolchain: &Toolchain) -> Vec<String> {
    let mut flags = vec![RUST_FEATURES.to_owned()];
    if let (Rust::Distribution(_), Some(linker)) = (&toolchain.rust, &toolchain.c.linker) {
        // Such a Rust has neither a linker nor a libc for the target. Linked without the file
        // that starts a reactor, the module would have no `_initialize`.
        let Sysrooted { libraries, .. } = Sysrooted::of(&toolchain.c);
        flags.extend([
            format!("-Clinker={}", linker.display()),
            "-Clink-self-contained=no".to_owned(),
            format!("-L{libraries}"),
            format!("-Clink-arg={libraries}/crt1-reactor.o"),
        ]);
    }
    flags
}

/// The paths of a sysroot, as flags have them.
struct Sysrooted {
    triple: &'static str,
    root: String,
    headers: String,
    libraries: String,
}

impl Sysrooted {
    fn of(c: &CCompiler) -> Self {
        let triple = c.sysroot.triple;
        let root = c.sysroot.root.display().to_string();
        let headers = format!("{root}/include/{triple}");
        let libraries = format!("{root}/lib/{triple}");
        Self { triple, root, headers, libraries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::machine::{DistributionRust, Sysroot};

    fn toolchain(rust: Rust) -> Toolchain {
        Toolchain {
            rust,
            c: CCompiler {
                compiler: "/usr/bin/clang-19".into(),
                archiver: "/usr/bin/llvm-ar-19".into(),
                linker: Some("/usr/bin/wasm-ld-19".into()),
                sysroot: Sysroot { root: "/usr".into(), triple: "wasm32-wasi" },
            },
        }
    }

    fn variable(command: &Command, name: &str) -> Option<String> {
        let (_, value) = command.get_envs().find(|(key, _)| *key == name)?;
        Some(value?.to_str()?.to_owned())
    }

    #[test]
    fn rust_with_its_own_standard_library_links_by_itself() {
        let cargo = cargo(&toolchain(Rust::Installed), "build");
        let flags = variable(&cargo, "CARGO_ENCODED_RUSTFLAGS").unwrap();
        assert_eq!(flags, RUST_FEATURES);
        assert_eq!(variable(&cargo, "RUSTC_BOOTSTRAP"), None);
    }

    #[test]
    fn the_distributions_rust_builds_std_and_links_as_a_reactor() {
        let rust = DistributionRust {
            rustc: "/usr/bin/rustc".into(),
            cargo: "/usr/bin/cargo".into(),
            version: "1.96.0".to_owned(),
        };
        let cargo = cargo(&toolchain(Rust::Distribution(rust)), "build");
        assert_eq!(cargo.get_program(), "/usr/bin/cargo");
        assert!(cargo.get_args().any(|argument| argument == "-Zbuild-std=std,panic_abort"));
        let flags = variable(&cargo, "CARGO_ENCODED_RUSTFLAGS").unwrap();
        assert!(flags.contains("/usr/lib/wasm32-wasi/crt1-reactor.o"), "{flags}");
    }

    #[test]
    fn c_is_compiled_for_the_sysroots_target() {
        let flags = c_flags(&toolchain(Rust::Installed).c);
        assert!(flags.starts_with("--target=wasm32-wasi --sysroot=/usr "), "{flags}");
        assert!(flags.contains(" /usr/include/wasm32-wasi "), "{flags}");
    }
}
