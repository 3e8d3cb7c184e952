//! Compare and set, bulk, queues, items and transactions, through the component in both worlds, in one
//! shard and over several.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use larder_tests::component::types::{Draft, Error, Expiry, Key, Number, Side, Value};
use larder_tests::component::wit::{Changes, Limit, OpenOptions, Order, Scan, Selection, Task};
use larder_tests::component::{
    Host, Instance, Part, World, changes, everything, options, plain, tagged, text, text_key, ttl,
};

/// Runs a test in both worlds, in one shard and in four.
fn everywhere(test: impl Fn(&mut Instance)) {
    for world in [World::Shared, World::Standalone] {
        for shards in [1, 4] {
            let directory = tempfile::tempdir().unwrap();
            let options = OpenOptions { shards: Some(shards), wait_ms: Some(2_000), ..options() };
            let mut cache = Host::of(world).open(directory.path(), options).unwrap();
            test(&mut cache);
            assert_eq!(cache.check().unwrap(), [], "{world:?} with {shards} shards");
            cache.close().unwrap();
        }
    }
}

fn large(byte: u8) -> Value {
    Value::Bytes(vec![byte; 60_000])
}

fn draft(key: i64, value: Value) -> Draft {
    Draft { key: Key::Integer(key), value, options: plain() }
}

#[test]
fn compare_and_set_and_delete_demand_the_version() {
    everywhere(|cache| {
        let key = text_key("k");
        let first = cache.compare_and_set(&key, None, &text("1"), &plain()).unwrap().unwrap();
        assert_eq!(cache.compare_and_set(&key, Some(first + 1), &text("2"), &plain()).unwrap(), None);
        let second = cache.compare_and_set(&key, Some(first), &large(2), &plain()).unwrap().unwrap();
        assert!(!cache.compare_and_delete(&key, first).unwrap());
        assert!(cache.compare_and_delete(&key, second).unwrap());
        assert_eq!(cache.get(&key).unwrap(), None);
    });
}

#[test]
fn pop_get_recent_and_decrement() {
    everywhere(|cache| {
        let key = text_key("k");
        cache.set(&key, &large(1), &tagged(&["t"])).unwrap();
        assert!(cache.get_recent(&key, 60_000).unwrap().is_some());
        let popped = cache.pop(&key).unwrap().unwrap();
        assert_eq!((popped.value, popped.metadata.tags), (large(1), vec!["t".to_owned()]));
        assert_eq!(cache.pop(&key).unwrap(), None);
        let sum = cache.decrement(&key, Number::Integer(2), Some(Number::Integer(0)), &plain()).unwrap();
        assert_eq!(sum, Some(Number::Integer(-2)));
        let overflow = cache.decrement(&key, Number::Integer(i64::MAX), None, &plain());
        assert!(matches!(overflow, Err(Error::Overflow(_))), "{overflow:?}");
    });
}

#[test]
fn bulk_operations_answer_for_each_key_and_do_all_or_nothing() {
    everywhere(|cache| {
        let drafts: Vec<_> = (0..500).map(|key| draft(key, Value::Integer(key))).collect();
        assert_eq!(cache.set_many(&drafts).unwrap().len(), 500);
        let keys: Vec<_> = [499, 1_000, 0].map(Key::Integer).to_vec();
        assert_eq!(cache.get_many(&keys).unwrap(), [Some(Value::Integer(499)), None, Some(Value::Integer(0))]);
        assert_eq!(cache.touch_many(&keys, Expiry::After(60_000)).unwrap(), [true, false, true]);
        assert_eq!(cache.delete_many(&keys).unwrap(), [true, false, true]);
        let mut failing: Vec<_> = (600..700).map(|key| draft(key, large(1))).collect();
        failing.push(Draft { options: tagged(&[""]), ..draft(1, large(2)) });
        let refused = cache.set_many(&failing);
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
        assert_eq!(cache.count().unwrap(), 498);
        assert_eq!(cache.set_many(&[]).unwrap(), [0_u64; 0]);
        assert_eq!(cache.get_many(&[]).unwrap(), []);
    });
}

#[test]
fn queues_keep_their_order_at_both_ends() {
    everywhere(|cache| {
        for number in 0..100 {
            let value = if number % 10 == 0 { large(1) } else { Value::Integer(number) };
            let side = if number % 2 == 0 { Side::Back } else { Side::Front };
            cache.push("jobs", &value, side, &plain()).unwrap();
        }
        cache.set(&Key::Integer(0), &text("mine"), &plain()).unwrap();
        assert_eq!(cache.queue_length("jobs").unwrap(), 100);
        assert_eq!(cache.peek("jobs", Side::Front).unwrap().unwrap().entry.value, Value::Integer(99));
        let mut last = i64::MIN;
        while let Some(queued) = cache.pull("jobs", Side::Front).unwrap() {
            assert!(queued.position > last);
            last = queued.position;
        }
        assert_eq!(cache.get(&Key::Integer(0)).unwrap(), Some(text("mine")));
        cache.push("brief", &text("x"), Side::Back, &ttl(0)).unwrap();
        assert_eq!(cache.pull("brief", Side::Back).unwrap(), None);
        cache.push("b", &text("x"), Side::Back, &plain()).unwrap();
        cache.push("a", &text("y"), Side::Back, &plain()).unwrap();
        assert_eq!(cache.queues().unwrap(), ["a", "b"]);
        assert_eq!(cache.evict(&Selection::Queue("a".into())).unwrap(), 1);
    });
}

#[test]
fn items_and_values_come_in_pages_with_what_belongs_to_them() {
    everywhere(|cache| {
        for number in 0..60 {
            let value = if number % 7 == 0 { large(3) } else { Value::Integer(number) };
            cache.set(&Key::Integer(number), &value, &tagged(&["even"][..usize::from(number % 2 == 0)])).unwrap();
        }
        let by_key = Scan { order: Order::Key, ..everything() };
        let items = cache.items(&by_key, 7).unwrap();
        assert!(items.iter().map(|item| &item.key).eq((0..60).map(Key::Integer).collect::<Vec<_>>().iter()));
        assert!(items[7].entry.value == large(3) && items[8].entry.metadata.tags == ["even"]);
        let even = Scan { selection: Selection::Tag("even".into()), ..everything() };
        assert_eq!(cache.values(&even, 100).unwrap().len(), 30);
        assert_eq!(cache.measure(&Selection::Tag("even".into()), false).unwrap().count, 30);
        assert_eq!(cache.first(&Scan { reverse: true, ..by_key }).unwrap().unwrap().key, Key::Integer(59));
        assert_eq!(cache.stats().unwrap().hits, 0, "to enumerate is not to read");
        let refused = cache.items(&everything(), 0);
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    });
}

#[test]
fn transactions_happen_wholly_or_not_at_all() {
    everywhere(|cache| {
        cache.set(&text_key("kept"), &large(1), &plain()).unwrap();
        for ending in ["rollback", "drop", "commit"] {
            cache.begin().unwrap();
            for number in 0..20 {
                cache.set(&Key::Integer(number), &large(2), &tagged(&["new"])).unwrap();
            }
            cache.set(&text_key("kept"), &large(3), &plain()).unwrap();
            cache.push("jobs", &text("job"), Side::Back, &plain()).unwrap();
            assert_eq!(cache.get(&text_key("kept")).unwrap(), Some(large(3)));
            let beside = cache.beside(|cache| cache.get(&text_key("kept")));
            assert!(matches!(beside, Err(Error::InTransaction)), "{beside:?}");
            let wrong = cache.increment(&text_key("kept"), Number::Integer(1), None, &plain());
            assert!(matches!(wrong, Err(Error::WrongType(_))), "{wrong:?}");
            match ending {
                "drop" => cache.drop_transaction(),
                _ => cache.end(ending == "commit").unwrap(),
            }
            let (value, count) = if ending == "commit" { (3, 22) } else { (1, 1) };
            assert_eq!(cache.get(&text_key("kept")).unwrap(), Some(large(value)), "{ending}");
            assert_eq!(cache.count().unwrap(), count, "{ending}");
            assert_eq!(cache.check().unwrap(), [], "{ending}");
        }
    });
}

#[test]
fn settings_are_changed_while_others_work_and_cull_obeys_them() {
    everywhere(|cache| {
        cache.set_many(&(0..100).map(|key| draft(key, Value::Integer(key))).collect::<Vec<_>>()).unwrap();
        cache.set(&text_key("brief"), &text("x"), &ttl(0)).unwrap();
        cache.configure(Changes { item_limit: Limit::AtMost(40), ..changes() }).unwrap();
        assert_eq!(cache.cull().unwrap(), 61);
        assert_eq!(cache.count().unwrap(), 40);
        let seen = cache.stats().unwrap();
        assert_eq!((seen.evictions, seen.expirations), (60, 1));
        let refused = cache.configure(Changes { inline_threshold: Some(0), ..changes() });
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
        assert_eq!(cache.info().unwrap().item_limit, Some(40));
    });
}

/// Takes steps to the end, and returns what each has done in all.
fn steps(cache: &mut Instance, work: &Part) -> Vec<u64> {
    let mut done = Vec::new();
    loop {
        let progress = cache.step(work).unwrap();
        assert!(progress.done <= progress.total, "{progress:?}");
        done.push(progress.done);
        if progress.finished {
            assert_eq!(progress.done, progress.total);
            return done;
        }
    }
}

#[test]
fn work_on_the_whole_cache_goes_in_steps_that_add_up() {
    everywhere(|cache| {
        // A tag is a row, too: so those that are even go in several steps.
        let tags = |key: i64| if key % 2 == 0 { tagged(&["even", "a", "b", "c", "d"]) } else { plain() };
        let drafts: Vec<_> =
            (0..6_000).map(|key| Draft { options: tags(key), ..draft(key, Value::Integer(key)) }).collect();
        cache.set_many(&drafts).unwrap();
        cache.set_many(&(6_000..6_010).map(|key| draft(key, large(1))).collect::<Vec<_>>()).unwrap();
        let brief: Vec<_> =
            (7_000..7_100).map(|key| Draft { options: ttl(0), ..draft(key, Value::Integer(key)) }).collect();
        cache.set_many(&brief).unwrap();
        cache.configure(Changes { item_limit: Limit::AtMost(2_000), ..changes() }).unwrap();
        let even = Task::Evict(Selection::Tag("even".into()));
        // How many there are left: of the last but one about as many as the limit says, for each shard
        // has its share of it.
        for (task, left) in [(even, 3_110..=3_110), (Task::Expire, 3_010..=3_010), (Task::Cull, 1_500..=2_000)] {
            let (count, work) = (cache.count().unwrap(), cache.maintain(&task).unwrap());
            let done = steps(cache, &work);
            assert!(done.iter().zip(&done[1..]).all(|(before, after)| after - before <= 4096), "{task:?}: {done:?}");
            assert_eq!(cache.count().unwrap(), count - done.last().unwrap(), "{task:?}");
            assert!(left.contains(&cache.count().unwrap()), "{task:?}: {done:?}");
            cache.drop_part(&work);
        }
        let (count, work) = (cache.count().unwrap(), cache.maintain(&Task::Clear).unwrap());
        assert_eq!(steps(cache, &work).last(), Some(&count));
        cache.drop_part(&work);
        assert_eq!(cache.count().unwrap(), 0);
        let work = cache.maintain(&Task::Compact).unwrap();
        let volume = cache.volume().unwrap();
        let freed = *steps(cache, &work).last().unwrap();
        assert!(freed > 0 && cache.volume().unwrap() <= volume - freed, "{freed} of {volume}");
        cache.drop_part(&work);
    });
}

#[test]
fn others_get_in_between_two_steps_and_what_is_given_up_stays_done() {
    everywhere(|cache| {
        // The more tags, the fewer entries go in a step.
        let options = tagged(&["t", "a", "b", "c", "d", "e", "f", "g"]);
        let drafts: Vec<_> =
            (0..4_000).map(|key| Draft { options: options.clone(), ..draft(key, text("v")) }).collect();
        cache.set_many(&drafts).unwrap();
        let work = cache.maintain(&Task::Evict(Selection::All)).unwrap();
        let first = cache.step(&work).unwrap();
        assert!(first.done > 0 && first.total == 4_000 && !first.finished, "{first:?}");
        cache.set(&text_key("new"), &text("v"), &tagged(&["t"])).unwrap();
        assert_eq!(cache.count().unwrap(), 4_001 - first.done);
        cache.begin().unwrap();
        assert!(matches!(cache.beside(|cache| cache.step(&work)), Err(Error::InTransaction)));
        assert!(matches!(cache.beside(|cache| cache.maintain(&Task::Cull).map(drop)), Err(Error::InTransaction)));
        cache.set(&text_key("newer"), &text("v"), &tagged(&["t"])).unwrap();
        cache.end(true).unwrap();
        let second = cache.step(&work).unwrap();
        assert!(second.done > first.done && !second.finished, "{second:?}");
        cache.drop_part(&work);
        assert_eq!(cache.count().unwrap(), 4_002 - second.done);

        let work = cache.maintain(&Task::Clear).unwrap();
        cache.set(&text_key("newest"), &text("v"), &plain()).unwrap();
        assert_eq!(steps(cache, &work).last(), Some(&(4_002 - second.done)));
        cache.drop_part(&work);
        assert_eq!(cache.keys(&everything(), 10).unwrap(), [text_key("newest")]);
    });
}
