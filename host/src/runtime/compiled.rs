//! Compiled code, kept on disk so that only the first start compiles.
//!
//! It is native code, which the process runs without further checks. So it is only ever read from
//! a directory of the user's own that nobody else can write to, never from a cache directory.

#![allow(unsafe_code, reason = "loading native code is unsafe by nature")]

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs, io};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Names another directory for compiled code; empty: keep none.
const DIRECTORY_VARIABLE: &str = "LARDER_COMPILED_DIR";
/// Of what versions and settings compiled code is kept, at most.
const FILES_KEPT: usize = 8;
const EXTENSION: &str = "cwasm";

/// The component, from disk if this version of it was compiled before for this engine.
pub(super) fn load(engine: &Engine, bytes: &[u8], hash: &str) -> wasmtime::Result<Component> {
    match directory() {
        Some(directory) => load_from(engine, bytes, hash, &directory),
        None => super::compile(engine, bytes),
    }
}

fn load_from(engine: &Engine, bytes: &[u8], hash: &str, directory: &Path) -> wasmtime::Result<Component> {
    let path = directory.join(file_name(engine, hash));
    if is_private(directory) && is_private(&path) {
        // SAFETY: the file was written by `keep`, or by somebody with this user's rights, who can
        // run code as this user anyway: nobody else can write to it or replace it. Its name
        // carries the version of wasmtime, the engine's settings and the component; wasmtime
        // checks the first two again.
        if let Ok(component) = unsafe { Component::deserialize_file(engine, &path) } {
            return Ok(component);
        }
    }
    let component = super::compile(engine, bytes)?;
    let kept = component.serialize().and_then(|code| Ok(keep(directory, &path, &code)?));
    if let Err(error) = kept {
        // The next start compiles again; this one has what it needs.
        tracing::debug!(path = %path.display(), %error, "compiled code could not be kept");
    }
    Ok(component)
}

fn directory() -> Option<PathBuf> {
    match env::var_os(DIRECTORY_VARIABLE) {
        Some(directory) => (!directory.is_empty()).then(|| PathBuf::from(directory)),
        None => crate::directories::user_cache().map(|cache| cache.join("larder").join("compiled")),
    }
}

fn file_name(engine: &Engine, hash: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{hash}-{:016x}.{EXTENSION}", hasher.finish())
}

/// Writes the code under another name first, so that nobody ever loads a part of it.
fn keep(directory: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    create_private(directory)?;
    if !is_private(directory) {
        return Err(io::Error::other("the directory for compiled code can be written by others"));
    }
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut file, code)?;
    file.persist(path)?;
    prune(directory)
}

/// Removes all but the newest files: every version of the component leaves one.
fn prune(directory: &Path) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension() == Some(OsStr::new(EXTENSION)) {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    let old = files.len().saturating_sub(FILES_KEPT);
    // A process that runs one of them goes on: it has the file mapped.
    files.iter().take(old).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Whether only this user can write there.
#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    // Not following links: what a link leads to may be anybody's.
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        !metadata.is_symlink() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
    })
}

/// The user's cache directory is private on other platforms.
#[cfg(not(unix))]
fn is_private(path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn code_that_others_can_write_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("code");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(is_private(&file));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(!is_private(&file));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        assert!(!is_private(&link));
        assert!(!is_private(&directory.path().join("missing")));
    }

    #[test]
    fn code_is_kept_in_a_directory_made_private() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("new");
        keep(&directory, &directory.join("code"), b"code").unwrap();
        assert!(is_private(&directory) && is_private(&directory.join("code")));
        assert_eq!(fs::read(directory.join("code")).unwrap(), b"code");
    }

    #[test]
    fn only_the_newest_versions_of_compiled_code_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("compiled");
        for version in 0..12 {
            let path = directory.join(format!("{version:02}.{EXTENSION}"));
            keep(&directory, &path, b"code").unwrap();
            let age = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(version);
            fs::File::options().write(true).open(&path).unwrap().set_modified(age).unwrap();
        }
        let mut left: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left.len(), FILES_KEPT);
        assert_eq!(left.first().unwrap(), "04.cwasm");
    }

    #[test]
    fn a_second_load_reads_what_the_first_compiled_and_damage_is_compiled_anew() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("compiled");
        let engine = Engine::default();
        let bytes = wat::parse_str("(component)").unwrap();
        load_from(&engine, &bytes, "test", &directory).unwrap();
        let path = directory.join(file_name(&engine, "test"));
        let kept = fs::read(&path).unwrap();
        // Bytes that are no component: so the second load can not have compiled.
        load_from(&engine, b"no component", "test", &directory).unwrap();

        fs::write(&path, "no code").unwrap();
        load_from(&engine, &bytes, "test", &directory).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), kept.len());
    }
}
