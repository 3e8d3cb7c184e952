//! Adding to numbers.

use larder_tests::component::types::{Error, Number, Value};
use larder_tests::component::{plain, text, text_key, ttl};

use crate::rule::{Topic, different, equal, matched, refused};
use crate::words::{LARGE, by, bytes, got, integer, labelled, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Numbers",
    rules: &[
        matched("increment.live", "`incr` adds to a number and returns the sum.", |cache| {
            put(cache, "key", 5)?;
            equal(cache.increment(&text_key("key"), by(2), None, &plain())?, Some(by(7)))?;
            equal(got(cache, "key")?, Some(7))
        }),
        matched("increment.absent", "`incr` of an absent key stores the default plus the delta.", |cache| {
            equal(cache.increment(&text_key("key"), by(2), Some(by(10)), &plain())?, Some(by(12)))?;
            equal(got(cache, "key")?, Some(12))
        }),
        different(
            "increment.no-default",
            "`incr` of an absent key without a default raises `KeyError`.",
            "It does nothing and returns none, as absence is everywhere.",
            |cache| {
                equal(cache.increment(&text_key("key"), by(2), None, &plain())?, None)?;
                equal(cache.count()?, 0)
            },
        ),
        matched("increment.expired", "An expired number counts as absent.", |cache| {
            cache.set(&text_key("key"), &integer(5), &ttl(10))?;
            cache.advance(10);
            equal(cache.increment(&text_key("key"), by(2), Some(by(0)), &plain())?, Some(by(2)))
        }),
        different(
            "increment.expired-now",
            "At the very moment a number expires `incr` still adds to it, while `get` no longer finds it.",
            "All operations agree on when an entry expires.",
            |cache| {
                cache.set(&text_key("key"), &integer(5), &ttl(10))?;
                cache.advance(10);
                equal((got(cache, "key")?, cache.increment(&text_key("key"), by(2), None, &plain())?), (None, None))
            },
        ),
        different(
            "increment.options",
            "What `incr` creates never expires and has no tag.",
            "It has the time to live and the tags that the call gives, or none.",
            |cache| {
                cache.increment(&text_key("a"), by(1), Some(by(0)), &labelled(500, &["t"]))?;
                cache.increment(&text_key("b"), by(1), Some(by(0)), &plain())?;
                let of = |entry: larder_tests::component::types::Entry| {
                    (entry.metadata.expires_ms.is_some(), entry.metadata.tags)
                };
                equal(cache.get_entry(&text_key("a"))?.map(of), Some((true, vec!["t".to_owned()])))?;
                equal(cache.get_entry(&text_key("b"))?.map(of), Some((false, Vec::new())))
            },
        ),
        matched(
            "increment.keeps",
            "`incr` keeps the expiry and the tag of a live number, whatever else it is given.",
            |cache| {
                cache.set(&text_key("key"), &integer(5), &labelled(500, &["t"]))?;
                let before =
                    cache.get_entry(&text_key("key"))?.map(|entry| (entry.metadata.expires_ms, entry.metadata.tags));
                cache.advance(100);
                cache.increment(&text_key("key"), by(1), None, &labelled(9_000, &["other"]))?;
                let after =
                    cache.get_entry(&text_key("key"))?.map(|entry| (entry.metadata.expires_ms, entry.metadata.tags));
                equal(after, before)
            },
        ),
        matched("increment.stores", "`incr` sets the time of storing.", |cache| {
            put(cache, "key", 5)?;
            let before = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata.stored_ms + 100);
            cache.advance(100);
            cache.increment(&text_key("key"), by(1), None, &plain())?;
            equal(cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata.stored_ms), before)
        }),
        matched("increment.reals", "Adding a real, or to a real, gives a real.", |cache| {
            put(cache, "key", 5)?;
            let sum = cache.increment(&text_key("key"), Number::Real(0.5), None, &plain())?;
            equal(sum, Some(Number::Real(5.5)))?;
            equal(cache.increment(&text_key("key"), by(1), None, &plain())?, Some(Number::Real(6.5)))?;
            equal(cache.get(&text_key("key"))?, Some(Value::Real(6.5)))
        }),
        matched("increment.wrong-type", "To add to anything but a number is an error, and changes nothing.", |cache| {
            for value in [text("5"), bytes(5), bytes(LARGE)] {
                cache.set(&text_key("key"), &value, &plain())?;
                refused!(cache.increment(&text_key("key"), by(1), Some(by(0)), &plain()), Error::WrongType(_))?;
                equal(cache.get(&text_key("key"))? == Some(value), true)?;
            }
            Ok(())
        }),
        matched("increment.overflow", "A sum beyond 64 bits is an error, and changes nothing.", |cache| {
            put(cache, "key", i64::MAX)?;
            refused!(cache.increment(&text_key("key"), by(1), None, &plain()), Error::Overflow(_))?;
            equal(got(cache, "key")?, Some(i64::MAX))
        }),
        different(
            "increment.default-overflow",
            "A default plus delta beyond 64 bits is stored as a pickle, and can not be added to any more.",
            "It is the error `overflow`, and nothing is stored.",
            |cache| {
                let sum = cache.increment(&text_key("key"), by(i64::MAX), Some(by(1)), &plain());
                refused!(sum, Error::Overflow(_))?;
                equal(cache.count()?, 0)
            },
        ),
        matched("decrement", "`decr` subtracts, below zero too.", |cache| {
            equal(cache.decrement(&text_key("key"), by(2), Some(by(0)), &plain())?, Some(by(-2)))?;
            equal(cache.decrement(&text_key("key"), by(-5), None, &plain())?, Some(by(3)))
        }),
        matched("decrement.overflow", "`decr` of the least delta there is, is exact or an error.", |cache| {
            put(cache, "key", -1)?;
            equal(cache.decrement(&text_key("key"), by(i64::MIN), None, &plain())?, Some(by(i64::MAX)))?;
            refused!(cache.decrement(&text_key("key"), by(i64::MIN), None, &plain()), Error::Overflow(_))
        }),
    ],
};
