//! What becomes of the operations of a transaction.

use larder_engine::{Cache, Draft, Error, Expiry, Key, Number, Selection, SetOptions, Side, Value};

use super::{FILES, KEYS, SHARDS, large, prepare};
use crate::support::{Fixture, existing, integer, names, plain, put, same, text, value_files};

#[test]
fn closing_undoes_what_was_not_committed() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        put(&mut fixture.cache, "kept", 1);
        let ticket = fixture.cache.begin().unwrap();
        let stored = fixture.cache.within(ticket, |cache| {
            put(cache, "kept", 2);
            cache.set(&text("large"), &large(1), &plain())
        });
        stored.unwrap();
        fixture.cache.close().unwrap();
        assert_eq!(value_files(fixture.path()), Vec::<std::path::PathBuf>::new(), "{shards} shards");
        fixture.reopen_closed(&existing());
        assert_eq!(integer(&mut fixture.cache, "kept"), Some(1));
        assert_eq!(names(&mut fixture.cache), ["kept"]);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn what_is_committed_is_there_and_what_is_rolled_back_is_not() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        let cache = &mut fixture.cache;
        put(cache, "kept", 1);
        for commit in [true, false] {
            let ticket = cache.begin().unwrap();
            cache
                .within(ticket, |cache| {
                    put(cache, "new", 2);
                    put(cache, "kept", 3);
                    cache.delete(&text("gone"))?;
                    cache.increment(&text("sum"), Number::Integer(5), Some(Number::Integer(0)), &plain())?;
                    cache.push("jobs", &Value::Integer(7), Side::Back, &plain())?;
                    assert_eq!((integer(cache, "new"), integer(cache, "kept")), (Some(2), Some(3)), "it reads its own");
                    Ok(())
                })
                .unwrap();
            if commit {
                cache.commit(ticket).unwrap();
                assert_eq!(
                    (integer(cache, "new"), integer(cache, "kept"), integer(cache, "sum")),
                    (Some(2), Some(3), Some(5))
                );
                cache.clear().unwrap();
                put(cache, "kept", 1);
            } else {
                cache.rollback(ticket).unwrap();
                assert_eq!(
                    (integer(cache, "new"), integer(cache, "kept"), integer(cache, "sum")),
                    (None, Some(1), None)
                );
                assert_eq!(cache.queue_length("jobs").unwrap(), 0);
            }
            assert_eq!(cache.check().unwrap(), []);
            assert!(matches!(cache.commit(ticket), Err(Error::Closed)), "it has ended");
        }
    }
}

#[test]
fn work_beside_the_open_transaction_of_a_handle_is_refused() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let ticket = cache.begin().unwrap();
    assert_eq!(cache.set(&text("a"), &Value::Integer(1), &plain()), Err(Error::InTransaction));
    assert!(matches!(cache.get(&text("a")), Err(Error::InTransaction)));
    assert_eq!(cache.count(), Err(Error::InTransaction));
    assert_eq!(cache.begin(), Err(Error::InTransaction));
    assert!(matches!(cache.within(ticket, |cache| cache.evict(&Selection::All)), Err(Error::InTransaction)));
    cache.rollback(ticket).unwrap();
    put(cache, "a", 1);
}

#[test]
fn an_operation_that_fails_has_done_nothing_and_the_transaction_goes_on() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    cache.set(&text("word"), &Value::Text("x".into()), &plain()).unwrap();
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            put(cache, "a", 1);
            let one = Number::Integer(1);
            assert!(matches!(cache.increment(&text("word"), one, None, &plain()), Err(Error::WrongType(_))));
            let endless = SetOptions { ttl: Expiry::After(u64::MAX), ..plain() };
            assert!(matches!(cache.set(&text("b"), &large(1), &endless), Err(Error::Overflow(_))));
            put(cache, "c", 3);
            Ok(())
        })
        .unwrap();
    cache.commit(ticket).unwrap();
    assert_eq!(names(cache), ["word", "a", "c"]);
    assert!(value_files(fixture.path()).is_empty());
}

#[test]
fn value_files_follow_the_outcome() {
    for shards in [1, SHARDS] {
        let mut fixture = Fixture::sharded(shards);
        for key in 0..KEYS {
            fixture.cache.set(&Key::Integer(key), &large(1), &plain()).unwrap();
        }
        let before = value_files(fixture.path());
        for commit in [false, true] {
            let cache = &mut fixture.cache;
            let ticket = cache.begin().unwrap();
            let work = |cache: &mut Cache| {
                for key in 0..KEYS {
                    cache.set(&Key::Integer(key), &large(2), &plain())?;
                    cache.set(&Key::Integer(key), &large(3), &plain())?;
                    cache.set(&Key::Integer(KEYS + key), &large(4), &plain())?;
                    cache.delete(&Key::Integer(KEYS + key)).map(drop)?;
                }
                Ok(())
            };
            cache.within(ticket, work).unwrap();
            let ended = if commit { cache.commit(ticket) } else { cache.rollback(ticket) };
            ended.unwrap();
            assert_eq!(cache.check().unwrap(), []);
            let expected = if commit { 3 } else { 1 };
            for key in 0..KEYS {
                let Some(Value::Bytes(bytes)) = cache.get(&Key::Integer(key)).unwrap() else { panic!("{key} is gone") };
                assert!(bytes.iter().all(|byte| *byte == expected));
            }
            assert_eq!(value_files(fixture.path()).len(), before.len());
            assert_eq!(value_files(fixture.path()) == before, !commit);
        }
        fixture.reopen(&existing());
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn bulk_operations_are_all_or_nothing_over_shards_and_keep_the_order_of_results() {
    let mut fixture = Fixture::sharded(SHARDS);
    let cache = &mut fixture.cache;
    let draft = |key: i64, value: Value| Draft { key: Key::Integer(key), value, options: plain() };
    let drafts: Vec<_> = (0..KEYS).map(|key| draft(key, Value::Integer(key * 10))).collect();
    let versions = cache.set_many(&drafts).unwrap();
    for (key, version) in (0..KEYS).zip(&versions) {
        assert_eq!(cache.get_entry(&Key::Integer(key)).unwrap().unwrap().metadata.version, *version);
    }
    let asked: Vec<_> = [5, 99, 0, 5].map(Key::Integer).to_vec();
    let values: Vec<_> = cache.get_many(&asked).unwrap();
    let expected = [Some(50), None, Some(0), Some(50)];
    for (value, expected) in values.iter().zip(expected) {
        assert!(
            matches!((value, expected), (Some(Value::Integer(a)), Some(b)) if *a == b)
                || (value.is_none() && expected.is_none())
        );
    }
    assert_eq!(cache.touch_many(&asked, Expiry::After(5)).unwrap(), [true, false, true, true]);
    assert_eq!(cache.delete_many(&asked).unwrap(), [true, false, true, false], "the second 5 is gone already");

    // The last one can not be stored: nothing is.
    let mut failing: Vec<_> = (0..KEYS).map(|key| draft(1_000 + key, large(7))).collect();
    failing.push(Draft { options: SetOptions { ttl: Expiry::After(u64::MAX), ..plain() }, ..draft(7, large(1)) });
    assert!(matches!(cache.set_many(&failing), Err(Error::Overflow(_))));
    assert!(!cache.contains(&Key::Integer(1_000)).unwrap());
    assert_eq!(cache.check().unwrap(), []);
    assert!(value_files(fixture.path()).is_empty());
}

#[test]
fn a_bulk_operation_that_fails_in_one_shard_has_done_nothing_in_the_others_and_the_transaction_goes_on() {
    let mut fixture = Fixture::sharded(SHARDS);
    let cache = &mut fixture.cache;
    prepare(cache);
    let draft = |key: i64, byte: u8, ttl: Expiry| Draft {
        key: Key::Integer(key),
        value: large(byte),
        options: SetOptions { ttl, ..plain() },
    };
    let mut failing: Vec<_> = (0..KEYS).map(|key| draft(key, 7, Expiry::Never)).collect();
    failing.push(draft(KEYS, 7, Expiry::After(u64::MAX)));
    let ticket = cache.begin().unwrap();
    cache
        .within(ticket, |cache| {
            put(cache, "before", 1);
            cache.set(&Key::Integer(0), &large(3), &plain())?;
            assert!(matches!(cache.set_many(&failing), Err(Error::Overflow(_))));
            assert!(matches!(cache.get(&Key::Integer(0)), Ok(Some(value)) if same(&value, &large(3))));
            put(cache, "after", 1);
            Ok(())
        })
        .unwrap();
    cache.commit(ticket).unwrap();
    for key in 1..KEYS {
        assert!(!cache.contains(&Key::Integer(key)).unwrap(), "{key} was stored");
    }
    assert!(matches!(cache.get(&Key::Integer(0)), Ok(Some(value)) if same(&value, &large(3))));
    assert_eq!([integer(cache, "before"), integer(cache, "after")], [Some(1); 2]);
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(value_files(fixture.path()).len(), FILES + 1);
}
