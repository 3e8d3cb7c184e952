//! Several users of one directory. Where there can be only one, that the second is refused.

use larder_tests::component::types::{Error, Key};
use larder_tests::component::wit::{Changes, OpenOptions, Policy};
use larder_tests::component::{changes, options, plain, tagged, text_key};
use larder_tests::subject::Subject;

use crate::rule::{Outcome, Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, fill, got, impatient, integer, limited, put};

/// Runs something with two handles, or, where there can be only one, demands that the second is refused and
/// the first goes on.
fn together(cache: &mut Subject, work: impl FnOnce(&mut Subject, &mut Subject) -> Outcome) -> Outcome {
    if cache.shape().is_shared() {
        let mut second = cache.second(impatient())?;
        return work(cache, &mut second);
    }
    refused!(cache.second(impatient()), Error::Locked(_))?;
    put(cache, "alone", 1)?;
    equal(got(cache, "alone")?, Some(1))
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Sharing",
    rules: &[
        matched("sharing.seen", "What one handle has stored, every later call of another sees.", |cache| {
            together(cache, |first, second| {
                for round in 0..5 {
                    put(first, "a", round)?;
                    equal(got(second, "a")?, Some(round))?;
                    second.set(&text_key("b"), &bytes(LARGE + usize::try_from(round).unwrap_or(0)), &plain())?;
                    holds(
                        first
                            .get(&text_key("b"))?
                            .is_some_and(|value| value == bytes(LARGE + usize::try_from(round).unwrap_or(0))),
                        "b",
                    )?;
                }
                equal((first.delete(&text_key("a"))?, got(second, "a")?), (true, None))
            })
        }),
        different(
            "sharing.timeout",
            "When the lock can not be had in time, `set` raises `Timeout`, without saying for what.",
            "It is the error `timeout`, which names the database; nothing is half done, and the handle goes on.",
            |cache| {
                together(cache, |first, second| {
                    first.begin()?;
                    put(first, "a", 1)?;
                    refused!(put(second, "a", 2), Error::Timeout(_))?;
                    refused!(second.set(&text_key("a"), &bytes(LARGE), &plain()), Error::Timeout(_))?;
                    first.end(true)?;
                    put(second, "b", 2)?;
                    equal((got(second, "a")?, got(first, "b")?), (Some(1), Some(2)))?;
                    equal((larder_tests::value_files(first.path()).len(), first.check()?.len()), (0, 0))
                })
            },
        ),
        different(
            "sharing.timeout-mapped",
            "With shards a lock that can not be had is `False` or `None`, as if there was nothing: writes are dropped silently.",
            "It is the error `timeout`, whatever the number of shards. Nothing is dropped.",
            |cache| {
                together(cache, |first, second| {
                    put(first, "a", 1)?;
                    first.begin()?;
                    refused!(put(second, "a", 2), Error::Timeout(_))?;
                    refused!(second.add(&text_key("c"), &integer(1), &plain()), Error::Timeout(_))?;
                    refused!(second.delete(&text_key("a")), Error::Timeout(_))?;
                    refused!(
                        second.touch(&text_key("a"), larder_tests::component::types::Expiry::Never),
                        Error::Timeout(_)
                    )?;
                    refused!(second.increment(&text_key("a"), crate::words::by(1), None, &plain()), Error::Timeout(_))?;
                    refused!(second.pop(&text_key("a")), Error::Timeout(_))?;
                    first.end(true)?;
                    equal((got(first, "a")?, first.count()?), (Some(1), 1))
                })
            },
        ),
        different(
            "sharing.removal-timeout",
            "`evict`, `expire`, `cull` and `clear` raise `Timeout` with the number of entries removed so far; with shards they try for ever.",
            "They are the error `timeout`; work in steps says what was done, and goes on where it was.",
            |cache| {
                together(cache, |first, second| {
                    fill(first, 700, &tagged(&["t"]))?;
                    let mut work = second.maintain(&larder_tests::component::wit::Task::Clear)?;
                    first.begin()?;
                    refused!(second.clear(), Error::Timeout(_))?;
                    refused!(second.step(&mut work), Error::Timeout(_))?;
                    first.end(true)?;
                    while !second.step(&mut work)?.finished {}
                    second.drop_part(work);
                    equal(first.count()?, 0)
                })
            },
        ),
        matched(
            "sharing.readers-do-not-wait",
            "Readers are not kept from reading by a transaction, and do not see what is not committed.",
            |cache| {
                together(cache, |first, second| {
                    put(first, "a", 1)?;
                    first.begin()?;
                    put(first, "a", 2)?;
                    put(first, "b", 2)?;
                    equal((got(second, "a")?, got(second, "b")?), (Some(1), None))?;
                    equal(second.contains(&text_key("b"))?, false)?;
                    first.end(true)?;
                    equal((got(second, "a")?, got(second, "b")?), (Some(2), Some(2)))
                })
            },
        ),
        different(
            "sharing.open-waits",
            "Opening writes the settings, so it waits up to 60 s for any transaction.",
            "Opening an existing directory writes nothing that a transaction is in the way of.",
            |cache| {
                together(cache, |first, _| {
                    put(first, "a", 1)?;
                    first.begin()?;
                    put(first, "a", 2)?;
                    let mut third = first.second(impatient())?;
                    equal(got(&mut third, "a")?, Some(1))?;
                    first.end(true)?;
                    equal(got(&mut third, "a")?, Some(2))
                })
            },
        ),
        different(
            "sharing.overwritten-file",
            "A reader that finds a row whose file a writer has just replaced takes it for a miss: 72 times of 46,871.",
            "It reads the row again: a key that is always there is never missed.",
            |cache| {
                together(cache, |first, second| {
                    first.set(&text_key("key"), &bytes(LARGE), &plain())?;
                    for round in 0..50 {
                        first.set(&text_key("key"), &bytes(LARGE + round), &plain())?;
                        holds(second.get(&text_key("key"))? == Some(bytes(LARGE + round)), "it is there")?;
                    }
                    Ok(())
                })
            },
        ),
        different(
            "sharing.settings",
            "Settings are read once by each process, which then goes on with stale ones.",
            "A change is in force for every handle at once.",
            |cache| {
                together(cache, |first, second| {
                    fill(first, 40, &plain())?;
                    second.configure(limited(Policy::LeastRecentlyStored, Some(8)))?;
                    put(first, "a", 1)?;
                    holds(first.count()? <= 40 && got(first, "a")? == Some(1), "it is stored")?;
                    for number in 100..200 {
                        first.set(&Key::Integer(number), &integer(1), &plain())?;
                    }
                    holds(first.count()? <= 8, "the limit is kept by the handle that did not set it")?;
                    second.configure(Changes { statistics: Some(true), ..changes() })?;
                    equal(first.info()?.statistics, true)
                })
            },
        ),
        matched(
            "sharing.two-transactions",
            "A transaction keeps others from writing, so two in a row never mix.",
            |cache| {
                together(cache, |first, second| {
                    put(first, "n", 0)?;
                    for _ in 0..10 {
                        for handle in [&mut *first, &mut *second] {
                            handle.begin()?;
                            let n = got(handle, "n")?.unwrap_or_default();
                            put(handle, "n", n + 1)?;
                            handle.end(true)?;
                        }
                    }
                    first.begin()?;
                    refused!(second.begin(), Error::Timeout(_))?;
                    first.end(false)?;
                    equal(got(second, "n")?, Some(20))
                })
            },
        ),
        different(
            "sharing.alone",
            "A directory can not be kept from others.",
            "It can be opened exclusively; then others are refused with the error `locked`.",
            |cache| {
                put(cache, "a", 1)?;
                cache.reopen_with(OpenOptions { exclusive: true, ..options() })?;
                refused!(cache.second(impatient()), Error::Locked(_))?;
                equal(got(cache, "a")?, Some(1))
            },
        ),
        different(
            "sharing.check-while-writing",
            "`check` holds the write lock while it walks through all directories.",
            "Others write while it looks.",
            |cache| {
                together(cache, |first, second| {
                    fill(first, 50, &plain())?;
                    first.begin()?;
                    put(first, "a", 1)?;
                    equal(second.check()?, [])?;
                    first.end(true)?;
                    equal(second.check()?, [])
                })
            },
        ),
        different(
            "sharing.repair-spares-drafts",
            "`check(fix=True)` removes files that are just being written: the key is there, its value is lost.",
            "`repair` never touches what is being written.",
            |cache| {
                let mut writer =
                    cache.write(&text_key("key"), larder_tests::component::wit::Content::Bytes, &plain())?;
                cache.append(&mut writer, &[7; LARGE])?;
                equal(cache.repair()?, [])?;
                if cache.shape().is_shared() {
                    equal(cache.second(impatient())?.repair()?, [])?;
                }
                cache.append(&mut writer, &[7; LARGE])?;
                cache.finish(&mut writer)?;
                cache.drop_part(writer);
                holds(cache.get(&text_key("key"))? == Some(bytes(2 * LARGE)), "it is whole")?;
                equal(cache.check()?, [])
            },
        ),
    ],
};
