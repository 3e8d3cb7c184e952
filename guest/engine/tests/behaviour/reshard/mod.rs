//! Changing the number of shards: everything is kept.

mod collections;
mod interruption;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{
    Answer, Cache, Changes, Claim, Error, Filling, Key, Limit, Lock, LookUp, Metadata, Number, OpenOptions, Order,
    Platform, Policy, Resharding, Scan, Selection, SetOptions, Side, Value,
};

use crate::support::{
    Fixture, Shared, database, existing, lasting, open, plain, put, same, scan, tagged, tamper, text, value_files,
};

const LEASE: u32 = 1_000;
const KEYS: i64 = 40;
/// Names of counters and averages.
const TALLIES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn options(shards: u32, policy: Policy) -> OpenOptions {
    let changes = Changes {
        policy: Some(policy),
        inline_threshold: Some(100),
        default_ttl: larder_engine::Expiry::After(50_000_000),
        item_limit: Limit::AtMost(100_000),
        statistics: Some(true),
        compression: Some(larder_engine::Compression::Lz4),
        ..Changes::default()
    };
    OpenOptions { shards: Some(shards), changes, lease_ms: LEASE, ..OpenOptions::default() }
}

/// Fills a cache with entries of every kind.
fn fill(cache: &mut Cache, platform: &TestPlatform) {
    for number in 0..KEYS {
        platform.advance(1);
        let large = Value::Bytes(vec![u8::try_from(number).unwrap(); 300]);
        cache
            .set(&Key::Integer(number), &large, &tagged(&["all", if number % 2 == 0 { "even" } else { "odd" }]))
            .unwrap();
        cache.set(&text(&format!("k{number}")), &Value::Real(0.5), &lasting(1_000_000)).unwrap();
        cache.push(if number % 3 == 0 { "a" } else { "b" }, &Value::Integer(number), Side::Back, &plain()).unwrap();
    }
    let sliding = SetOptions { sliding: true, ..lasting(2_000_000) };
    cache.set(&Key::Bytes(vec![1]), &Value::Text("compressible ".repeat(7)), &sliding).unwrap();
    cache.set(&Key::Real(0.5), &Value::Integer(1), &lasting(1)).unwrap();
    for number in (0..KEYS).step_by(7) {
        // Stored again, in its place; and read, so that policies have something to know.
        cache.set(&Key::Integer(number), &Value::Integer(number), &tagged(&["seven"])).unwrap();
        cache.get(&Key::Integer(number)).unwrap();
    }
    cache.delete(&text("k3")).unwrap();
    for (number, name) in (1..).zip(TALLIES) {
        cache.count_up(name, number).unwrap();
        cache.add_to_average(name, 0.5).unwrap();
    }
    platform.advance(1);
}

/// Everything that can be seen of a cache.
#[derive(Debug, PartialEq)]
struct Everything {
    entries: Vec<(Key, String, Metadata)>,
    queues: BTreeMap<String, Vec<(Key, String, Metadata)>>,
    by_key: Vec<Key>,
    tags: Vec<(String, Vec<Key>)>,
    settings: larder_engine::Settings,
    count: u64,
    statistics: Option<larder_engine::Statistics>,
    measured: (u64, u64),
    tallies: Vec<(i64, Option<larder_engine::Mean>)>,
}

fn items(cache: &mut Cache, selection: Selection, order: Order) -> Vec<(Key, String, Metadata)> {
    let mut cursor = cache.scan(&Scan { expired: true, ..scan(selection, order) }).unwrap();
    let mut all = Vec::new();
    loop {
        let items = cursor.next_items(cache, 9).unwrap();
        if items.is_empty() {
            return all;
        }
        all.extend(items.into_iter().map(|item| (item.key, format!("{:?}", item.entry.value), item.entry.metadata)));
    }
}

fn everything(cache: &mut Cache) -> Everything {
    let queues = cache.queues().unwrap().into_iter();
    let queues = queues.map(|name| (name.clone(), items(cache, Selection::Queue(name), Order::Key)));
    let queues = queues.collect::<Vec<_>>().into_iter().collect();
    let keys = |items: Vec<(Key, String, Metadata)>| items.into_iter().map(|(key, ..)| key).collect();
    let information = cache.information().unwrap();
    Everything {
        entries: items(cache, Selection::All, Order::Insertion),
        queues,
        by_key: keys(items(cache, Selection::All, Order::Key)),
        tags: ["all", "even", "odd", "seven"]
            .map(|tag| (tag.to_owned(), keys(items(cache, Selection::Tag(tag.into()), Order::Insertion))))
            .to_vec(),
        settings: larder_engine::Settings { shards: 0, ..information.settings },
        count: information.count,
        statistics: cache.recorded_statistics().unwrap(),
        measured: cache.measure(&Selection::All, false).unwrap(),
        tallies: TALLIES.map(|name| (cache.counter(name).unwrap(), cache.average(name).unwrap())).to_vec(),
    }
}

/// Gives a closed directory another number of shards, in small steps.
pub(crate) fn reshard(root: &Path, shards: u32, platform: &Rc<TestPlatform>) -> Result<u32, Error> {
    let mut resharding = begin(root, shards, platform)?;
    let mut steps = 0;
    loop {
        steps += 1;
        let progress = resharding.step(10)?;
        assert!(progress.done <= progress.total);
        if progress.finished {
            return Ok(steps);
        }
    }
}

fn begin(root: &Path, shards: u32, platform: &Rc<TestPlatform>) -> Result<Resharding, Error> {
    let options = OpenOptions { wait_ms: 10, lease_ms: LEASE, ..OpenOptions::default() };
    Resharding::begin(root, shards, &options, &(Rc::clone(platform) as Rc<dyn Platform>))
}

/// Names in the directory itself.
fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(root).unwrap().map(|child| child.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn everything_is_kept_whatever_the_numbers_and_the_policy() {
    let policies = [Policy::None, Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed];
    for (round, policy) in policies.into_iter().enumerate() {
        for by_locks in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let table = LockTable::new();
            let platform = if by_locks { TestPlatform::sharing(&table, 7, true) } else { TestPlatform::seeded(7) };
            let first = [1, 3, 2, 5][round];
            let mut cache = open(directory.path(), &options(first, policy), &platform).unwrap();
            fill(&mut cache, &platform);
            cache.close().unwrap();
            let mut cache = open(directory.path(), &existing(), &platform).unwrap();
            let before = everything(&mut cache);
            cache.close().unwrap();
            for shards in [4, 1, 16, 3] {
                assert!(reshard(directory.path(), shards, &platform).unwrap() > 10);
                let other = OpenOptions { shards: Some(first + 20), ..existing() };
                assert!(matches!(open(directory.path(), &other, &platform), Err(Error::InvalidArgument(_))));
                let mut cache =
                    open(directory.path(), &OpenOptions { shards: Some(shards), ..existing() }, &platform).unwrap();
                assert_eq!(cache.check().unwrap(), [], "{policy:?} over {shards}");
                assert_eq!(everything(&mut cache), before, "{policy:?} over {shards}");
                assert_eq!(value_files(directory.path()).len(), 34);
                cache.close().unwrap();
                assert_eq!(
                    names(directory.path()).len(),
                    if by_locks { 3 } else { 2 },
                    "{:?}",
                    names(directory.path())
                );
            }
        }
    }
}

#[test]
fn the_directory_is_used_as_before() {
    let mut fixture = Fixture::with(&options(2, Policy::LeastRecentlyUsed));
    fill(&mut fixture.cache, &fixture.platform);
    let last = put(&mut fixture.cache, "last", 1);
    fixture.cache.close().unwrap();
    // Numbers that were given out are not given out again, even if the clock was set back.
    fixture.platform.set_wall_clock(-500);
    reshard(fixture.path(), 3, &fixture.platform).unwrap();
    fixture.reopen_closed(&existing());
    let cache = &mut fixture.cache;
    assert!(put(cache, "new", 2) > last);
    assert!(cache.compare_and_set(&text("last"), Some(last), &Value::Integer(3), &plain()).unwrap().is_some());
    assert_eq!(cache.push("a", &Value::Integer(9), Side::Back, &plain()).unwrap(), 14);
    assert!(same(&cache.pull("a", Side::Front).unwrap().unwrap().entry.value, &Value::Integer(0)));
    assert_eq!(
        cache.increment(&text("sum"), Number::Integer(1), Some(Number::Integer(0)), &plain()).unwrap(),
        Some(Number::Integer(1))
    );
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            (0..9).try_for_each(|key| cache.set(&Key::Integer(key), &Value::Integer(0), &plain()).map(drop))
        })
        .unwrap();
    cache.commit(ticket).unwrap();
    assert_eq!(cache.evict(&Selection::Tag("odd".into())).unwrap(), 14);
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(
        crate::support::names_of(crate::support::keys(cache, &scan(Selection::Prefix(text("ne")), Order::Insertion))),
        ["new"]
    );
}

#[test]
fn who_holds_a_lock_or_a_vacancy_holds_it_still() {
    let mut fixture = Fixture::with(&options(2, Policy::None));
    let claim = Claim { owner: None, weight: None, lease_ms: 600_000 };
    let look_up = LookUp { lease_ms: 600_000, eagerness: 0.0 };
    let lock = |number: i64| Lock { name: format!("lock {number}"), capacity: 1 };
    let held: Vec<_> = (0..9)
        .map(|number| {
            let grant = fixture.cache.try_lock(&lock(number), &claim).unwrap().unwrap();
            let Answer::Vacant(token, _) = fixture.cache.look_up(&Key::Integer(number), &look_up).unwrap() else {
                panic!("{number} is no vacancy")
            };
            (number, grant, token)
        })
        .collect();
    fixture.cache.close().unwrap();
    for shards in [5, 3] {
        reshard(fixture.path(), shards, &fixture.platform).unwrap();
    }
    fixture.reopen_closed(&existing());
    assert_eq!(fixture.cache.check().unwrap(), []);
    for (number, grant, token) in held {
        assert_eq!(fixture.cache.try_lock(&lock(number), &claim).unwrap(), None);
        fixture.cache.release_lock(&lock(number), grant).unwrap();
        assert!(fixture.cache.try_lock(&lock(number), &claim).unwrap().unwrap().fence > grant.fence);
        let key = Key::Integer(number);
        assert!(matches!(fixture.cache.look_up(&key, &look_up), Ok(Answer::Wait(_))));
        fixture.cache.fill(&key, token, &Value::Integer(number), &Filling::default()).unwrap();
        assert!(
            matches!(fixture.cache.look_up(&key, &look_up), Ok(Answer::Hit(Value::Integer(value))) if value == number)
        );
    }
}

#[test]
fn entries_are_evicted_in_the_same_order() {
    for policy in [Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed] {
        let mut fixture = Fixture::with(&OpenOptions {
            lease_ms: LEASE,
            changes: Changes { policy: Some(policy), ..Changes::default() },
            ..OpenOptions::default()
        });
        for number in 0..20 {
            fixture.platform.advance(1);
            put(&mut fixture.cache, &number.to_string(), number);
        }
        for number in [3, 1, 0] {
            fixture.platform.advance(1);
            crate::support::integer(&mut fixture.cache, &number.to_string());
        }
        fixture.cache.close().unwrap();
        for shards in [4, 1] {
            reshard(fixture.path(), shards, &fixture.platform).unwrap();
        }
        fixture.reopen_closed(&OpenOptions {
            changes: Changes { item_limit: Limit::AtMost(3), ..Changes::default() },
            ..existing()
        });
        fixture.cache.cull().unwrap();
        let kept = crate::support::names(&mut fixture.cache);
        let expected = if policy == Policy::LeastRecentlyUsed { ["0", "1", "3"] } else { ["17", "18", "19"] };
        assert_eq!(kept, expected, "{policy:?}");
    }
}

#[test]
fn frequencies_of_shards_of_different_age_are_made_comparable() {
    let changes = Changes { policy: Some(Policy::LeastFrequentlyUsed), ..Changes::default() };
    let mut fixture =
        Fixture::with(&OpenOptions { lease_ms: LEASE, shards: Some(2), changes, ..OpenOptions::default() });
    for number in 0..10 {
        fixture.cache.set(&Key::Integer(number), &Value::Integer(number), &plain()).unwrap();
    }
    fixture.cache.close().unwrap();
    // The first shard is old: whatever is in it has a high rank for that alone.
    tamper(fixture.path(), "UPDATE totals SET age = 1000; UPDATE entry SET rank = rank + 1000, place = place + 1000");
    reshard(fixture.path(), 1, &fixture.platform).unwrap();
    let connection = rusqlite::Connection::open(database(fixture.path(), 0)).unwrap();
    let ranks: (i64, i64, i64, i64) = connection
        .query_row("SELECT min(rank), max(rank), max(place), (SELECT age FROM totals) FROM entry", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!(ranks, (1, 1, 1, 0));
}

#[test]
fn numbers_given_out_twice_become_different_ones_in_the_same_order() {
    let mut fixture = Fixture::with(&OpenOptions { lease_ms: LEASE, shards: Some(3), ..OpenOptions::default() });
    for number in 0..30 {
        fixture.cache.set(&Key::Integer(number), &Value::Integer(number), &tagged(&["t"])).unwrap();
    }
    fixture.cache.close().unwrap();
    // As if handles had stored in several shards within the same microsecond.
    for shard in 0..3 {
        let connection = rusqlite::Connection::open(database(fixture.path(), shard)).unwrap();
        connection
            .execute_batch(
                "CREATE TEMP TABLE n AS SELECT id, row_number() OVER (ORDER BY id) AS new FROM entry;
                 UPDATE tag SET entry = (SELECT new FROM n WHERE n.id = entry);
                 UPDATE entry SET id = (SELECT new FROM n WHERE n.id = entry.id);",
            )
            .unwrap();
    }
    let keys = |fixture: &mut Fixture| {
        fixture.reopen_closed(&existing());
        let keys = crate::support::keys(&mut fixture.cache, &Scan::default());
        assert_eq!(fixture.cache.check().unwrap(), []);
        assert_eq!(crate::support::keys(&mut fixture.cache, &scan(Selection::Tag("t".into()), Order::Insertion)), keys);
        fixture.cache.close().unwrap();
        keys
    };
    let before = keys(&mut fixture);
    for shards in [1, 2] {
        reshard(fixture.path(), shards, &fixture.platform).unwrap();
        assert_eq!(keys(&mut fixture), before);
    }
}

#[test]
fn the_same_number_is_nothing_to_do_and_an_impossible_one_refused() {
    let mut fixture = Fixture::with(&options(2, Policy::None));
    fill(&mut fixture.cache, &fixture.platform);
    fixture.cache.close().unwrap();
    let before = fs::read(database(fixture.path(), 0)).unwrap();
    assert_eq!(reshard(fixture.path(), 2, &fixture.platform).unwrap(), 1);
    assert_eq!(fs::read(database(fixture.path(), 0)).unwrap(), before);
    for shards in [0, 31] {
        assert!(matches!(begin(fixture.path(), shards, &fixture.platform), Err(Error::InvalidArgument(_))));
    }
    fixture.reopen_closed(&existing());
}

#[test]
fn limits_that_are_too_small_for_the_shares_are_refused_before_anything_is_done() {
    let limits = Changes { size_limit: Limit::AtMost(1 << 20), item_limit: Limit::AtMost(6), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes: limits, ..OpenOptions::default() });
    fixture.cache.set(&text("large"), &Value::Bytes(vec![1; 600_000]), &plain()).unwrap();
    fixture.cache.close().unwrap();
    let before = names(fixture.path());
    let refusal = |shards| match begin(fixture.path(), shards, &fixture.platform) {
        Err(error) => error,
        Ok(_) => panic!("{shards} shards were not refused"),
    };
    assert!(matches!(refusal(8), Error::InvalidArgument(what) if what.contains("item limit")));
    assert!(matches!(refusal(5), Error::InvalidArgument(what) if what.contains("size limit")));
    assert!(matches!(refusal(2), Error::TooLarge { what, .. } if what.contains("\"large\"")));
    assert_eq!(names(fixture.path()).len(), before.len());
    fixture.reopen_closed(&existing());
    assert_eq!(fixture.cache.information().unwrap().settings.shards, 1);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_directory_that_somebody_has_open_is_locked_and_so_it_is_meanwhile() {
    let fixture = Fixture::with(&options(2, Policy::None));
    assert!(matches!(begin(fixture.path(), 3, &TestPlatform::seeded(2)), Err(Error::Locked(_))));

    let shared = Shared::new();
    let mut cache = shared.open(1, &options(2, Policy::None));
    put(&mut cache, "k", 1);
    let refused = begin(shared.directory.path(), 3, &shared.platform(2)).err();
    assert!(matches!(refused, Some(Error::Locked(what)) if what.contains("others use")));
    put(&mut cache, "k", 2);
    cache.close().unwrap();
    let resharding = begin(shared.directory.path(), 3, &shared.platform(2)).unwrap();
    let brief = OpenOptions { wait_ms: 10, ..existing() };
    assert!(matches!(open(shared.directory.path(), &brief, &shared.platform(3)), Err(Error::Locked(_))));
    drop(resharding);
    assert_eq!(crate::support::integer(&mut shared.open(3, &existing()), "k"), Some(2));
    assert!(matches!(begin(&shared.directory.path().join("none"), 3, &shared.platform(4)), Err(Error::NotFound(_))));
}

#[test]
fn what_is_damaged_stays_so_and_is_not_lost_from_sight() {
    let mut fixture = Fixture::with(&options(2, Policy::None));
    fill(&mut fixture.cache, &fixture.platform);
    fixture.cache.close().unwrap();
    let files = value_files(fixture.path());
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], "altered").unwrap();
    reshard(fixture.path(), 3, &fixture.platform).unwrap();
    fixture.reopen_closed(&existing());
    let problems = fixture.cache.check().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.description.contains("missing")));
    assert_eq!(fixture.cache.repair().unwrap().len(), 2);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn an_entry_without_a_key_is_named_and_nothing_done() {
    let mut fixture = Fixture::with(&options(1, Policy::None));
    fill(&mut fixture.cache, &fixture.platform);
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "UPDATE entry SET key = NULL WHERE key = 5");
    assert!(matches!(reshard(fixture.path(), 3, &fixture.platform), Err(Error::Corrupt(_))));
    fixture.reopen_closed(&OpenOptions { shards: Some(1), ..existing() });
    assert_eq!(names(fixture.path()).len(), 2);
    fixture.cache.repair().unwrap();
    fixture.cache.close().unwrap();
    reshard(fixture.path(), 3, &fixture.platform).unwrap();
}
