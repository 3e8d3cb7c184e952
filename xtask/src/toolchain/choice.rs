//! Which of the tools on a machine build the component, or what is missing.

use std::path::PathBuf;

use super::machine::{Clang, DistributionRust, Machine, Sysroot, WasiSdk};
use super::{Route, Toolchain};

/// The oldest clang known to compile SQLite with the features in use.
const OLDEST_CLANG: u32 = 14;

/// The Rust that builds the component.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rust {
    /// The one in use; it has the target's standard library.
    Installed,
    /// The distribution's, which builds the standard library first.
    Distribution(DistributionRust),
}

/// The C compiler and libc that build SQLite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CCompiler {
    pub(super) compiler: PathBuf,
    pub(super) archiver: PathBuf,
    /// Links the module where Rust has no linker of its own for the target.
    pub(super) linker: Option<PathBuf>,
    pub(super) sysroot: Sysroot,
}

impl CCompiler {
    pub(super) fn description(&self) -> String {
        format!("{} with the libc in {}", self.compiler.display(), self.sysroot.root.display())
    }
}

/// Something that is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Rust with a standard library for the target.
    Rust,
    /// A C compiler, its tools or a libc.
    CCompiler,
    /// `WASI_SDK_PATH` leads to no WASI SDK. Not passed over, since it was set on purpose.
    UsableSdk(PathBuf),
}

/// Chooses the tools to use, or lists all that is missing.
pub(super) fn choose(machine: &Machine, route: Route) -> Result<Toolchain, Vec<Need>> {
    let rust = choose_rust(machine, route);
    // Without a decision on Rust, the more demanding one counts.
    let linker_needed = !matches!(rust, Some(Rust::Installed));
    match (rust, choose_c(machine, linker_needed)) {
        (Some(rust), Ok(c)) => Ok(Toolchain { rust, c }),
        (None, Ok(_)) => Err(vec![Need::Rust]),
        (Some(_), Err(need)) => Err(vec![need]),
        (None, Err(need)) => Err(vec![Need::Rust, need]),
    }
}

fn choose_rust(machine: &Machine, route: Route) -> Option<Rust> {
    let installed = (machine.installed_std && route != Route::Debian).then_some(Rust::Installed);
    let distribution = || machine.distribution_rust.clone().map(Rust::Distribution);
    match route {
        Route::Rustup => installed,
        Route::Auto | Route::Debian => installed.or_else(distribution),
    }
}

fn choose_c(machine: &Machine, linker_needed: bool) -> Result<CCompiler, Need> {
    match &machine.wasi_sdk {
        Some(WasiSdk::Broken(path)) => return Err(Need::UsableSdk(path.clone())),
        Some(WasiSdk::Usable(path, sysroot)) => {
            let tool = |name: &str| path.join("bin").join(name);
            return Ok(CCompiler {
                compiler: tool("clang"),
                archiver: tool("llvm-ar"),
                linker: Some(tool("wasm-ld")),
                sysroot: sysroot.clone(),
            });
        }
        None => {}
    }
    let sysroot = machine.sysroot.clone().ok_or(Need::CCompiler)?;
    machine
        .clangs
        .iter()
        .filter(|clang| clang.major.is_none_or(|major| major >= OLDEST_CLANG))
        .filter(|clang| clang.linker.is_some() || !linker_needed)
        .find_map(|clang| with_archiver(clang, &sysroot))
        .ok_or(Need::CCompiler)
}

fn with_archiver(clang: &Clang, sysroot: &Sysroot) -> Option<CCompiler> {
    Some(CCompiler {
        compiler: clang.compiler.clone(),
        archiver: clang.archiver.clone()?,
        linker: clang.linker.clone(),
        sysroot: sysroot.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clang(major: u32) -> Clang {
        Clang {
            major: Some(major),
            compiler: format!("/usr/bin/clang-{major}").into(),
            archiver: Some(format!("/usr/bin/llvm-ar-{major}").into()),
            linker: Some(format!("/usr/bin/wasm-ld-{major}").into()),
        }
    }

    fn sysroot(root: &str) -> Sysroot {
        Sysroot { root: root.into(), triple: "wasm32-wasi" }
    }

    fn distribution_rust() -> DistributionRust {
        DistributionRust {
            rustc: "/usr/bin/rustc".into(),
            cargo: "/usr/bin/cargo".into(),
            version: "1.96.0".to_owned(),
        }
    }

    fn complete() -> Machine {
        Machine {
            installed_std: true,
            rustup: true,
            distribution_rust: Some(distribution_rust()),
            wasi_sdk: None,
            clangs: vec![clang(19), clang(14)],
            sysroot: Some(sysroot("/usr")),
            apt: true,
        }
    }

    #[test]
    fn the_installed_standard_library_is_preferred() {
        assert_eq!(choose(&complete(), Route::Auto).unwrap().rust, Rust::Installed);
    }

    #[test]
    fn a_route_that_is_asked_for_is_taken() {
        let rust = choose(&complete(), Route::Debian).unwrap().rust;
        assert_eq!(rust, Rust::Distribution(distribution_rust()));

        let without_std = Machine { installed_std: false, ..complete() };
        assert_eq!(choose(&without_std, Route::Rustup).unwrap_err(), [Need::Rust]);
        assert_eq!(choose(&without_std, Route::Auto).unwrap().rust, rust);
    }

    #[test]
    fn the_newest_complete_compiler_is_chosen() {
        let mut machine = complete();
        machine.clangs = vec![Clang { archiver: None, ..clang(21) }, clang(19), clang(14)];
        let c = choose(&machine, Route::Auto).unwrap().c;
        assert_eq!(c.compiler, PathBuf::from("/usr/bin/clang-19"));
    }

    #[test]
    fn a_compiler_that_is_too_old_is_not_chosen() {
        let machine = Machine { clangs: vec![clang(13)], ..complete() };
        assert_eq!(choose(&machine, Route::Auto).unwrap_err(), [Need::CCompiler]);
    }

    #[test]
    fn only_the_distributions_rust_needs_a_linker() {
        let without_linker = vec![Clang { linker: None, ..clang(19) }];
        let machine = Machine { clangs: without_linker, ..complete() };
        assert!(choose(&machine, Route::Rustup).is_ok());
        assert_eq!(choose(&machine, Route::Debian).unwrap_err(), [Need::CCompiler]);
    }

    #[test]
    fn an_sdk_goes_before_the_distributions_compiler() {
        let sdk = WasiSdk::Usable("/opt/sdk".into(), sysroot("/opt/sdk/share/wasi-sysroot"));
        let machine = Machine { wasi_sdk: Some(sdk), clangs: Vec::new(), sysroot: None, ..complete() };
        let c = choose(&machine, Route::Auto).unwrap().c;
        assert_eq!(c.compiler, PathBuf::from("/opt/sdk/bin/clang"));
        assert_eq!(c.sysroot.root, PathBuf::from("/opt/sdk/share/wasi-sysroot"));
    }

    #[test]
    fn a_wrong_sdk_path_is_an_error_even_beside_a_working_compiler() {
        let machine = Machine { wasi_sdk: Some(WasiSdk::Broken("/opt/old".into())), ..complete() };
        assert_eq!(choose(&machine, Route::Auto).unwrap_err(), [Need::UsableSdk("/opt/old".into())]);
    }

    #[test]
    fn all_that_is_missing_is_listed_at_once() {
        let needs = choose(&Machine::default(), Route::Auto).unwrap_err();
        assert_eq!(needs, [Need::Rust, Need::CCompiler]);
    }
}
