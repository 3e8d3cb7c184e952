//! Reading what this user may not write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use larder_tests::component::types::{Error, Value};
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, World, everything, options, plain, text_key};

use super::{give_up_rights, say};

/// Makes a cache as its owner, who then may not write to it, and reads it: first only the directory
/// itself is closed to him, then all in it.
pub(crate) fn read(directory: &Path, world: &str) {
    give_up_rights();
    let host = Host::of(if world == "shared" { World::Shared } else { World::Standalone });
    let cache = directory.join("cache");
    fs::create_dir(&cache).unwrap();
    let mut writer = host.open(&cache, options()).unwrap();
    writer.set(&text_key("small"), &Value::Integer(7), &plain()).unwrap();
    writer.set(&text_key("large"), &Value::Bytes(vec![1; 50_000]), &plain()).unwrap();
    writer.close().unwrap();
    for whole in [false, true] {
        close_to_writers(&cache, whole);
        let refused = host.open(&cache, OpenOptions { create: false, ..options() });
        assert!(matches!(refused, Err(Error::PermissionDenied(_))), "{world}, {whole}");
        let mut reader = host.open(&cache, OpenOptions { create: false, read_only: true, ..options() }).unwrap();
        assert_eq!(reader.get(&text_key("small")).unwrap(), Some(Value::Integer(7)));
        assert_eq!(reader.get(&text_key("large")).unwrap(), Some(Value::Bytes(vec![1; 50_000])));
        assert_eq!(reader.items(&everything(), 10).unwrap().len(), 2);
        assert_eq!(reader.check().unwrap(), []);
        reader.close().unwrap();
    }
    open_again(&cache);
    say("done");
}

/// Forbids to write to a directory, and perhaps to all in it.
fn close_to_writers(path: &Path, whole: bool) {
    let is_directory = path.is_dir();
    if is_directory && whole {
        for child in fs::read_dir(path).unwrap() {
            close_to_writers(&child.unwrap().path(), whole);
        }
    }
    fs::set_permissions(path, PermissionsExt::from_mode(if is_directory { 0o555 } else { 0o444 })).unwrap();
}

/// Lets the directory be removed.
fn open_again(path: &Path) {
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    for child in fs::read_dir(path).unwrap().map(|child| child.unwrap().path()).filter(|child| child.is_dir()) {
        open_again(&child);
    }
}
