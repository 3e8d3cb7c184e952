//! Operations of which all happen or none.

use larder_tests::component::types::{Error, Key, Side};
use larder_tests::component::wit::Task;
use larder_tests::component::{everything, plain, tagged, text, text_key, ttl};
use larder_tests::subject::Subject;
use larder_tests::value_files;

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, by, bytes, fill, got, integer, names, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Transactions",
    rules: &[
        matched("transaction.commit", "What a transaction has done happens at its end, all of it.", |cache| {
            cache.begin()?;
            fill(cache, 20, &tagged(&["t"]))?;
            cache.push("q", &integer(1), Side::Back, &plain())?;
            cache.end(true)?;
            equal((cache.count()?, cache.queue_length("q")?), (21, 1))
        }),
        matched("transaction.rollback", "When it fails, nothing has happened.", |cache| {
            cache.set(&text_key("a"), &integer(1), &tagged(&["t"]))?;
            put(cache, "b", 2)?;
            cache.begin()?;
            put(cache, "a", 9)?;
            cache.delete(&text_key("b"))?;
            put(cache, "c", 9)?;
            cache.increment(&text_key("c"), by(1), None, &plain())?;
            cache.end(false)?;
            equal((got(cache, "a")?, got(cache, "b")?, got(cache, "c")?), (Some(1), Some(2), None))?;
            equal(cache.get_entry(&text_key("a"))?.map(|entry| entry.metadata.tags.len()), Some(1))?;
            equal((cache.count()?, cache.keys(&everything(), 10)?), (2, names(&["a", "b"])))
        }),
        matched("transaction.reads-its-own", "A transaction reads what it has written.", |cache| {
            cache.begin()?;
            put(cache, "a", 1)?;
            equal(got(cache, "a")?, Some(1))?;
            equal(cache.increment(&text_key("a"), by(2), None, &plain())?, Some(by(3)))?;
            equal(cache.pop(&text_key("a"))?.map(|entry| entry.value), Some(integer(3)))?;
            cache.push("q", &text("x"), Side::Back, &plain())?;
            equal(cache.pull("q", Side::Front)?.map(|queued| queued.entry.value), Some(text("x")))?;
            cache.end(true)?;
            equal(cache.count()?, 0)
        }),
        different(
            "transaction.dropped",
            "A transaction that is left by an exception is rolled back, one in a generator that nobody finishes stays open.",
            "A transaction that is dropped is rolled back.",
            |cache| {
                cache.begin()?;
                put(cache, "a", 1)?;
                cache.drop_transaction();
                equal((got(cache, "a")?, put(cache, "a", 2).is_ok()), (None, true))
            },
        ),
        different(
            "transaction.rollback-keeps-files",
            "A rollback restores the row of a value whose file the inner operation has already removed: the key is there, its value is lost.",
            "Files follow the outcome: what is replaced or deleted goes with the commit, what is new with a rollback.",
            |cache| {
                for name in ["set", "delete", "pop"] {
                    cache.set(&text_key(name), &bytes(LARGE), &plain())?;
                }
                cache.begin()?;
                cache.set(&text_key("set"), &bytes(LARGE + 1), &plain())?;
                cache.delete(&text_key("delete"))?;
                cache.pop(&text_key("pop"))?;
                cache.end(false)?;
                for name in ["set", "delete", "pop"] {
                    holds(cache.get(&text_key(name))? == Some(bytes(LARGE)), name)?;
                }
                equal((value_files(cache.path()).len(), cache.check()?.len()), (3, 0))
            },
        ),
        different(
            "transaction.rollback-leaves-no-files",
            "A rollback leaves the files of what it has stored for ever.",
            "They are removed.",
            |cache| {
                cache.begin()?;
                for number in 0..5 {
                    cache.set(&Key::Integer(number), &bytes(LARGE), &plain())?;
                }
                cache.push("q", &bytes(LARGE), Side::Back, &plain())?;
                cache.end(false)?;
                equal((value_files(cache.path()).len(), cache.check()?.len()), (0, 0))
            },
        ),
        different(
            "transaction.nested",
            "`transact` inside of a transaction joins it.",
            "A transaction is a thing of its own, and a handle has one at a time: to begin another is the error `in-transaction`.",
            |cache| {
                cache.begin()?;
                let begun = cache.beside(Subject::begin);
                refused!(begun, Error::InTransaction)?;
                put(cache, "a", 1)?;
                cache.end(true)?;
                equal(got(cache, "a")?, Some(1))
            },
        ),
        different(
            "transaction.others-do-not-join",
            "A transaction belongs to a thread: a second coroutine joins that of the first, and loses what it stored with its rollback.",
            "Work on the same handle beside its transaction is the error `in-transaction`, and never joins it.",
            |cache| {
                put(cache, "a", 1)?;
                cache.begin()?;
                put(cache, "a", 2)?;
                refused!(cache.beside(|cache| cache.get(&text_key("a"))), Error::InTransaction)?;
                refused!(cache.beside(|cache| put(cache, "b", 1)), Error::InTransaction)?;
                refused!(cache.beside(|cache| cache.maintain(&Task::Expire)), Error::InTransaction)?;
                refused!(cache.beside(Subject::count), Error::InTransaction)?;
                cache.end(false)?;
                equal((got(cache, "a")?, got(cache, "b")?), (Some(1), None))
            },
        ),
        matched(
            "transaction.error-inside",
            "An operation that fails in a transaction has done nothing, and the transaction goes on.",
            |cache| {
                cache.begin()?;
                cache.set(&text_key("a"), &text("no number"), &plain())?;
                refused!(cache.increment(&text_key("a"), by(1), None, &plain()), Error::WrongType(_))?;
                refused!(cache.set(&text_key("b"), &bytes(LARGE), &tagged(&[""])), Error::InvalidArgument(_))?;
                put(cache, "c", 3)?;
                cache.end(true)?;
                equal(
                    (cache.get(&text_key("a"))?, got(cache, "c")?, cache.count()?),
                    (Some(text("no number")), Some(3), 2),
                )?;
                equal((value_files(cache.path()).len(), cache.check()?.len()), (0, 0))
            },
        ),
        different(
            "transaction.failed-end",
            "After a COMMIT that fails the transaction stays open: later `set`s time out, or spin for ever.",
            "Whatever becomes of its end, the transaction is over and the handle goes on; to end it again is the error `closed`.",
            |cache| {
                cache.begin()?;
                put(cache, "a", 1)?;
                cache.end(true)?;
                put(cache, "a", 2)?;
                cache.begin()?;
                put(cache, "a", 3)?;
                cache.end(false)?;
                equal((got(cache, "a")?, put(cache, "b", 1).is_ok()), (Some(2), true))
            },
        ),
        matched("transaction.expiry-moves-on", "Entries expire in a transaction as anywhere.", |cache| {
            cache.begin()?;
            cache.set(&text_key("a"), &integer(1), &ttl(10))?;
            cache.advance(10);
            equal(got(cache, "a")?, None)?;
            cache.end(true)?;
            equal(got(cache, "a")?, None)
        }),
        different(
            "transaction.limit",
            "What a transaction stores beyond a limit is culled with each `set` in it.",
            "So it is here, just enough and never what was just stored; a rollback brings back what was evicted.",
            |cache| {
                cache.configure(crate::words::limited(
                    larder_tests::component::wit::Policy::LeastRecentlyStored,
                    Some(8),
                ))?;
                for number in 0..8 {
                    cache.set(&Key::Integer(number), &integer(1), &plain())?;
                }
                let before = cache.keys(&everything(), 100)?;
                cache.begin()?;
                fill(cache, 8, &plain())?;
                for number in 100..120 {
                    cache.set(&Key::Integer(number), &integer(1), &plain())?;
                    holds(cache.contains(&Key::Integer(number))?, "what was just stored")?;
                }
                cache.end(false)?;
                equal(cache.keys(&everything(), 100)?, before)
            },
        ),
        matched("transaction.empty", "A transaction of nothing does nothing.", |cache| {
            for commit in [true, false] {
                cache.begin()?;
                cache.end(commit)?;
            }
            equal(cache.count()?, 0)
        }),
        different(
            "transaction.closed",
            "Closing the cache inside of a transaction loses it without a word.",
            "What was not committed when the handle is closed is undone, and nothing is left of it.",
            |cache| {
                cache.begin()?;
                cache.set(&text_key("a"), &bytes(LARGE), &plain())?;
                cache.close()?;
                cache.reopen(None)?;
                equal((cache.count()?, value_files(cache.path()).len(), cache.check()?.len()), (0, 0, 0))
            },
        ),
    ],
};
