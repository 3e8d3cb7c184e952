//! Evicting by tag leaves a tombstone: the entries are gone at once, their rows bit by bit.

use larder_engine::testing::{LockTable, TestPlatform};
use larder_engine::{
    Cache, Changes, Expiry, Key, Limit, OpenOptions, Order, Queued, Scan, Selection, SetOptions, Side, Task, Value,
};

use crate::support::{Fixture, database, existing, open, plain, tagged, tamper, text, value_files};

fn news() -> Selection {
    Selection::Tag("news".into())
}

/// A cache that has its directory not for itself, so that the rows can be counted.
fn shared(options: &OpenOptions) -> Fixture {
    let (directory, platform) = (tempfile::tempdir().unwrap(), TestPlatform::sharing(&LockTable::new(), 1, true));
    let cache = open(directory.path(), options, &platform).unwrap();
    Fixture { directory, platform, cache }
}

/// So many entries with integer keys, every third with the tag `news`, every fifth with `sport`.
fn filled(options: &OpenOptions, count: i64) -> Fixture {
    let mut fixture = shared(options);
    for number in 0..count {
        store(&mut fixture.cache, number);
    }
    fixture
}

fn store(cache: &mut Cache, number: i64) {
    let tags: Vec<&str> =
        [(3, "news"), (5, "sport")].into_iter().filter(|(each, _)| number % each == 0).map(|(_, tag)| tag).collect();
    cache.set(&Key::Integer(number), &Value::Integer(number), &tagged(&tags)).unwrap();
}

/// Rows that are left of entries, live and dead, and tombstones.
fn rows(fixture: &Fixture) -> (i64, i64) {
    let connection = rusqlite::Connection::open(database(fixture.path(), 0)).unwrap();
    let count =
        |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
    (count("entry"), count("tombstone"))
}

fn number(value: Value) -> i64 {
    match value {
        Value::Integer(number) => number,
        other => panic!("{other:?}"),
    }
}

fn keys(cache: &mut Cache, selection: Selection, expired: bool) -> Vec<i64> {
    let scan = Scan { selection, order: Order::Key, expired, ..Scan::default() };
    let mut cursor = cache.scan(&scan).unwrap();
    let mut found = Vec::new();
    loop {
        let page = cursor.next(cache, 100).unwrap();
        if page.is_empty() {
            return found;
        }
        found.extend(page.into_iter().map(|key| match key {
            Key::Integer(number) => number,
            other => panic!("{other:?}"),
        }));
    }
}

#[test]
fn what_is_evicted_by_tag_is_gone_for_everybody_before_its_rows_are() {
    let mut fixture = filled(&OpenOptions::default(), 100);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 34);
    assert_eq!(rows(&fixture), (100 - 8, 1), "as any change, it sweeps a few");

    let cache = &mut fixture.cache;
    assert_eq!(cache.count().unwrap(), 66);
    assert_eq!(cache.statistics().unwrap().removals, 34);
    let left: Vec<i64> = (0..100).filter(|number| number % 3 != 0).collect();
    for expired in [false, true] {
        assert_eq!(keys(cache, Selection::All, expired), left);
        assert_eq!(keys(cache, news(), expired), [0_i64; 0]);
        assert_eq!(cache.measure(&news(), expired).unwrap().0, 0);
        assert_eq!(cache.measure(&Selection::Tag("sport".into()), expired).unwrap().0, 13);
    }
    let key = Key::Integer(33);
    assert!(cache.get(&key).unwrap().is_none());
    assert!(cache.get_entry(&key).unwrap().is_none());
    assert!(!cache.contains(&key).unwrap());
    assert_eq!(cache.evict(&news()).unwrap(), 0);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn nothing_can_be_done_to_a_dead_entry_but_to_store_a_new_one() {
    let mut fixture = filled(&OpenOptions::default(), 30);
    let before = fixture.cache.get_entry(&Key::Integer(3)).unwrap().unwrap().metadata;
    fixture.cache.evict(&news()).unwrap();
    let cache = &mut fixture.cache;
    assert!(!cache.touch(&Key::Integer(3), Expiry::Never).unwrap());
    assert!(!cache.delete(&Key::Integer(6)).unwrap());
    assert!(cache.pop(&Key::Integer(9)).unwrap().is_none());
    let over = Some(before.version);
    assert_eq!(cache.compare_and_set(&Key::Integer(3), over, &Value::Integer(1), &plain()).unwrap(), None);

    assert!(cache.add(&Key::Integer(3), &Value::Integer(7), &tagged(&["news"])).unwrap().is_some());
    let after = cache.get_entry(&Key::Integer(3)).unwrap().unwrap();
    assert_eq!((number(after.value), after.metadata.hits), (7, 0));
    assert!(after.metadata.version > before.version, "versions only grow");
    assert_eq!(keys(cache, news(), false), [3], "an entry that is stored afterwards lives");
    assert_eq!(cache.statistics().unwrap().expirations, 0);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn changes_sweep_a_few_rows_each_and_expiring_all() {
    let mut fixture = filled(&OpenOptions::default(), 300);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 100);
    store(&mut fixture.cache, 1);
    assert_eq!(rows(&fixture), (300 - 16, 1));
    store(&mut fixture.cache, 3);
    assert_eq!(rows(&fixture), (300 - 23, 1), "one came back");
    for _ in 0..13 {
        store(&mut fixture.cache, 1);
    }
    assert_eq!(rows(&fixture), (201, 0));
    assert_eq!(fixture.cache.check().unwrap(), []);

    for task in [Task::Expire, Task::Cull, Task::Compact] {
        assert_eq!(fixture.cache.evict(&Selection::Tag("sport".into())).unwrap(), 40, "{task:?}");
        let mut work = fixture.cache.maintain(&task).unwrap();
        while !work.step(&mut fixture.cache).unwrap().finished {}
        assert_eq!(rows(&fixture), (161, 0), "{task:?}");
        let sport = (0..300).filter(|number| number % 5 == 0 && number % 3 != 0);
        sport.for_each(|number| store(&mut fixture.cache, number));
    }
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn entries_of_several_evicted_tags_count_once() {
    let mut fixture = filled(&OpenOptions::default(), 300);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 100);
    assert_eq!(fixture.cache.evict(&Selection::Tag("sport".into())).unwrap(), 40);
    assert_eq!(fixture.cache.count().unwrap(), 160);
    assert_eq!(fixture.cache.check().unwrap(), []);
    assert_eq!(fixture.cache.expire().unwrap(), 0);
    assert_eq!((rows(&fixture), fixture.cache.count().unwrap()), ((160, 0), 160));
}

#[test]
fn a_tag_can_be_evicted_again_before_its_first_tombstone_is_swept() {
    let mut fixture = filled(&OpenOptions::default(), 300);
    for _ in 0..5 {
        fixture.cache.evict(&news()).unwrap();
        (0..60).for_each(|number| store(&mut fixture.cache, number));
        assert_eq!(keys(&mut fixture.cache, news(), false).len(), 20);
    }
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 20);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn no_more_tombstones_stand_than_reading_can_bear() {
    let mut fixture = shared(&OpenOptions::default());
    for number in 0..400 {
        let tag = format!("t{}", number % 20);
        fixture.cache.set(&Key::Integer(number), &Value::Integer(number), &tagged(&[&tag])).unwrap();
    }
    for tag in 0..20 {
        assert_eq!(fixture.cache.evict(&Selection::Tag(format!("t{tag}"))).unwrap(), 20);
        assert!(rows(&fixture).1 <= 8);
    }
    assert_eq!(fixture.cache.count().unwrap(), 0);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn a_clock_that_is_set_back_brings_no_entry_back_and_lets_none_die() {
    let mut fixture = filled(&OpenOptions::default(), 30);
    fixture.cache.evict(&news()).unwrap();
    fixture.platform.set_wall_clock(-3_600_000);
    store(&mut fixture.cache, 3);
    assert_eq!(keys(&mut fixture.cache, news(), false), [3]);
    fixture.reopen(&existing());
    store(&mut fixture.cache, 6);
    assert_eq!(keys(&mut fixture.cache, news(), false), [3, 6]);
}

#[test]
fn what_is_dead_goes_before_what_lives_when_room_is_made() {
    let changes = Changes { size_limit: Limit::AtMost(2 * 1024 * 1024), ..Changes::default() };
    let options = OpenOptions { changes, ..OpenOptions::default() };
    let mut fixture = Fixture::with(&options);
    let value = Value::Bytes(vec![1; 4_000]);
    for number in 0..200 {
        let tags: &[&str] = if number % 2 == 1 { &["news"] } else { &[] };
        fixture.cache.set(&Key::Integer(number), &value, &tagged(tags)).unwrap();
    }
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 100);
    for number in 1_000..1_060 {
        fixture.cache.set(&Key::Integer(number), &value, &plain()).unwrap();
    }
    assert_eq!(fixture.cache.statistics().unwrap().evictions, 0);
    assert_eq!(fixture.cache.count().unwrap(), 160);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn an_item_limit_does_not_count_the_dead() {
    let mut fixture = filled(&OpenOptions::default(), 90);
    fixture.cache.configure(&Changes { item_limit: Limit::AtMost(90), ..Changes::default() }).unwrap();
    fixture.cache.evict(&news()).unwrap();
    for number in 1_000..1_030 {
        fixture.cache.set(&Key::Integer(number), &Value::Integer(1), &plain()).unwrap();
    }
    assert_eq!(fixture.cache.statistics().unwrap().evictions, 0);
    fixture.cache.evict(&Selection::Tag("sport".into())).unwrap();
    let lost =
        |cache: &mut Cache| (0..90).filter(|n| n % 15 != 0 && cache.get(&Key::Integer(*n)).unwrap().is_none()).count();
    let before = lost(&mut fixture.cache);
    for number in 2_000..2_020 {
        fixture.cache.set(&Key::Integer(number), &Value::Integer(1), &plain()).unwrap();
    }
    assert_eq!((fixture.cache.count().unwrap(), fixture.cache.statistics().unwrap().evictions), (90, 8));
    assert_eq!(lost(&mut fixture.cache), before + 8);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn the_dead_of_a_queue_are_neither_pulled_nor_counted_and_leave_no_gap() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let push = |cache: &mut Cache, queue: &str, number: i64, options: &SetOptions| {
        cache.push(queue, &Value::Integer(number), Side::Back, options).unwrap()
    };
    for number in 0..10 {
        push(cache, "mixed", number, &if number % 2 == 0 { tagged(&["news"]) } else { plain() });
        push(cache, "all", number, &tagged(&["news"]));
    }
    push(cache, "mixed", 10, &tagged(&["news"]));
    assert_eq!(cache.evict(&news()).unwrap(), 16);
    assert_eq!(cache.queues().unwrap(), ["mixed"]);
    assert_eq!((cache.queue_length("mixed").unwrap(), cache.queue_length("all").unwrap()), (5, 0));
    let value = |queued: Option<Queued>| queued.map(|queued| number(queued.entry.value));
    assert_eq!(value(cache.peek("mixed", Side::Front).unwrap()), Some(1));
    assert_eq!(value(cache.peek("mixed", Side::Back).unwrap()), Some(9));
    assert_eq!(push(cache, "mixed", 11, &plain()), 10, "behind the last that lives");
    assert_eq!(push(cache, "all", 11, &plain()), 0, "as in an empty queue");
    assert_eq!(value(cache.pull("mixed", Side::Front).unwrap()), Some(1));
    assert_eq!(value(cache.pull("mixed", Side::Back).unwrap()), Some(11));
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn entries_with_value_files_are_removed_at_once() {
    let mut fixture = filled(&OpenOptions::default(), 30);
    fixture.cache.set(&text("large"), &Value::Bytes(vec![1; 40_000]), &tagged(&["news"])).unwrap();
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 11);
    assert_eq!(rows(&fixture), (20, 0));
    assert!(value_files(fixture.path()).is_empty());
}

#[test]
fn a_transaction_that_is_undone_brings_no_dead_entry_back() {
    let mut fixture = filled(&OpenOptions { shards: Some(3), ..OpenOptions::default() }, 120);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 40);
    let cache = &mut fixture.cache;
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            (0..120).step_by(3).try_for_each(|number| {
                cache.set(&Key::Integer(number), &Value::Integer(-1), &tagged(&["news"])).map(drop)
            })
        })
        .unwrap();
    cache.rollback(ticket).unwrap();
    assert_eq!(keys(cache, news(), true), [0_i64; 0]);
    assert_eq!((cache.count().unwrap(), cache.check().unwrap()), (80, vec![]));
}

#[test]
fn resharding_leaves_the_dead_behind() {
    let mut fixture = filled(&OpenOptions::default(), 90);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 30);
    fixture.cache.close().unwrap();
    crate::reshard::reshard(fixture.path(), 3, &fixture.platform).unwrap();
    fixture.reopen_closed(&existing());
    assert_eq!(fixture.cache.count().unwrap(), 60);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn repair_counts_tombstones_and_the_living() {
    let mut fixture = filled(&OpenOptions::default(), 90);
    assert_eq!(fixture.cache.evict(&news()).unwrap(), 30);
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "UPDATE totals SET count = 7, tombstones = 0");
    fixture.reopen_closed(&existing());
    assert_eq!(fixture.cache.repair().unwrap().len(), 2);
    assert_eq!((fixture.cache.count().unwrap(), fixture.cache.check().unwrap()), (60, vec![]));
}
