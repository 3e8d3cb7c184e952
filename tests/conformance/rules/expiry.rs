//! When entries stop being found.

use larder_tests::component::types::{Error, Expiry};
use larder_tests::component::wit::Changes;
use larder_tests::component::{changes, everything, plain, text_key, ttl};

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{fill, got, integer, labelled, names, put, sliding, with_expired};

pub(crate) const TOPIC: Topic = Topic {
    title: "Expiry",
    rules: &[
        matched(
            "expiry.boundary",
            "An entry is live as long as its expiry lies ahead, and expired at that very moment.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(1_000))?;
                cache.advance(999);
                equal(got(cache, "key")?, Some(1))?;
                cache.advance(1);
                equal(got(cache, "key")?, None)
            },
        ),
        different(
            "expiry.resolution",
            "Times to live are seconds, with fractions.",
            "They are milliseconds.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(1))?;
                equal(got(cache, "key")?, Some(1))?;
                cache.advance(1);
                equal(got(cache, "key")?, None)
            },
        ),
        matched("expiry.counted", "Expired entries that were not removed yet are counted by `len`.", |cache| {
            fill(cache, 10, &ttl(5))?;
            cache.advance(5);
            equal(cache.count()?, 10)
        }),
        different(
            "expiry.listed",
            "Expired entries that were not removed yet are listed.",
            "They are if the scan asks for them; by default no operation shows what has expired.",
            |cache| {
                cache.set(&text_key("a"), &integer(1), &ttl(5))?;
                put(cache, "b", 2)?;
                cache.advance(5);
                equal(cache.keys(&everything(), 10)?, names(&["b"]))?;
                equal(cache.keys(&with_expired(), 10)?, names(&["a", "b"]))
            },
        ),
        matched("expire.exact", "`expire` removes what has expired, and returns how many that were.", |cache| {
            fill(cache, 20, &plain())?;
            fill(cache, 10, &ttl(5))?;
            cache.advance(5);
            equal((cache.expire()?, cache.expire()?, cache.count()?), (10, 0, 10))
        }),
        different(
            "expire.same-moment",
            "Of more than 100 entries that expire at the same moment, `expire` removes 100 and skips the others.",
            "It removes all.",
            |cache| {
                fill(cache, 350, &ttl(5))?;
                cache.advance(5);
                equal((cache.expire()?, cache.count()?), (350, 0))
            },
        ),
        different(
            "expire.at-the-boundary",
            "`expire` leaves entries that expire at this very moment, though they are no longer found.",
            "What is no longer found, it removes.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(10))?;
                cache.advance(9);
                equal(cache.expire()?, 0)?;
                cache.advance(1);
                equal(cache.expire()?, 1)
            },
        ),
        different(
            "expire.other-time",
            "`expire(now)` removes what will have expired by a time the caller names; what expires at or before 1970 is never removed.",
            "It goes by the clock alone. What a caller wants gone it evicts, by tag, prefix or range.",
            |cache| {
                cache.set(&text_key("past"), &integer(1), &ttl(0))?;
                cache.set(&text_key("future"), &integer(1), &ttl(1))?;
                equal((cache.expire()?, cache.count()?), (1, 1))
            },
        ),
        different(
            "expiry.lazy",
            "Each `set` removes up to `cull_limit` (10) expired entries, in its own transaction.",
            "A `set` removes only what stands in its way: expired entries go first when a limit is reached, and by `expire` and `cull`.",
            |cache| {
                fill(cache, 20, &ttl(5))?;
                cache.advance(5);
                put(cache, "key", 1)?;
                equal((cache.count()?, cache.cull()?, cache.count()?), (21, 20, 1))
            },
        ),
        different(
            "expiry.clock-back",
            "When the clock is set back, entries live longer by as much: 60 s become 86,460.",
            "An entry with more time left than its whole time to live counts as expired: a jumping clock may cost entries, it never keeps stale ones.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(60_000))?;
                put(cache, "lasting", 2)?;
                cache.turn_back(86_400_000);
                equal((got(cache, "key")?, got(cache, "lasting")?), (None, Some(2)))?;
                cache.set(&text_key("key"), &integer(3), &ttl(60_000))?;
                equal(got(cache, "key")?, Some(3))?;
                cache.advance(60_000);
                equal(got(cache, "key")?, None)
            },
        ),
        different(
            "expiry.default",
            "There is no default time to live.",
            "A directory can record one, for entries that name none.",
            |cache| {
                cache.configure(Changes { default_ttl: Expiry::After(100), ..changes() })?;
                put(cache, "key", 1)?;
                cache.set(
                    &text_key("lasting"),
                    &integer(1),
                    &larder_tests::component::types::SetOptions { ttl: Expiry::Never, ..plain() },
                )?;
                cache.advance(100);
                equal((got(cache, "key")?, got(cache, "lasting")?), (None, Some(1)))
            },
        ),
        different(
            "expiry.sliding",
            "A hit does not postpone the expiry.",
            "It does if the entry was stored so, to within an eighth of its time to live.",
            |cache| {
                cache.set(&text_key("sliding"), &integer(1), &sliding(800))?;
                cache.set(&text_key("fixed"), &integer(1), &ttl(800))?;
                cache.advance(700);
                equal((got(cache, "sliding")?, got(cache, "fixed")?), (Some(1), Some(1)))?;
                cache.advance(700);
                equal((got(cache, "sliding")?, got(cache, "fixed")?), (Some(1), None))?;
                cache.advance(800);
                equal(got(cache, "sliding")?, None)
            },
        ),
        different(
            "expiry.overflow",
            "A time to live beyond what a float holds exactly is rounded.",
            "An expiry beyond 64 bits of microseconds is the error `overflow`; what is accepted is exact.",
            |cache| {
                let options = labelled(u64::MAX, &[]);
                refused!(cache.set(&text_key("key"), &integer(1), &options), Error::Overflow(_))?;
                put(cache, "key", 1)?;
                refused!(cache.touch(&text_key("key"), Expiry::After(u64::MAX)), Error::Overflow(_))?;
                holds(got(cache, "key")? == Some(1), "the handle goes on")
            },
        ),
    ],
};
