//! Enumerating, counting, and the first and last.

use larder_tests::component::types::{Error, Key};
use larder_tests::component::wit::{Bound, KeyRange, Scan, Selection};
use larder_tests::component::{everything, plain, text, text_key, ttl};
use larder_tests::subject::Subject;

use crate::rule::{Failure, Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, by_key, bytes, fill, integer, names, numbers, of, put};

/// The names of the keys from a cursor on, one by one, with something done after the first.
fn meanwhile(
    cache: &mut Subject,
    scan: &Scan,
    work: impl FnOnce(&mut Subject) -> Result<(), Error>,
) -> Result<Vec<Key>, Failure> {
    let mut cursor = cache.enumerate(scan)?;
    let mut all = cache.next_keys(&mut cursor, 1)?;
    work(cache)?;
    loop {
        let next = cache.next_keys(&mut cursor, 1)?;
        if next.is_empty() {
            cache.drop_part(cursor);
            return Ok(all);
        }
        all.extend(next);
    }
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Enumeration",
    rules: &[
        matched(
            "scan.insertion",
            "`iter` lists keys in the order in which they came in, `reversed` from the end.",
            |cache| {
                for name in ["b", "c", "a"] {
                    put(cache, name, 1)?;
                }
                equal(cache.keys(&everything(), 10)?, names(&["b", "c", "a"]))?;
                equal(cache.keys(&Scan { reverse: true, ..everything() }, 10)?, names(&["a", "c", "b"]))
            },
        ),
        matched("scan.key-order", "`iterkeys` lists keys in their order, or from the end.", |cache| {
            fill(cache, 250, &plain())?;
            equal(cache.keys(&by_key(), 7)?, numbers(0..250))?;
            equal(cache.keys(&Scan { reverse: true, ..by_key() }, 7)?, numbers((0..250).rev()))
        }),
        different(
            "scan.linear",
            "The cost of `iterkeys` grows with the square of the number of keys: 100,000 take 2.7 s, 200,000 take 9 s.",
            "It is linear: a page is read off the index from where the last one ended. `cargo xtask bench` measures it.",
            |cache| {
                fill(cache, 3_000, &plain())?;
                let mut cursor = cache.enumerate(&by_key())?;
                for start in (0..3_000).step_by(50) {
                    equal(cache.next_keys(&mut cursor, 50)?, numbers(start..start + 50))?;
                }
                equal(cache.next_keys(&mut cursor, 50)?, [])?;
                cache.drop_part(cursor);
                Ok(())
            },
        ),
        matched("scan.empty", "Nothing is listed of an empty cache.", |cache| {
            equal((cache.keys(&everything(), 10)?, cache.keys(&by_key(), 10)?), (Vec::new(), Vec::new()))
        }),
        matched("scan.later-unseen", "What comes in after a scan by insertion has begun is not seen by it.", |cache| {
            for name in ["a", "b"] {
                put(cache, name, 1)?;
            }
            let seen = meanwhile(cache, &everything(), |cache| put(cache, "c", 1).map(drop))?;
            equal(seen, names(&["a", "b"]))
        }),
        matched("scan.key-order-sees", "A scan in key order sees what comes in ahead of it.", |cache| {
            for name in ["a", "d"] {
                put(cache, name, 1)?;
            }
            let seen = meanwhile(cache, &by_key(), |cache| put(cache, "c", 1).map(drop))?;
            equal(seen.last(), Some(&text_key("d")))
        }),
        different(
            "scan.once",
            "A key that is there throughout is listed once; pages of 100 are read ahead, so what was deleted meanwhile may be listed.",
            "A key that is there throughout is listed exactly once, whatever is stored or removed meanwhile.",
            |cache| {
                fill(cache, 1_000, &plain())?;
                let seen = meanwhile(cache, &everything(), |cache| {
                    (0..1_000)
                        .filter(|number| number % 3 == 0)
                        .try_for_each(|number| cache.delete(&Key::Integer(number)).map(drop))?;
                    cache.set(&Key::Integer(500), &text("anew"), &plain()).map(drop)
                })?;
                let throughout = numbers((0..1_000).filter(|number| number % 3 != 0));
                let found: Vec<_> = seen.into_iter().filter(|key| throughout.contains(key)).collect();
                equal(found, throughout)
            },
        ),
        different(
            "scan.items",
            "Only keys are listed; `values()` and `items()` do not exist.",
            "Values and whole items are listed as well; that counts neither as a hit nor for the policy.",
            |cache| {
                cache.set(&text_key("a"), &bytes(LARGE), &plain())?;
                put(cache, "b", 2)?;
                let items = cache.items(&by_key(), 1)?;
                holds(items.iter().map(|item| &item.entry.value).eq([&bytes(LARGE), &integer(2)]), "both values")?;
                equal((cache.stats()?.hits, items.len()), (0, 2))
            },
        ),
        different(
            "scan.range",
            "Keys can not be listed between two keys.",
            "They can, with or without the ends, in both orders and directions.",
            |cache| {
                fill(cache, 100, &plain())?;
                let range = |start, end| Selection::Range(KeyRange { start, end });
                let found =
                    cache.keys(&of(range(Bound::Included(Key::Integer(10)), Bound::Excluded(Key::Real(12.5)))), 2)?;
                equal(found, numbers(10..13))?;
                let found = cache.keys(&of(range(Bound::Excluded(Key::Integer(97)), Bound::Unbounded)), 2)?;
                equal(found, numbers(98..100))?;
                equal(cache.measure(&range(Bound::Unbounded, Bound::Included(Key::Integer(9))), true)?.count, 10)
            },
        ),
        different(
            "scan.page",
            "Pages of a scan have 100 rows.",
            "The caller says how many keys a call returns, 1 to 10,000.",
            |cache| {
                fill(cache, 10, &plain())?;
                equal(cache.keys(&everything(), 10_000)?.len(), 10)?;
                refused!(cache.keys(&everything(), 0), Error::InvalidArgument(_))?;
                refused!(cache.keys(&everything(), 10_001), Error::InvalidArgument(_))
            },
        ),
        matched("peekitem", "`peekitem` tells the newest or the oldest item, by insertion.", |cache| {
            for name in ["b", "a"] {
                put(cache, name, 1)?;
            }
            put(cache, "b", 2)?;
            equal(cache.first(&everything())?.map(|item| item.key), Some(text_key("b")))?;
            let last = cache.first(&Scan { reverse: true, ..everything() })?;
            equal(last.map(|item| (item.key, item.entry.value)), Some((text_key("a"), integer(1))))
        }),
        different(
            "peekitem.empty",
            "`peekitem` of an empty cache raises `KeyError`.",
            "`first` of nothing is none.",
            |cache| holds(cache.first(&everything())?.is_none(), "nothing"),
        ),
        different(
            "peekitem.expired",
            "`peekitem` removes expired items it meets.",
            "`first` skips them, and writes nothing.",
            |cache| {
                cache.set(&text_key("a"), &integer(1), &ttl(5))?;
                put(cache, "b", 1)?;
                cache.advance(5);
                equal(cache.first(&everything())?.map(|item| item.key), Some(text_key("b")))?;
                equal(cache.count()?, 2)
            },
        ),
        different(
            "peekitem.lost-file",
            "`peekitem` of an item whose file is gone never returns.",
            "It is the error `corrupt`, at once.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                for file in larder_tests::value_files(cache.path()) {
                    std::fs::remove_file(file)?;
                }
                refused!(cache.first(&everything()), Error::Corrupt(_))
            },
        ),
        matched("len", "`len` is the number of entries, known without counting them.", |cache| {
            fill(cache, 30, &plain())?;
            cache.delete(&Key::Integer(3))?;
            equal(cache.count()?, 29)
        }),
        different(
            "measure",
            "How many entries a tag or a prefix has can not be asked.",
            "`measure` tells number and size of any selection, with or without what has expired.",
            |cache| {
                fill(cache, 4, &plain())?;
                cache.set(&text_key("key"), &text("12345"), &ttl(5))?;
                cache.advance(5);
                equal(cache.measure(&Selection::All, true)?.size, 4 * (64 + 8 + 8) + 64 + 3 + 5)?;
                equal(cache.measure(&Selection::All, false)?.count, 4)
            },
        ),
    ],
};
