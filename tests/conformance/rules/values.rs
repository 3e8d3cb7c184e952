//! What a value is, and where it is kept.

use std::fs;

use larder_tests::component::types::{Error, Expiry, Key, Value};
use larder_tests::component::wit::{Changes, Compression};
use larder_tests::component::{changes, everything, plain, tagged, text, text_key};
use larder_tests::subject::Subject;
use larder_tests::value_files;

use crate::rule::{Outcome, Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, integer, labelled, put};

/// Stores a value and demands to get it back, now and when the directory is opened again.
fn comes_back(cache: &mut Subject, value: &Value) -> Outcome {
    cache.set(&text_key("key"), value, &plain())?;
    for _ in 0..2 {
        let found = cache.get(&text_key("key"))?;
        match (&found, value) {
            (Some(Value::Real(found)), Value::Real(value)) => equal(found.to_bits(), value.to_bits())?,
            _ => holds(found.as_ref() == Some(value), "the value comes back")?,
        }
        cache.reopen(None)?;
    }
    Ok(())
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Values",
    rules: &[
        matched(
            "value.types",
            "Text, bytes, reals and integers of 64 bits are stored as they are and come back as they were.",
            |cache| {
                for value in
                    [integer(i64::MIN), integer(i64::MAX), Value::Real(0.1), text("é\0"), Value::Bytes(vec![0, 255])]
                {
                    comes_back(cache, &value)?;
                }
                Ok(())
            },
        ),
        matched("value.empty", "Empty text and empty bytes are values, and not the same.", |cache| {
            comes_back(cache, &text(""))?;
            comes_back(cache, &bytes(0))
        }),
        different(
            "value.pickled",
            "Any other object is stored as a pickle, and unpickled by `get`.",
            "There are four types of values; typed layers make bytes of anything else, without pickle. What looks like a pickle stays bytes.",
            |cache| comes_back(cache, &Value::Bytes(b"\x80\x05\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.".to_vec())),
        ),
        different(
            "value.nan",
            "The value NaN comes back as `None`.",
            "Every real comes back bit for bit: NaN with its payload, the sign of zero, infinity.",
            |cache| {
                for bits in [f64::NAN.to_bits(), 0x7ff8_0000_0000_0001, (-0.0_f64).to_bits(), f64::INFINITY.to_bits()] {
                    comes_back(cache, &Value::Real(f64::from_bits(bits)))?;
                }
                Ok(())
            },
        ),
        different(
            "value.line-ends",
            "Text of 32 KiB and more is read with universal newlines: `\\r\\n` and `\\r` come back as `\\n`, and `check` is silent.",
            "Every byte of a text comes back, of whatever length.",
            |cache| {
                comes_back(cache, &text(&"a\r\nb\rc\n".repeat(20_000)))?;
                equal(cache.check()?, [])
            },
        ),
        matched(
            "value.in-a-file",
            "Bytes below the threshold, 32 KiB, are kept in the database; of that length and more in a file of their own.",
            |cache| {
                comes_back(cache, &bytes(32_767))?;
                equal(value_files(cache.path()).len(), 0)?;
                comes_back(cache, &bytes(32_768))?;
                equal(value_files(cache.path()).len(), 1)
            },
        ),
        different(
            "value.length-of-text",
            "Whether a text is kept in a file is decided by its number of characters.",
            "By its number of bytes, for that is what takes room.",
            |cache| {
                comes_back(cache, &text(&"é".repeat(16_383)))?;
                equal(value_files(cache.path()).len(), 0)?;
                comes_back(cache, &text(&"é".repeat(16_384)))?;
                equal(value_files(cache.path()).len(), 1)
            },
        ),
        matched("value.threshold", "The threshold is a setting, in force from then on.", |cache| {
            cache.configure(Changes { inline_threshold: Some(100), ..changes() })?;
            comes_back(cache, &bytes(99))?;
            equal(value_files(cache.path()).len(), 0)?;
            comes_back(cache, &bytes(100))?;
            equal(value_files(cache.path()).len(), 1)
        }),
        matched("value.numbers-are-inline", "Numbers are always kept in the database.", |cache| {
            cache.configure(Changes { inline_threshold: Some(1), ..changes() })?;
            comes_back(cache, &integer(i64::MAX))?;
            comes_back(cache, &Value::Real(1.5))?;
            equal(value_files(cache.path()).len(), 0)
        }),
        different(
            "value.size",
            "The size of an entry is that of its file; what is kept in the database counts 0.",
            "An entry counts its key, value, tags and 64 bytes for its rows, wherever they are kept.",
            |cache| {
                cache.set(&text_key("k"), &text("12345"), &tagged(&["ab"]))?;
                equal(cache.get_entry(&text_key("k"))?.map(|entry| entry.metadata.size), Some(64 + 1 + 5 + 2))
            },
        ),
        matched(
            "value.replaced-file",
            "The file of a value that is replaced, deleted or popped is removed.",
            |cache| {
                for name in ["a", "b", "c"] {
                    cache.set(&text_key(name), &bytes(LARGE), &plain())?;
                }
                put(cache, "a", 1)?;
                cache.delete(&text_key("b"))?;
                cache.pop(&text_key("c"))?;
                equal(value_files(cache.path()).len(), 0)
            },
        ),
        different(
            "value.lost-file",
            "A value file that is gone is a miss, while `in` says that the key is there.",
            "It is the error `corrupt`, which names the file: a loss is told, not taken for absence. Storing again heals it, `repair` removes the entry.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                for file in value_files(cache.path()) {
                    fs::remove_file(file)?;
                }
                refused!(cache.get(&text_key("key")), Error::Corrupt(_))?;
                put(cache, "key", 1)?;
                equal((cache.get(&text_key("key"))?, cache.check()?), (Some(integer(1)), Vec::new()))
            },
        ),
        different(
            "value.checksum",
            "Value files have no checksum: cut to 10 bytes, these come back without an error, and flipped bits are not even found by `check`.",
            "Every value has a checksum, inline or in a file: damage is the error `corrupt`, never wrong data.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                let file = larder_tests::only_file(cache.path(), &value_files(cache.path())[0].display().to_string());
                let whole = fs::read(&file)?;
                let mut flipped = whole.clone();
                flipped[1_000] ^= 1;
                for damaged in [&whole[..10], &flipped, &[][..]] {
                    fs::write(&file, damaged)?;
                    refused!(cache.get(&text_key("key")), Error::Corrupt(_))?;
                    equal(cache.check()?.len(), 1)?;
                }
                fs::write(&file, whole)?;
                equal(cache.check()?, [])
            },
        ),
        different(
            "value.failed-write",
            "A write that fails after its file was made, for a bad tag or an error of the source, leaves the file for ever.",
            "It leaves nothing.",
            |cache| {
                refused!(cache.set(&text_key("a"), &bytes(LARGE), &tagged(&[""])), Error::InvalidArgument(_))?;
                refused!(cache.set(&text_key("b"), &bytes(LARGE), &labelled(u64::MAX, &[])), Error::Overflow(_))?;
                refused!(cache.set(&Key::Real(f64::NAN), &bytes(LARGE), &plain()), Error::InvalidArgument(_))?;
                equal((value_files(cache.path()).len(), cache.count()?, cache.check()?.len()), (0, 0, 0))
            },
        ),
        different(
            "value.paths",
            "The database records paths of value files with the separators of the system, so a directory does not move between systems.",
            "It records numbers, from which paths are made; a directory can be moved and copied once it is closed.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                cache.close()?;
                for database in larder_tests::files(cache.path(), "cache.db") {
                    let content = fs::read(database)?;
                    holds(!content.windows(7).any(|window| window == b"values/"), "no path is recorded")?;
                }
                cache.reopen(None)?;
                equal(cache.get(&text_key("key"))?, Some(bytes(LARGE)))
            },
        ),
        different(
            "value.compression",
            "`JSONDisk` compresses keys and values with zlib; which disk a directory was written with is not recorded, so opening it with another garbles it.",
            "Compression is a setting that the directory records, and each value says how it is kept: what is stored before and after a change is read alike.",
            |cache| {
                let value = text(&"compressible ".repeat(9_000));
                for (name, compression) in [
                    ("a", Compression::None),
                    ("b", Compression::Lz4),
                    ("c", Compression::Zstd),
                    ("d", Compression::None),
                ] {
                    cache.configure(Changes { compression: Some(compression), ..changes() })?;
                    cache.set(&text_key(name), &value, &plain())?;
                }
                cache.reopen(None)?;
                holds(cache.items(&everything(), 9)?.iter().all(|item| item.entry.value == value), "all come back")?;
                equal(cache.check()?, [])
            },
        ),
        different(
            "value.metadata",
            "Of an entry `get` tells the expiry time and the tag, no more.",
            "`get-entry` tells, in one reading, when it was stored, expires and was last used, hits, size, tags and version.",
            |cache| {
                cache.set(&text_key("key"), &integer(1), &labelled(1_000, &["b", "a"]))?;
                let metadata = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
                let Some(metadata) = metadata else { return holds(false, "the entry is there") };
                equal(metadata.expires_ms, Some(metadata.stored_ms + 1_000))?;
                equal(metadata.tags, ["a", "b"])?;
                cache.touch(&text_key("key"), Expiry::Never)?;
                let after = cache.get_entry(&text_key("key"))?.map(|entry| entry.metadata);
                equal(after.map(|after| (after.version, after.expires_ms)), Some((metadata.version, None)))
            },
        ),
    ],
};
