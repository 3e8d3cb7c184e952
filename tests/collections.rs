//! Deques and indexes in both worlds, and among processes that work on the same ones, and die.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_lite::future::{block_on, poll_once};
use larder::{Cache, Error, Side};
use larder_tests::Random;
use larder_tests::collections::{Model, Operation};
use larder_tests::component::{self, Host, Instance, World, types, wit};
use larder_tests::worker::Worker;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

fn replay(cache: &Cache) -> Model {
    let mut model = Model::default();
    let turns = cache.get("turn").unwrap().unwrap().as_integer().unwrap();
    for turn in 1..=turns {
        let record = cache.get(format!("turn {turn}")).unwrap().unwrap_or_else(|| panic!("turn {turn} is missing"));
        let (seed, outcome) = record.as_text().unwrap().split_once(' ').unwrap();
        let operation = Operation::of(seed.parse().unwrap());
        assert_eq!(operation.apply(&mut model), outcome, "turn {turn}: {operation:?}");
    }
    model
}

#[test]
fn what_many_processes_do_and_some_do_not_survive_is_what_a_plain_deque_and_an_ordered_map_would_do() {
    let seed = 20_261_125_u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().shards(3).inline_threshold(500).open(directory.path()).unwrap();
    cache.set("turn", 0).unwrap();
    let start =
        |seed: u64| Worker::start(WORKER, "collections", directory.path(), &[&(seed % 1_000_000).to_string(), "120"]);
    let mut workers: Vec<Worker> = (0..8).map(|_| start(random.number())).collect();
    for worker in &mut workers {
        worker.expect("ready");
    }
    workers.iter_mut().for_each(Worker::proceed);
    for _ in 0..3 {
        let mut doomed = workers.remove(usize::try_from(random.below(workers.len() as u64)).unwrap());
        for _ in 0..random.below(6) {
            doomed.line();
        }
        std::thread::sleep(Duration::from_micros(random.below(3_000)));
        doomed.kill();
    }
    workers.into_iter().for_each(Worker::finish);
    let model = replay(&cache);
    assert_eq!(cache.deque::<String>("line").to_vec().unwrap(), Vec::from(model.line));
    let items: Vec<(String, String)> = cache.index("map").items().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(items, model.map);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn each_value_is_consumed_once_and_those_of_a_producer_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    let mut consumers: Vec<Worker> = (0..2).map(|_| Worker::start(WORKER, "consume", directory.path(), &[])).collect();
    let mut producers: Vec<Worker> = (1..4)
        .map(|producer| Worker::start(WORKER, "produce", directory.path(), &[&producer.to_string(), "300"]))
        .collect();
    consumers.iter_mut().chain(&mut producers).for_each(|worker| worker.expect("ready"));
    producers.iter_mut().for_each(Worker::proceed);
    producers.into_iter().for_each(Worker::finish);
    cache.deque("line").push_back(&(0_u32, 0_u32)).unwrap();
    let mut counts: HashMap<u32, Vec<u32>> = HashMap::new();
    for mut consumer in consumers {
        let mut last: HashMap<u32, u32> = HashMap::new();
        for line in consumer.rest() {
            let (producer, number) = line.split_once(' ').unwrap();
            let (producer, number): (u32, u32) = (producer.parse().unwrap(), number.parse().unwrap());
            assert!(last.insert(producer, number).is_none_or(|last| last < number), "out of order");
            counts.entry(producer).or_default().push(number);
        }
    }
    for numbers in counts.values_mut() {
        numbers.sort_unstable();
    }
    assert_eq!(counts, (1..4).map(|producer| (producer, (0..300).collect())).collect());
}

#[test]
fn a_process_killed_in_the_middle_of_a_rotation_loses_and_doubles_nothing() {
    // The reference pops and appends each value by itself.
    let seed = 7;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let ring = Cache::open(directory.path()).unwrap().deque::<String>("ring");
    let values: Vec<String> = (0..50).map(|number| format!("value {number}")).collect();
    ring.extend_back(&values).unwrap();
    for _ in 0..5 {
        let mut worker = Worker::start(WORKER, "rotate", directory.path(), &[]);
        worker.expect("ready");
        std::thread::sleep(Duration::from_micros(random.below(20_000)));
        worker.kill();
        let mut now = ring.to_vec().unwrap();
        let start = now.iter().position(|value| value == "value 0").unwrap();
        now.rotate_left(start);
        let mut backward = values.clone();
        backward[1..].reverse();
        assert!(now == values || now == backward, "{now:?}");
    }
}

#[test]
fn a_future_that_is_given_up_takes_nothing_out() {
    let cache = Cache::temporary().unwrap();
    let line = cache.deque::<u32>("line");
    block_on(async {
        line.push_back_async(&1).await.unwrap();
        line.push_back_async(&2).await.unwrap();
        assert_eq!(line.pop_back_async(Some(Duration::ZERO)).await.unwrap(), Some(2));
        for _ in 0..20 {
            // Is given up before, while or after the value is taken out; or has it at once, on a machine so
            // busy that the other thread is done by then.
            if let Some(value) = poll_once(line.pop_front_async(None)).await {
                assert_eq!(value.unwrap(), Some(1));
                line.push_front_async(&1).await.unwrap();
            }
        }
        // Whoever had it has put it back by now, or does so in a moment.
        assert_eq!(line.pop_front_async(Some(Duration::from_secs(10))).await.unwrap(), Some(1));
        assert_eq!(line.pop_front_async(Some(Duration::from_millis(20))).await.unwrap(), None);
    });
}

#[test]
fn collections_in_a_transaction_follow_its_outcome() {
    let cache = Cache::builder().shards(4).open_temporary().unwrap();
    cache.deque("in").extend_back(&[1, 2, 3]).unwrap();
    let failed = cache.transaction(|transaction| {
        let job: Option<i32> = transaction.deque("in").pop_front()?;
        transaction.index::<String, i32>("done").set("job", &job.unwrap())?;
        transaction.index::<String, i32>("done").into_queue::<i32>("later").push_back(&9)?;
        assert_eq!(transaction.deque::<i32>("in").to_vec()?, [2, 3]);
        transaction.deque::<i32>("in").set(7, &1)
    });
    assert!(matches!(failed, Err(Error::OutOfRange(_))));
    assert_eq!(cache.deque::<i32>("in").to_vec().unwrap(), [1, 2, 3]);
    assert!(cache.index::<String, i32>("done").is_empty().unwrap());
    assert_eq!(cache.index::<String, i32>("done").queue::<i32>("later").len().unwrap(), 0);
}

#[test]
fn values_of_another_type_are_an_error_and_stay_where_they_are() {
    let cache = Cache::temporary().unwrap();
    cache.deque_plain("line").push_back(&"text".into()).unwrap();
    cache.index_json::<String, u32>("map").set("k", &7).unwrap();
    assert!(matches!(cache.deque::<u32>("line").get(0), Err(Error::Encoding(_))));
    assert!(matches!(cache.deque_json::<u32>("line").front(), Err(Error::Encoding(_))));
    assert_eq!(cache.index_plain::<String>("map").get("k").unwrap(), Some("7".into()));
    assert!(matches!(cache.index::<i64, u32>("map").first(), Err(Error::Encoding(_))));
    assert_eq!(cache.index_json::<String, u32>("map").first().unwrap(), Some(("k".into(), 7)));
    let typed: Vec<_> = cache.deque::<u32>("line").values().unwrap().collect();
    assert!(matches!(typed.as_slice(), [Err(Error::Encoding(_))]));
}

/// Every function of the interface, and every error it can come to.
fn tour(instance: &mut Instance) {
    let value = |number| types::Value::Integer(number);
    let (front, back) = (types::Side::Front, types::Side::Back);
    let line = instance.deque("line").unwrap();
    assert!(matches!(instance.deque(""), Err(types::Error::InvalidArgument(_))));
    assert!(matches!(instance.deque(&"n".repeat(2_000)), Err(types::Error::TooLarge(_))));
    let other = instance.deque("other").unwrap();
    instance.with(|guest, store| guest.deque().call_push(store, line, &[value(1), value(2), value(3)], back)).unwrap();
    instance.with(|guest, store| guest.deque().call_rotate(store, line, 1)).unwrap();
    instance.with(|guest, store| guest.deque().call_reverse(store, line)).unwrap();
    assert_eq!(instance.with(|guest, store| guest.deque().call_insert(store, line, 1, &value(9))), Ok(4));
    assert_eq!(instance.with(|guest, store| guest.deque().call_get(store, line, -1)), Ok(Some(value(3))));
    assert_eq!(instance.with(|guest, store| guest.deque().call_get(store, line, 4)), Ok(None));
    instance.with(|guest, store| guest.deque().call_set(store, line, 0, &value(2))).unwrap();
    assert_eq!(instance.with(|guest, store| guest.deque().call_count(store, line, &value(2))), Ok(1));
    assert_eq!(
        instance.with(|guest, store| guest.deque().call_index_of(store, line, &value(3), -1, None)),
        Ok(Some(3))
    );
    assert_eq!(
        instance.with(|guest, store| guest.deque().call_index_of(store, line, &value(3), 0, Some(-1))),
        Ok(None)
    );
    assert_eq!(instance.with(|guest, store| guest.deque().call_copy_to(store, line, other)), Ok(4));
    assert_eq!(
        instance.with(|guest, store| guest.deque().call_compare(store, line, other)),
        Ok(component::collections::Ordering::Equal)
    );
    assert_eq!(instance.with(|guest, store| guest.deque().call_remove(store, other, &value(9))), Ok(true));
    instance.with(|guest, store| guest.deque().call_delete(store, other, -1)).unwrap();
    let beyond = instance.with(|guest, store| guest.deque().call_delete(store, other, 2));
    assert!(matches!(beyond, Err(types::Error::OutOfRange(what)) if what.contains("\"other\"")));
    let none = instance.with(|guest, store| guest.deque().call_set_bound(store, other, Some(0)));
    assert!(matches!(none, Err(types::Error::InvalidArgument(_))));
    instance.with(|guest, store| guest.deque().call_set_bound(store, other, Some(2))).unwrap();
    assert_eq!(instance.with(|guest, store| guest.deque().call_bound(store, other)), Ok(Some(2)));
    let full = instance.with(|guest, store| guest.deque().call_insert(store, other, 0, &value(0)));
    assert!(matches!(full, Err(types::Error::Full(_))));
    assert_eq!(instance.with(|guest, store| guest.deque().call_pull(store, other, front, 10, 0)).unwrap().len(), 2);
    assert_eq!(instance.with(|guest, store| guest.deque().call_pull(store, other, front, 10, 5)), Ok(vec![]));
    let limit = instance.with(|guest, store| guest.deque().call_pull(store, other, front, 0, 0));
    assert!(matches!(limit, Err(types::Error::InvalidArgument(_))));
    let cursor = instance.with(|guest, store| guest.deque().call_values(store, line, -1, true)).unwrap();
    let values = instance.with(|guest, store| guest.deque_cursor().call_next(store, cursor, 10)).unwrap();
    assert_eq!(values, [3, 1, 9, 2].map(value));
    assert_eq!(instance.with(|guest, store| guest.deque().call_clear(store, line)), Ok(4));
    assert_eq!(instance.with(|guest, store| guest.deque().call_length(store, line)), Ok(0));
    assert_eq!(instance.deques(), Ok(vec!["other".to_owned()]));
    for resource in [line, other, cursor] {
        instance.let_go(resource);
    }
    tour_of_an_index(instance);
}

fn tour_of_an_index(instance: &mut Instance) {
    use component::collections::{IndexItem, IndexScan};
    let (front, back) = (types::Side::Front, types::Side::Back);
    let item = |key: i64, value: &str| IndexItem { key: types::Key::Integer(key), value: component::text(value) };
    let key = types::Key::Integer;
    let map = instance.index("map").unwrap();
    let twin = instance.index("twin").unwrap();
    for index in [map, twin] {
        let items = [item(3, "c"), item(1, "a"), item(2, "b")];
        instance.with(|guest, store| guest.index().call_update(store, index, &items)).unwrap();
    }
    assert_eq!(instance.with(|guest, store| guest.index().call_equals(store, map, twin, true)), Ok(true));
    assert_eq!(instance.with(|guest, store| guest.index().call_move_to_end(store, map, &key(3), back)), Ok(true));
    assert_eq!(instance.with(|guest, store| guest.index().call_equals(store, map, twin, true)), Ok(false));
    assert_eq!(instance.with(|guest, store| guest.index().call_equals(store, map, twin, false)), Ok(true));
    assert_eq!(instance.with(|guest, store| guest.index().call_peek_item(store, map, front)), Ok(Some(item(1, "a"))));
    assert_eq!(instance.with(|guest, store| guest.index().call_pop_item(store, map, back)), Ok(Some(item(3, "c"))));
    let x = component::text("x");
    assert_eq!(instance.with(|guest, store| guest.index().call_set(store, map, &key(1), &x)), Ok(true));
    assert_eq!(
        instance.with(|guest, store| guest.index().call_set_default(store, map, &key(1), &component::text("y"))),
        Ok((x.clone(), false))
    );
    assert_eq!(instance.with(|guest, store| guest.index().call_get(store, map, &key(1))), Ok(Some(x.clone())));
    let nan = types::Key::Real(f64::NAN);
    let refused = instance.with(|guest, store| guest.index().call_get(store, map, &nan));
    assert!(matches!(refused, Err(types::Error::InvalidArgument(_))));
    let scan = IndexScan { selection: wit::Selection::All, order: wit::Order::Key, reverse: true };
    let cursor = instance.with(|guest, store| guest.index().call_items(store, map, &scan)).unwrap();
    assert_eq!(instance.with(|guest, store| guest.index_cursor().call_next_keys(store, cursor, 1)), Ok(vec![key(2)]));
    assert_eq!(instance.with(|guest, store| guest.index_cursor().call_next(store, cursor, 9)), Ok(vec![item(1, "x")]));
    let tagged = IndexScan { selection: wit::Selection::Tag("t".into()), ..scan };
    let refused = instance.with(|guest, store| guest.index().call_items(store, map, &tagged));
    assert!(matches!(refused, Err(types::Error::InvalidArgument(_))));
    let queue = instance.with(|guest, store| guest.index().call_queue(store, map, "q")).unwrap();
    instance.with(|guest, store| guest.deque().call_push(store, queue, std::slice::from_ref(&x), back)).unwrap();
    assert_eq!(instance.with(|guest, store| guest.index().call_delete(store, map, &key(2))), Ok(true));
    assert_eq!(instance.with(|guest, store| guest.index().call_pop(store, map, &key(2))), Ok(None));
    assert_eq!(instance.with(|guest, store| guest.index().call_length(store, map)), Ok(1));
    assert_eq!(instance.with(|guest, store| guest.index().call_clear(store, map)), Ok(1));
    assert_eq!(instance.with(|guest, store| guest.deque().call_length(store, queue)), Ok(1));
    assert_eq!(instance.with(|guest, store| guest.index().call_queues(store, map)), Ok(vec!["q".to_owned()]));
    assert_eq!(instance.indexes(), Ok(vec!["map".to_owned(), "twin".to_owned()]), "one for its queue alone");
    for resource in [map, twin, cursor, queue] {
        instance.let_go(resource);
    }
}

#[test]
fn every_function_does_what_it_says_in_both_worlds_and_in_transactions() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let mut instance = Host::of(world).open(directory.path(), component::options()).unwrap();
        tour(&mut instance);
        instance.begin().unwrap();
        let line = instance.deque("line").unwrap();
        let values = [types::Value::Integer(1)];
        instance.with(|guest, store| guest.deque().call_push(store, line, &values, types::Side::Back)).unwrap();
        let refused = instance.beside(Instance::deques);
        assert_eq!(refused, Err(types::Error::InTransaction));
        let other = instance.beside(|instance| instance.deque("other")).unwrap();
        let refused = instance.with(|guest, store| guest.deque().call_copy_to(store, line, other));
        assert!(matches!(refused, Err(types::Error::InvalidArgument(_))), "one in the transaction, one not");
        let refused = instance.with(|guest, store| guest.deque().call_length(store, other));
        assert_eq!(refused, Err(types::Error::InTransaction));
        instance.end(false).unwrap();
        let ended = instance.with(|guest, store| guest.deque().call_length(store, line));
        assert_eq!(ended, Err(types::Error::Closed));
        assert_eq!(instance.with(|guest, store| guest.deque().call_length(store, other)), Ok(0));
        instance.let_go(line);
        instance.let_go(other);
        assert_eq!(instance.check().unwrap(), []);
        instance.close().unwrap();
        let mut closed = Host::of(world).open(directory.path(), component::options()).unwrap();
        closed.close().unwrap();
        assert_eq!(closed.deques(), Err(types::Error::Closed));
    }
}

#[test]
fn a_value_pulled_at_an_end_wakes_whoever_waits() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::open(directory.path()).unwrap();
    let line = cache.deque::<u32>("line");
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| line.pop_back_within(Some(Duration::from_secs(20))));
        line.push_front(&5).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(Some(5)));
    });
    assert_eq!(line.pull_within(Side::Front, 4, Some(Duration::from_millis(5))), Ok(vec![]));
}

#[test]
fn looking_at_a_deque_of_one_shard_is_no_damage_while_others_change_it() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::builder().instances(4).open(directory.path()).unwrap();
    cache.deque::<u32>("line").push_back(&0).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                threads.spawn(|| {
                    let line = cache.deque::<u32>("line");
                    while !over.load(Ordering::Relaxed) {
                        let last = line.back();
                        assert!(matches!(last, Ok(Some(_))), "{last:?}");
                    }
                })
            })
            .collect();
        let line = cache.deque::<u32>("line");
        for number in 1..15_000 {
            line.push_front(&number).unwrap();
            line.pop_back().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}
