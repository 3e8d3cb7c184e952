//! Eviction, expiry, culling, clearing and compaction, in steps between which others get in.

use larder_engine::{
    Bound, Cache, Changes, Draft, Error, Key, Limit, Maintenance, OpenOptions, Policy, Progress, Selection, SetOptions,
    Side, Task, Value,
};

use crate::support::{Fixture, Shared, existing, integer, lasting, plain, put, tagged, text, value_files};

/// Most entries that one step may remove, unless all go at once.
const STEP: u64 = 4096;

fn page() -> Selection {
    Selection::Tag("page".into())
}

/// Stores so many entries with integer keys, one of ten tagged as a page and otherwise, one of fifty in a
/// file.
fn fill(cache: &mut Cache, count: i64) {
    let others: Vec<String> = (0..15).map(|number| format!("tag-{number}")).collect();
    let tags: Vec<&str> = std::iter::once("page").chain(others.iter().map(String::as_str)).collect();
    let draft = |number: i64| Draft {
        key: Key::Integer(number),
        value: if number % 50 == 7 { Value::Bytes(vec![1; 40_000]) } else { Value::Integer(number) },
        options: if number % 10 == 0 { tagged(&tags) } else { plain() },
    };
    cache.set_many(&(0..count).map(draft).collect::<Vec<_>>()).unwrap();
}

/// Takes steps to the end, or until `after` says no more; checks what each tells.
fn steps(cache: &mut Cache, work: &mut Maintenance, mut go_on: impl FnMut(&mut Cache, Progress) -> bool) -> Progress {
    let mut before = 0;
    loop {
        let progress = work.step(cache).unwrap();
        assert!(progress.done >= before && progress.total >= progress.done, "{progress:?} after {before}");
        before = progress.done;
        if progress.finished || !go_on(cache, progress) {
            return progress;
        }
    }
}

fn to_the_end(cache: &mut Cache, task: &Task) -> (u64, Vec<Progress>) {
    let mut work = cache.maintain(task).unwrap();
    let mut seen = Vec::new();
    let last = steps(cache, &mut work, |_, progress| {
        seen.push(progress);
        true
    });
    assert_eq!(last.total, last.done, "it is known in the end");
    assert_eq!(work.step(cache).unwrap(), last, "the end stays the end");
    (last.done, seen)
}

#[test]
fn every_selection_goes_in_steps_of_bounded_size_that_add_up() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        fill(cache, 6_000);
        for number in 0..1_500 {
            cache.push("jobs", &Value::Integer(number), Side::Back, &plain()).unwrap();
        }
        let range = Selection::Range(Bound::Included(Key::Integer(500)), Bound::Excluded(Key::Integer(2_000)));
        let endless = Selection::Range(Bound::Unbounded, Bound::Included(Key::Integer(4_000)));
        let (queue, mut count) = (Selection::Queue("jobs".into()), 7_500);
        for (selection, expected) in
            [(page(), 600), (range, 1_350), (queue, 1_500), (endless, 2_250), (Selection::All, 1_800), (page(), 0)]
        {
            let (removed, seen) = to_the_end(cache, &Task::Evict(selection.clone()));
            assert_eq!(removed, expected, "{selection:?} over {shards}");
            let mut before = 0;
            for progress in &seen {
                assert!(progress.done - before <= STEP, "{seen:?}");
                assert_eq!(progress.total, expected, "known from the beginning");
                before = progress.done;
            }
            count -= expected;
            assert_eq!(cache.count().unwrap(), count);
        }
        assert!(value_files(fixture.path()).is_empty());
        assert_eq!(fixture.cache.statistics().unwrap().removals, 7_500);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn a_single_call_removes_what_the_steps_do() {
    for task in [Task::Evict(page()), Task::Expire, Task::Cull, Task::Clear] {
        let run = |in_steps: bool| {
            let mut fixture = Fixture::sharded(2);
            let cache = &mut fixture.cache;
            fill(cache, 3_000);
            let brief = |number: i64| Draft {
                key: Key::Integer(10_000 + number),
                value: Value::Integer(number),
                options: lasting(5),
            };
            cache.set_many(&(0..1_200).map(brief).collect::<Vec<_>>()).unwrap();
            cache.configure(&Changes { item_limit: Limit::AtMost(1_000), ..Changes::default() }).unwrap();
            fixture.platform.advance(5);
            let cache = &mut fixture.cache;
            let removed = match &task {
                task if in_steps => to_the_end(cache, task).0,
                Task::Evict(selection) => cache.evict(selection).unwrap(),
                Task::Expire => cache.expire().unwrap(),
                Task::Cull => cache.cull().unwrap(),
                _ => cache.clear().unwrap(),
            };
            assert_eq!(cache.check().unwrap(), []);
            (removed, cache.count().unwrap(), cache.statistics().unwrap())
        };
        let (removed, left, counted) = run(true);
        assert_eq!((removed, left, counted), run(false), "{task:?}");
        let expected = match task {
            Task::Evict(_) => 300,
            Task::Expire => 1_200,
            Task::Cull => 3_200,
            _ => 4_200,
        };
        assert_eq!((removed, left), (expected, 4_200 - expected), "{task:?}");
    }
}

#[test]
fn what_others_store_between_two_steps_stays() {
    for shards in [1, 3] {
        let shared = Shared::new();
        let mut cache = shared.open(1, &OpenOptions { shards: Some(shards), ..OpenOptions::default() });
        let mut other = shared.open(2, &OpenOptions { wait_ms: 0, ..existing() });
        for _ in 0..1_000 {
            // Each fills some pages, so that they go in several steps.
            cache.push("jobs", &Value::Bytes(vec![1; 20_000]), Side::Back, &plain()).unwrap();
        }
        let range = Selection::Range(Bound::Included(Key::Integer(0)), Bound::Unbounded);
        let jobs = Task::Evict(Selection::Queue("jobs".into()));
        for task in [Task::Evict(page()), jobs.clone(), Task::Evict(range), Task::Clear] {
            let before = if task == jobs || task == Task::Clear { 0 } else { other.queue_length("jobs").unwrap() };
            fill(&mut cache, 6_000);
            let mut work = cache.maintain(&task).unwrap();
            let (mut left, mut stored) = (2, 0);
            let mut store = || {
                // Before, between and behind what is being removed; it does not have to wait.
                for key in [Key::Real(0.5), Key::Real(2_000.5), Key::Integer(1_000_000), text("new")] {
                    other.set(&key, &Value::Bytes(vec![1; 40_000]), &tagged(&["page"])).unwrap();
                }
                for side in [Side::Front, Side::Back] {
                    other.push("jobs", &Value::Integer(7), side, &plain()).unwrap();
                    stored += 1;
                }
            };
            // A tag may go in a single step.
            store();
            steps(&mut cache, &mut work, |_, _| {
                store();
                left -= 1;
                left > 0
            });
            steps(&mut cache, &mut work, |_, _| true);
            assert_eq!(other.queue_length("jobs").unwrap(), before + stored, "{task:?}");
            for key in [Key::Real(0.5), Key::Real(2_000.5), Key::Integer(1_000_000), text("new")] {
                assert!(other.delete(&key).unwrap(), "{task:?}");
            }
        }
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn clearing_that_could_go_at_once_leaves_what_came_in_after_it_began() {
    let mut fixture = Fixture::new();
    for number in 0..100 {
        put(&mut fixture.cache, &number.to_string(), number);
    }
    let mut work = fixture.cache.maintain(&Task::Clear).unwrap();
    put(&mut fixture.cache, "new", 1);
    let last = steps(&mut fixture.cache, &mut work, |_, _| true);
    assert_eq!(last, Progress { done: 100, total: 100, finished: true });
    assert_eq!(integer(&mut fixture.cache, "new"), Some(1));
    assert_eq!(to_the_end(&mut fixture.cache, &Task::Clear).0, 1);
}

#[test]
fn work_that_is_given_up_keeps_what_it_has_done() {
    let mut fixture = Fixture::new();
    fill(&mut fixture.cache, 5_000);
    let mut work = fixture.cache.maintain(&Task::Evict(Selection::All)).unwrap();
    let done = steps(&mut fixture.cache, &mut work, |_, _| false);
    assert!(done.done > 0 && done.done < STEP && done.total == 5_000 && !done.finished, "{done:?}");
    drop(work);
    assert_eq!(fixture.cache.count().unwrap(), 5_000 - done.done);
    assert_eq!(fixture.cache.check().unwrap(), []);
    fixture.reopen(&existing());
    assert_eq!(fixture.cache.clear().unwrap(), 5_000 - done.done);
}

#[test]
fn no_step_is_taken_while_a_transaction_is_open_and_afterwards_it_goes_on() {
    let mut fixture = Fixture::sharded(2);
    let cache = &mut fixture.cache;
    fill(cache, 5_000);
    let mut work = cache.maintain(&Task::Clear).unwrap();
    let before = work.step(cache).unwrap().done;
    let ticket = cache.begin().unwrap();
    assert_eq!(cache.maintain(&Task::Expire).err(), Some(Error::InTransaction));
    for _ in 0..2 {
        assert_eq!(work.step(cache), Err(Error::InTransaction));
    }
    cache.within(ticket, |cache| cache.set(&text("new"), &Value::Integer(1), &plain()).map(drop)).unwrap();
    cache.commit(ticket).unwrap();
    let last = steps(cache, &mut work, |_, _| true);
    assert!(before > 0 && last.done == 5_000, "{before} {last:?}");
    assert_eq!(cache.count().unwrap(), 1);
}

#[test]
fn a_step_that_waits_in_vain_has_done_nothing_and_the_next_one_tries_again() {
    let shared = Shared::new();
    let mut other = shared.open(1, &OpenOptions::default());
    fill(&mut other, 2_000);
    let mut cache = shared.open(2, &OpenOptions { wait_ms: 1, ..existing() });
    for task in [Task::Evict(page()), Task::Compact, Task::Clear] {
        let mut work = cache.maintain(&task).unwrap();
        let count = cache.count().unwrap();
        let ticket = other.begin().unwrap();
        assert!(matches!(work.step(&mut cache), Err(Error::Timeout(_))));
        assert_eq!(cache.count().unwrap(), count);
        other.rollback(ticket).unwrap();
        let last = steps(&mut cache, &mut work, |_, _| true);
        assert_eq!(cache.count().unwrap(), count - if task == Task::Compact { 0 } else { last.done });
    }
    assert_eq!(cache.count().unwrap(), 0);
}

#[test]
fn what_can_not_be_is_refused_before_the_first_step() {
    let mut fixture = Fixture::new();
    fill(&mut fixture.cache, 10);
    let number = Selection::Prefix(Key::Integer(1));
    assert!(matches!(fixture.cache.maintain(&Task::Evict(number)), Err(Error::InvalidArgument(_))));
    let mut work = fixture.cache.maintain(&Task::Clear).unwrap();
    fixture.reopen(&OpenOptions { create: false, read_only: true, ..OpenOptions::default() });
    for task in [Task::Evict(page()), Task::Expire, Task::Cull, Task::Clear, Task::Compact] {
        assert!(matches!(fixture.cache.maintain(&task), Err(Error::ReadOnly(_))), "{task:?}");
    }
    fixture.cache.close().unwrap();
    assert_eq!(fixture.cache.maintain(&Task::Clear).err(), Some(Error::Closed));
    assert_eq!(work.step(&mut fixture.cache), Err(Error::Closed));
}

#[test]
fn entries_that_the_clock_has_outlived_go_in_steps() {
    let mut fixture = Fixture::new();
    let draft = |number: i64| Draft {
        key: Key::Integer(number),
        value: Value::Integer(number),
        // Every third would now live too long.
        options: lasting(if number % 3 == 0 { 60_000 } else { 200_000_000 }),
    };
    fixture.platform.set_wall_clock(100_000_000);
    fixture.cache.set_many(&(0..9_000).filter(|number| number % 3 == 0).map(draft).collect::<Vec<_>>()).unwrap();
    fixture.platform.set_wall_clock(-100_000_000);
    fixture.cache.set_many(&(0..9_000).filter(|number| number % 3 != 0).map(draft).collect::<Vec<_>>()).unwrap();
    let (removed, seen) = to_the_end(&mut fixture.cache, &Task::Expire);
    assert_eq!(removed, 3_000);
    assert!(seen.len() >= 9_000 / 4_096, "{seen:?}");
    assert_eq!(fixture.cache.count().unwrap(), 6_000);
}

#[test]
fn culling_moves_no_more_entries_in_a_step_than_it_may_remove() {
    let options = OpenOptions {
        changes: Changes { policy: Some(Policy::LeastRecentlyStored), ..Changes::default() },
        ..OpenOptions::default()
    };
    let mut fixture = Fixture::with(&options);
    let cache = &mut fixture.cache;
    // Stored again in the other order, so that every place in line is outdated.
    for number in (0..9_000).chain((0..9_000).rev()) {
        cache.set(&Key::Integer(number), &Value::Integer(number), &plain()).unwrap();
    }
    cache.configure(&Changes { item_limit: Limit::AtMost(8_900), ..Changes::default() }).unwrap();
    let (removed, seen) = to_the_end(cache, &Task::Cull);
    assert_eq!(removed, 100);
    assert!(seen.len() >= 9_000 / 4_096, "{seen:?}");
    assert!(seen.iter().all(|progress| progress.total == 100), "{seen:?}");
    for number in 0..9_000 {
        assert_eq!(cache.contains(&Key::Integer(number)).unwrap(), number < 8_900, "{number}");
    }
}

#[test]
fn culling_gives_unused_space_back_before_it_evicts_anything() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let options = SetOptions::default();
    for number in 0..400 {
        cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 20_000]), &options).unwrap();
    }
    let most = Selection::Range(Bound::Included(Key::Integer(10)), Bound::Unbounded);
    assert_eq!(cache.evict(&most).unwrap(), 390);
    cache.configure(&Changes { size_limit: Limit::AtMost(1 << 20), ..Changes::default() }).unwrap();
    let (removed, seen) = to_the_end(cache, &Task::Cull);
    assert_eq!((removed, cache.count().unwrap()), (0, 10));
    assert!(seen.len() >= 7, "8 MB are given back by the megabyte: {seen:?}");
    let (freed, _) = to_the_end(cache, &Task::Compact);
    assert!(freed > 0 && cache.volume().unwrap() <= 1 << 20, "{freed} {}", cache.volume().unwrap());
}

#[test]
fn compaction_tells_how_many_bytes_it_gives_back() {
    let mut fixture = Fixture::sharded(2);
    for number in 0..400 {
        fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 20_000]), &plain()).unwrap();
    }
    fixture.cache.clear().unwrap();
    let before = fixture.cache.volume().unwrap();
    let (freed, seen) = to_the_end(&mut fixture.cache, &Task::Compact);
    assert_eq!(fixture.cache.volume().unwrap(), before - freed);
    assert!(seen.len() >= 8 && seen[0].total > 8_000_000, "{seen:?}");
    assert_eq!(to_the_end(&mut fixture.cache, &Task::Compact).0, 0);
    assert_eq!(fixture.cache.check().unwrap(), []);
}
