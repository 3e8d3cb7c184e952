//! What a key is, and when two are the same.

use larder_tests::component::types::{Error, Key};
use larder_tests::component::wit::Selection;
use larder_tests::component::{everything, plain, text, text_key};

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{by_key, bytes, got, integer, of, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Keys",
    rules: &[
        matched(
            "key.types",
            "Text, bytes, reals and integers of 64 bits are keys, and come back as they were given.",
            |cache| {
                let keys = [
                    Key::Integer(i64::MIN),
                    Key::Real(-1.5),
                    Key::Integer(i64::MAX),
                    text_key("é"),
                    Key::Bytes(vec![0, 255]),
                ];
                for (number, key) in (0..).zip(&keys) {
                    cache.set(key, &integer(number), &plain())?;
                }
                for (number, key) in (0..).zip(&keys) {
                    equal(cache.get(key)?, Some(integer(number)))?;
                }
                equal(cache.keys(&by_key(), 10)?, keys.to_vec())
            },
        ),
        different(
            "key.pickled",
            "Any other object is a key by its pickle: `True`, `None`, tuples, integers beyond 64 bits; two equal objects with different pickles are different keys.",
            "There are four types of keys, and nothing is ever pickled: what looks like a pickle is bytes, to the bit. The typed layers of the languages make keys of other objects.",
            |cache| {
                let pickle = b"\x80\x05K\x01K\x02\x86\x94.".to_vec();
                cache.set(&Key::Bytes(pickle.clone()), &integer(1), &plain())?;
                equal(cache.keys(&everything(), 10)?, [Key::Bytes(pickle)])
            },
        ),
        matched(
            "key.numbers-are-equal",
            "An integer and the real that equals it are the same key: `1 == 1.0`.",
            |cache| {
                cache.set(&Key::Integer(1), &integer(1), &plain())?;
                cache.set(&Key::Real(1.0), &integer(2), &plain())?;
                equal((cache.get(&Key::Integer(1))?, cache.count()?), (Some(integer(2)), 1))
            },
        ),
        matched(
            "key.numbers-near-the-end",
            "Numbers are compared exactly: `2**63 - 1` is not `float(2**63)`.",
            |cache| {
                cache.set(&Key::Integer(i64::MAX), &integer(1), &plain())?;
                cache.set(&Key::Real(9_223_372_036_854_775_808.0), &integer(2), &plain())?;
                equal((cache.get(&Key::Integer(i64::MAX))?, cache.count()?), (Some(integer(1)), 2))
            },
        ),
        matched("key.negative-zero", "`-0.0` and `0` are the same key.", |cache| {
            cache.set(&Key::Real(-0.0), &integer(1), &plain())?;
            equal(cache.get(&Key::Integer(0))?, Some(integer(1)))?;
            equal(cache.get(&Key::Real(0.0))?, Some(integer(1)))
        }),
        matched("key.text-is-not-bytes", "`'a'` and `b'a'` are different keys, as are `'1'` and `1`.", |cache| {
            let keys = [text_key("1"), Key::Bytes(b"1".to_vec()), Key::Integer(1)];
            for (number, key) in (0..).zip(&keys) {
                cache.set(key, &integer(number), &plain())?;
            }
            for (number, key) in (0..).zip(&keys) {
                equal(cache.get(key)?, Some(integer(number)))?;
            }
            Ok(())
        }),
        matched("key.empty", "Empty text and empty bytes are keys.", |cache| {
            cache.set(&text_key(""), &integer(1), &plain())?;
            cache.set(&Key::Bytes(Vec::new()), &integer(2), &plain())?;
            equal(cache.get(&text_key(""))?, Some(integer(1)))?;
            equal(cache.get(&Key::Bytes(Vec::new()))?, Some(integer(2)))
        }),
        matched("key.nul", "A NUL in a text is kept, and tells keys apart.", |cache| {
            put(cache, "a\0b", 1)?;
            put(cache, "a", 2)?;
            equal((got(cache, "a\0b")?, got(cache, "a")?, got(cache, "a\0c")?), (Some(1), Some(2), None))
        }),
        matched("key.infinite", "Infinite reals are keys.", |cache| {
            cache.set(&Key::Real(f64::INFINITY), &integer(1), &plain())?;
            cache.set(&Key::Real(f64::NEG_INFINITY), &integer(2), &plain())?;
            equal(cache.keys(&by_key(), 10)?, [Key::Real(f64::NEG_INFINITY), Key::Real(f64::INFINITY)])
        }),
        different(
            "key.nan",
            "A NaN key is stored as NULL: each `set` adds a row that nobody finds, listed as `None`, and `check` reports wrong counts.",
            "NaN is refused as a key: it equals nothing, so nothing could be found under it.",
            |cache| {
                refused!(cache.set(&Key::Real(f64::NAN), &integer(1), &plain()), Error::InvalidArgument(_))?;
                refused!(cache.get(&Key::Real(f64::NAN)), Error::InvalidArgument(_))?;
                equal((cache.count()?, cache.check()?), (0, Vec::new()))
            },
        ),
        different(
            "key.size",
            "A key may be as long as SQLite stores, 1 GB.",
            "A key has at most 64 KiB, so that no page of keys is ever larger than memory allows.",
            |cache| {
                cache.set(&Key::Bytes(vec![1; 65_536]), &integer(1), &plain())?;
                refused!(cache.set(&Key::Bytes(vec![1; 65_537]), &integer(1), &plain()), Error::TooLarge(_))?;
                equal(cache.count()?, 1)
            },
        ),
        matched(
            "key.order",
            "Keys are ordered: numbers by value, integers and reals together, then text by its UTF-8 bytes, then bytes.",
            |cache| {
                let sorted = [
                    Key::Real(-2.5),
                    Key::Integer(-2),
                    Key::Integer(1),
                    Key::Real(1.5),
                    text_key("B"),
                    text_key("a"),
                    text_key("a\0"),
                    text_key("é"),
                    Key::Bytes(b"A".to_vec()),
                    Key::Bytes(vec![255]),
                ];
                for index in [3, 9, 0, 7, 5, 1, 8, 2, 6, 4] {
                    cache.set(&sorted[index], &integer(0), &plain())?;
                }
                equal(cache.keys(&by_key(), 3)?, sorted.to_vec())
            },
        ),
        different(
            "key.prefix",
            "Keys can not be listed by prefix or range.",
            "Both can, off the index: text and bytes by prefix, all keys by range.",
            |cache| {
                for name in ["a", "ab", "ab\u{10ffff}", "abc", "ac", "b"] {
                    put(cache, name, 0)?;
                }
                cache.set(&Key::Bytes(b"ab".to_vec()), &text("no text"), &plain())?;
                let found = cache.keys(&of(Selection::Prefix(text_key("ab"))), 2)?;
                equal(found, ["ab", "abc", "ab\u{10ffff}"].map(text_key).to_vec())
            },
        ),
        different(
            "key.executes-nothing",
            "Keys and values that are pickles run code when they are read or listed, by whoever could write the directory (CVE-2025-69872).",
            "Nothing read from a directory is ever executed: bytes are bytes.",
            |cache| {
                let marker = cache.path().join("executed");
                let program = format!("cos\nsystem\n(S'touch {}'\ntR.", marker.display()).into_bytes();
                cache.set(&Key::Bytes(program.clone()), &bytes(1), &plain())?;
                cache.set(&text_key("value"), &larder_tests::component::types::Value::Bytes(program), &plain())?;
                equal(cache.items(&everything(), 10)?.len(), 2)?;
                holds(!marker.exists(), "nothing was executed")
            },
        ),
    ],
};
