//! Where things are in the source tree and below `target/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The directory that holds the workspace.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in a workspace")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The WIT package.
    pub(crate) fn wit(&self) -> PathBuf {
        self.root.join("wit")
    }

    /// Where the finished components are.
    pub(crate) fn components(&self) -> PathBuf {
        self.root.join("target/larder")
    }

    /// Where cargo works when it builds the component.
    pub(crate) fn guest_target(&self) -> PathBuf {
        self.root.join("target/guest")
    }

    /// A program as the tests build it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.root.join("target/debug").join(name).with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// Where Python packages are installed.
    pub(crate) fn python_packages(&self) -> PathBuf {
        self.root.join("target/python")
    }

    /// The manifest of the workspace.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.root.join("Cargo.toml")
    }

    /// What dependencies may be.
    pub(crate) fn deny(&self) -> PathBuf {
        self.root.join("deny.toml")
    }

    /// Where programs for development are installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Where fuzzing keeps its inputs, and what it has found.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.root.join("target/fuzz")
    }

    /// Where cargo works when it builds for a sanitizer.
    pub(crate) fn sanitized(&self) -> PathBuf {
        self.root.join("target/sanitize")
    }

    /// The manifest of the benchmark, which is a workspace of its own.
    pub(crate) fn bench_manifest(&self) -> PathBuf {
        self.root.join("bench/Cargo.toml")
    }
}
