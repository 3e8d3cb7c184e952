//! What a directory records.

use larder_tests::component::types::{Error, Expiry};
use larder_tests::component::wit::{Changes, Compression, Durability, Limit, OpenOptions, Policy};
use larder_tests::component::{changes, options, text_key, with};

use crate::rule::{Topic, different, equal, matched, refused};
use crate::words::{got, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Settings",
    rules: &[
        matched("setting.size-limit", "The size limit of a new directory is 1 GiB.", |cache| {
            equal(cache.info()?.size_limit, Some(1 << 30))
        }),
        matched("setting.policy", "The policy of a new directory is `least-recently-stored`.", |cache| {
            equal(cache.info()?.policy, Policy::LeastRecentlyStored)
        }),
        matched("setting.threshold", "Values of 32 KiB and more have files in a new directory.", |cache| {
            equal(cache.info()?.inline_threshold, 32_768)
        }),
        matched("setting.statistics", "A new directory records no statistics.", |cache| {
            equal(cache.info()?.statistics, false)
        }),
        different(
            "setting.cull-limit",
            "`cull_limit` says how many entries a `set` may remove; 0 turns lazy culling off.",
            "There is no such setting: a `set` removes what it needs. `policy` `none` evicts nothing.",
            |cache| equal((cache.info()?.item_limit, cache.cull()?), (None, 0)),
        ),
        different(
            "setting.sqlite",
            "Settings named `sqlite_…` are pragmas, run at each opening; what is wrong with one shows then.",
            "The one choice that matters is a setting, `durability`; how SQLite is run is no one's to break.",
            |cache| {
                equal(cache.info()?.durability, Durability::Relaxed)?;
                cache.configure(Changes { durability: Some(Durability::Full), ..changes() })?;
                put(cache, "key", 1)?;
                cache.reopen(None)?;
                equal((cache.info()?.durability, got(cache, "key")?), (Durability::Full, Some(1)))
            },
        ),
        different(
            "setting.disk",
            "Settings named `disk_…` go to the class that stores values; which class it is, is not recorded.",
            "How values are kept is recorded: threshold and compression.",
            |cache| {
                cache.configure(Changes {
                    compression: Some(Compression::Zstd),
                    inline_threshold: Some(1_000),
                    ..changes()
                })?;
                cache.reopen(None)?;
                let information = cache.info()?;
                equal((information.compression, information.inline_threshold), (Compression::Zstd, 1_000))
            },
        ),
        matched("setting.kept", "Settings are kept, and need not be given again.", |cache| {
            cache.configure(Changes {
                size_limit: Limit::AtMost(9 << 20),
                item_limit: Limit::AtMost(77),
                policy: Some(Policy::LeastFrequentlyUsed),
                default_ttl: Expiry::After(5_000),
                statistics: Some(true),
                ..changes()
            })?;
            cache.reopen(None)?;
            let information = cache.info()?;
            equal((information.size_limit, information.item_limit), (Some(9 << 20), Some(77)))?;
            equal((information.policy, information.default_ttl_ms), (Policy::LeastFrequentlyUsed, Some(5_000)))?;
            equal(information.statistics, true)
        }),
        matched("setting.at-opening", "Settings can be given at opening, and go before what is recorded.", |cache| {
            cache.configure(Changes { item_limit: Limit::AtMost(77), inline_threshold: Some(500), ..changes() })?;
            cache.reopen_with(with(Changes { item_limit: Limit::AtMost(78), ..changes() }))?;
            let information = cache.info()?;
            equal((information.item_limit, information.inline_threshold), (Some(78), 500))
        }),
        matched("setting.changed", "Settings can be changed while a cache is open.", |cache| {
            cache.configure(Changes { size_limit: Limit::Unlimited, policy: Some(Policy::None), ..changes() })?;
            let information = cache.info()?;
            equal((information.size_limit, information.policy), (None, Policy::None))
        }),
        different(
            "setting.unknown",
            "Unknown settings are accepted and kept, silently.",
            "There are no others than those of the type: all have names, and what is not given stays.",
            |cache| {
                let before = cache.info()?;
                cache.configure(changes())?;
                equal(cache.info()?, before)
            },
        ),
        different(
            "setting.refused",
            "A setting that can not be is kept before it is refused: an invalid policy makes the directory unopenable.",
            "Settings are looked at before anything is stored; on an error all stay as they were.",
            |cache| {
                let before = cache.info()?;
                for wrong in [
                    Changes { inline_threshold: Some(0), ..changes() },
                    Changes { inline_threshold: Some(1 << 21), ..changes() },
                    Changes { size_limit: Limit::AtMost(1), ..changes() },
                    Changes { item_limit: Limit::AtMost(0), ..changes() },
                    Changes { size_limit: Limit::AtMost(u64::MAX), ..changes() },
                    Changes { default_ttl: Expiry::After(0), ..changes() },
                ] {
                    let both = Changes { policy: Some(Policy::None), ..wrong };
                    refused!(cache.configure(both), Error::InvalidArgument(_))?;
                    refused!(
                        cache.second(OpenOptions { changes: both, ..crate::words::impatient() }),
                        Error::InvalidArgument(_) | Error::Locked(_)
                    )?;
                }
                equal(cache.info()?.policy, before.policy)?;
                cache.reopen(None)?;
                equal((cache.info()?.policy, cache.info()?.inline_threshold), (before.policy, before.inline_threshold))
            },
        ),
        different(
            "setting.item-limit-of-shards",
            "The number of entries is not limited, so no shard has a share of it.",
            "An item limit below the number of shards is refused, for each shard has its share.",
            |cache| {
                let shards = u64::from(cache.shape().shards);
                if shards > 1 {
                    refused!(
                        cache.configure(Changes { item_limit: Limit::AtMost(shards - 1), ..changes() }),
                        Error::InvalidArgument(_)
                    )?;
                }
                cache.configure(Changes { item_limit: Limit::AtMost(shards), ..changes() })?;
                put(cache, "key", 1)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "setting.read-only",
            "A directory that can not be written can not be opened.",
            "It can be opened for reading, which changes nothing; every change is the error `read-only`.",
            |cache| {
                put(cache, "key", 1)?;
                cache.reopen_with(OpenOptions { create: false, read_only: true, ..options() })?;
                equal(got(cache, "key")?, Some(1))?;
                refused!(put(cache, "key", 2), Error::ReadOnly(_))?;
                refused!(cache.configure(Changes { statistics: Some(true), ..changes() }), Error::ReadOnly(_))?;
                refused!(cache.clear(), Error::ReadOnly(_))?;
                refused!(cache.touch(&text_key("key"), Expiry::Never), Error::ReadOnly(_))?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
    ],
};
