//! What is on this machine. Only here is it looked at; what follows from it is decided elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::TARGET;
use crate::command;

/// Names that a sysroot's directories for this target have had.
const SYSROOT_TRIPLES: [&str; 2] = ["wasm32-wasip1", "wasm32-wasi"];

/// Where distributions put the WASI libc: Debian and Ubuntu; Arch and Alpine.
const SYSROOTS: [&str; 2] = ["/usr", "/usr/share/wasi-sysroot"];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// Whether the Rust in use has a standard library for [`TARGET`].
    pub(super) installed_std: bool,
    /// Whether `rustup` can be asked to add one.
    pub(super) rustup: bool,
    /// The distribution's own Rust with the source of its standard library.
    pub(super) distribution_rust: Option<DistributionRust>,
    /// What `WASI_SDK_PATH` says.
    pub(super) wasi_sdk: Option<WasiSdk>,
    /// Compilers on the search path, newest first.
    pub(super) clangs: Vec<Clang>,
    /// The distribution's WASI libc.
    pub(super) sysroot: Option<Sysroot>,
    /// Whether packages can be installed with `apt-get`.
    pub(super) apt: bool,
}

/// A Rust installed by the distribution that can build its standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DistributionRust {
    pub(super) rustc: PathBuf,
    pub(super) cargo: PathBuf,
    pub(super) version: String,
}

/// What the environment variable `WASI_SDK_PATH` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WasiSdk {
    /// A compiler and its libc.
    Usable(PathBuf, Sysroot),
    /// Something else.
    Broken(PathBuf),
}

/// A clang and the tools of the same LLVM beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clang {
    /// Its major version, none if its name has none.
    pub(super) major: Option<u32>,
    pub(super) compiler: PathBuf,
    pub(super) archiver: Option<PathBuf>,
    pub(super) linker: Option<PathBuf>,
}

/// A WASI libc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sysroot {
    pub(super) root: PathBuf,
    /// The target's name in this sysroot.
    pub(super) triple: &'static str,
}

impl Machine {
    /// Looks at this machine.
    pub(super) fn inspect() -> Self {
        Self {
            installed_std: installed_std(),
            rustup: command::find("rustup").is_some(),
            distribution_rust: distribution_rust(),
            wasi_sdk: std::env::var_os("WASI_SDK_PATH").map(|path| wasi_sdk(path.into())),
            clangs: clangs(),
            sysroot: SYSROOTS.iter().find_map(|root| Sysroot::at(Path::new(root))),
            apt: command::find("apt-get").is_some() && rustix::process::geteuid().is_root(),
        }
    }
}

impl Sysroot {
    fn at(root: &Path) -> Option<Self> {
        let triple = SYSROOT_TRIPLES.into_iter().find(|triple| {
            root.join("include").join(triple).join("stdio.h").is_file()
                && root.join("lib").join(triple).join("libc.a").is_file()
        })?;
        Some(Self { root: root.to_owned(), triple })
    }
}

fn installed_std() -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command::output(rustc.args(["--print", "target-libdir", "--target", TARGET]))
        .is_some_and(|directory| Path::new(directory.trim_end()).is_dir())
}

/// Only at the distribution's fixed paths: on the search path rustup's own comes first.
fn distribution_rust() -> Option<DistributionRust> {
    let [rustc, cargo] = ["/usr/bin/rustc", "/usr/bin/cargo"].map(PathBuf::from);
    let source = Path::new("/usr/lib/rustlib/src/rust/library/Cargo.toml");
    if !(rustc.is_file() && cargo.is_file() && source.is_file()) {
        return None;
    }
    let version = parse_rustc_version(&command::output(Command::new(&rustc).arg("--version"))?)?;
    is_new_enough(&version).then_some(DistributionRust { rustc, cargo, version })
}

/// The version in what `rustc --version` prints.
fn parse_rustc_version(output: &str) -> Option<String> {
    output.split_whitespace().nth(1).map(str::to_owned)
}

/// Whether the workspace's minimum version is met.
fn is_new_enough(version: &str) -> bool {
    let minor_of = |version: &str| {
        let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
        Some((parts.next()?, parts.next()?))
    };
    minor_of(version) >= minor_of(env!("CARGO_PKG_RUST_VERSION"))
}

fn wasi_sdk(path: PathBuf) -> WasiSdk {
    let tools_are_there = ["clang", "llvm-ar", "wasm-ld"].iter().all(|tool| path.join("bin").join(tool).is_file());
    match Sysroot::at(&path.join("share/wasi-sysroot")) {
        Some(sysroot) if tools_are_there => WasiSdk::Usable(path, sysroot),
        _ => WasiSdk::Broken(path),
    }
}

fn clangs() -> Vec<Clang> {
    let names: BTreeSet<String> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let mut majors: Vec<Option<u32>> = names.iter().filter_map(|name| clang_major(name)).collect();
    // Newest first; one without a version in its name may be of any age, so it comes last.
    majors.sort_unstable_by(|left, right| right.cmp(left));
    majors.into_iter().filter_map(clang).collect()
}

/// What a file name says of clang: none if it is another program, `Some(None)` for plain `clang`.
#[expect(clippy::option_option, reason = "two questions: whether it is clang, and which")]
fn clang_major(name: &str) -> Option<Option<u32>> {
    match name.strip_prefix("clang")? {
        "" => Some(None),
        suffix => suffix.strip_prefix('-')?.parse().ok().map(Some),
    }
}

fn clang(major: Option<u32>) -> Option<Clang> {
    let suffix = major.map_or_else(String::new, |major| format!("-{major}"));
    let compiler = command::find(format!("clang{suffix}"))?;
    let targets = command::output(Command::new(&compiler).arg("--print-targets"))?;
    targets.contains("wasm32").then(|| Clang {
        major,
        compiler,
        archiver: command::find(format!("llvm-ar{suffix}")),
        linker: command::find(format!("wasm-ld{suffix}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clang_is_told_from_its_relatives() {
        assert_eq!(clang_major("clang"), Some(None));
        assert_eq!(clang_major("clang-19"), Some(Some(19)));
        for other in ["clang++-19", "clang-cpp-19", "clang-format-19", "clangd", "gcc", "clang-"] {
            assert_eq!(clang_major(other), None, "{other}");
        }
    }

    #[test]
    fn the_version_of_rustc_is_read_and_compared_by_number() {
        let debian = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)";
        assert_eq!(parse_rustc_version(debian).as_deref(), Some("1.96.0"));
        assert_eq!(parse_rustc_version("rustc"), None);
        assert!(is_new_enough("1.96.0"));
        assert!(is_new_enough("1.95.0"));
        assert!(is_new_enough("1.100.0"));
        assert!(is_new_enough("2.0.0-nightly"));
        assert!(!is_new_enough("1.63.0"));
        assert!(!is_new_enough("unknown"));
    }

    #[test]
    fn a_sysroot_needs_headers_and_library_under_one_name() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Sysroot::at(root.path()), None);

        let headers = root.path().join("include/wasm32-wasi");
        std::fs::create_dir_all(&headers).unwrap();
        std::fs::write(headers.join("stdio.h"), "").unwrap();
        assert_eq!(Sysroot::at(root.path()), None);

        let library = root.path().join("lib/wasm32-wasi");
        std::fs::create_dir_all(&library).unwrap();
        std::fs::write(library.join("libc.a"), "").unwrap();
        let sysroot = Sysroot::at(root.path()).unwrap();
        assert_eq!(sysroot.triple, "wasm32-wasi");
    }

    #[test]
    fn a_path_without_an_sdk_is_broken() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().to_owned();
        assert_eq!(wasi_sdk(path.clone()), WasiSdk::Broken(path));
    }
}
