//! A directory of which an input changes databases, logs, value files and leases, byte by byte or row by row.
//!
//! What is opened then gives right data or an error that tells of damage: no call panics, none hangs, and none
//! returns a value that was not stored under its key.

use std::path::Path;
use std::rc::Rc;
use std::sync::OnceLock;

use larder_engine::testing::TestPlatform;
use larder_engine::{
    Cache, Changes, Deque, Error, Expiry, Index, Key, Lock, LookUp, Number, OpenOptions, Platform, Result, Scan,
    Selection, SetOptions, Side, Value,
};

use crate::draw::Draw;
use crate::files::{Template, damage, tamper};

const ENTRIES: i64 = 24;
const DATABASE: &str = "cache.db";

/// Does to a directory what an input says, and then works with it.
pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let templates = templates();
    let template = templates.get(draw.below(templates.len())).expect("it is one of them");
    let (_outside, directory) = template.make();
    for _ in 0..4 {
        if draw.one_in(3) {
            tamper(&directory.join(template.find(DATABASE)), &mut draw);
        } else {
            damage(&directory.join(template.pick(&mut draw)), &mut draw);
        }
        if draw.is_empty() {
            break;
        }
    }
    exercise(&directory);
    // What the first has made of it is not to be in the way of the next.
    exercise(&directory);
}

/// The directories: closed and left by a crash, with one shard and with several.
pub(crate) fn templates() -> &'static [Template] {
    static TEMPLATES: OnceLock<Vec<Template>> = OnceLock::new();
    TEMPLATES.get_or_init(|| [(1, true), (1, false), (3, false)].map(|(shards, close)| make(shards, close)).into())
}

fn make(shards: u32, close: bool) -> Template {
    let directory = crate::temporary();
    let options = OpenOptions {
        shards: Some(shards),
        changes: Changes { inline_threshold: Some(2_000), ..Changes::default() },
        ..OpenOptions::default()
    };
    let mut cache = open(directory.path(), &options).unwrap();
    fill(&mut cache).unwrap();
    if close {
        cache.close().unwrap();
    }
    // As a process leaves it that is killed now, unless it was closed.
    Template::of(directory.path())
}

fn open(directory: &Path, options: &OpenOptions) -> Result<Cache> {
    let platform: Rc<dyn Platform> = TestPlatform::new();
    Cache::open(directory, options, platform)
}

/// What is stored under a key: each part of it tells where it belongs.
fn value(number: i64) -> Value {
    let text = format!("{number}-");
    match number % 4 {
        0 => Value::Integer(number * 1_000_003),
        1 => Value::Text(text.repeat(40)),
        2 => Value::Bytes(text.into_bytes().repeat(600)),
        _ => Value::Text(text.repeat(2_000)),
    }
}

fn fill(cache: &mut Cache) -> Result<()> {
    for number in 0..ENTRIES {
        let tag = if number % 2 == 0 { "even" } else { "odd" };
        let options = SetOptions { tags: vec!["all".into(), tag.into()], ..SetOptions::default() };
        cache.set(&Key::Integer(number), &value(number), &options)?;
    }
    for number in 0..4 {
        cache.push("jobs", &Value::Integer(number), Side::Back, &SetOptions::default())?;
    }
    Deque::new("recent")?.push(cache, &[value(1), value(2), value(4)], Side::Back)?;
    Index::new("names")?.set(cache, Key::Text("a".into()), value(1))?;
    cache.count_up("visits", 3)?;
    cache.try_lock(&lock(), &larder_engine::Claim { owner: None, weight: None, lease_ms: 1_000 })?;
    cache.evict(&Selection::Tag("nobody".into())).map(drop)
}

fn lock() -> Lock {
    Lock { name: "deploy".into(), capacity: 1 }
}

/// Works with a directory as far as that goes.
fn exercise(directory: &Path) {
    let options = OpenOptions { create: false, ..OpenOptions::default() };
    let Some(mut cache) = judge(open(directory, &options)) else { return };
    read(&mut cache);
    work(&mut cache);
    judge(cache.check());
    judge(cache.repair());
    read(&mut cache);
    judge(cache.evict(&Selection::Tag("even".into())));
    judge(cache.compact());
    judge(cache.clear());
    judge(cache.close());
}

fn read(cache: &mut Cache) {
    for number in 0..ENTRIES {
        check(number, judge(cache.get(&Key::Integer(number))).flatten().as_ref());
    }
    if let Some(Some(mut reader)) = judge(cache.read(&Key::Integer(3)))
        && let Some(part) = judge(reader.read(100_000))
    {
        assert!(matches!(value(3), Value::Text(text) if text.as_bytes().starts_with(part)), "a part of 3 is wrong");
    }
    if let Some(mut cursor) = judge(cache.scan(&Scan::default())) {
        for item in judge(cursor.next_items(cache, 1_000)).unwrap_or_default() {
            if let Key::Integer(number @ 0..ENTRIES) = item.key {
                check(number, Some(&item.entry.value));
            }
        }
    }
    judge(cache.information());
    judge(cache.measure(&Selection::Tag("all".into()), true));
}

fn check(number: i64, found: Option<&Value>) {
    // That it is gone is possible: an index that lost a key does not know that it did.
    let Some(found) = found else { return };
    let is_right = match (found, &value(number)) {
        (Value::Integer(found), Value::Integer(stored)) => found == stored,
        (Value::Text(found), Value::Text(stored)) => found == stored,
        (Value::Bytes(found), Value::Bytes(stored)) => found == stored,
        _ => false,
    };
    assert!(is_right, "{number} holds {found:?}");
}

fn work(cache: &mut Cache) {
    let (key, plain) = (Key::Text("new".into()), SetOptions::default());
    judge(cache.set(&key, &Value::Bytes(vec![7; 6_000]), &plain));
    judge(cache.increment(&Key::Integer(4), Number::Integer(0), None, &plain));
    judge(cache.touch(&Key::Integer(5), Expiry::After(1_000)));
    judge(cache.pull("jobs", Side::Front));
    judge(cache.push("jobs", &Value::Integer(9), Side::Front, &plain));
    judge(cache.count_up("visits", 1));
    judge(cache.lock_occupancy("deploy"));
    judge(cache.look_up(&Key::Integer(6), &LookUp { lease_ms: 1_000, eagerness: 1.0 }));
    for deque in [Deque::new("recent"), Index::new("names").and_then(|index| index.queue("jobs"))] {
        let deque = deque.unwrap();
        judge(deque.get(cache, 1));
        judge(deque.push(cache, &[value(2)], Side::Front));
        judge(deque.rotate(cache, 1));
        judge(deque.pull(cache, Side::Back, 2, 0));
    }
    let index = Index::new("names").unwrap();
    judge(index.get(cache, &Key::Text("a".into())));
    judge(index.set(cache, Key::Text("b".into()), value(2)));
    judge(index.pop_item(cache, Side::Front));
    if let Some(ticket) = judge(cache.begin()) {
        judge(cache.within(ticket, |cache| cache.delete(&Key::Integer(7))));
        judge(cache.rollback(ticket));
    }
}

/// What an answer holds; none if it is an error, which must be one that damage explains.
fn judge<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(
            Error::Corrupt(_)
            | Error::UnsupportedFormat(_)
            | Error::Io(_)
            | Error::NotFound(_)
            | Error::PermissionDenied(_)
            | Error::ReadOnly(_)
            | Error::Locked(_)
            | Error::Timeout(_)
            | Error::Full(_)
            | Error::TooLarge { .. }
            | Error::Closed
            | Error::Overflow(_)
            | Error::Conflict(_)
            | Error::WrongType(_)
            | Error::OutOfRange(_),
        ) => None,
        Err(error) => panic!("an error that damage does not explain: {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn the_judge_refuses_a_wrong_value_and_an_error_without_a_reason() {
        assert!(catch_unwind(|| check(1, Some(&value(2)))).is_err());
        assert!(catch_unwind(|| check(0, Some(&Value::Integer(1)))).is_err());
        assert!(catch_unwind(|| judge::<()>(Err(Error::InvalidArgument("?".into())))).is_err());
        check(3, Some(&value(3)));
        check(3, None);
    }

    #[test]
    fn an_undamaged_directory_holds_everything() {
        for template in templates() {
            let (_outside, directory) = template.make();
            let mut cache = open(&directory, &OpenOptions { create: false, ..OpenOptions::default() }).unwrap();
            assert_eq!(cache.check().unwrap(), []);
            for number in 0..ENTRIES {
                assert!(cache.contains(&Key::Integer(number)).unwrap(), "{number}");
            }
        }
    }
}
