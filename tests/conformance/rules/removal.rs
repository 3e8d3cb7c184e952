//! Removing many: `clear`, `cull`, and work in steps. `expire` and `evict` are with expiry and tags.

use larder_tests::component::types::Key;
use larder_tests::component::wit::{Changes, Limit, Policy, Selection, Task};
use larder_tests::component::{changes, plain, text_key, ttl};
use larder_tests::subject::Subject;
use larder_tests::value_files;

use crate::rule::{Failure, Topic, different, equal, holds, matched};
use crate::words::{LARGE, bytes, fill, got, limited, put};

/// Takes all steps of a task; returns what each has done.
fn steps(cache: &mut Subject, task: &Task) -> Result<Vec<u64>, Failure> {
    let (mut work, mut done, mut before) = (cache.maintain(task)?, Vec::new(), 0);
    loop {
        let progress = cache.step(&mut work)?;
        done.push(progress.done - before);
        before = progress.done;
        if progress.finished {
            cache.drop_part(work);
            return Ok(done);
        }
    }
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Removing many",
    rules: &[
        matched("clear", "`clear` removes everything and returns how much that was.", |cache| {
            fill(cache, 300, &plain())?;
            cache.set(&text_key("file"), &bytes(LARGE), &ttl(0))?;
            equal((cache.clear()?, cache.clear()?, cache.count()?), (301, 0, 0))?;
            equal(value_files(cache.path()).len(), 0)
        }),
        different(
            "clear.gives-back",
            "`clear` goes row by row, 100 in a transaction, and unlinks files and directories one by one: 30 minutes for 3 GB.",
            "Pages are freed, not rows removed, where nobody is in the way; `compact` gives them back.",
            |cache| {
                fill(cache, 3_000, &plain())?;
                cache.clear()?;
                let before = cache.volume()?;
                let freed = cache.compact()?;
                equal(cache.volume()?, before - freed)?;
                holds(freed > 0, "something is given back")
            },
        ),
        matched(
            "cull.limit",
            "`cull` removes entries until a limit is kept, by the policy, and returns how many.",
            |cache| {
                fill(cache, 100, &plain())?;
                cache.configure(limited(Policy::LeastRecentlyStored, Some(40)))?;
                let culled = cache.cull()?;
                holds((60..=64).contains(&culled), "until the limit is kept, each shard its share")?;
                equal(cache.count()?, 100 - culled)
            },
        ),
        matched("cull.expired-first", "`cull` removes what has expired first.", |cache| {
            fill(cache, 20, &plain())?;
            for number in 0..20 {
                cache.set(&Key::Integer(100 + number), &bytes(5), &ttl(5))?;
            }
            cache.advance(5);
            cache.configure(limited(Policy::LeastRecentlyStored, Some(30)))?;
            let culled = cache.cull()?;
            holds(culled >= 20, "all that has expired")?;
            equal(cache.measure(&Selection::All, false)?.count, cache.count()?)
        }),
        matched("cull.nothing", "`cull` within the limits removes nothing.", |cache| {
            fill(cache, 10, &plain())?;
            equal(cache.cull()?, 0)
        }),
        different(
            "cull.policy-none",
            "Under the policy `none`, `cull` returns 0 though it has removed expired entries.",
            "It returns how many that were.",
            |cache| {
                cache.configure(limited(Policy::None, None))?;
                fill(cache, 10, &ttl(0))?;
                put(cache, "key", 1)?;
                equal((cache.cull()?, cache.count()?, got(cache, "key")?), (10, 1, Some(1)))
            },
        ),
        different(
            "cull.limit-zero",
            "With a size limit of 0, `cull` empties the cache and ends.",
            "A limit of 0 can not be set; everything goes by `clear`.",
            |cache| {
                let refused = cache.configure(Changes { size_limit: Limit::AtMost(0), ..changes() });
                crate::rule::refused!(refused, larder_tests::component::types::Error::InvalidArgument(_))
            },
        ),
        different(
            "removal.steps",
            "Bulk removal works in transactions of 100 rows (`cull` 10); its progress is known only from the exception that ends it.",
            "It works in steps of at most 4,096 entries, which `maintain` hands out one by one, with what is done and about how much there is.",
            |cache| {
                fill(cache, 10_000, &ttl(0))?;
                let done = steps(cache, &Task::Expire)?;
                equal((done.iter().sum::<u64>(), done.iter().all(|step| *step <= 4_096)), (10_000, true))
            },
        ),
        different(
            "removal.tag",
            "Evicting by tag takes as long as removing all the rows.",
            "A tombstone says that they are gone, and the rows go bit by bit: none is found or counted meanwhile.",
            |cache| {
                fill(cache, 10_000, &larder_tests::component::tagged(&["t"]))?;
                put(cache, "other", 1)?;
                equal(cache.evict(&Selection::Tag("t".into()))?, 10_000)?;
                let one_of_them = cache.contains(&Key::Integer(7))?;
                equal((cache.count()?, one_of_them, got(cache, "other")?), (1, false, Some(1)))?;
                fill(cache, 10, &larder_tests::component::tagged(&["t"]))?;
                equal(cache.evict(&Selection::Tag("t".into()))?, 10)
            },
        ),
        matched("removal.others-between", "Others can write between two steps; what they add stays.", |cache| {
            fill(cache, 10_000, &plain())?;
            let mut work = cache.maintain(&Task::Clear)?;
            put(cache, "new", 1)?;
            while !cache.step(&mut work)?.finished {}
            cache.drop_part(work);
            equal((cache.count()?, got(cache, "new")?), (1, Some(1)))
        }),
        matched("removal.kept", "What is done stays done when the work ends early.", |cache| {
            fill(cache, 10_000, &ttl(0))?;
            let mut work = cache.maintain(&Task::Expire)?;
            let first = cache.step(&mut work)?;
            cache.drop_part(work);
            equal(cache.count()?, 10_000 - first.done)?;
            equal(cache.expire()?, 10_000 - first.done)
        }),
    ],
};
