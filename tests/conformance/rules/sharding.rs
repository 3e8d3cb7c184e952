//! Several databases in one directory: `FanoutCache`.

use larder_tests::component::types::{Error, Key, Side};
use larder_tests::component::wit::{Changes, Limit, Selection};
use larder_tests::component::{changes, everything, plain, tagged, text_key};
use larder_tests::files;

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{by_key, fill, got, integer, names, numbers, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Shards",
    rules: &[
        different(
            "shards.option",
            "`FanoutCache` is another class, with 8 shards by default.",
            "The number of shards is an option when a directory is made, 1 by default; everything else is the same.",
            |cache| {
                let shards = cache.shape().shards;
                equal(cache.info()?.shards, shards)?;
                equal(files(cache.path(), "cache.db").len(), shards as usize)
            },
        ),
        different(
            "shards.recorded",
            "The number is not recorded: opened with another, keys are not found (8 to 4: 48 of 100 are left).",
            "It is recorded and need not be given again; another number is the error `invalid-argument`.",
            |cache| {
                fill(cache, 50, &plain())?;
                let shards = cache.shape().shards;
                refused!(cache.reopen(Some(shards + 1)), Error::InvalidArgument(_))?;
                cache.reopen(None)?;
                equal((cache.info()?.shards, cache.get_many(&numbers(0..50))?.iter().flatten().count()), (shards, 50))?;
                cache.reopen(Some(shards))?;
                equal(cache.count()?, 50)
            },
        ),
        different("shards.limit", "Any number of shards is taken.", "1 to 30; anything else is refused.", |cache| {
            cache.close()?;
            refused!(cache.reopen(Some(0)), Error::InvalidArgument(_))?;
            refused!(cache.reopen(Some(31)), Error::InvalidArgument(_))?;
            cache.reopen(None)?;
            equal(cache.count()?, 0)
        }),
        different(
            "shards.hash",
            "A key's shard follows from the Adler-32 of its bytes, an integer's from the integer; so `1` and `1.0` lie in different shards, and are different keys.",
            "It follows from the XXH3-64 of the key, the same for numbers that are equal; the format documents it.",
            |cache| {
                for number in 0..20 {
                    cache.set(&Key::Integer(number), &integer(number), &plain())?;
                    equal(cache.get(&Key::Real(f64::from(u8::try_from(number).unwrap_or(0))))?, Some(integer(number)))?;
                }
                equal(cache.count()?, 20)
            },
        ),
        matched("shards.spread", "Keys are spread over all shards.", |cache| {
            fill(cache, 400, &plain())?;
            cache.close()?;
            for database in files(cache.path(), "cache.db") {
                let database = rusqlite::Connection::open(database).map_err(crate::rule::Failure::new)?;
                let count: i64 = database
                    .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
                    .map_err(crate::rule::Failure::new)?;
                holds(count >= 400 / i64::from(cache.shape().shards) / 2, "each shard has its part")?;
            }
            cache.reopen(None).map_err(Into::into)
        }),
        matched("shards.sums", "`len`, `volume` and statistics are those of all shards together.", |cache| {
            fill(cache, 100, &plain())?;
            cache.get_many(&numbers(0..110))?;
            let counted = cache.stats()?;
            equal((cache.count()?, counted.sets, counted.hits, counted.misses), (100, 100, 100, 10))?;
            holds(cache.volume()? >= 4_096 * u64::from(cache.shape().shards), "databases of all shards")
        }),
        different(
            "shards.order",
            "`iter` lists one shard after the other.",
            "The order of insertion is that over all shards; so is key order.",
            |cache| {
                for name in ["d", "a", "c", "b", "e"] {
                    put(cache, name, 1)?;
                }
                equal(cache.keys(&everything(), 2)?, names(&["d", "a", "c", "b", "e"]))?;
                equal(cache.keys(&by_key(), 2)?, names(&["a", "b", "c", "d", "e"]))
            },
        ),
        different(
            "shards.everything",
            "Queues, `peekitem` and `iterkeys` do not work over shards.",
            "Everything works over shards.",
            |cache| {
                for number in 0..20 {
                    cache.push("q", &integer(number), Side::Back, &plain())?;
                }
                equal(cache.first(&by_key())?.is_none(), true)?;
                for number in 0..20 {
                    equal(cache.pull("q", Side::Front)?.map(|queued| queued.entry.value), Some(integer(number)))?;
                }
                Ok(())
            },
        ),
        matched(
            "shards.removal",
            "`evict`, `expire`, `cull` and `clear` work over all shards, and their counts add up.",
            |cache| {
                fill(cache, 60, &tagged(&["t"]))?;
                equal(cache.evict(&Selection::Tag("t".into()))?, 60)?;
                fill(cache, 60, &larder_tests::component::ttl(0))?;
                equal(cache.expire()?, 60)?;
                fill(cache, 60, &plain())?;
                equal((cache.clear()?, cache.count()?), (60, 0))
            },
        ),
        different(
            "shards.transactions",
            "`transact` takes the locks of all shards and commits one after the other: a crash in between leaves half.",
            "A transaction over shards is atomic across a crash, too: one shard decides, the others follow or are undone.",
            |cache| {
                cache.begin()?;
                fill(cache, 60, &plain())?;
                cache.end(false)?;
                equal(cache.count()?, 0)?;
                cache.begin()?;
                fill(cache, 60, &plain())?;
                cache.end(true)?;
                equal((cache.count()?, cache.check()?.len()), (60, 0))
            },
        ),
        different(
            "shards.limit-shares",
            "`reset('size_limit', n)` gives each shard n; each may be full while others are empty, by a limit that is a float.",
            "A limit is that of the directory, in shares that add up to it exactly.",
            |cache| {
                cache.configure(Changes {
                    size_limit: Limit::AtMost(4_000_001),
                    item_limit: Limit::AtMost(101),
                    ..changes()
                })?;
                let information = cache.info()?;
                equal((information.size_limit, information.item_limit), (Some(4_000_001), Some(101)))?;
                for number in 0..300 {
                    cache.set(&Key::Integer(number), &integer(number), &plain())?;
                }
                let count = cache.count()?;
                holds((80..=101).contains(&count), &format!("{count} entries keep the limit"))
            },
        ),
        different(
            "shards.reopened-limit",
            "Opening or unpickling a `FanoutCache` without its size limit sets it back to 1 GiB.",
            "What is not given when a directory is opened stays.",
            |cache| {
                cache.configure(Changes { size_limit: Limit::AtMost(2 << 20), ..changes() })?;
                cache.reopen(None)?;
                equal(cache.info()?.size_limit, Some(2 << 20))
            },
        ),
        different(
            "shards.damaged",
            "A shard that is missing is made anew, empty.",
            "It is the error `corrupt`: what was in it is not there, and that is told.",
            |cache| {
                fill(cache, 20, &plain())?;
                put(cache, "key", 1)?;
                cache.close()?;
                let databases = files(cache.path(), "cache.db");
                let Some(last) = databases.last() else { return holds(false, "there are databases") };
                let content = std::fs::read(last)?;
                std::fs::remove_file(last)?;
                let opened = cache.reopen(None);
                holds(
                    matches!(
                        opened,
                        Err(Error::Corrupt(_) | Error::UnsupportedFormat(_) | Error::NotFound(_) | Error::Io(_))
                    ),
                    &format!("{opened:?} names it"),
                )?;
                std::fs::write(last, content)?;
                cache.reopen(None)?;
                equal((got(cache, "key")?, cache.contains(&text_key("key"))?), (Some(1), true))
            },
        ),
    ],
};
