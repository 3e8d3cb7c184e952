//! Queues that are biased towards a handle, which writes what it does into a journal.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{
    Cache, Changes, Durability, Error, Expiry, Key, Limit, OpenOptions, Order, Policy, Selection, Side, Value,
};

use crate::support::{Shared, database, existing, keys, plain, put, scan, tamper};

mod beside;
mod damage;
mod events;
mod random;
mod room;
mod threads;

/// What a queue is used for here.
const QUEUE: &str = "q";

fn push(cache: &mut Cache, value: i64) -> i64 {
    cache.push(QUEUE, &Value::Integer(value), Side::Back, &plain()).unwrap()
}

fn pull(cache: &mut Cache) -> Option<i64> {
    cache.pull(QUEUE, Side::Front).unwrap().map(|queued| integer(&queued.entry.value))
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(value) => *value,
        other => panic!("{other:?}"),
    }
}

/// All that is in the queue, which is taken out of it.
fn drain(cache: &mut Cache) -> Vec<i64> {
    drain_queue(cache, QUEUE)
}

fn drain_queue(cache: &mut Cache, queue: &str) -> Vec<i64> {
    let pull = || cache.pull(queue, Side::Front).unwrap();
    std::iter::from_fn(pull).map(|queued| integer(&queued.entry.value)).collect()
}

/// The journals in a directory.
pub(crate) fn journals(directory: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.into_iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("journal-")).collect()
}

/// How many entries the database of the first shard holds.
fn rows(shared: &Shared) -> u64 {
    let connection = rusqlite::Connection::open(database(shared.directory.path(), 0)).unwrap();
    let count: i64 = connection.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap();
    count.cast_unsigned()
}

/// Two handles, to the first of which a queue is biased that holds the numbers from 1 to `count`.
fn two(count: i64) -> (Shared, Rc<TestPlatform>, Cache, Cache) {
    let shared = Shared::new();
    let (platform, mut first) = shared.biasing(1, &OpenOptions::default());
    let second = shared.open(2, &OpenOptions::default());
    for value in 1..=count {
        assert_eq!(push(&mut first, value), value - 1);
    }
    (shared, platform, first, second)
}

#[test]
fn a_queue_that_is_used_again_and_again_is_not_stored_each_time() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &OpenOptions::default());
    for value in 0..20 {
        assert!(journals(shared.directory.path()).is_empty() == (value < 8), "biased from the eighth on");
        push(&mut cache, value);
    }
    assert_eq!((rows(&shared), journals(shared.directory.path()).len()), (8, 1));
    for value in 20..200 {
        push(&mut cache, value);
    }
    let stored = rows(&shared);
    assert!((136..200).contains(&stored), "no more than 64 are in a journal: {stored}");
    for value in 0..200 {
        assert_eq!(pull(&mut cache), Some(value));
    }
    assert_eq!(pull(&mut cache), None);
    assert_eq!(cache.statistics().unwrap().sets, 200);
    assert_eq!(cache.statistics().unwrap().deletes, 200);
}

#[test]
fn a_queue_that_is_filled_and_emptied_or_used_at_both_ends_is_biased_too() {
    let uses: [fn(&mut Cache, i64); 2] = [
        |cache, value| {
            for _ in 0..3 {
                push(cache, value);
            }
            assert_eq!(drain(cache), [value; 3]);
        },
        |cache, value| {
            for side in [Side::Front, Side::Back] {
                cache.push(QUEUE, &Value::Integer(value), side, &plain()).unwrap();
            }
        },
    ];
    for used in uses {
        let shared = Shared::new();
        let mut cache = shared.open(1, &OpenOptions::default());
        (0..5).for_each(|value| used(&mut cache, value));
        assert_eq!(journals(shared.directory.path()).len(), 1);
    }
}

#[test]
fn a_handle_that_wants_to_know_of_its_queue_now_and_then_is_no_reason_to_wait_longer() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &OpenOptions::default());
    for round in 0..20 {
        for value in 0..8 {
            push(&mut cache, value);
        }
        assert_eq!(journals(shared.directory.path()).len(), 1, "{round}");
        assert_eq!(cache.count().unwrap(), (round + 1) * 8);
    }
}

#[test]
fn a_queue_that_others_want_is_biased_later_each_time() {
    let shared = Shared::new();
    let [mut first, mut second] = [1, 2].map(|seed| shared.open(seed, &OpenOptions::default()));
    for needed in [8, 16, 32, 64] {
        for value in 1..=needed {
            assert_eq!(journals(shared.directory.path()), [] as [PathBuf; 0], "{value} of {needed}");
            push(&mut first, value);
        }
        assert_eq!(journals(shared.directory.path()).len(), 1);
        second.clear().unwrap();
        // It learns of that with the next, which is the first of those that count.
        assert_eq!(pull(&mut first), None);
    }
}

#[test]
fn a_queue_that_two_use_in_turn_is_not_biased() {
    let shared = Shared::new();
    let [mut first, mut second] = [1, 2].map(|seed| shared.open(seed, &OpenOptions::default()));
    for value in 0..50 {
        push(&mut first, value);
        push(&mut second, value);
        assert_eq!(journals(shared.directory.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn who_pulls_what_it_has_just_pushed_stores_nothing() {
    let (shared, _, mut cache, _second) = two(1);
    assert_eq!(pull(&mut cache), Some(1));
    for value in 0..1000 {
        assert_eq!(push(&mut cache, value), 0, "an empty queue begins anew");
        assert_eq!(pull(&mut cache), Some(value));
    }
    assert!(rows(&shared) <= 1);
    assert_eq!(cache.queue_length(QUEUE).unwrap(), 0);
    assert_eq!(cache.check().unwrap(), []);
}

fn limited(items: u64) -> OpenOptions {
    let changes = Changes { item_limit: Limit::AtMost(items), ..Changes::default() };
    OpenOptions { changes, ..OpenOptions::default() }
}

/// What somebody does who wants to know of a queue.
type Look = fn(&mut Cache);

#[test]
fn others_see_at_once_what_is_in_a_journal() {
    let looks: [(&str, Look); 16] = [
        ("length", |cache| assert_eq!(cache.queue_length(QUEUE).unwrap(), 5)),
        ("count", |cache| assert_eq!(cache.count().unwrap(), 5)),
        ("measure", |cache| assert_eq!(cache.measure(&Selection::All, false).unwrap().0, 5)),
        ("names", |cache| assert_eq!(cache.queues().unwrap(), [QUEUE])),
        ("peek", |cache| {
            for (side, position) in [(Side::Front, 0), (Side::Back, 4)] {
                let queued = cache.peek(QUEUE, side).unwrap().unwrap();
                assert_eq!((queued.position, integer(&queued.entry.value)), (position, position + 1));
            }
        }),
        ("pull", |cache| assert_eq!(drain(cache), [1, 2, 3, 4, 5])),
        ("push", |cache| assert_eq!(push(cache, 6), 5)),
        ("scan", |cache| {
            let found = keys(cache, &scan(Selection::Queue(QUEUE.into()), Order::Key));
            assert_eq!(found, (0..5).map(Key::Integer).collect::<Vec<_>>());
        }),
        ("evict", |cache| assert_eq!(cache.evict(&Selection::Queue(QUEUE.into())).unwrap(), 5)),
        ("evict all", |cache| assert_eq!(cache.evict(&Selection::All).unwrap(), 5)),
        ("clear", |cache| assert_eq!(cache.clear().unwrap(), 5)),
        ("expire", |cache| assert_eq!(cache.expire().unwrap(), 0)),
        ("transaction", |cache| {
            let ticket = cache.begin().unwrap();
            assert_eq!(cache.within(ticket, |cache| cache.queue_length(QUEUE)).unwrap(), 5);
            assert!(cache.within(ticket, |cache| cache.pull(QUEUE, Side::Back)).unwrap().is_some());
            cache.commit(ticket).unwrap();
        }),
        ("rollback", |cache| {
            let ticket = cache.begin().unwrap();
            assert!(cache.within(ticket, |cache| cache.pull(QUEUE, Side::Front)).unwrap().is_some());
            cache.rollback(ticket).unwrap();
            assert_eq!(cache.count().unwrap(), 5);
        }),
        ("volume", |cache| assert!(cache.volume().unwrap() > 0)),
        ("check", |cache| assert_eq!(cache.check().unwrap(), [])),
    ];
    for (name, look) in looks {
        let (shared, _, mut first, mut second) = two(5);
        assert!(rows(&shared) < 5, "{name}: they are in a journal");
        look(&mut second);
        // The other goes on with what is left, and again others see it.
        let left = second.queue_length(QUEUE).unwrap();
        assert_eq!(first.queue_length(QUEUE).unwrap(), left, "{name}");
        push(&mut first, 7);
        push(&mut first, 8);
        assert_eq!(second.queue_length(QUEUE).unwrap(), left + 2, "{name}");
        let drained = drain(&mut second);
        assert_eq!((drained.len() as u64, drained.ends_with(&[7, 8])), (left + 2, true), "{name}: {drained:?}");
        assert_eq!(pull(&mut first), None, "{name}");
        for cache in [&mut first, &mut second] {
            assert_eq!(cache.check().unwrap(), [], "{name}");
        }
    }
}

#[test]
fn the_handle_itself_sees_what_is_in_its_journal() {
    let (_shared, _, mut first, _second) = two(3);
    assert_eq!(first.queues().unwrap(), [QUEUE]);
    push(&mut first, 4);
    assert_eq!(first.count().unwrap(), 4);
    push(&mut first, 5);
    let ticket = first.begin().unwrap();
    assert_eq!(first.within(ticket, |cache| cache.queue_length(QUEUE)).unwrap(), 5);
    first.rollback(ticket).unwrap();
    push(&mut first, 6);
    assert_eq!(first.clear().unwrap(), 6);
    assert_eq!(push(&mut first, 1), 0);
}

#[test]
fn nothing_is_noted_as_long_as_a_transaction_is_open() {
    // A bias that others have ended was still written to, by the handle that did not know it yet.
    let (_shared, platform, mut first, mut second) = two(3);
    assert_eq!(second.queue_length(QUEUE).unwrap(), 3);
    let ticket = first.begin().unwrap();
    platform.on_write(|| panic!("a note was written"));
    assert!(first.within(ticket, |cache| cache.pull(QUEUE, Side::Front)).unwrap().is_some());
    first.within(ticket, |cache| cache.push(QUEUE, &Value::Integer(4), Side::Back, &plain())).unwrap();
    platform.on_write(|| {});
    first.commit(ticket).unwrap();
    assert_eq!(drain(&mut second), [2, 3, 4]);
    assert_eq!(pull(&mut first), None);
}

#[test]
fn whoever_wants_the_queue_between_writing_a_note_and_looking_is_seen() {
    /// What somebody does meanwhile, and tells of what it sees.
    type During = fn(&mut Cache) -> Vec<i64>;
    /// What the other sees, and what is left in the end.
    type Expected<'a> = (&'a [i64], &'a [i64]);
    let count: During = |cache| vec![cache.queue_length(QUEUE).unwrap().cast_signed()];
    let add: During = |cache| vec![push(cache, 10)];
    // If a push is interrupted, and if a pull is.
    let interruptions: [(During, [Expected<'_>; 2]); 3] = [
        (drain, [(&[1, 2, 3, 4], &[]), (&[2, 3], &[])]),
        (add, [(&[4], &[1, 2, 3, 4, 10]), (&[3], &[2, 3, 10])]),
        (count, [(&[4], &[1, 2, 3, 4]), (&[2], &[2, 3])]),
    ];
    for (interrupt, expected) in interruptions {
        for (pulls, (seen, left)) in [false, true].into_iter().zip(expected) {
            let (_shared, platform, mut first, second) = two(3);
            let other = Rc::new(RefCell::new((second, None)));
            let during = Rc::clone(&other);
            platform.on_write(move || {
                let (second, found) = &mut *during.borrow_mut();
                found.get_or_insert_with(|| interrupt(second));
            });
            if pulls {
                assert_eq!(pull(&mut first), Some(1));
            } else {
                assert_eq!(push(&mut first, 4), 3);
            }
            let (second, found) = &mut *other.borrow_mut();
            assert_eq!(found.as_deref(), Some(seen));
            assert_eq!(drain(second), left);
            assert_eq!(second.check().unwrap(), []);
        }
    }
}

#[test]
fn who_finds_its_bias_revoked_and_nothing_folded_goes_on_by_itself() {
    // As if whoever has revoked it had ended there.
    for pulls in [false, true] {
        let (shared, _, mut first, mut second) = two(3);
        tamper(shared.directory.path(), "UPDATE journal SET revoked = 1");
        if pulls {
            assert_eq!(pull(&mut first), Some(1));
        } else {
            assert_eq!(push(&mut first, 4), 3);
        }
        let expected: &[i64] = if pulls { &[2, 3] } else { &[1, 2, 3, 4] };
        assert_eq!(drain(&mut second), expected);
        assert_eq!(second.check().unwrap(), []);
    }
}

#[test]
fn what_a_handle_that_ends_abruptly_has_noted_is_there() {
    for revoked in [false, true] {
        let (shared, platform, first, mut second) = two(70);
        if revoked {
            tamper(shared.directory.path(), "UPDATE journal SET revoked = 1");
        }
        TestPlatform::kill(first);
        platform.crash();
        let mut expected: Vec<i64> = (1..=70).collect();
        assert_eq!(pull(&mut second), Some(expected.remove(0)));
        second.close().unwrap();
        let mut third = shared.open(3, &existing());
        assert_eq!(journals(shared.directory.path()), [] as [PathBuf; 0], "who comes first tidies up");
        assert_eq!(drain(&mut third), expected);
        assert_eq!(third.check().unwrap(), []);
    }
}

#[test]
fn who_comes_when_all_have_ended_abruptly_finds_what_they_have_noted() {
    for shards in [1, 3] {
        let shared = Shared::new();
        let options = OpenOptions { shards: Some(shards), ..OpenOptions::default() };
        let mut ended = Vec::new();
        for (seed, queue) in ["a", "b", "c"].into_iter().enumerate() {
            let (platform, mut cache) = shared.biasing(seed as u64 + 1, &options);
            for value in 0..3 {
                cache.push(queue, &Value::Integer(value), Side::Back, &plain()).unwrap();
            }
            ended.push((platform, cache));
        }
        for (platform, cache) in ended {
            TestPlatform::kill(cache);
            platform.crash();
        }
        let mut cache = shared.open(9, &existing());
        assert_eq!(journals(shared.directory.path()), [] as [PathBuf; 0]);
        assert_eq!((cache.queues().unwrap().join(""), cache.count().unwrap()), ("abc".into(), 9));
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn closing_brings_everything_into_the_database_and_leaves_no_file() {
    let (shared, _, mut first, mut second) = two(5);
    first.close().unwrap();
    assert_eq!((rows(&shared), journals(shared.directory.path()).len()), (5, 0));
    assert_eq!(drain(&mut second), [1, 2, 3, 4, 5]);
    let left: i64 = rusqlite::Connection::open(database(shared.directory.path(), 0))
        .unwrap()
        .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_journal_that_others_have_folded_is_gone_when_its_handle_closes() {
    let (shared, _, mut first, mut second) = two(5);
    assert_eq!(second.queue_length(QUEUE).unwrap(), 5);
    first.close().unwrap();
    assert_eq!(journals(shared.directory.path()), [] as [PathBuf; 0]);
    assert_eq!(second.queue_length(QUEUE).unwrap(), 5);
}

#[test]
fn nothing_is_biased_where_what_was_accepted_could_not_be_stored_later() {
    let evicting_nothing = Changes { policy: Some(Policy::None), ..Changes::default() };
    let waiting_for_the_disk = Changes { durability: Some(Durability::Full), ..Changes::default() };
    for changes in [evicting_nothing, waiting_for_the_disk] {
        let options = OpenOptions { changes, ..OpenOptions::default() };
        let shared = Shared::new();
        let (_platform, mut cache) = shared.biasing(1, &options);
        for value in 0..20 {
            push(&mut cache, value);
        }
        assert_eq!((rows(&shared), journals(shared.directory.path()).len()), (20, 0));
    }
}

#[test]
fn what_was_accepted_under_other_settings_stays() {
    let settings = [
        Changes { policy: Some(Policy::None), item_limit: Limit::AtMost(3), ..Changes::default() },
        Changes { durability: Some(Durability::Full), ..Changes::default() },
        Changes { default_ttl: Expiry::After(1), ..Changes::default() },
    ];
    for changes in settings {
        let (shared, platform, mut first, mut second) = two(5);
        second.configure(&changes).unwrap();
        assert_eq!(rows(&shared), 5);
        // Those who had it before learn of it with what they do next.
        let pushed = first.push(QUEUE, &Value::Integer(6), Side::Back, &plain());
        assert_eq!(matches!(pushed, Err(Error::Full(_))), changes.policy.is_some(), "{changes:?}: {pushed:?}");
        platform.advance(10);
        let expected: &[i64] = if changes.durability.is_some() { &[1, 2, 3, 4, 5, 6] } else { &[1, 2, 3, 4, 5] };
        assert_eq!(drain(&mut first), expected, "{changes:?}");
        assert_eq!(first.check().unwrap(), []);
    }
}

#[test]
fn values_in_a_journal_are_evicted_like_others_once_they_are_stored() {
    let shared = Shared::new();
    let options = limited(3);
    let (_platform, mut first) = shared.biasing(1, &options);
    let mut second = shared.open(2, &existing());
    put(&mut second, "a", 1);
    for value in 0..10 {
        push(&mut first, value);
    }
    assert_eq!(second.count().unwrap(), 3);
    assert!(second.get(&Key::Text("a".into())).unwrap().is_none());
    assert_eq!(drain(&mut second), [7, 8, 9]);
    assert_eq!(second.check().unwrap(), []);
}

#[test]
fn values_for_which_nothing_can_make_room_any_more_are_kept_beyond_the_limit() {
    let shared = Shared::new();
    let options = limited(4);
    let (_platform, mut first) = shared.biasing(1, &options);
    let mut second = shared.open(2, &existing());
    for value in 0..3 {
        push(&mut first, value);
    }
    let deque = larder_engine::Deque::new("d").unwrap();
    for value in 0..3 {
        // Room is made for it by whoever stands in line, of which nobody is left when the journal is folded.
        deque.push(&mut second, &[Value::Integer(value)], Side::Back).unwrap();
    }
    assert_eq!(first.queue_length(QUEUE).unwrap(), drain(&mut second).len() as u64);
    assert_eq!(second.check().unwrap(), []);
}

#[test]
fn an_entry_that_was_evicted_meanwhile_may_still_be_pulled_by_the_handle_that_knows_it() {
    let shared = Shared::new();
    let options = limited(3);
    let (_platform, mut first) = shared.biasing(1, &options);
    let mut second = shared.open(2, &existing());
    push(&mut first, 1);
    for key in ["a", "b", "c", "d"] {
        put(&mut second, key, 1);
    }
    assert_eq!(pull(&mut first), Some(1));
    assert_eq!(pull(&mut first), None);
    assert_eq!((first.queue_length(QUEUE).unwrap(), second.count().unwrap()), (0, 3));
    assert_eq!(second.check().unwrap(), []);
}

#[test]
fn who_can_only_read_sees_what_is_stored() {
    let (shared, _, mut first, _second) = two(1);
    push(&mut first, 2);
    let options = OpenOptions { read_only: true, ..existing() };
    let mut reader = shared.open(3, &options);
    let stored = rows(&shared);
    assert_eq!((stored, reader.queue_length(QUEUE).unwrap()), (1, 1));
    assert_eq!(reader.peek(QUEUE, Side::Back).unwrap().map(|queued| integer(&queued.entry.value)), Some(1));
    assert_eq!(first.queue_length(QUEUE).unwrap(), 2);
    assert_eq!(reader.queue_length(QUEUE).unwrap(), 2);
}
