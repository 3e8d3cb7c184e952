//! Counting.

use larder_tests::component::types::{Key, Side};
use larder_tests::component::wit::{Changes, Policy, Selection};
use larder_tests::component::{changes, everything, plain, tagged, text_key, ttl};

use crate::rule::{Topic, different, equal, holds, matched};
use crate::words::{fill, got, integer, limited, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Statistics",
    rules: &[
        matched("statistics.reads", "`get` counts hits and misses; an expired entry is a miss.", |cache| {
            put(cache, "key", 1)?;
            cache.set(&text_key("expired"), &integer(1), &ttl(0))?;
            for name in ["key", "key", "other", "expired"] {
                got(cache, name)?;
            }
            let counted = cache.stats()?;
            equal((counted.hits, counted.misses), (2, 2))
        }),
        different(
            "statistics.reading",
            "`stats()` turns the counting on.",
            "Each handle counts from the beginning, and to read the counts has no effect.",
            |cache| {
                put(cache, "key", 1)?;
                got(cache, "key")?;
                let counted = cache.stats()?;
                equal((counted.hits, cache.stats()? == counted, cache.info()?.statistics), (1, true, false))
            },
        ),
        different(
            "statistics.more",
            "Hits and misses are counted.",
            "So are sets, deletions, evictions, removals and expirations, each for its reason.",
            |cache| {
                fill(cache, 10, &tagged(&["t"]))?;
                cache.delete(&Key::Integer(0))?;
                cache.pop(&Key::Integer(1))?;
                cache.push("q", &integer(1), Side::Back, &plain())?;
                cache.pull("q", Side::Back)?;
                cache.evict(&Selection::Tag("t".into()))?;
                fill(cache, 5, &ttl(0))?;
                cache.expire()?;
                fill(cache, 20, &plain())?;
                cache.configure(limited(Policy::LeastRecentlyStored, Some(8)))?;
                let culled = cache.cull()?;
                let counted = cache.stats()?;
                equal((counted.sets, counted.deletes, counted.removals), (36, 3, 8))?;
                equal((counted.expirations, counted.evictions), (5, culled))
            },
        ),
        matched("statistics.listing", "To list, to count and to ask for a key's presence is no read.", |cache| {
            fill(cache, 10, &plain())?;
            cache.items(&everything(), 10)?;
            cache.first(&everything())?;
            cache.contains(&Key::Integer(1))?;
            cache.count()?;
            let counted = cache.stats()?;
            equal((counted.hits, counted.misses), (0, 0))
        }),
        matched("statistics.recorded", "Counts can be kept in the directory; by default they are not.", |cache| {
            put(cache, "key", 1)?;
            equal(cache.recorded_stats()?.is_none(), true)?;
            cache.configure(Changes { statistics: Some(true), ..changes() })?;
            for _ in 0..10 {
                got(cache, "key")?;
            }
            cache.reopen(None)?;
            let recorded = cache.recorded_stats()?;
            holds(recorded.is_some_and(|recorded| recorded.hits >= 10), "they are kept")
        }),
        matched("statistics.reset", "The counts kept in the directory can be set back to zero.", |cache| {
            cache.configure(Changes { statistics: Some(true), ..changes() })?;
            put(cache, "key", 1)?;
            got(cache, "key")?;
            cache.reopen(None)?;
            cache.reset_stats()?;
            equal(cache.recorded_stats()?.map(|recorded| (recorded.hits, recorded.sets)), Some((0, 0)))
        }),
        different(
            "statistics.reset-returns",
            "`stats(reset=True)` returns what was counted and sets it back in one.",
            "`reset-stats` sets back what the directory has recorded; what this handle has counted it keeps.",
            |cache| {
                put(cache, "key", 1)?;
                got(cache, "key")?;
                cache.reset_stats()?;
                equal(cache.stats()?.hits, 1)
            },
        ),
    ],
};
