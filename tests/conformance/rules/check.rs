//! Looking for damage, and setting it right.

use std::fs;

use larder_tests::component::{plain, tagged, text_key};
use larder_tests::subject::Subject;
use larder_tests::{files, value_files};

use crate::rule::{Failure, Outcome, Topic, different, equal, holds, matched};
use crate::words::{LARGE, bytes, fill, got, put};

/// Changes the first database with SQLite itself while the cache is closed.
fn tamper(cache: &mut Subject, statements: &str) -> Outcome {
    cache.close()?;
    for database in files(cache.path(), "cache.db").into_iter().take(1) {
        let connection = rusqlite::Connection::open(database).map_err(Failure::new)?;
        connection.execute_batch(statements).map_err(Failure::new)?;
    }
    Ok(cache.reopen(None)?)
}

/// Demands that a check finds so many problems, whose descriptions contain a word, and that after a repair
/// there are none.
fn repaired(cache: &mut Subject, count: usize, word: &str) -> Outcome {
    let found = cache.check()?;
    equal(found.len(), count)?;
    holds(found.iter().all(|problem| problem.description.contains(word)), &format!("{found:?} tells of {word:?}"))?;
    holds(found.iter().all(|problem| problem.remedy.is_none()), "a check changes nothing")?;
    equal(cache.check()?.len(), count)?;
    let told = cache.repair()?;
    equal(told.len(), count)?;
    holds(told.iter().all(|problem| problem.remedy.is_some()), "a repair tells what it did")?;
    equal(cache.check()?, [])
}

/// A cache with a large value, and where that is.
fn with_file(cache: &mut Subject) -> Result<std::path::PathBuf, Failure> {
    put(cache, "key", 1)?;
    cache.set(&text_key("file"), &bytes(LARGE), &tagged(&["t"]))?;
    value_files(cache.path()).pop().ok_or_else(|| Failure::new("no value file"))
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Check and repair",
    rules: &[
        matched("check.clean", "Nothing is wrong with a sound cache, and a repair does nothing to it.", |cache| {
            fill(cache, 50, &tagged(&["t"]))?;
            with_file(cache)?;
            equal((cache.check()?, cache.repair()?, cache.count()?), (Vec::new(), Vec::new(), 52))
        }),
        matched("check.missing-file", "A value file that is gone is told; a repair removes the entry.", |cache| {
            fs::remove_file(with_file(cache)?)?;
            repaired(cache, 1, "missing")?;
            equal((cache.contains(&text_key("file"))?, got(cache, "key")?), (false, Some(1)))
        }),
        matched("check.wrong-size", "A value file of another length is told.", |cache| {
            let file = with_file(cache)?;
            fs::write(file, "short")?;
            equal(cache.check()?.len(), 1)
        }),
        different(
            "check.wrong-size-repaired",
            "A repair takes the wrong length for the right one.",
            "What is left of the value is not the value: a repair removes the entry, and says so.",
            |cache| {
                let file = with_file(cache)?;
                fs::write(file, "short")?;
                repaired(cache, 1, "stored")?;
                equal(cache.contains(&text_key("file"))?, false)
            },
        ),
        different(
            "check.content",
            "What values contain is not looked at.",
            "Every value is read and verified.",
            |cache| {
                let file = with_file(cache)?;
                let mut content = fs::read(&file)?;
                content[LARGE / 2] ^= 1;
                fs::write(file, content)?;
                repaired(cache, 1, "stored")
            },
        ),
        matched("check.unknown-file", "A file that no entry refers to is told; a repair removes it.", |cache| {
            let stray = with_file(cache)?.with_file_name("0123456789abcd");
            fs::write(&stray, "stray")?;
            repaired(cache, 1, "")?;
            holds(!stray.exists(), "it is gone")
        }),
        different(
            "check.hidden-file",
            "Files with `cache.db` in their path are passed over.",
            "No name hides a file.",
            |cache| {
                let stray = with_file(cache)?.with_file_name("cache.db-0123456789");
                fs::write(&stray, "stray")?;
                equal(cache.check()?.len(), 1)
            },
        ),
        different(
            "check.empty-directory",
            "Empty directories are told, and removed by a repair.",
            "They are no damage: the next value file takes its place in one.",
            |cache| {
                with_file(cache)?;
                cache.clear()?;
                equal(cache.check()?, [])
            },
        ),
        matched("check.count", "A wrong count of entries is told, and counted again by a repair.", |cache| {
            fill(cache, 20, &plain())?;
            tamper(cache, "UPDATE totals SET count = count + 3")?;
            repaired(cache, 1, "count")?;
            equal(cache.count()?, 20)
        }),
        matched("check.volume", "A wrong sum of sizes is told, and added up again by a repair.", |cache| {
            fill(cache, 20, &plain())?;
            tamper(cache, "UPDATE totals SET files = files + 4096")?;
            repaired(cache, 1, "")
        }),
        matched("check.integrity", "What SQLite finds wrong is told.", |cache| {
            fill(cache, 50, &tagged(&["t"]))?;
            tamper(cache, "DELETE FROM tag WHERE entry IN (SELECT entry FROM tag LIMIT 1)")?;
            let found = cache.check()?;
            holds(!found.is_empty(), "it is told")?;
            cache.repair()?;
            equal(cache.check()?, [])
        }),
        matched("check.compacts", "Unused space can be given back.", |cache| {
            fill(cache, 3_000, &plain())?;
            cache.clear()?;
            let before = cache.volume()?;
            let freed = cache.compact()?;
            equal(cache.volume()?, before - freed)
        }),
    ],
};
