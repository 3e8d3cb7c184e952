//! Operations on one key.

use larder_tests::component::types::{Expiry, Key};
use larder_tests::component::{everything, plain, tagged, text, text_key, ttl};
use larder_tests::value_files;

use crate::rule::{Topic, different, equal, holds, matched};
use crate::words::{LARGE, bytes, got, integer, labelled, limited, names, put, with_expired};
use larder_tests::component::wit::Policy;

pub(crate) const TOPIC: Topic = Topic {
    title: "Items",
    rules: &[
        matched("set.stores", "`set` stores a value under a key, whatever was there.", |cache| {
            put(cache, "key", 1)?;
            cache.set(&text_key("key"), &text("two"), &plain())?;
            equal((cache.get(&text_key("key"))?, cache.count()?), (Some(text("two")), 1))
        }),
        different(
            "set.returns",
            "`set` returns `True`.",
            "It returns the version of the entry, which grows with every `set` of its key and serves to compare and set.",
            |cache| {
                let (first, second) = (put(cache, "key", 1)?, put(cache, "key", 1)?);
                cache.delete(&text_key("key"))?;
                let third = put(cache, "key", 1)?;
                holds(first < second && second < third, "versions grow, across deletion too")
            },
        ),
        matched("set.expire-none", "Without a time to live an entry never expires.", |cache| {
            put(cache, "key", 1)?;
            cache.advance(u32::MAX);
            equal(got(cache, "key")?, Some(1))
        }),
        matched("set.expire-zero", "With a time to live of 0 the entry is stored, and is expired at once.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(0))?;
            equal((got(cache, "key")?, cache.contains(&text_key("key"))?), (None, false))
        }),
        different(
            "set.expire-negative",
            "With a negative time to live the entry is stored, expired at once, and removed by the cull of the same call.",
            "A time to live is not negative; that of 0 does the same, but for the cull.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(0))?;
                equal((got(cache, "key")?, cache.expire()?), (None, 1))
            },
        ),
        matched("set.clears", "`set` replaces expiry and tag, those of the old value are gone.", |cache| {
            cache.set(&text_key("key"), &integer(1), &labelled(1_000, &["t"]))?;
            put(cache, "key", 2)?;
            cache.advance(2_000);
            let entry =
                cache.get_entry(&text_key("key"))?.map(|entry| (entry.metadata.expires_ms, entry.metadata.tags));
            equal(entry, Some((None, Vec::new())))
        }),
        matched(
            "set.resets-times",
            "`set` sets the time of storing and of access anew, and the count of accesses to 0.",
            |cache| {
                cache.configure(limited(Policy::LeastFrequentlyUsed, None))?;
                put(cache, "key", 1)?;
                let first = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
                cache.advance(5_000);
                put(cache, "key", 2)?;
                let second = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
                let (Some(first), Some(second)) = (first, second) else { return holds(false, "both are there") };
                equal((second.stored_ms - first.stored_ms, second.accessed_ms - first.stored_ms), (5_000, 5_000))?;
                holds(second.hits <= 1, "hits begin anew")
            },
        ),
        matched("set.keeps-place", "Storing again keeps the place in the order of insertion.", |cache| {
            for name in ["a", "b", "a"] {
                put(cache, name, 1)?;
            }
            equal(cache.keys(&everything(), 10)?, names(&["a", "b"]))
        }),
        matched("set.after-delete", "Storing after a deletion goes to the end of the order of insertion.", |cache| {
            put(cache, "a", 1)?;
            put(cache, "b", 1)?;
            cache.delete(&text_key("a"))?;
            put(cache, "a", 1)?;
            equal(cache.keys(&everything(), 10)?, names(&["b", "a"]))
        }),
        matched(
            "set.over-expired",
            "Storing over an expired entry that is still there is as storing over any.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &labelled(10, &["t"]))?;
                cache.advance(10);
                put(cache, "key", 2)?;
                equal((got(cache, "key")?, cache.count()?), (Some(2), 1))
            },
        ),
        different(
            "set.expired-place",
            "Storing over an expired entry that was not removed yet keeps its place in the order of insertion.",
            "What has expired is absent, so the key comes in anew, at the end, whether or not it was removed before.",
            |cache| {
                cache.set(&text_key("a"), &integer(1), &ttl(10))?;
                put(cache, "b", 1)?;
                cache.advance(10);
                put(cache, "a", 2)?;
                equal(cache.keys(&everything(), 10)?, names(&["b", "a"]))
            },
        ),
        matched("set.moves-to-a-file-and-back", "A value may become large, and small again.", |cache| {
            for (value, files) in [(bytes(5), 0), (bytes(LARGE), 1), (bytes(LARGE + 1), 1), (integer(1), 0)] {
                cache.set(&text_key("key"), &value, &plain())?;
                holds(cache.get(&text_key("key"))? == Some(value), "it comes back")?;
                equal(value_files(cache.path()).len(), files)?;
            }
            Ok(())
        }),
        matched("add.absent", "`add` stores where there is nothing.", |cache| {
            holds(cache.add(&text_key("key"), &integer(1), &labelled(1_000, &["t"]))?.is_some(), "stored")?;
            let entry = cache.get_entry(&text_key("key"))?.map(|entry| (entry.value, entry.metadata.tags));
            equal(entry, Some((integer(1), vec!["t".to_owned()])))
        }),
        matched("add.present", "`add` leaves a live entry wholly as it is, and leaves no file.", |cache| {
            cache.set(&text_key("key"), &integer(1), &labelled(1_000, &["t"]))?;
            let before = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
            cache.advance(1);
            equal(cache.add(&text_key("key"), &bytes(LARGE), &plain())?, None)?;
            equal(cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata), before)?;
            equal(value_files(cache.path()).len(), 0)
        }),
        matched("add.expired", "`add` stores over an expired entry, at the very moment it expires.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(10))?;
            cache.advance(9);
            equal(cache.add(&text_key("key"), &integer(2), &plain())?, None)?;
            cache.advance(1);
            holds(cache.add(&text_key("key"), &integer(3), &plain())?.is_some(), "stored")?;
            equal(got(cache, "key")?, Some(3))
        }),
        matched("get.absent", "`get` of an absent key is nothing: the default.", |cache| {
            equal(cache.get(&text_key("key"))?, None)?;
            equal(cache.get_entry(&text_key("key"))?, None)
        }),
        different(
            "get.shapes",
            "With flags, `get` returns the value with the expiry time, the tag, or both; of an absent key the default in the same shape.",
            "`get` returns the value, `get-entry` the value with all metadata; of an absent key both return none.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &labelled(500, &["t"]))?;
                equal(cache.get(&text_key("key"))?, Some(integer(1)))?;
                let entry =
                    cache.get_entry(&text_key("key"))?.map(|entry| (entry.value, entry.metadata.expires_ms.is_some()));
                equal(entry, Some((integer(1), true)))
            },
        ),
        matched("contains.live", "`in` tells whether there is a live entry.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(10))?;
            equal((cache.contains(&text_key("key"))?, cache.contains(&text_key("other"))?), (true, false))?;
            cache.advance(10);
            equal(cache.contains(&text_key("key"))?, false)
        }),
        matched("contains.counts-nothing", "`in` counts neither as a hit or miss, nor for the policy.", |cache| {
            cache.configure(limited(Policy::LeastRecentlyUsed, None))?;
            put(cache, "key", 1)?;
            cache.advance(1_000);
            cache.contains(&text_key("key"))?;
            cache.contains(&text_key("other"))?;
            let counted = cache.stats()?;
            equal((counted.hits, counted.misses), (0, 0))?;
            let metadata = cache.first(&everything())?.map(|item| item.entry.metadata);
            equal(metadata.map(|metadata| metadata.accessed_ms == metadata.stored_ms), Some(true))
        }),
        matched(
            "touch.live",
            "`touch` gives a live entry a new expiry, counted from now, and changes nothing else.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &labelled(100, &["t"]))?;
                let before = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
                cache.advance(50);
                equal(cache.touch(&text_key("key"), Expiry::After(100))?, true)?;
                let (after, Some(before)) = (cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata), before)
                else {
                    return holds(false, "it was there");
                };
                let mut expected = before;
                expected.expires_ms = Some(expected.stored_ms + 150);
                equal(after, Some(expected))
            },
        ),
        matched("touch.never", "`touch` without a time to live removes the expiry.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(100))?;
            cache.touch(&text_key("key"), Expiry::Never)?;
            cache.advance(1_000);
            equal(got(cache, "key")?, Some(1))
        }),
        matched("touch.expired", "`touch` of an absent or expired key does nothing.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(10))?;
            cache.advance(10);
            equal(cache.touch(&text_key("key"), Expiry::After(100))?, false)?;
            equal(cache.touch(&text_key("other"), Expiry::After(100))?, false)?;
            equal(got(cache, "key")?, None)
        }),
        matched("pop.live", "`pop` removes a live entry and returns it, with expiry and tag.", |cache| {
            cache.set(&text_key("key"), &bytes(LARGE), &labelled(500, &["t"]))?;
            let popped = cache.pop(&text_key("key"))?;
            holds(popped.as_ref().is_some_and(|entry| entry.value == bytes(LARGE)), "the value")?;
            equal(
                popped.map(|entry| (entry.metadata.tags, entry.metadata.expires_ms.is_some())),
                Some((vec!["t".to_owned()], true)),
            )?;
            equal((got(cache, "key")?, cache.count()?, value_files(cache.path()).len()), (None, 0, 0))
        }),
        matched("pop.absent", "`pop` of an absent or expired key is nothing: the default.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(0))?;
            equal((cache.pop(&text_key("key"))?, cache.pop(&text_key("other"))?), (None, None))
        }),
        matched("delete.live", "`delete` removes a live entry and says so.", |cache| {
            put(cache, "key", 1)?;
            equal((cache.delete(&text_key("key"))?, cache.delete(&text_key("key"))?), (true, false))?;
            equal((got(cache, "key")?, cache.count()?), (None, 0))
        }),
        different(
            "delete.key-error",
            "`del cache[key]` of an absent or expired key raises `KeyError`.",
            "Absence is never an error: `delete` returns whether there was a live entry.",
            |cache| equal(cache.delete(&Key::Integer(1))?, false),
        ),
        matched("delete.expired", "`delete` of an expired entry says that there was none.", |cache| {
            cache.set(&text_key("key"), &integer(1), &ttl(0))?;
            equal(cache.delete(&text_key("key"))?, false)
        }),
        different(
            "delete.expired-row",
            "The row of an expired entry stays when it is deleted.",
            "It goes: whoever deletes a key wants it gone, and its room.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &ttl(0))?;
                cache.delete(&text_key("key"))?;
                equal(cache.keys(&with_expired(), 10)?, [])
            },
        ),
        different(
            "compare-and-set",
            "A value can not be stored on condition that it was not changed; that takes a transaction.",
            "`compare-and-set` and `compare-and-delete` demand a version, or that there is no live entry.",
            |cache| {
                let key = text_key("key");
                let first = cache.compare_and_set(&key, None, &integer(1), &plain())?;
                holds(first.is_some(), "stored where there was nothing")?;
                equal(cache.compare_and_set(&key, None, &integer(2), &plain())?, None)?;
                let second = cache.compare_and_set(&key, first, &integer(2), &tagged(&["t"]))?;
                equal(cache.compare_and_set(&key, first, &integer(3), &plain())?, None)?;
                equal(got(cache, "key")?, Some(2))?;
                equal(cache.compare_and_delete(&key, first.unwrap_or_default())?, false)?;
                equal(cache.compare_and_delete(&key, second.unwrap_or_default())?, true)
            },
        ),
        different(
            "get.max-age",
            "What was stored too long ago for one reader can not be told from what was not: an entry has one expiry for all.",
            "`get-recent` finds an entry only if it was stored no longer ago than the reader says.",
            |cache| {
                put(cache, "key", 1)?;
                cache.advance(100);
                holds(cache.get_recent(&text_key("key"), 100)?.is_some(), "as old as is allowed")?;
                cache.advance(1);
                holds(cache.get_recent(&text_key("key"), 100)?.is_none(), "older")?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
    ],
};
