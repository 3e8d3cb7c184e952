//! Queues inside of a cache.

use std::fs;

use larder_tests::component::types::{Error, Key, Side, Value};
use larder_tests::component::wit::Selection;
use larder_tests::component::{everything, plain, tagged, text, ttl};
use larder_tests::subject::Subject;
use larder_tests::value_files;

use crate::rule::{Failure, Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, got, integer, labelled, names, put};

/// Pushes integers at the back.
fn push(cache: &mut Subject, queue: &str, all: &[i64]) -> Result<(), Error> {
    all.iter().try_for_each(|one| cache.push(queue, &integer(*one), Side::Back, &plain()).map(drop))
}

/// Pulls everything, from one side.
fn drain(cache: &mut Subject, queue: &str, side: Side) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    while let Some(queued) = cache.pull(queue, side)? {
        all.push(queued.entry.value);
    }
    Ok(all)
}

/// Loses the value file of the only large value.
fn lose(cache: &Subject) -> Result<(), Failure> {
    Ok(value_files(cache.path()).into_iter().try_for_each(fs::remove_file)?)
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Queues",
    rules: &[
        matched("queue.fifo", "`push` adds at the back and `pull` takes from the front.", |cache| {
            push(cache, "q", &[1, 2, 3])?;
            equal(drain(cache, "q", Side::Front)?, [1, 2, 3].map(integer))
        }),
        matched("queue.both-sides", "Both work at either side.", |cache| {
            push(cache, "q", &[2, 3])?;
            cache.push("q", &integer(1), Side::Front, &plain())?;
            equal(drain(cache, "q", Side::Back)?, [3, 2, 1].map(integer))
        }),
        different(
            "queue.keys",
            "`push` returns the key: integers from 500000000000000 on, one more at the back, one less at the front; with a prefix text such as `q-500000000000000`.",
            "It returns the position: 0 in an empty queue, one more at the back, one less at the front. An export makes the keys of python-diskcache of them.",
            |cache| {
                let mut at = |side| cache.push("q", &integer(1), side, &plain());
                equal([at(Side::Back)?, at(Side::Back)?, at(Side::Front)?, at(Side::Back)?], [0, 1, -1, 2])
            },
        ),
        matched("queue.restart", "Numbering begins anew once a queue is empty.", |cache| {
            push(cache, "q", &[1, 2])?;
            drain(cache, "q", Side::Front)?;
            equal(cache.push("q", &integer(3), Side::Back, &plain())?, 0)
        }),
        matched(
            "queue.names",
            "Queues with different prefixes are different queues; there is one without a prefix.",
            |cache| {
                push(cache, "", &[1])?;
                push(cache, "a", &[2])?;
                equal(
                    (drain(cache, "a", Side::Front)?, drain(cache, "", Side::Front)?),
                    (vec![integer(2)], vec![integer(1)]),
                )
            },
        ),
        different(
            "queue.longer-prefix",
            "The queue `a` also gives what was pushed to the queue `a-1`.",
            "A queue has its name to itself.",
            |cache| {
                push(cache, "a-1", &[1])?;
                equal(cache.pull("a", Side::Front)?.is_none(), true)?;
                push(cache, "a", &[2])?;
                equal((cache.queue_length("a")?, cache.queue_length("a-1")?), (1, 1))
            },
        ),
        different(
            "queue.own-key-space",
            "Queues share the keys of the cache: after `c[5] = 'x'`, `push` gives key 6 and `pull` the user's entry; a real key gives real keys, `'q-7x'` makes `push` raise `ValueError`.",
            "Queues have a key space of their own, which no key ever meets.",
            |cache| {
                cache.set(&Key::Integer(5), &text("x"), &plain())?;
                cache.set(&Key::Real(1.5), &text("y"), &plain())?;
                put(cache, "q-7x", 1)?;
                put(cache, "q-500000000000000", 1)?;
                for queue in ["", "q"] {
                    equal(cache.pull(queue, Side::Front)?.is_none(), true)?;
                    equal(cache.push(queue, &integer(1), Side::Back, &plain())?, 0)?;
                }
                equal(cache.get(&Key::Integer(0))?, None)?;
                equal(drain(cache, "q", Side::Back)?, [integer(1)])?;
                equal(cache.keys(&everything(), 10)?.len(), 4)
            },
        ),
        different(
            "queue.bounds",
            "Pushing half a quadrillion times to one side ends in an `IntegrityError`.",
            "Positions have 64 bits: nobody comes to their end, and they start anew with an empty queue.",
            |cache| {
                for _ in 0..100 {
                    cache.push("q", &integer(1), Side::Front, &plain())?;
                }
                equal(cache.peek("q", Side::Front)?.map(|queued| queued.position), Some(-99))
            },
        ),
        different(
            "queue.pull-empty",
            "`pull` of an empty queue returns `(None, None)`, or the default it is given.",
            "It is none.",
            |cache| holds(cache.pull("q", Side::Front)?.is_none() && cache.peek("q", Side::Back)?.is_none(), "nothing"),
        ),
        matched(
            "queue.metadata",
            "What is pushed can expire and bear a tag, and `pull` and `peek` tell both.",
            |cache| {
                cache.push("q", &integer(1), Side::Back, &labelled(500, &["t"]))?;
                for found in [cache.peek("q", Side::Front)?, cache.pull("q", Side::Front)?] {
                    let metadata = found.map(|queued| queued.entry.metadata);
                    let told =
                        metadata.map(|metadata| (metadata.expires_ms == Some(metadata.stored_ms + 500), metadata.tags));
                    equal(told, Some((true, vec!["t".to_owned()])))?;
                }
                Ok(())
            },
        ),
        matched("queue.pull-expired", "`pull` skips expired entries and removes them.", |cache| {
            cache.push("q", &integer(1), Side::Back, &ttl(5))?;
            push(cache, "q", &[2])?;
            cache.advance(5);
            equal(cache.pull("q", Side::Front)?.map(|queued| queued.entry.value), Some(integer(2)))?;
            equal((cache.queue_length("q")?, cache.count()?), (0, 0))
        }),
        different(
            "queue.expired-now",
            "At the very moment an entry expires `pull` still gives it, while `get` no longer finds what expires then.",
            "All operations agree on when an entry expires.",
            |cache| {
                cache.push("q", &integer(1), Side::Back, &ttl(5))?;
                cache.advance(5);
                holds(
                    cache.peek("q", Side::Front)?.is_none() && cache.pull("q", Side::Front)?.is_none(),
                    "it is expired",
                )
            },
        ),
        matched("queue.peek", "`peek` tells what `pull` would give, and leaves it.", |cache| {
            push(cache, "q", &[1, 2])?;
            for (side, expected) in [(Side::Front, 1), (Side::Back, 2), (Side::Front, 1)] {
                equal(cache.peek("q", side)?.map(|queued| queued.entry.value), Some(integer(expected)))?;
            }
            equal(cache.queue_length("q")?, 2)
        }),
        different(
            "queue.peek-expired",
            "`peek` removes expired entries.",
            "It skips them and writes nothing; `pull` and `expire` remove them.",
            |cache| {
                cache.push("q", &integer(1), Side::Back, &ttl(5))?;
                push(cache, "q", &[2])?;
                cache.advance(5);
                equal(cache.peek("q", Side::Front)?.map(|queued| queued.entry.value), Some(integer(2)))?;
                equal((cache.queue_length("q")?, cache.expire()?), (2, 1))
            },
        ),
        matched("queue.large", "Large values go through queues, and their files with them.", |cache| {
            cache.push("q", &bytes(LARGE), Side::Back, &plain())?;
            equal(value_files(cache.path()).len(), 1)?;
            holds(drain(cache, "q", Side::Front)? == [bytes(LARGE)], "it comes back")?;
            equal(value_files(cache.path()).len(), 0)
        }),
        different(
            "queue.lost-file",
            "`peek` of an entry whose file is gone never returns, with the processor at 100 %; `pull` skips it.",
            "Both are the error `corrupt`, at once; `repair` removes the entry.",
            |cache| {
                cache.push("q", &bytes(LARGE), Side::Back, &plain())?;
                push(cache, "q", &[2])?;
                lose(cache)?;
                refused!(cache.peek("q", Side::Front), Error::Corrupt(_))?;
                refused!(cache.pull("q", Side::Front), Error::Corrupt(_))?;
                equal(cache.repair()?.len(), 1)?;
                equal(cache.peek("q", Side::Front)?.map(|queued| queued.entry.value), Some(integer(2)))
            },
        ),
        different(
            "queue.side",
            "A side that is neither `'front'` nor `'back'` raises `KeyError`.",
            "There is no other: the type has these two.",
            |cache| {
                push(cache, "q", &[1, 2])?;
                equal(cache.pull("q", Side::Back)?.map(|queued| queued.position), Some(1))
            },
        ),
        different(
            "queue.name",
            "A prefix is any text.",
            "The name of a queue is text of up to 1 KiB without NUL.",
            |cache| {
                push(cache, &"é".repeat(512), &[1])?;
                refused!(cache.push("a\0b", &integer(1), Side::Back, &plain()), Error::InvalidArgument(_))?;
                refused!(cache.push(&"x".repeat(1_025), &integer(1), Side::Back, &plain()), Error::TooLarge(_))
            },
        ),
        different(
            "queue.listed",
            "What is in queues is listed among the keys.",
            "`queues` tells their names, and a scan of a queue its entries, in order; the keys of the cache are listed without them.",
            |cache| {
                push(cache, "b", &[1, 2])?;
                push(cache, "a", &[3])?;
                put(cache, "key", 1)?;
                equal(cache.queues()?, ["a", "b"])?;
                equal(cache.keys(&everything(), 10)?, names(&["key"]))?;
                let scan =
                    larder_tests::component::wit::Scan { selection: Selection::Queue("b".into()), ..everything() };
                let values: Vec<Value> = cache.items(&scan, 1)?.into_iter().map(|item| item.entry.value).collect();
                equal(values, [1, 2].map(integer))
            },
        ),
        matched(
            "queue.counted",
            "Entries of queues are counted, evicted by tag, and cleared with the others.",
            |cache| {
                cache.push("q", &integer(1), Side::Back, &tagged(&["t"]))?;
                push(cache, "q", &[2])?;
                put(cache, "key", 3)?;
                equal(cache.count()?, 3)?;
                equal(cache.evict(&Selection::Tag("t".into()))?, 1)?;
                equal((cache.clear()?, cache.count()?, got(cache, "key")?), (2, 0, None))
            },
        ),
    ],
};
