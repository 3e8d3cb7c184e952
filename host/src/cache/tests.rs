//! What the handle adds to the component: the pool, traps, closing, types.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::*;
use crate::error::Error;
use crate::options::{Compression, Content, SetOptions, Task};
use crate::value::Key;

/// Makes the component trap in the middle of a call: the handle of its cache is gone.
fn trap(cache: &Cache) -> Result<()> {
    cache.pool.run(|instance| {
        instance.call(|call| {
            call.resource.resource_drop(&mut *call.store)?;
            call.guest.call_count(call.store, call.resource).map(|answer| answer.map(drop))
        })
    })
}

#[test]
fn a_trap_discards_its_instance_and_the_handle_carries_on() {
    let cache = Cache::builder().instances(1).open_temporary().unwrap();
    cache.set("key", "value").unwrap();
    for _ in 0..3 {
        assert!(matches!(trap(&cache), Err(Error::Failed(_))));
        assert_eq!(cache.get("key").unwrap(), Some("value".into()));
    }
    cache.set("key", "other").unwrap();
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_panic_of_the_caller_discards_the_instance_it_used() {
    let cache = Cache::builder().instances(1).open_temporary().unwrap();
    let other = cache.clone();
    let panicked = thread::spawn(move || other.pool.run(|_| -> Result<()> { panic!("on purpose") })).join();
    assert!(panicked.is_err());
    cache.set("key", "value").unwrap();
    assert_eq!(cache.get("key").unwrap(), Some("value".into()));
}

#[test]
fn instances_grow_to_the_bound_and_callers_beyond_it_wait() {
    let cache = Cache::builder().instances(2).wait(Duration::from_millis(50)).open_temporary().unwrap();
    let both_in = Barrier::new(3);
    let over = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                cache.pool.run(|_| {
                    both_in.wait();
                    over.wait();
                    Ok(())
                })
            });
        }
        both_in.wait();
        assert!(matches!(cache.get("key"), Err(Error::Timeout(text)) if text.contains("2 instances")));
        over.wait();
    });
    assert_eq!(cache.get("key").unwrap(), None);
}

#[test]
fn statistics_add_up_over_instances() {
    let cache = Cache::builder().instances(3).open_temporary().unwrap();
    cache.set("key", "value").unwrap();
    let all_in = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                cache
                    .pool
                    .run(|instance| {
                        // All three are in use at once, so each is another.
                        all_in.wait();
                        instance
                            .call(|call| call.guest.call_get(call.store, call.resource, Key::from("key").as_param()))
                    })
                    .unwrap()
            });
        }
    });
    let stats = cache.stats().unwrap();
    assert_eq!((stats.hits, stats.sets), (3, 1));
}

#[test]
fn closing_ends_all_clones() {
    let cache = Cache::temporary().unwrap();
    let clone = cache.clone();
    cache.close().unwrap();
    assert_eq!(clone.get("key"), Err(Error::Closed));
    assert_eq!(clone.close(), Err(Error::Closed));
    assert!(matches!(clone.keys(&Scan::default()), Err(Error::Closed)));
}

#[test]
fn an_instance_in_use_while_the_cache_is_closed_lets_go_when_it_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    let alone = || Cache::builder().exclusive(true).wait(Duration::from_millis(20)).open(directory.path());
    cache
        .pool
        .run(|_| {
            cache.close()?;
            assert!(matches!(alone(), Err(Error::Locked(_))), "it is still in use");
            Ok(())
        })
        .unwrap();
    alone().unwrap().set("key", "value").unwrap();
}

#[test]
fn a_temporary_cache_is_gone_when_dropped() {
    let cache = Cache::temporary().unwrap();
    let directory = cache.directory().to_owned();
    cache.set("key", vec![0; 100_000]).unwrap();
    let clone = cache.clone();
    drop(cache);
    assert!(directory.exists());
    drop(clone);
    assert!(!directory.exists());
}

#[test]
fn an_instance_that_grew_large_is_replaced_and_what_it_counted_kept() {
    let cache = Cache::builder().instances(1).open_temporary().unwrap();
    cache.set("key", vec![1; 70 << 20]).unwrap();
    assert_eq!(cache.get("key").unwrap().unwrap().as_bytes().unwrap().len(), 70 << 20);
    let stats = cache.stats().unwrap();
    assert_eq!((stats.hits, stats.sets), (1, 1));
}

#[test]
fn keys_are_enumerated_while_the_cache_is_in_use_also_by_a_sole_user() {
    for exclusive in [false, true] {
        let cache = Cache::builder().exclusive(exclusive).instances(2).open_temporary().unwrap();
        for index in 0..1200 {
            cache.set(index, "x").unwrap();
        }
        let mut seen = 0;
        for key in cache.keys(&Scan::default()).unwrap() {
            assert!(cache.delete(key.unwrap()).unwrap());
            seen += 1;
        }
        assert_eq!((seen, cache.count().unwrap()), (1200, 0));
    }
}

#[test]
fn typed_values_come_back_and_others_are_refused_by_name() {
    let cache = Cache::temporary().unwrap();
    let value = (7_u8, "text".to_owned(), vec![Some(1.5), None]);
    cache.set_as("key", &value, &SetOptions::new()).unwrap();
    assert_eq!(cache.get_as("key").unwrap(), Some(value));
    assert_eq!(cache.get_as::<u8>("missing").unwrap(), None);
    assert!(matches!(cache.get_as::<u8>("key"), Err(Error::Encoding(text)) if text.contains("left")));
    cache.set("key", "plain text").unwrap();
    assert!(matches!(cache.get_as::<u8>("key"), Err(Error::Encoding(text)) if text.contains("it is text")));
}

#[test]
fn paths_that_can_not_be_a_cache_are_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let missing = parent.path().join("missing");
    let opened = Cache::builder().create(false).open(&missing);
    assert!(matches!(&opened, Err(Error::NotFound(text)) if text.contains("missing")), "{opened:?}");
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let opened = Cache::open(&path);
        assert!(matches!(&opened, Err(Error::InvalidArgument(text)) if text.contains("not a directory")), "{opened:?}");
    }
    assert!(matches!(Cache::builder().read_only(true).open(&missing), Err(Error::NotFound(_))));
    assert!(!missing.exists());
}

#[test]
fn values_beyond_the_limit_are_refused_before_they_are_copied() {
    let cache = Cache::temporary().unwrap();
    let excess = cache.set("key", vec![0; crate::VALUE_LIMIT + 1]);
    assert!(matches!(excess, Err(Error::TooLarge { .. })), "{excess:?}");
    assert_eq!(cache.count().unwrap(), 0);
}

#[test]
fn handles_go_between_threads() {
    fn is_handle<T: Send + Sync + Clone + 'static>() {}
    is_handle::<Cache>();
}

#[test]
fn without_shared_memory_the_directory_has_one_user_at_a_time() {
    let cache = Cache::builder().allow_mapping(false).open_temporary().unwrap();
    assert!(!cache.info().unwrap().shared);
    let second = Cache::builder().wait(Duration::from_millis(20)).open(cache.directory());
    assert!(matches!(second, Err(Error::Locked(_))), "{second:?}");
    cache.set("key", "value").unwrap();
    assert_eq!(cache.get("key").unwrap(), Some("value".into()));
}

#[test]
fn statistics_do_not_wait_forever_for_a_transaction_of_the_same_thread() {
    let cache = Cache::builder().wait(Duration::from_millis(20)).open_temporary().unwrap();
    let transaction = cache.begin().unwrap();
    assert!(matches!(cache.stats(), Err(Error::Timeout(text)) if text.contains("in use")));
    transaction.rollback().unwrap();
    assert_eq!(cache.stats().unwrap().sets, 0);
}

/// Bytes that tell where they stand.
fn long_value() -> Vec<u8> {
    (0..=u8::MAX).cycle().flat_map(|byte| [byte; 1000]).take(900_000).collect()
}

#[test]
fn values_are_written_and_read_in_parts_by_the_traits_of_the_standard_library() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let cache = Cache::builder().compression(compression).statistics(true).open_temporary().unwrap();
        assert_eq!(cache.info().unwrap().compression, compression);
        let value = long_value();
        let mut writer = cache.write("key", Content::Bytes, &SetOptions::new().tag("t")).unwrap();
        std::io::copy(&mut value.as_slice(), &mut writer).unwrap();
        assert_eq!(cache.get("key").unwrap(), None, "nobody sees it before it is finished");
        let version = writer.finish().unwrap();
        assert_eq!(cache.get_entry("key").unwrap().unwrap().metadata.version, version);

        let mut reader = cache.read("key").unwrap().unwrap();
        assert_eq!((reader.size(), reader.is_text()), (900_000, false));
        let mut end = Vec::new();
        assert_eq!(reader.seek(SeekFrom::End(-1500)).unwrap(), 898_500);
        reader.read_to_end(&mut end).unwrap();
        assert!(end == value[898_500..]);
        assert_eq!(reader.seek(SeekFrom::Current(10)).unwrap(), 900_010);
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0, "beyond the end");
        assert!(reader.seek(SeekFrom::Current(-900_011)).is_err(), "before the beginning");
        reader.rewind().unwrap();
        assert!(cache.delete("key").unwrap());
        end.clear();
        reader.read_to_end(&mut end).unwrap();
        assert!(end == value, "it stays whole");
    }
}

#[test]
fn a_writer_that_is_not_finished_leaves_no_trace_and_errors_keep_their_names() {
    let cache = Cache::temporary().unwrap();
    let mut writer = cache.write("key", Content::Text, &SetOptions::new()).unwrap();
    writer.write_all("x".repeat(100_000).as_bytes()).unwrap();
    drop(writer);
    let mut writer = cache.write("key", Content::Text, &SetOptions::new()).unwrap();
    let refused = Error::from(writer.write_all(b"\xff").unwrap_err());
    assert!(matches!(&refused, Error::InvalidArgument(text) if text.contains("UTF-8")), "{refused:?}");
    assert_eq!(writer.finish(), Err(Error::Closed));
    assert_eq!(cache.count().unwrap(), 0);
    assert_eq!(cache.check().unwrap(), []);
    cache.set("number", 1).unwrap();
    assert!(matches!(cache.read("number"), Err(Error::WrongType(_))));
    assert!(cache.read("missing").unwrap().is_none());
}

#[test]
fn what_needs_more_memory_than_it_may_have_fails_and_parts_go_through() {
    let cache = Cache::builder().memory_limit(16 << 20).open_temporary().unwrap();
    let value = vec![7; 20 << 20];
    assert!(cache.set("key", value.as_slice()).is_err());
    let mut writer = cache.write("key", Content::Bytes, &SetOptions::new()).unwrap();
    writer.write_all(&value).unwrap();
    writer.finish().unwrap();
    assert!(cache.get("key").is_err(), "as a whole it is too large");
    let mut read = Vec::new();
    cache.read("key").unwrap().unwrap().read_to_end(&mut read).unwrap();
    assert!(read == value);
}

#[test]
fn work_in_steps_lets_the_same_thread_and_others_work_in_between() {
    let cache = Cache::builder().instances(2).open_temporary().unwrap();
    let drafts = |numbers: std::ops::Range<i64>| numbers.map(|number| Draft::new(number, "x"));
    cache.set_many(drafts(0..9_000)).unwrap();
    let mut work = cache.maintain(&Task::Evict(Selection::range(0..20_000))).unwrap();
    let first = work.step().unwrap();
    assert!(first.done > 0 && first.total == 9_000 && !first.finished, "{first:?}");
    cache.set(15_000, "new").unwrap();
    thread::scope(|scope| scope.spawn(|| cache.set(15_001, "new").unwrap()).join().unwrap());
    while !work.step().unwrap().finished {}
    assert_eq!(work.step().unwrap().done, 9_000);
    drop(work);
    assert_eq!(cache.count().unwrap(), 2);

    cache.set_many(drafts(0..9_000)).unwrap();
    let done = cache.maintain(&Task::Evict(Selection::range(0..9_000))).unwrap().step().unwrap().done;
    assert_eq!(cache.count().unwrap(), 9_002 - done, "what is given up stays done");
    assert_eq!(cache.stats().unwrap().removals, 9_000 + done);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_step_waits_for_a_transaction_only_so_long_and_then_goes_on() {
    let cache = Cache::builder().wait(Duration::from_millis(20)).open_temporary().unwrap();
    cache.set_many((0..100).map(|number| Draft::new(number, "x"))).unwrap();
    let mut work = cache.maintain(&Task::Clear).unwrap();
    let mut transaction = cache.begin().unwrap();
    transaction.set("new", "x").unwrap();
    assert!(matches!(work.step(), Err(Error::Timeout(_))));
    transaction.commit().unwrap();
    while !work.step().unwrap().finished {}
    assert_eq!((work.step().unwrap().done, cache.count().unwrap()), (100, 1));
    cache.close().unwrap();
    assert!(matches!(cache.maintain(&Task::Clear), Err(Error::Closed)));
}

#[test]
fn space_is_given_back_in_steps_of_bytes() {
    let cache = Cache::temporary().unwrap();
    cache.set_many((0..200).map(|number| Draft::new(number, vec![7; 20_000]))).unwrap();
    cache.clear().unwrap();
    let mut work = cache.maintain(&Task::Compact).unwrap();
    let first = work.step().unwrap();
    assert!(first.done >= 1 << 20 && first.total > 4_000_000, "{first:?}");
    while !work.step().unwrap().finished {}
    assert!(cache.volume().unwrap() < 500_000);
}
