//! Values that are written and read in parts.

use larder_tests::component::types::{Error, Key, Value};
use larder_tests::component::wit::Content;
use larder_tests::component::{plain, tagged, text, text_key};
use larder_tests::subject::{Part, Subject};
use larder_tests::value_files;

use crate::rule::{Failure, Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, got, integer, put};

/// Writes a value in parts of 10,000 bytes.
fn write(cache: &mut Subject, key: &Key, content: Content, value: &[u8]) -> Result<u64, Failure> {
    let mut writer = cache.write(key, content, &plain())?;
    for part in value.chunks(10_000) {
        cache.append(&mut writer, part)?;
    }
    let version = cache.finish(&mut writer)?;
    cache.drop_part(writer);
    Ok(version)
}

/// A reader of a value that is there.
fn reader(cache: &mut Subject, key: &Key) -> Result<Part, Failure> {
    cache.read(key)?.ok_or_else(|| Failure::new("no value to read"))
}

/// All of a value, read in parts.
fn read_all(cache: &mut Subject, key: &Key) -> Result<Vec<u8>, Failure> {
    let (mut part, mut all) = (reader(cache, key)?, Vec::new());
    loop {
        let next = cache.read_at(&mut part, all.len() as u64, 7_000)?;
        if next.is_empty() {
            cache.drop_part(part);
            return Ok(all);
        }
        all.extend(next);
    }
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Values in parts",
    rules: &[
        matched(
            "stream.write",
            "A value can be stored from a stream, `set(read=True)`, without all of it in memory.",
            |cache| {
                let value: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
                write(cache, &text_key("key"), Content::Bytes, &value)?;
                holds(cache.get(&text_key("key"))? == Some(Value::Bytes(value)), "it comes back")
            },
        ),
        different(
            "stream.small",
            "What comes from a stream is always kept in a file, however small.",
            "Where a value is kept depends on its length alone.",
            |cache| {
                write(cache, &text_key("key"), Content::Bytes, b"small")?;
                equal(value_files(cache.path()).len(), 0)?;
                equal(cache.get(&text_key("key"))?, Some(Value::Bytes(b"small".to_vec())))
            },
        ),
        different(
            "stream.type",
            "What comes from a stream is bytes.",
            "It is bytes, text, or what it turns out to be; text that is not UTF-8 is refused, and leaves nothing.",
            |cache| {
                write(cache, &text_key("text"), Content::Text, "é".repeat(LARGE).as_bytes())?;
                holds(cache.get(&text_key("text"))? == Some(text(&"é".repeat(LARGE))), "text comes back as text")?;
                write(cache, &text_key("detected"), Content::Detected, b"plain")?;
                equal(cache.get(&text_key("detected"))?, Some(text("plain")))?;
                let mut writer = cache.write(&text_key("not"), Content::Text, &plain())?;
                refused!(cache.append(&mut writer, &[0xff]), Error::InvalidArgument(_))?;
                cache.drop_part(writer);
                equal(cache.contains(&text_key("not"))?, false)
            },
        ),
        matched("stream.unseen", "Nobody sees a value before all of it is stored.", |cache| {
            put(cache, "key", 1)?;
            let mut writer = cache.write(&text_key("key"), Content::Bytes, &plain())?;
            cache.append(&mut writer, &[7; LARGE])?;
            equal(got(cache, "key")?, Some(1))?;
            cache.finish(&mut writer)?;
            cache.drop_part(writer);
            equal(cache.get(&text_key("key"))?, Some(bytes(LARGE)))
        }),
        different(
            "stream.given-up",
            "A stream that fails on the way leaves its file for ever.",
            "A value that is given up before it is finished leaves nothing.",
            |cache| {
                let mut writer = cache.write(&text_key("key"), Content::Bytes, &tagged(&["t"]))?;
                cache.append(&mut writer, &[7; LARGE])?;
                cache.drop_part(writer);
                equal((value_files(cache.path()).len(), cache.count()?, cache.check()?.len()), (0, 0, 0))
            },
        ),
        different(
            "stream.read",
            "`read` returns a handle only for bytes in a file; of anything smaller, and of text, the value itself.",
            "Text and bytes of any length are read in parts; a number has none, which is the error `wrong-type`.",
            |cache| {
                for (name, value) in
                    [("small", bytes(5)), ("large", bytes(LARGE)), ("text", text(&"é\r\n".repeat(LARGE)))]
                {
                    cache.set(&text_key(name), &value, &plain())?;
                    let expected = match value {
                        Value::Text(text) => text.into_bytes(),
                        Value::Bytes(bytes) => bytes,
                        other => panic!("{other:?}"),
                    };
                    holds(read_all(cache, &text_key(name))? == expected, name)?;
                }
                cache.set(&text_key("number"), &integer(1), &plain())?;
                refused!(cache.read(&text_key("number")), Error::WrongType(_))
            },
        ),
        different(
            "stream.read-absent",
            "`read` of an absent key raises `KeyError`.",
            "It is none, as absence is everywhere.",
            |cache| holds(cache.read(&text_key("absent"))?.is_none(), "there is no reader"),
        ),
        different(
            "stream.range",
            "Ranges of values can not be read.",
            "They can, each verified, without the rest.",
            |cache| {
                let value: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
                write(cache, &text_key("key"), Content::Bytes, &value)?;
                let mut part = reader(cache, &text_key("key"))?;
                equal(cache.about(&mut part), (value.len() as u64, false))?;
                equal(cache.read_at(&mut part, 600_001, 7)?, value[600_001..600_008].to_vec())?;
                equal(cache.read_at(&mut part, 800_000, 7)?, Vec::<u8>::new())?;
                refused!(cache.read_at(&mut part, 800_001, 7), Error::InvalidArgument(_))?;
                cache.drop_part(part);
                Ok(())
            },
        ),
        matched(
            "stream.read-replaced",
            "A value that is being read stays whole though it is replaced or deleted meanwhile.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                let mut part = reader(cache, &text_key("key"))?;
                cache.delete(&text_key("key"))?;
                equal(cache.read_at(&mut part, 0, 1_000_000)?, vec![7; LARGE])?;
                cache.drop_part(part);
                Ok(())
            },
        ),
    ],
};
