//! Repair, recorded statistics, compaction.

use larder_engine::{Cache, Changes, Error, Key, OpenOptions, Problem, Selection, Side, Value};

use crate::support::{Fixture, Shared, database, existing, integer, plain, put, tagged, tamper, text, value_files};

fn filled(shards: u32) -> Fixture {
    let mut fixture = Fixture::sharded(shards);
    for number in 0..40 {
        let value = if number % 4 == 0 { Value::Bytes(vec![1; 40_000]) } else { Value::Integer(number) };
        fixture.cache.set(&Key::Integer(number), &value, &tagged(&["t"])).unwrap();
    }
    fixture
}

/// Repairs, and sees that nothing is left to repair.
fn repair(cache: &mut Cache) -> Vec<Problem> {
    let problems = cache.repair().unwrap();
    assert!(problems.iter().all(|problem| problem.remedy.is_some()), "{problems:#?}");
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(cache.repair().unwrap(), []);
    problems
}

#[test]
fn totals_and_tags_are_set_right_and_nothing_is_lost() {
    let mut fixture = filled(1);
    fixture.cache.close().unwrap();
    tamper(fixture.path(), "UPDATE totals SET count = 7, files = 1");
    tamper(fixture.path(), "DELETE FROM tag WHERE entry IN (SELECT entry FROM tag LIMIT 5)");
    tamper(fixture.path(), "INSERT INTO tag VALUES ('stray', 5)");
    tamper(fixture.path(), "UPDATE entry SET size = size + 3 WHERE key = 1");
    fixture.reopen_closed(&existing());
    assert_eq!(repair(&mut fixture.cache).len(), 2 + 5 + 1 + 1);
    assert_eq!(fixture.cache.count().unwrap(), 40);
    assert_eq!(fixture.cache.evict(&Selection::Tag("t".into())).unwrap(), 40);
}

#[test]
fn an_entry_whose_value_is_lost_is_removed_and_named() {
    let mut fixture = filled(4);
    let files = value_files(fixture.path());
    std::fs::remove_file(&files[0]).unwrap();
    std::fs::write(&files[1], "altered").unwrap();
    let problems = repair(&mut fixture.cache);
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|problem| problem.remedy.as_deref().unwrap().contains("its value is lost")));
    assert!(problems.iter().all(|problem| problem.description.contains("key ")), "{problems:?}");
    assert_eq!(fixture.cache.count().unwrap(), 38);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let mut fixture = filled(1);
    fixture.cache.close().unwrap();
    let connection = rusqlite::Connection::open(database(fixture.path(), 0)).unwrap();
    let root: i64 = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'entry_key'", [], |row| row.get(0))
        .unwrap();
    drop(connection);
    // An index with rows that belong to nothing: the page of another one.
    let path = database(fixture.path(), 0);
    let mut content = std::fs::read(&path).unwrap();
    let start = usize::try_from(root - 1).unwrap() * 4096;
    // The number of cells, cut to half.
    content[start + 4] /= 2;
    std::fs::write(&path, content).unwrap();
    fixture.reopen_closed(&existing());
    assert!(!fixture.cache.check().unwrap().is_empty());
    repair(&mut fixture.cache);
    assert_eq!(fixture.cache.count().unwrap(), 40);
}

#[test]
fn files_of_no_entry_go_and_those_being_written_stay() {
    // The reference removes what another process is just writing, and passes over "cache.db".
    let shared = Shared::new();
    let mut one = shared.open(1, &OpenOptions::default());
    let mut two = shared.open(2, &existing());
    one.set(&text("a"), &Value::Bytes(vec![1; 40_000]), &plain()).unwrap();
    let values = value_files(shared.directory.path())[0].parent().unwrap().to_owned();
    std::fs::write(values.join("cache.db-stray"), "x").unwrap();
    std::fs::write(values.join("0123456789abcd"), "x").unwrap();
    let ticket = one.begin().unwrap();
    one.within(ticket, |cache| cache.set(&text("b"), &Value::Bytes(vec![2; 40_000]), &plain()).map(drop)).unwrap();
    let found = two.check().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    one.commit(ticket).unwrap();
    assert_eq!(repair(&mut two).len(), 2);
    assert_eq!(two.count().unwrap(), 2);
    assert!(two.get(&text("b")).unwrap().is_some());
}

#[test]
fn a_repair_through_a_handle_that_only_reads_is_refused() {
    let mut fixture = filled(1);
    fixture.reopen(&OpenOptions { create: false, read_only: true, ..OpenOptions::default() });
    assert!(matches!(fixture.cache.repair(), Err(Error::ReadOnly(_))));
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn statistics_are_recorded_on_closing_and_in_batches_and_reading_them_counts_nothing() {
    let shared = Shared::new();
    let recording = Changes { statistics: Some(true), ..Changes::default() };
    let mut one = shared.open(1, &OpenOptions { shards: Some(2), ..OpenOptions::default() });
    put(&mut one, "before", 1);
    assert_eq!(one.recorded_statistics().unwrap(), None);
    one.configure(&recording).unwrap();
    for number in 0..20 {
        put(&mut one, &number.to_string(), number);
        integer(&mut one, &number.to_string());
    }
    one.push("q", &Value::Integer(1), Side::Back, &plain()).unwrap();
    one.pull("q", Side::Back).unwrap();
    let mut two = shared.open(2, &existing());
    integer(&mut two, "absent");
    assert_eq!(two.recorded_statistics().unwrap(), Some(larder_engine::Statistics::default()));
    one.close().unwrap();
    let seen = two.recorded_statistics().unwrap().unwrap();
    assert_eq!((seen.sets, seen.hits, seen.deletes, seen.misses), (21, 20, 1, 0));
    for _ in 0..3_000 {
        integer(&mut two, "1");
    }
    put(&mut two, "1", 2);
    let seen = two.recorded_statistics().unwrap().unwrap();
    assert!(seen.hits > 3_000, "recorded with a change: {seen:?}");
    two.reset_statistics().unwrap();
    assert_eq!(two.recorded_statistics().unwrap(), Some(larder_engine::Statistics::default()));
}

#[test]
fn compaction_gives_back_what_clearing_has_left() {
    let mut fixture = Fixture::sharded(2);
    for number in 0..2_000 {
        fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 1_000]), &plain()).unwrap();
    }
    fixture.cache.clear().unwrap();
    let before = fixture.cache.volume().unwrap();
    let freed = fixture.cache.compact().unwrap();
    assert_eq!(fixture.cache.volume().unwrap(), before - freed);
    // What is kept to remove entries from a full disk stays.
    let kept = 2 * 256 * 1024;
    assert!(fixture.cache.volume().unwrap() - kept < 500_000, "{}", fixture.cache.volume().unwrap());
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn clearing_counts_everything_whether_it_goes_at_once_or_in_steps() {
    for threshold in [100, 1 << 20] {
        let mut fixture = Fixture::with(&OpenOptions {
            shards: Some(2),
            changes: Changes { inline_threshold: Some(threshold), ..Changes::default() },
            ..OpenOptions::default()
        });
        for number in 0..300 {
            fixture.cache.set(&Key::Integer(number), &Value::Bytes(vec![1; 150]), &tagged(&["t"])).unwrap();
            fixture.cache.push("q", &Value::Integer(number), Side::Back, &plain()).unwrap();
        }
        assert_eq!(fixture.cache.clear().unwrap(), 600);
        assert_eq!(fixture.cache.measure(&Selection::All, true).unwrap(), (0, 0));
        assert_eq!(fixture.cache.statistics().unwrap().removals, 600);
        assert_eq!(fixture.cache.evict(&Selection::Tag("t".into())).unwrap(), 0);
        assert!(value_files(fixture.path()).is_empty());
        assert_eq!(fixture.cache.check().unwrap(), []);
        put(&mut fixture.cache, "again", 1);
        assert_eq!(fixture.cache.clear().unwrap(), 1);
    }
}
