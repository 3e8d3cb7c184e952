//! Files that are damaged, before opening and while in use: a named error or right data, nothing
//! else.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use larder::{Cache, Error, Value};
use larder_tests::{Random, database, files, only_file, value_files};

const ENTRIES: u32 = 300;

/// The word by which an error tells a damage, and how to do it.
type Damage = (&'static str, fn(&Path));

/// The value of a numbered entry: every byte tells which entry it belongs to.
fn value(index: u32) -> Vec<u8> {
    index.to_le_bytes().repeat(if index.is_multiple_of(50) { 20_000 } else { 100 })
}

fn filled(directory: &Path) -> Cache {
    let cache = Cache::open(directory).unwrap();
    for index in 0..ENTRIES {
        cache.set(index, value(index)).unwrap();
    }
    cache
}

/// Asserts that an answer is the right value, or an error that names damage.
fn assert_right_or_named(index: u32, answer: Result<Option<Value<'static>>, Error>) -> bool {
    match answer {
        Ok(Some(found)) => {
            assert_eq!(found.as_bytes().unwrap(), value(index), "entry {index} has another's value");
            true
        }
        // An index that lost a key does not know that it did; `check` does.
        Ok(None) | Err(Error::Corrupt(_) | Error::UnsupportedFormat(_) | Error::Io(_)) => false,
        Err(other) => panic!("entry {index}: {other:?}"),
    }
}

fn flip(path: &Path, offset: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[byte[0] ^ 0x41]).unwrap();
}

#[test]
fn a_database_with_flipped_bytes_gives_right_values_or_named_errors() {
    let seed = 4;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path()));
    let path = database(directory.path());
    let original = fs::read(&path).unwrap();
    // Those that hold something: of a table without rows there is a page, too.
    let is_full = |page: &&[u8]| page.iter().filter(|byte| **byte != 0).count() > 2048;
    let full: Vec<u64> =
        (0..).zip(original.chunks(4096)).filter(|(_, page)| is_full(page)).map(|(page, _)| page * 4096).collect();
    let mut noticed = 0;
    for _ in 0..60 {
        fs::write(&path, &original).unwrap();
        // A handful of bytes on one page.
        let page = full[usize::try_from(random.below(full.len() as u64)).unwrap()];
        (0..8).for_each(|_| flip(&path, page + random.below(4096)));
        match Cache::open(directory.path()) {
            Ok(cache) => {
                let right = (0..ENTRIES).filter(|index| assert_right_or_named(*index, cache.get(*index))).count();
                let unharmed = right == ENTRIES as usize && cache.check().is_ok_and(|problems| problems.is_empty());
                noticed += u32::from(!unharmed);
            }
            Err(Error::Corrupt(_) | Error::UnsupportedFormat(_)) => noticed += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    // Bytes that hold nothing, or when an entry was stored or read, may be flipped unnoticed.
    assert!(noticed > 45, "only {noticed} of 60 were noticed");
}

#[test]
fn a_database_cut_short_gives_right_values_or_named_errors() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path()));
    let path = database(directory.path());
    let original = fs::read(&path).unwrap();
    for length in [0, 1, 99, 100, 4095, 4096, 5000, 8192, original.len() / 2, original.len() - 1] {
        fs::write(&path, &original[..length]).unwrap();
        match Cache::open(directory.path()) {
            Ok(cache) => {
                let right = (0..ENTRIES).filter(|index| assert_right_or_named(*index, cache.get(*index))).count();
                // One byte that is missing and was 0 makes no difference; a page does.
                let noticed = right < ENTRIES as usize || !cache.check().unwrap().is_empty();
                assert!(noticed || original.len() - length < 4096, "cut to {length}");
            }
            Err(Error::Corrupt(text)) => assert!(text.contains("cache.db"), "{text}"),
            Err(other) => panic!("cut to {length}: {other:?}"),
        }
    }
    fs::write(&path, &original).unwrap();
    assert_eq!(Cache::open(directory.path()).unwrap().check().unwrap(), []);
}

#[test]
fn a_value_file_that_is_altered_cut_or_gone_costs_its_entry_alone() {
    let directory = tempfile::tempdir().unwrap();
    let cache = filled(directory.path());
    let damage: [Damage; 4] = [
        ("altered", |path| flip(path, 70_000)),
        ("altered", |path| OpenOptions::new().write(true).open(path).unwrap().set_len(79_999).unwrap()),
        ("altered", |path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap()),
        ("missing", |path| fs::remove_file(path).unwrap()),
    ];
    let paths = value_files(directory.path());
    assert_eq!(paths.len(), 6);
    for ((_, damage), path) in damage.iter().zip(&paths) {
        damage(path);
    }
    let mut texts: Vec<String> = Vec::new();
    for index in 0..ENTRIES {
        match cache.get(index) {
            Ok(found) => assert_eq!(found.unwrap().as_bytes().unwrap(), value(index)),
            Err(Error::Corrupt(text)) => texts.push(text),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(texts.len(), 4);
    for ((word, _), path) in damage.iter().zip(&paths) {
        let path = path.to_str().unwrap();
        assert!(texts.iter().any(|text| text.contains(path) && text.contains(word)), "{path} {word}: {texts:?}");
    }
    assert_eq!(cache.check().unwrap().len(), 4);
    // Storing again heals.
    for index in (0..ENTRIES).step_by(50) {
        cache.set(index, value(index)).unwrap();
    }
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_log_cut_short_while_in_use_kills_nobody_and_yields_no_wrong_data() {
    let directory = tempfile::tempdir().unwrap();
    let cache = filled(directory.path());
    let log = only_file(directory.path(), "cache.db-wal");
    let length = fs::metadata(&log).unwrap().len();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(length / 3).unwrap();
    for index in 0..ENTRIES {
        assert_right_or_named(index, cache.get(index));
    }
}

#[test]
fn the_mapped_index_cut_short_under_eight_instances_kills_nobody_and_yields_no_wrong_data() {
    let directory = tempfile::tempdir().unwrap();
    let cache = filled(directory.path());
    let index_file = only_file(directory.path(), "cache.db-shm");
    let caches: Vec<Cache> =
        (0..8).map(|_| Cache::builder().wait(Duration::from_secs(20)).open(directory.path()).unwrap()).collect();
    // Every instance has read, so every one has the index mapped.
    for cache in &caches {
        assert!(cache.get(1).unwrap().is_some());
    }
    let (over, errors, right) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let start = Barrier::new(9);
    thread::scope(|scope| {
        for (number, cache) in (0_u32..).zip(&caches) {
            let (over, errors, right, start) = (&over, &errors, &right, &start);
            scope.spawn(move || {
                start.wait();
                let mut random = Random::new(u64::from(number));
                while !over.load(Ordering::Relaxed) {
                    let index = u32::try_from(random.below(u64::from(ENTRIES))).unwrap();
                    let answer = cache.get(index);
                    // A miss would be wrong data: nothing is ever removed here.
                    assert!(!matches!(answer, Ok(None)), "entry {index} vanished");
                    if assert_right_or_named(index, answer) {
                        right.fetch_add(1, Ordering::Relaxed);
                    } else {
                        errors.fetch_add(1, Ordering::Relaxed);
                    }
                    if number == 0 {
                        // One of them writes what is there already.
                        let written = cache.set(index, value(index));
                        assert!(matches!(written, Ok(_) | Err(Error::Corrupt(_) | Error::Io(_))), "{written:?}");
                    }
                }
            });
        }
        start.wait();
        for length in [0, 100, 4096, 0] {
            thread::sleep(Duration::from_millis(100));
            OpenOptions::new().write(true).open(&index_file).unwrap().set_len(length).unwrap();
        }
        thread::sleep(Duration::from_millis(300));
        over.store(true, Ordering::Relaxed);
    });
    println!("{errors:?} errors, {right:?} right answers");
    assert!(errors.load(Ordering::Relaxed) > 0, "nobody noticed");
    // Every handle goes on.
    for (number, cache) in (0_u32..).zip(&caches) {
        let mut answer = cache.set(number, value(number));
        for _ in 0..3 {
            if answer.is_ok() {
                break;
            }
            answer = cache.set(number, value(number));
        }
        answer.unwrap();
    }
    drop(caches);
    for index in 0..ENTRIES {
        assert_eq!(cache.get(index).or_else(|_| cache.get(index)).unwrap().unwrap().as_bytes().unwrap(), value(index));
    }
}

#[test]
fn a_directory_removed_underneath_is_noticed_by_the_next_change() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("cache");
    let cache = filled(&directory);
    fs::remove_dir_all(&directory).unwrap();
    let written = cache.set("key", "value");
    assert!(matches!(written, Err(Error::Corrupt(_) | Error::Io(_) | Error::NotFound(_))), "{written:?}");
    assert!(files(parent.path(), "").is_empty(), "nothing is stored where nobody will look");
}

#[test]
fn what_is_left_in_a_directory_by_nobody_is_reported_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let cache = filled(directory.path());
    let stray = value_files(directory.path())[0].with_file_name("0123456789abcd");
    fs::write(&stray, "stray").unwrap();
    let connection = rusqlite::Connection::open(database(directory.path())).unwrap();
    connection.execute("UPDATE totals SET count = count + 1", []).unwrap();
    drop(connection);
    let problems = cache.check().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.subject == stray.to_str().unwrap()));
    assert!(problems.iter().any(|problem| problem.description.contains("count")));
}
