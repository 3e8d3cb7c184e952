//! Changing the number of shards, in a process that is killed or has no room.

use std::path::Path;

use larder::{Cache, Error};
use larder_tests::component::{Host, World};

use super::{limit_file_size, say};

/// Changes the number of shards for ever, saying each that is in force.
pub(crate) fn without_end(directory: &Path) {
    for shards in [3, 1, 4].into_iter().cycle() {
        let mut resharding = Cache::builder().reshard(directory, shards).unwrap();
        while !resharding.step().unwrap().finished {}
        say(&shards.to_string());
    }
}

/// [`without_end`], as the only owner of the directory.
pub(crate) fn without_end_alone(directory: &Path, lease_ms: u32) {
    for shards in [3, 1, 4].into_iter().cycle() {
        Host::of(World::Standalone).reshard(directory, shards, Some(lease_ms)).unwrap();
        say(&shards.to_string());
    }
}

/// Has no room for the new shards, and tries again when there is.
pub(crate) fn full(directory: &Path) {
    let cache = Cache::builder().shards(3).open(directory).unwrap();
    for key in 0..300 {
        cache.set(key, vec![1; 20_000]).unwrap();
    }
    cache.close().unwrap();
    let reshard = || {
        let mut resharding = Cache::builder().reshard(directory, 1)?;
        while !resharding.step()?.finished {}
        Ok(())
    };
    limit_file_size(3_000_000);
    let refused: Result<(), Error> = reshard();
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    limit_file_size(libc::RLIM_INFINITY);
    let cache = Cache::open(directory).unwrap();
    assert_eq!((cache.info().unwrap().shards, cache.count().unwrap()), (3, 300));
    assert_eq!(cache.check().unwrap(), []);
    cache.close().unwrap();
    reshard().unwrap();
    let cache = Cache::open(directory).unwrap();
    assert_eq!((cache.info().unwrap().shards, cache.count().unwrap()), (1, 300));
    assert_eq!(cache.check().unwrap(), []);
    say("done");
}
