//! Limits, and what is evicted to keep them.

use std::fs;

use larder_tests::component::types::{Error, Key};
use larder_tests::component::wit::{Changes, Limit, Policy};
use larder_tests::component::{changes, everything, plain, text_key, ttl};
use larder_tests::subject::Subject;

use crate::rule::{Failure, Topic, different, equal, holds, matched, refused};
use crate::words::{bytes, fill, got, limited, put};

const MIB: u64 = 1 << 20;

/// Sets a size limit of 4 MiB.
fn bounded(cache: &mut Subject, policy: Policy) -> Result<(), Error> {
    cache.configure(Changes { size_limit: Limit::AtMost(4 * MIB), policy: Some(policy), ..changes() })
}

/// What the files of a cache's data have, in bytes.
fn on_disk(cache: &Subject) -> Result<u64, Failure> {
    let files = larder_tests::files(cache.path(), "");
    let data = files.into_iter().filter(|path| path.components().any(|part| part.as_os_str() == "data-00000001"));
    data.map(|path| Ok(fs::metadata(path)?.len())).sum()
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Limits",
    rules: &[
        different(
            "limit.just-enough",
            "Beyond the limit each `set` removes `cull_limit` (10) entries, the new one perhaps among them: with values of a tenth of the limit the cache is emptied each time it is full.",
            "Just enough is evicted, one at a time, and never the entry just stored. There is no `cull_limit`.",
            |cache| {
                bounded(cache, Policy::LeastRecentlyStored)?;
                let mut least = u64::MAX;
                for number in 0..60 {
                    cache.set(&Key::Integer(number), &bytes(100_000), &plain())?;
                    holds(cache.contains(&Key::Integer(number))?, "the one just stored is there")?;
                    least = if number > 40 { least.min(cache.count()?) } else { least };
                }
                // Of 4 MiB, the log and what is not used of each shard's share taken off.
                holds(least >= 20, "the cache stays full")
            },
        ),
        matched("limit.kept", "The volume stays below the size limit.", |cache| {
            bounded(cache, Policy::LeastRecentlyStored)?;
            for number in 0..150 {
                cache.set(
                    &Key::Integer(number % 90),
                    &bytes(usize::try_from(number * 331).unwrap_or(0) % 70_000),
                    &plain(),
                )?;
                holds(cache.volume()? <= 4 * MIB, "the volume is within the limit")?;
            }
            Ok(())
        }),
        different(
            "volume.log",
            "`volume` leaves out the write-ahead log: 4 MB are told where 92 MB are on the disk.",
            "It tells what is on the disk: pages, log, index of the log and value files, in whole blocks.",
            |cache| {
                for number in 0..200 {
                    cache.set(&Key::Integer(number), &bytes(20_000), &plain())?;
                }
                cache.set(&text_key("file"), &bytes(100_000), &plain())?;
                let (told, found) = (cache.volume()?, on_disk(cache)?);
                holds(told >= found && told <= 2 * found, &format!("{told} tells {found}"))
            },
        ),
        different(
            "limit.too-large",
            "An entry larger than the limit is stored, and in the end evicts all others first.",
            "An entry that can never fit is the error `too-large`, before anything is evicted.",
            |cache| {
                bounded(cache, Policy::LeastRecentlyStored)?;
                fill(cache, 50, &plain())?;
                refused!(cache.set(&text_key("key"), &bytes(5_000_000), &plain()), Error::TooLarge(_))?;
                equal((cache.count()?, cache.check()?.len()), (50, 0))
            },
        ),
        different(
            "limit.overhead",
            "The limit bounds the overhead of empty databases, too: below 32 KiB (8 shards: 256 KiB) nothing can be stored, without a word.",
            "A limit below 256 KiB for each shard is refused when it is set.",
            |cache| {
                let least = 262_144 * u64::from(cache.shape().shards);
                refused!(
                    cache.configure(Changes { size_limit: Limit::AtMost(least - 1), ..changes() }),
                    Error::InvalidArgument(_)
                )?;
                cache.configure(Changes { size_limit: Limit::AtMost(least), ..changes() })?;
                put(cache, "key", 1)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "limit.items",
            "The number of entries can not be limited.",
            "It can, exactly; each shard has its share.",
            |cache| {
                cache.configure(limited(Policy::LeastRecentlyStored, Some(12)))?;
                for number in 0..100 {
                    cache.set(&Key::Integer(number), &bytes(5), &plain())?;
                    holds(
                        cache.count()? <= 12 && cache.contains(&Key::Integer(number))?,
                        "never more, the last one kept",
                    )?;
                }
                holds(cache.count()? >= 9, "the cache stays full")
            },
        ),
        matched("limit.expired-first", "What has expired goes before anything else.", |cache| {
            cache.configure(limited(Policy::LeastRecentlyStored, Some(40)))?;
            fill(cache, 5, &plain())?;
            for number in 100..200 {
                cache.set(&Key::Integer(number), &bytes(5), &ttl(1))?;
                cache.advance(1);
            }
            equal(cache.keys(&everything(), 100)?.len(), 5)
        }),
        different(
            "limit.policy-none",
            "Under the policy `none` a cache grows beyond its limit.",
            "It does not: to store beyond a limit is the error `full`, and leaves all as it was.",
            |cache| {
                cache.configure(limited(Policy::None, Some(4)))?;
                let mut stored = 0;
                let refused = (0..20).find_map(|number| match cache.set(&Key::Integer(number), &bytes(5), &plain()) {
                    Ok(_) => {
                        stored += 1;
                        None
                    }
                    Err(error) => Some(error),
                });
                refused!(refused.map_or(Ok(()), Err), Error::Full(_))?;
                equal(cache.count()?, stored)?;
                cache.clear()?;
                put(cache, "key", 1)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "limit.queues",
            "What is pushed is culled like any other entry.",
            "So it is here, but never the one just pushed.",
            |cache| {
                cache.configure(limited(Policy::LeastRecentlyStored, Some(4)))?;
                for number in 0..10 {
                    let at = cache.push(
                        "q",
                        &crate::words::integer(number),
                        larder_tests::component::types::Side::Back,
                        &plain(),
                    )?;
                    let last = cache.peek("q", larder_tests::component::types::Side::Back)?;
                    equal(last.map(|last| last.position), Some(at))?;
                }
                Ok(())
            },
        ),
        different(
            "limit.lowered",
            "A limit that is lowered takes effect with the next cull, `cull_limit` entries at a time: up to 200 `set`s later.",
            "It takes effect with the next `cull` or whatever stores next, wholly.",
            |cache| {
                fill(cache, 200, &plain())?;
                cache.configure(limited(Policy::LeastRecentlyStored, Some(8)))?;
                cache.cull()?;
                holds(cache.count()? <= 8, "at once")
            },
        ),
        matched(
            "volume.overhead",
            "The volume of an empty cache is what its databases take, and each entry adds to it.",
            |cache| {
                let empty = cache.volume()?;
                holds(empty > 0, "databases take room")?;
                fill(cache, 2_000, &plain())?;
                holds(cache.volume()? > empty + 2_000 * 16, "entries take room")
            },
        ),
    ],
};
