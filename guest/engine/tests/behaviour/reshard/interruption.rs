//! Whatever is interrupted where, the directory is as it was or as it is to be.

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{Error, OpenOptions, Platform, Policy};

use super::{LEASE, begin, everything, fill, names, options, reshard};
use crate::support::{Fixture, existing, open, put};

#[test]
fn one_that_is_given_up_has_changed_nothing() {
    for steps in [0, 1, 5] {
        let mut fixture = Fixture::with(&options(2, Policy::None));
        fill(&mut fixture.cache, &fixture.platform);
        fixture.cache.close().unwrap();
        let mut resharding = begin(fixture.path(), 5, &fixture.platform).unwrap();
        for _ in 0..steps {
            assert!(!resharding.step(10).unwrap().finished);
        }
        drop(resharding);
        assert_eq!(names(fixture.path()).len(), 2, "{:?}", names(fixture.path()));
        fixture.reopen_closed(&OpenOptions { shards: Some(2), ..existing() });
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

/// Changes the number of shards in a process that ends before its `n`-th step of consequence; whether
/// it got there.
fn crash_before(root: &Path, shards: u32, platform: &Rc<TestPlatform>, n: u32) -> bool {
    let count = Rc::new(Cell::new(0));
    platform.on_commit(move || {
        count.set(count.get() + 1);
        assert!(count.get() != n, "the end of the process");
        Ok(())
    });
    let mut resharding = begin(root, shards, platform).unwrap();
    let died = catch_unwind(AssertUnwindSafe(|| while !resharding.step(25).unwrap().finished {})).is_err();
    TestPlatform::kill_resharding(resharding);
    platform.crash();
    platform.on_commit(|| Ok(()));
    died
}

#[test]
fn a_crash_at_any_step_leaves_the_old_shards_or_the_new() {
    for by_locks in [false, true] {
        let mut outcomes = Vec::new();
        for n in 1.. {
            let (directory, table) = (tempfile::tempdir().unwrap(), LockTable::new());
            let platform =
                |seed| if by_locks { TestPlatform::sharing(&table, seed, true) } else { TestPlatform::seeded(seed) };
            let maker = platform(1);
            let mut cache = open(directory.path(), &options(2, Policy::LeastRecentlyUsed), &maker).unwrap();
            fill(&mut cache, &maker);
            cache.close().unwrap();
            let mut cache = open(directory.path(), &existing(), &maker).unwrap();
            let before = everything(&mut cache);
            cache.close().unwrap();

            let died = crash_before(directory.path(), 3, &maker, n);
            let next = platform(2);
            next.set_wall_clock(maker.wall_ms() - next.wall_ms());
            let mut cache = open(directory.path(), &OpenOptions { lease_ms: LEASE, ..existing() }, &next).unwrap();
            let shards = cache.information().unwrap().settings.shards;
            assert_eq!(everything(&mut cache), before, "before step {n}");
            assert_eq!(cache.check().unwrap(), [], "before step {n}");
            // Nothing is left of the other, while the directory is in use already.
            assert_eq!(
                names(directory.path()).len(),
                if by_locks { 3 } else { 2 },
                "before step {n}: {:?}",
                names(directory.path())
            );
            put(&mut cache, "afterwards", 1);
            cache.close().unwrap();
            // And it can be done again.
            reshard(directory.path(), 5, &next).unwrap();
            outcomes.push(shards);
            if !died {
                break;
            }
        }
        let turned = outcomes.iter().position(|shards| *shards == 3).unwrap();
        assert!(
            outcomes[..turned].iter().all(|shards| *shards == 2)
                && outcomes[turned..].iter().all(|shards| *shards == 3)
        );
        assert!(turned > 10, "{outcomes:?}");
    }
}

#[test]
fn what_fails_at_any_step_has_changed_nothing_and_can_be_tried_again() {
    for n in 1.. {
        let mut fixture = Fixture::with(&options(2, Policy::None));
        fill(&mut fixture.cache, &fixture.platform);
        fixture.cache.close().unwrap();
        let count = Cell::new(0);
        fixture.platform.on_commit(move || {
            count.set(count.get() + 1);
            if count.get() == n { Err(Error::Full("the disk".into())) } else { Ok(()) }
        });
        let mut resharding = begin(fixture.path(), 3, &fixture.platform).unwrap();
        let ended = loop {
            match resharding.step(25) {
                Ok(progress) if progress.finished => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        if ended.is_ok() {
            break;
        }
        assert!(matches!(ended, Err(Error::Full(_))), "{ended:?}");
        assert!(matches!(resharding.step(25), Err(Error::Closed)));
        fixture.platform.on_commit(|| Ok(()));
        let ended_at = fixture.platform.monotonic_ms();
        drop(resharding);
        fixture.reopen_closed(&OpenOptions { shards: Some(2), ..existing() });
        assert_eq!(fixture.platform.monotonic_ms(), ended_at, "nobody waits for its lease");
        assert_eq!(fixture.cache.check().unwrap(), [], "failed at step {n}");
        assert_eq!(names(fixture.path()).len(), 2, "failed at step {n}: {:?}", names(fixture.path()));
        fixture.cache.close().unwrap();
        reshard(fixture.path(), 3, &fixture.platform).unwrap();
    }
}

#[test]
fn one_that_was_taken_over_while_it_paused_harms_nobody() {
    for finish_late in [false, true] {
        let Fixture { directory, platform, mut cache } = Fixture::with(&options(2, Policy::None));
        fill(&mut cache, &platform);
        cache.close().unwrap();
        let mut resharding = begin(directory.path(), 3, &platform).unwrap();
        resharding.step(50).unwrap();
        let other = TestPlatform::seeded(2);
        let mut second = open(directory.path(), &OpenOptions { lease_ms: LEASE, ..existing() }, &other).unwrap();
        put(&mut second, "second", 1);
        if finish_late {
            platform.advance(2 * LEASE);
        }
        let late = loop {
            match resharding.step(50) {
                Ok(progress) => assert!(!progress.finished, "it puts nothing in force"),
                Err(error) => break error,
            }
        };
        assert!(matches!(late, Error::Locked(_)), "{late:?}");
        drop(resharding);
        assert_eq!(second.check().unwrap(), []);
        assert_eq!(second.information().unwrap().settings.shards, 2);
        assert_eq!(crate::support::integer(&mut second, "second"), Some(1));
        second.close().unwrap();
        reshard(directory.path(), 3, &other).unwrap();
    }
}

#[test]
fn it_keeps_its_lease_while_it_works() {
    let Fixture { directory, platform, mut cache } = Fixture::with(&options(2, Policy::None));
    fill(&mut cache, &platform);
    cache.close().unwrap();
    let mut resharding = begin(directory.path(), 3, &platform).unwrap();
    let waiting = TestPlatform::seeded(2);
    loop {
        platform.advance(LEASE / 2);
        let finished = resharding.step(10).unwrap().finished;
        let brief = OpenOptions { wait_ms: LEASE / 2, ..existing() };
        let opened = open(directory.path(), &brief, &waiting);
        if finished {
            assert_eq!(opened.unwrap().information().unwrap().settings.shards, 3);
            break;
        }
        assert!(matches!(opened, Err(Error::Locked(_))));
    }
}

#[test]
fn one_killed_with_both_leases_there_leaves_the_old_shards() {
    for by_locks in [false, true] {
        let (directory, table) = (tempfile::tempdir().unwrap(), LockTable::new());
        let platform =
            |seed| if by_locks { TestPlatform::sharing(&table, seed, true) } else { TestPlatform::seeded(seed) };
        let maker = platform(1);
        let mut cache = open(directory.path(), &options(2, Policy::None), &maker).unwrap();
        fill(&mut cache, &maker);
        cache.close().unwrap();
        let lease = names(directory.path()).into_iter().find(|name| name.starts_with("lease-")).unwrap();
        let before = fs::read(directory.path().join(&lease)).unwrap();
        let mut resharding = begin(directory.path(), 3, &maker).unwrap();
        resharding.step(10).unwrap();
        TestPlatform::kill_resharding(resharding);
        maker.crash();
        // The step at which the new lease is there and the old one not yet gone.
        fs::write(directory.path().join(&lease), before).unwrap();
        let mut cache = open(directory.path(), &existing(), &platform(2)).unwrap();
        assert_eq!(cache.information().unwrap().settings.shards, 2);
        assert_eq!(cache.check().unwrap(), []);
        assert_eq!(names(directory.path()).len(), if by_locks { 3 } else { 2 }, "{:?}", names(directory.path()));
    }
}
