//! Limits and what goes when they are reached.

use std::cell::Cell;

use larder_engine::{Cache, Changes, Draft, Error, Key, Limit, OpenOptions, Policy, Selection, SetOptions, Value};

use crate::support::{Fixture, Shared, existing, integer, lasting, names, plain, put, tagged, text, value_files};

/// At most so many entries.
fn items(limit: u64, policy: Policy) -> OpenOptions {
    OpenOptions {
        changes: Changes { item_limit: Limit::AtMost(limit), policy: Some(policy), ..Changes::default() },
        ..OpenOptions::default()
    }
}

/// The same, with files for values from a size on.
fn with_files(threshold: u32, mut options: OpenOptions) -> OpenOptions {
    options.changes.inline_threshold = Some(threshold);
    options
}

/// At most so many bytes.
fn bytes(limit: u64, policy: Policy) -> OpenOptions {
    OpenOptions {
        changes: Changes { size_limit: Limit::AtMost(limit), policy: Some(policy), ..Changes::default() },
        ..OpenOptions::default()
    }
}

const EVICTING: [Policy; 3] = [Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed];

#[test]
fn an_item_limit_is_exact() {
    for policy in EVICTING {
        let mut fixture = Fixture::with(&items(3, policy));
        for number in 0..50 {
            put(&mut fixture.cache, &number.to_string(), number);
            assert_eq!(fixture.cache.count().unwrap(), 3.min(u64::try_from(number).unwrap() + 1));
            assert_eq!(integer(&mut fixture.cache, &number.to_string()), Some(number));
        }
        assert_eq!(fixture.cache.statistics().unwrap().evictions, 47);
    }
}

/// Bytes of all files below a directory.
pub(crate) fn on_disk(directory: &std::path::Path) -> u64 {
    let each = std::fs::read_dir(directory).unwrap().map(|entry| {
        let (path, metadata) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        if metadata.is_dir() { on_disk(&path) } else { metadata.len() }
    });
    each.sum()
}

/// What a database takes in which there is nothing.
const EMPTY_DATABASE: u64 = 27 * 4096;

#[test]
fn an_empty_database_takes_no_more_than_it_is_said_to() {
    let mut fixture = Fixture::new();
    fixture.cache.close().unwrap();
    let size = std::fs::metadata(crate::support::database(fixture.path(), 0)).unwrap().len();
    assert!(size <= EMPTY_DATABASE, "{} pages", size / 4096);
}

#[test]
fn a_size_limit_bounds_what_is_on_disk_and_leaves_it_well_used() {
    for (limit, size, policy) in [
        (512 * 1024, 100, Policy::LeastRecentlyStored),
        (1024 * 1024, 900, Policy::LeastRecentlyUsed),
        (1024 * 1024, 40_000, Policy::LeastFrequentlyUsed),
        (4 * 1024 * 1024, 300_000, Policy::LeastRecentlyStored),
    ] {
        let mut fixture = Fixture::with(&bytes(limit, policy));
        let stores = 3 * limit / size;
        let mut least_full = u64::MAX;
        for number in 0..stores {
            let key = Key::Integer(number.cast_signed());
            fixture.cache.set(&key, &Value::Bytes(vec![7; usize::try_from(size).unwrap()]), &plain()).unwrap();
            fixture.cache.get(&Key::Integer(number.cast_signed() / 2)).unwrap();
            if number % (stores / 40 + 1) == 0 {
                assert!(on_disk(fixture.path()) <= limit, "{} of {limit}", on_disk(fixture.path()));
                assert!(fixture.cache.volume().unwrap() <= limit);
            }
            if number > stores / 2 {
                least_full = least_full.min(fixture.cache.measure(&Selection::All, true).unwrap().1);
            }
        }
        // What is not used is kept for the log, or lost to pages that are not full.
        let for_entries = limit - EMPTY_DATABASE;
        assert!(least_full > for_entries * 9 / 20, "{least_full} of {for_entries} with values of {size}");
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn reaching_the_size_limit_does_not_empty_the_cache() {
    // Ten values of 1 MB under a limit of 10 MiB: the reference evicted all of them at once. What is kept
    // to remove entries from a full disk comes on top, with an eighth more for the log.
    let limit = (10 << 20) + (300 << 10);
    let mut fixture = Fixture::with(&bytes(limit, Policy::LeastRecentlyStored));
    let mut counts = Vec::new();
    for number in 0..40 {
        fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 1_000_000]), &plain()).unwrap();
        counts.push(fixture.cache.count().unwrap());
    }
    assert!(counts.iter().skip(9).all(|count| *count == 9), "{counts:?}");
}

#[test]
fn an_entry_that_can_never_fit_is_refused_before_anything_goes() {
    for policy in EVICTING {
        let mut fixture = Fixture::with(&bytes(1 << 20, policy));
        put(&mut fixture.cache, "a", 1);
        put(&mut fixture.cache, "b", 1);
        let refused = fixture.cache.set(&text("c"), &Value::Bytes(vec![0; 1 << 20]), &plain());
        let Err(Error::TooLarge { what, size, limit }) = refused else { panic!("{refused:?}") };
        assert!(what.contains("\"c\"") && size == (1 << 20) + 65 && limit < 1 << 20);
        assert_eq!(names(&mut fixture.cache), ["a", "b"]);
        assert!(value_files(fixture.path()).is_empty());
        let largest = usize::try_from(limit).unwrap() - 65;
        fixture.cache.set(&text("c"), &Value::Bytes(vec![0; largest]), &plain()).unwrap();
        assert!(names(&mut fixture.cache).contains(&"c".to_owned()));
        assert!(on_disk(fixture.path()) <= 1 << 20);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn one_of_many_that_can_never_fit_is_refused_before_another_finds_no_room() {
    for (shards, threshold) in [(1, 1 << 10), (2, 1 << 10), (1, 1 << 20), (2, 1 << 20)] {
        let options = bytes(u64::from(shards) << 19, Policy::None);
        let mut fixture = Fixture::with(&OpenOptions { shards: Some(shards), ..with_files(threshold, options) });
        let draft =
            |number, size| Draft { key: Key::Integer(number), value: Value::Bytes(vec![0; size]), options: plain() };
        let stored = (0..20).filter(|number| fixture.cache.set_many(&[draft(*number, 60_000)]).is_ok()).count() as u64;
        for last in 20..24 {
            let refused = fixture.cache.set_many(&[draft(19, 60_000), draft(last, 900_000)]);
            assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?} of {shards} shards");
        }
        assert!(matches!(fixture.cache.set_many(&[draft(19, 60_000)]), Err(Error::Full(_))));
        assert_eq!(fixture.cache.count().unwrap(), stored);
    }
}

#[test]
fn a_size_limit_below_what_an_empty_directory_takes_is_refused() {
    let mut fixture = Fixture::sharded(2);
    let changes = |limit| Changes { size_limit: Limit::AtMost(limit), ..Changes::default() };
    let least = 2 * larder_engine::SIZE_SHARE_MINIMUM;
    assert!(matches!(fixture.cache.configure(&changes(least - 1)), Err(Error::InvalidArgument(_))));
    assert_eq!(fixture.cache.information().unwrap().settings.size_limit, Some(larder_engine::DEFAULT_SIZE_LIMIT));
    fixture.cache.configure(&changes(least)).unwrap();
    put(&mut fixture.cache, "a", 1);
    assert!(on_disk(fixture.path()) <= least);
}

#[test]
fn overwriting_at_the_limit_evicts_nothing_it_does_not_have_to() {
    let mut fixture = Fixture::with(&items(2, Policy::LeastRecentlyStored));
    put(&mut fixture.cache, "a", 1);
    put(&mut fixture.cache, "b", 1);
    put(&mut fixture.cache, "a", 2);
    assert_eq!(names(&mut fixture.cache), ["a", "b"]);
    put(&mut fixture.cache, "c", 1);
    assert_eq!(names(&mut fixture.cache), ["a", "c"], "b was stored longest ago");
}

#[test]
fn expired_entries_go_before_any_other() {
    for policy in EVICTING {
        let mut fixture = Fixture::with(&items(3, policy));
        put(&mut fixture.cache, "old", 1);
        fixture.cache.set(&text("brief"), &Value::Integer(1), &lasting(5)).unwrap();
        put(&mut fixture.cache, "new", 1);
        fixture.platform.advance(5);
        put(&mut fixture.cache, "newest", 1);
        assert_eq!(names(&mut fixture.cache), ["old", "new", "newest"]);
        let seen = fixture.cache.statistics().unwrap();
        assert_eq!((seen.evictions, seen.expirations), (0, 1));
    }
}

#[test]
fn policy_none_refuses_when_full_and_changes_nothing() {
    let options = with_files(50, items(2, Policy::None));
    let mut fixture = Fixture::with(&options);
    put(&mut fixture.cache, "a", 1);
    fixture.cache.set(&text("b"), &Value::Bytes(vec![1; 60]), &tagged(&["x"])).unwrap();
    let before = value_files(fixture.path());
    assert!(matches!(fixture.cache.set(&text("c"), &Value::Bytes(vec![2; 60]), &plain()), Err(Error::Full(_))));
    assert!(matches!(fixture.cache.add(&text("c"), &Value::Integer(1), &plain()), Err(Error::Full(_))));
    assert_eq!(value_files(fixture.path()), before);
    put(&mut fixture.cache, "a", 2);
    assert_eq!(names(&mut fixture.cache), ["a", "b"]);
    assert_eq!(fixture.cache.statistics().unwrap().sets, 3);

    fixture.cache.set(&text("a"), &Value::Integer(3), &lasting(5)).unwrap();
    fixture.platform.advance(5);
    put(&mut fixture.cache, "c", 1);
    assert_eq!(names(&mut fixture.cache), ["b", "c"], "what has expired makes room under any policy");
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn least_recently_used_knows_reads_and_stores_in_their_order() {
    let mut fixture = Fixture::with(&items(3, Policy::LeastRecentlyUsed));
    let cache = &mut fixture.cache;
    for key in ["a", "b", "c"] {
        put(cache, key, 1);
    }
    integer(cache, "a");
    put(cache, "d", 1);
    assert_eq!(names(cache), ["a", "c", "d"]);
    put(cache, "e", 1);
    assert_eq!(names(cache), ["a", "d", "e"]);
    put(cache, "f", 1);
    assert_eq!(names(cache), ["d", "e", "f"], "a was read before d was stored");
    assert_eq!(cache.contains(&text("d")), Ok(true));
    put(cache, "g", 1);
    assert_eq!(names(cache), ["e", "f", "g"], "contains is no use");
}

#[test]
fn what_is_stored_after_reopening_is_later_than_what_was_read_before_even_if_the_clock_stands() {
    let mut fixture = Fixture::with(&items(3, Policy::LeastRecentlyUsed));
    for key in ["stored again", "read", "first"] {
        put(&mut fixture.cache, key, 0);
    }
    integer(&mut fixture.cache, "read");
    fixture.reopen(&existing());
    put(&mut fixture.cache, "stored again", 1);
    put(&mut fixture.cache, "new", 0);
    assert_eq!(names(&mut fixture.cache), ["stored again", "read", "new"]);
    put(&mut fixture.cache, "newer", 0);
    assert_eq!(names(&mut fixture.cache), ["stored again", "new", "newer"]);
}

#[test]
fn reads_count_in_other_shards_of_the_handle_and_after_closing() {
    let mut fixture = Fixture::with(&OpenOptions { shards: Some(1), ..items(3, Policy::LeastRecentlyUsed) });
    for key in ["a", "b", "c"] {
        put(&mut fixture.cache, key, 1);
    }
    integer(&mut fixture.cache, "a");
    fixture.reopen(&existing());
    put(&mut fixture.cache, "d", 1);
    assert_eq!(names(&mut fixture.cache), ["a", "c", "d"]);
    assert_eq!(fixture.cache.get_entry(&text("a")).unwrap().unwrap().metadata.hits, 1);
}

#[test]
fn least_frequently_used_evicts_what_was_read_least() {
    let mut fixture = Fixture::with(&items(3, Policy::LeastFrequentlyUsed));
    let cache = &mut fixture.cache;
    for (key, reads) in [("a", 2), ("b", 1), ("c", 3)] {
        put(cache, key, 1);
        (0..reads).for_each(|_| assert_eq!(integer(cache, key), Some(1)));
    }
    put(cache, "d", 1);
    assert_eq!(names(cache), ["a", "c", "d"]);
}

#[test]
fn least_frequently_used_lets_newcomers_in_as_old_reads_fade() {
    let mut fixture = Fixture::with(&items(3, Policy::LeastFrequentlyUsed));
    let cache = &mut fixture.cache;
    for key in ["a", "b", "c"] {
        put(cache, key, 1);
        (0..20).for_each(|_| assert_eq!(integer(cache, key), Some(1)));
    }
    for number in 0..200 {
        // Read twice each, while a, b and c are not read any more.
        let key = format!("n{}", number / 2);
        if !cache.contains(&text(&key)).unwrap() {
            put(cache, &key, 1);
        }
        integer(cache, &key);
    }
    assert!(names(cache).iter().all(|key| key.starts_with('n')), "{:?}", names(cache));
}

#[test]
fn evicting_a_popular_tag_does_not_age_the_rest() {
    let mut fixture = Fixture::with(&items(2, Policy::LeastFrequentlyUsed));
    let cache = &mut fixture.cache;
    cache.set(&text("popular"), &Value::Integer(1), &tagged(&["x"])).unwrap();
    (0..100).for_each(|_| assert_eq!(integer(cache, "popular"), Some(1)));
    put(cache, "liked", 1);
    (0..10).for_each(|_| assert_eq!(integer(cache, "liked"), Some(1)));
    put(cache, "once", 1);
    assert_eq!(names(cache), ["popular", "once"], "liked was read least");
    cache.evict(&Selection::Tag("x".into())).unwrap();
    put(cache, "liked", 1);
    (0..10).for_each(|_| assert_eq!(integer(cache, "liked"), Some(1)));
    put(cache, "newcomer", 1);
    put(cache, "another", 1);
    assert_eq!(names(cache), ["liked", "another"]);
}

#[test]
fn changing_a_limit_keeps_the_age_of_the_policy() {
    let mut fixture = Fixture::with(&items(2, Policy::LeastFrequentlyUsed));
    for number in 0..50 {
        put(&mut fixture.cache, &number.to_string(), number);
        integer(&mut fixture.cache, &number.to_string());
    }
    fixture.reopen(&items(3, Policy::LeastFrequentlyUsed));
    put(&mut fixture.cache, "x", 1);
    (0..2).for_each(|_| assert_eq!(integer(&mut fixture.cache, "x"), Some(1)));
    put(&mut fixture.cache, "y", 1);
    assert!(fixture.cache.contains(&text("x")).unwrap(), "a newcomer does not start behind all that are old");
}

#[test]
fn limits_hold_for_all_shards_together() {
    let mut fixture = Fixture::with(&OpenOptions { shards: Some(4), ..items(10, Policy::LeastRecentlyStored) });
    for number in 0..200 {
        put(&mut fixture.cache, &number.to_string(), number);
        assert!(fixture.cache.count().unwrap() <= 10);
    }
    assert_eq!(fixture.cache.count().unwrap(), 10);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_change_of_limit_and_policy_is_seen_by_a_handle_that_is_open() {
    let shared = Shared::new();
    let mut old = shared.open(1, &items(100, Policy::LeastRecentlyStored));
    for key in ["a", "b", "c", "d"] {
        put(&mut old, key, 1);
    }
    let mut new = shared.open(2, &items(3, Policy::LeastRecentlyUsed));
    let seen = old.information().unwrap().settings;
    assert_eq!((seen.item_limit, seen.policy), (Some(3), Policy::LeastRecentlyUsed));
    integer(&mut old, "a");
    put(&mut old, "e", 1);
    assert_eq!(names(&mut old), ["a", "d", "e"]);
    put(&mut new, "f", 1);
    assert_eq!(names(&mut new), ["a", "e", "f"]);
}

#[test]
fn what_was_read_before_the_policy_changed_counts_when_it_changes_back() {
    let mut fixture = Fixture::with(&items(3, Policy::LeastRecentlyUsed));
    for key in ["a", "b", "c"] {
        put(&mut fixture.cache, key, 1);
    }
    fixture.platform.advance(1);
    integer(&mut fixture.cache, "a");
    let policy = |policy| Changes { policy: Some(policy), ..Changes::default() };
    fixture.cache.configure(&policy(Policy::LeastRecentlyStored)).unwrap();
    fixture.reopen(&existing());
    fixture.cache.configure(&policy(Policy::LeastRecentlyUsed)).unwrap();
    put(&mut fixture.cache, "d", 1);
    assert_eq!(names(&mut fixture.cache), ["a", "c", "d"]);
}

#[test]
fn a_lowered_limit_is_met_by_the_next_store() {
    let mut fixture = Fixture::with(&items(100, Policy::LeastRecentlyStored));
    for number in 0..90 {
        put(&mut fixture.cache, &number.to_string(), number);
    }
    fixture.reopen(&items(5, Policy::LeastRecentlyStored));
    put(&mut fixture.cache, "x", 1);
    assert_eq!(names(&mut fixture.cache), ["86", "87", "88", "89", "x"]);
}

#[test]
fn evicted_entries_leave_no_file() {
    let mut fixture = Fixture::with(&with_files(10, items(3, Policy::LeastRecentlyStored)));
    for number in 0..100_u8 {
        fixture.cache.set(&text(&number.to_string()), &Value::Bytes(vec![number; 20]), &plain()).unwrap();
    }
    assert_eq!(value_files(fixture.path()).len(), 3);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn eviction_follows_the_last_store_of_each_entry_however_often_it_was_stored_again() {
    for policy in [Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed] {
        let count = 200;
        let mut fixture = Fixture::with(&items(count, policy));
        let mut order: Vec<u64> = (0..count).collect();
        for index in &order {
            fixture.cache.set(&key(*index), &Value::Integer(0), &SetOptions::default()).unwrap();
        }
        // Stored again in another order, some of them twice, while the limit is near.
        for index in (0..count).map(|index| index * 77 % count).chain((0..count).step_by(3)) {
            fixture.cache.set(&key(index), &Value::Integer(1), &SetOptions::default()).unwrap();
            order.retain(|other| *other != index);
            order.push(index);
        }
        for (newcomer, evicted) in (count..).zip(&order) {
            assert!(fixture.cache.contains(&key(*evicted)).unwrap(), "{evicted} went too early");
            fixture.cache.set(&key(newcomer), &Value::Integer(2), &SetOptions::default()).unwrap();
            assert!(!fixture.cache.contains(&key(*evicted)).unwrap(), "{evicted} should have gone");
        }
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn an_entry_that_an_undone_transaction_had_taken_out_of_the_line_is_evicted_in_its_turn() {
    const SHARDS: u32 = 2;
    const LIMIT: u64 = 20;
    let mut options = items(LIMIT, Policy::LeastRecentlyStored);
    options.shards = Some(SHARDS);
    let mut fixture = Fixture::with(&options);
    (0..2 * LIMIT).for_each(|index| store(&mut fixture, index));
    let commits = Cell::new(0);
    fixture.platform.on_commit(move || {
        commits.set(commits.get() + 1);
        if commits.get() == SHARDS { Err(Error::Full("the disk".into())) } else { Ok(()) }
    });
    let ticket = fixture.cache.begin().unwrap();
    let evicting = |cache: &mut Cache| {
        (100..100 + LIMIT)
            .try_for_each(|index| cache.set(&key(index), &Value::Integer(0), &SetOptions::default()).map(drop))
    };
    fixture.cache.within(ticket, evicting).unwrap();
    assert!(matches!(fixture.cache.commit(ticket), Err(Error::Full(_))));
    fixture.platform.on_commit(|| Ok(()));
    let put_back: Vec<u64> = (0..2 * LIMIT).filter(|index| fixture.cache.contains(&key(*index)).unwrap()).collect();
    assert_eq!(put_back.len() as u64, LIMIT);
    // As many as can not all fall into one shard, so that both have to evict all they have.
    (200..200 + 4 * LIMIT).for_each(|index| store(&mut fixture, index));
    for index in put_back {
        assert!(!fixture.cache.contains(&key(index)).unwrap(), "{index} stays for ever");
    }
}

#[test]
fn another_policy_puts_all_in_another_line() {
    for (before, after) in [
        (Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed),
        (Policy::LeastFrequentlyUsed, Policy::LeastRecentlyStored),
        (Policy::None, Policy::LeastRecentlyStored),
    ] {
        let mut fixture = Fixture::with(&items(10, before));
        (0..10).for_each(|index| store(&mut fixture, index));
        // Those that are stored again are the last to go under either policy of recency.
        (0..3).for_each(|index| store(&mut fixture, index));
        let changes = Changes { policy: Some(after), ..Changes::default() };
        fixture.cache.configure(&changes).unwrap();
        for (evicted, newcomer) in [3, 4, 5, 6, 7, 8, 9, 0, 1, 2].into_iter().zip(10..) {
            assert!(fixture.cache.contains(&key(evicted)).unwrap(), "{before:?}, {after:?}: {evicted} went too early");
            store(&mut fixture, newcomer);
            assert!(
                !fixture.cache.contains(&key(evicted)).unwrap(),
                "{before:?}, {after:?}: {evicted} should have gone"
            );
        }
    }
}

fn store(fixture: &mut Fixture, index: u64) {
    fixture.platform.advance(1);
    fixture.cache.set(&key(index), &Value::Integer(0), &SetOptions::default()).unwrap();
}

fn key(index: u64) -> Key {
    Key::Integer(index.cast_signed())
}
