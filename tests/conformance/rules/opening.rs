//! Opening and closing a directory.

use std::fs;
use std::time::{Duration, Instant};

use larder_tests::component::types::Error;
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{options, plain, text_key};
use larder_tests::subject::Through;
use larder_tests::{files, value_files};

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, fill, got, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Opening and closing",
    rules: &[
        matched("open.kept", "What is stored is there when the directory is opened again.", |cache| {
            fill(cache, 50, &plain())?;
            cache.set(&text_key("file"), &bytes(LARGE), &plain())?;
            cache.reopen(None)?;
            equal(cache.count()?, 51)?;
            holds(cache.get(&text_key("file"))? == Some(bytes(LARGE)), "the large one, too")
        }),
        different(
            "open.create",
            "A directory that does not exist is made.",
            "It is if asked for; else it is the error `not-found`, and nothing is made.",
            |cache| {
                cache.close()?;
                for entry in fs::read_dir(cache.path())? {
                    let path = entry?.path();
                    if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
                }
                refused!(cache.reopen_with(OpenOptions { create: false, ..options() }), Error::NotFound(_))?;
                equal(files(cache.path(), "").len(), 0)?;
                cache.reopen_with(OpenOptions { shards: Some(cache.shape().shards), ..options() })?;
                put(cache, "key", 1)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "open.foreign",
            "There is no version of the format: any database of that name is opened, and altered.",
            "Application, version and schema are recorded and compared; anything else is the error `unsupported-format`, and is left as it is.",
            |cache| {
                put(cache, "key", 1)?;
                cache.close()?;
                let Some(database) = files(cache.path(), "cache.db").pop() else {
                    return holds(false, "there is a database");
                };
                let connection = rusqlite::Connection::open(&database).map_err(crate::rule::Failure::new)?;
                let set = |version: i64| {
                    connection.pragma_update(None, "user_version", version).map_err(crate::rule::Failure::new)
                };
                let version: i64 = connection
                    .pragma_query_value(None, "user_version", |row| row.get(0))
                    .map_err(crate::rule::Failure::new)?;
                set(version + 1)?;
                refused!(cache.reopen(None), Error::UnsupportedFormat(_))?;
                set(version)?;
                drop(connection);
                cache.reopen(None)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "open.corrupt",
            "A damaged database is an error of SQLite at some later time; there is no way back but to delete the directory.",
            "It is the error `corrupt`, which names the file.",
            |cache| {
                fill(cache, 50, &plain())?;
                cache.close()?;
                for database in files(cache.path(), "cache.db") {
                    fs::write(database, "no database ".repeat(2_000))?;
                }
                refused!(cache.reopen(None), Error::Corrupt(_) | Error::UnsupportedFormat(_))
            },
        ),
        different(
            "close.further-use",
            "A cache that was closed opens itself again with the next use.",
            "Every later call is the error `closed`, so that nothing is used by mistake.",
            |cache| {
                put(cache, "key", 1)?;
                cache.close()?;
                refused!(got(cache, "key"), Error::Closed)?;
                refused!(put(cache, "key", 2), Error::Closed)?;
                cache.reopen(None)?;
                equal(got(cache, "key")?, Some(1))
            },
        ),
        different(
            "close.twice",
            "`close` can be called again.",
            "It is the error `closed`, as of any other call.",
            |cache| {
                cache.close()?;
                refused!(cache.close(), Error::Closed)
            },
        ),
        matched("close.copied", "A closed directory can be copied, and the copy opened.", |cache| {
            cache.set(&text_key("file"), &bytes(LARGE), &plain())?;
            put(cache, "key", 1)?;
            cache.close()?;
            let before = files(cache.path(), "")
                .into_iter()
                .map(|path| Ok((fs::read(&path)?, path)))
                .collect::<Result<Vec<_>, std::io::Error>>()?;
            for (_, path) in &before {
                fs::remove_file(path)?;
            }
            for (content, path) in before {
                fs::write(path, content)?;
            }
            cache.reopen(None)?;
            equal((got(cache, "key")?, cache.check()?.len()), (Some(1), 0))
        }),
        different(
            "crash.orphans",
            "A crash between the writing of a file and the commit leaves the file for ever.",
            "It is listed before it is written, and removed when the directory is opened next.",
            |cache| {
                put(cache, "key", 1)?;
                cache.reopen_with(OpenOptions { lease_ms: Some(200), ..options() })?;
                let mut writer =
                    cache.write(&text_key("file"), larder_tests::component::wit::Content::Bytes, &plain())?;
                cache.append(&mut writer, &[7; LARGE])?;
                equal(value_files(cache.path()).len(), 1)?;
                std::mem::forget(writer);
                cache.crash(OpenOptions { wait_ms: Some(20_000), ..options() })?;
                equal((value_files(cache.path()).len(), got(cache, "key")?, cache.check()?.len()), (0, Some(1), 0))
            },
        ),
        different(
            "crash.transaction",
            "A crash inside of a transaction undoes its rows, and leaves its files.",
            "It undoes all of it.",
            |cache| {
                cache.set(&text_key("key"), &bytes(LARGE), &plain())?;
                cache.reopen_with(OpenOptions { lease_ms: Some(200), ..options() })?;
                cache.begin()?;
                cache.set(&text_key("key"), &bytes(LARGE + 1), &plain())?;
                fill(cache, 20, &plain())?;
                cache.crash(OpenOptions { wait_ms: Some(20_000), ..options() })?;
                holds(cache.get(&text_key("key"))? == Some(bytes(LARGE)), "as it was")?;
                equal((cache.count()?, value_files(cache.path()).len(), cache.check()?.len()), (1, 1, 0))
            },
        ),
        different(
            "open.removed-underneath",
            "When the directory is removed under an open cache, `set` returns `True`, and all is lost.",
            "The next change is an error; in the world `standalone`, where no lock shows it, one within a third of the lease.",
            |cache| {
                cache.reopen_with(OpenOptions { lease_ms: Some(300), ..options() })?;
                put(cache, "key", 1)?;
                for entry in fs::read_dir(cache.path())? {
                    let path = entry?.path();
                    if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
                }
                if cache.shape().through == Through::Native {
                    // SQLite's own file layer is at work, which notices nothing; so whoever comes next does.
                    return refused!(cache.second(OpenOptions { create: false, ..options() }), Error::NotFound(_));
                }
                let end = Instant::now() + Duration::from_secs(10);
                while put(cache, "key", 2).is_ok() {
                    holds(!cache.shape().is_shared(), "the next change is an error")?;
                    holds(Instant::now() < end, "a change within the lease is an error")?;
                }
                Ok(())
            },
        ),
    ],
};
