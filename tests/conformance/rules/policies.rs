//! Which entries go first.

use std::fs;

use larder_tests::component::types::Key;
use larder_tests::component::wit::Policy;
use larder_tests::component::{everything, plain, text_key};
use larder_tests::subject::Subject;

use crate::rule::{Failure, Outcome, Topic, different, equal, holds, matched};
use crate::words::{bytes, fill, got, limited, put};

/// Lengths and times of the files of a cache.
fn files(cache: &Subject) -> Result<Vec<(u64, std::time::SystemTime)>, Failure> {
    larder_tests::files(cache.path(), "")
        .into_iter()
        .filter(|path| !path.to_string_lossy().contains("lease-"))
        .map(|path| {
            let metadata = fs::metadata(path)?;
            Ok((metadata.len(), metadata.modified()?))
        })
        .collect()
}

/// Fills a cache under a policy, does something, adds many more, and demands that these are still there.
fn keeps(cache: &mut Subject, policy: Policy, kept: &[i64], work: impl Fn(&mut Subject, i64) -> Outcome) -> Outcome {
    fill(cache, 40, &plain())?;
    cache.configure(limited(policy, Some(40 + 8)))?;
    for round in 0..30 {
        for key in kept {
            work(cache, *key)?;
        }
        cache.set(&Key::Integer(1_000 + round), &bytes(5), &plain())?;
    }
    for key in kept {
        holds(cache.contains(&Key::Integer(*key))?, &format!("{key} is kept"))?;
    }
    holds(cache.measure(&larder_tests::component::wit::Selection::All, true)?.count <= 48, "the limit is kept")
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Policies",
    rules: &[
        matched(
            "policy.stored",
            "`least-recently-stored` evicts what was stored longest ago; storing again counts.",
            |cache| {
                keeps(cache, Policy::LeastRecentlyStored, &[0, 1], |cache, key| {
                    cache.set(&Key::Integer(key), &bytes(5), &plain())?;
                    Ok(())
                })
            },
        ),
        matched("policy.stored-not-read", "Under `least-recently-stored` reading does not count.", |cache| {
            cache.configure(limited(Policy::LeastRecentlyStored, Some(4)))?;
            put(cache, "key", 1)?;
            for number in 0..40 {
                got(cache, "key")?;
                cache.set(&Key::Integer(number), &bytes(5), &plain())?;
            }
            equal(got(cache, "key")?, None)
        }),
        matched("policy.used", "`least-recently-used` evicts what was read or stored longest ago.", |cache| {
            keeps(cache, Policy::LeastRecentlyUsed, &[0, 7], |cache, key| {
                cache.get(&Key::Integer(key))?;
                Ok(())
            })
        }),
        matched("policy.frequent", "`least-frequently-used` keeps what is read often.", |cache| {
            keeps(cache, Policy::LeastFrequentlyUsed, &[0, 7], |cache, key| {
                cache.get(&Key::Integer(key))?;
                Ok(())
            })
        }),
        different(
            "policy.frequent-newcomers",
            "`least-frequently-used` never lets a newcomer in: at the limit each new key is evicted by its own `set`. Frequency does not age.",
            "A newcomer starts level with what is next to go, and old reads fade.",
            |cache| {
                cache.configure(limited(Policy::LeastFrequentlyUsed, Some(20)))?;
                for number in 0..20 {
                    cache.set(&Key::Integer(number), &bytes(5), &plain())?;
                    for _ in 0..5 {
                        cache.get(&Key::Integer(number))?;
                    }
                }
                for number in 100..400 {
                    cache.set(&Key::Integer(number), &bytes(5), &plain())?;
                    holds(cache.contains(&Key::Integer(number))?, "a newcomer is let in")?;
                    cache.get(&Key::Integer(number))?;
                    cache.get(&Key::Integer(number))?;
                }
                let old = (0..20).map(|number| cache.contains(&Key::Integer(number))).collect::<Result<Vec<_>, _>>()?;
                holds(old.iter().filter(|there| **there).count() < 10, "old reads have faded")
            },
        ),
        different(
            "policy.reads-write",
            "Under `least-recently-used` and `least-frequently-used`, and with statistics, each `get` is a write transaction: 17 KB each, and readers wait for writers.",
            "Reads are noted in memory and written in batches: 100 reads write nothing.",
            |cache| {
                let changes = larder_tests::component::wit::Changes {
                    statistics: Some(true),
                    ..limited(Policy::LeastRecentlyUsed, None)
                };
                cache.configure(changes)?;
                fill(cache, 20, &plain())?;
                let before = files(cache)?;
                for number in 0..100 {
                    cache.get(&Key::Integer(number % 25))?;
                }
                equal(files(cache)? == before, true)
            },
        ),
        matched(
            "policy.recorded",
            "What was read is recorded, and counts when the directory is opened again.",
            |cache| {
                cache.configure(limited(Policy::LeastRecentlyUsed, Some(40)))?;
                fill(cache, 20, &plain())?;
                cache.advance(1_000);
                cache.get(&Key::Integer(3))?;
                cache.reopen(None)?;
                let found = cache.get_entry(&Key::Integer(3))?.map(|entry| entry.metadata);
                holds(
                    found.is_some_and(|found| found.accessed_ms >= found.stored_ms + 1_000 && found.hits >= 1),
                    "it is recorded",
                )
            },
        ),
        different(
            "policy.changed",
            "`reset('eviction_policy')` makes no index for the new policy, so each cull sorts the table; other processes go on with the old one.",
            "A change is in force at once, for every handle of the directory.",
            |cache| {
                put(cache, "first", 1)?;
                fill(cache, 20, &plain())?;
                cache.configure(limited(Policy::LeastRecentlyUsed, Some(40)))?;
                for number in 100..180 {
                    got(cache, "first")?;
                    cache.set(&Key::Integer(number), &bytes(5), &plain())?;
                }
                equal(got(cache, "first")?, Some(1))
            },
        ),
        different(
            "policy.clock-back",
            "A clock that is set back breaks the order of eviction.",
            "The order is that of a sequence which only grows.",
            |cache| {
                cache.configure(limited(Policy::LeastRecentlyStored, Some(4)))?;
                fill(cache, 4, &plain())?;
                cache.turn_back(86_400_000);
                for number in 10..30 {
                    cache.set(&Key::Integer(number), &bytes(5), &plain())?;
                    holds(cache.contains(&Key::Integer(number))?, "the newest stays")?;
                }
                holds(
                    cache.keys(&everything(), 10)?.iter().all(|key| matches!(key, Key::Integer(10..))),
                    "the oldest went",
                )
            },
        ),
        different(
            "policy.custom",
            "Policies can be added as templates of SQL.",
            "There are four; SQL from outside would be code from outside.",
            |cache| {
                for policy in
                    [Policy::None, Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed]
                {
                    cache.configure(limited(policy, None))?;
                    equal(cache.info()?.policy, policy)?;
                    cache.get(&text_key("key"))?;
                }
                Ok(())
            },
        ),
    ],
};
