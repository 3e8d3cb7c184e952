//! Building the component: cargo makes a core module for each world, `encode` a component of it.

mod encode;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::Workspace;
use crate::{command, report};

/// The crate that becomes the component.
pub(crate) const PACKAGE: &str = "larder-component";

/// The profile it is built with, see the workspace's manifest.
pub(crate) const PROFILE: &str = "guest";

/// A world of the WIT package that a component is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// For hosts that offer `coordination`.
    Shared,
    /// For any host with WASI 0.2.
    Standalone,
}

impl World {
    /// Every world that is built.
    pub(crate) const ALL: [Self; 2] = [Self::Shared, Self::Standalone];

    /// Its name in WIT, which is also the crate's feature.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Standalone => "standalone",
        }
    }

    fn file_name(self) -> &'static str {
        match self {
            Self::Shared => "larder.wasm",
            Self::Standalone => "larder-standalone.wasm",
        }
    }
}

/// Builds and checks every component. What is up to date is left untouched, so that nothing that
/// includes it is built again.
pub(crate) fn build(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    for world in World::ALL {
        let module = build_module(workspace, toolchain, world)?;
        let component = encode::component(&workspace.wit(), world, &module)
            .with_context(|| format!("the component for world `{}` is not valid", world.name()))?;
        let path = workspace.components().join(world.file_name());
        let written = write_if_changed(&path, &component)?;
        let shown = path.strip_prefix(workspace.root()).unwrap_or(&path).display();
        let state = if written { "" } else { ", unchanged" };
        let size = report::size(component.len());
        report::line("Component", &format!("{shown} ({}, {size}{state})", world.name()));
    }
    Ok(())
}

/// Where cargo works on a world. Each has a directory of its own, because the same file name would
/// otherwise belong to the one that was linked last, unnoticed by cargo.
pub(crate) fn target_directory(workspace: &Workspace, toolchain: &Toolchain, world: World) -> PathBuf {
    workspace.guest_target().join(toolchain.slug()).join(world.name())
}

fn build_module(workspace: &Workspace, toolchain: &Toolchain, world: World) -> Result<Vec<u8>> {
    let directory = target_directory(workspace, toolchain, world);
    let mut cargo = toolchain.cargo("build");
    cargo
        .current_dir(workspace.root())
        .args(["--package", PACKAGE, "--profile", PROFILE])
        .args(["--no-default-features", "--features", world.name()])
        .arg("--target-dir")
        .arg(&directory);
    command::run(&mut cargo)?;
    let module = directory.join(TARGET).join(PROFILE).join("larder_component.wasm");
    fs::read(&module).with_context(|| format!("{} can not be read", module.display()))
}

/// Replaces a file as a whole, unless it already has this content. Returns whether it was written.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    let write = || {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = draft().tempfile_in(directory)?;
        file.write_all(content)?;
        file.persist(path).map_err(|error| error.error)
    };
    write().with_context(|| format!("{} can not be written", path.display()))?;
    Ok(true)
}

/// How the file is made that takes the place of another. A temporary file could be read by its
/// owner alone; this one is to be as accessible as whatever else is built.
fn draft() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "nothing to set"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_the_same_content_is_left_untouched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("larder/larder.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        let modified = fs::metadata(&path).unwrap().modified().unwrap();

        assert!(!write_if_changed(&path, b"one").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);

        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_as_accessible_as_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let directory = tempfile::tempdir().unwrap();
        let (written, other) = (directory.path().join("larder.wasm"), directory.path().join("other"));
        write_if_changed(&written, b"one").unwrap();
        fs::write(&other, b"one").unwrap();
        assert_eq!(mode(&written), mode(&other));
    }
}
