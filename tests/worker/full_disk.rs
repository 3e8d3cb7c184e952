//! A disk that is really full: a small file system, whose last block others have taken.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use larder::Cache;
use larder_tests::component::types::{Error, Key, Side, Value};
use larder_tests::component::wit::{Changes, Content, Limit, Selection};
use larder_tests::component::{changes, plain, tagged, text_key};
use larder_tests::subject::{Shape, Subject};
use larder_tests::value_files;

use super::say;

/// A value with a file.
const LARGE: usize = 60_000;

/// Runs what there is to run on each shape of a cache, whose directories are made on this file system.
pub(crate) fn run(disk: &Path) {
    for shape in Shape::all() {
        for (name, scenario) in SCENARIOS {
            let mut cache = Subject::new(shape);
            assert!(cache.path().starts_with(disk), "caches are made on the small file system");
            cache.configure(Changes { size_limit: Limit::Unlimited, ..changes() }).unwrap();
            fill(&mut cache);
            println!("{name} ({shape})");
            drop(scenario(&mut cache, disk));
            cache.set(&text_key("after"), &bytes(LARGE), &plain()).unwrap();
            assert_eq!(cache.check().unwrap(), [], "{name} ({shape}), once there is room");
            cache.close().unwrap();
        }
    }
    import(disk);
    say("done");
}

/// Fills the disk and does something on it; returns what fills it.
type Scenario = fn(&mut Subject, &Path) -> Ballast;

/// What is done on a full disk.
const SCENARIOS: [(&str, Scenario); 7] = [
    ("a set", set),
    ("a delete", delete),
    ("an eviction", evict),
    ("a clearing", clear),
    ("a transaction", transaction),
    ("a cull", cull),
    ("a queue", queue),
];

/// All that is left of the file system.
struct Ballast(PathBuf);

impl Ballast {
    fn new(disk: &Path) -> Self {
        let path = disk.join("ballast");
        let mut file = File::create(&path).unwrap();
        for size in [65_536, 4_096, 512, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn bytes(length: usize) -> Value {
    Value::Bytes(vec![7; length])
}

/// Entries with and without files, of which every second has a tag.
fn fill(cache: &mut Subject) {
    for number in 0..60 {
        let value = if number % 10 == 0 { bytes(LARGE) } else { bytes(2_000) };
        cache.set(&Key::Integer(number), &value, &tagged(&["even"][..usize::from(number % 2 == 0)])).unwrap();
    }
}

#[track_caller]
fn assert_full<T: std::fmt::Debug>(result: &Result<T, Error>) {
    assert!(matches!(result, Err(Error::Full(_))), "{result:?}");
}

/// Nothing is lost, and nothing is left over.
#[track_caller]
fn assert_as_before(cache: &mut Subject) {
    assert_eq!(cache.check().unwrap(), []);
    assert_eq!(value_files(cache.path()).len(), 6);
    for number in 0..60 {
        assert!(cache.get(&Key::Integer(number)).unwrap().is_some(), "{number}");
    }
}

fn set(cache: &mut Subject, disk: &Path) -> Ballast {
    let ballast = Ballast::new(disk);
    assert_full(&cache.set(&text_key("large"), &bytes(LARGE), &plain()));
    assert_as_before(cache);
    let mut writer = cache.write(&text_key("parts"), Content::Bytes, &plain()).unwrap();
    let appended = cache.append(&mut writer, &vec![7; LARGE]);
    assert_full(&appended.and_then(|()| cache.finish(&mut writer)));
    cache.drop_part(writer);
    assert_as_before(cache);
    let refused =
        (0..1_000).map(|number| cache.set(&Key::Integer(number), &bytes(3_000), &plain())).find(Result::is_err);
    assert_full(&refused.unwrap());
    assert_eq!(cache.check().unwrap(), []);
    ballast
}

fn delete(cache: &mut Subject, disk: &Path) -> Ballast {
    let ballast = Ballast::new(disk);
    for number in 0..60 {
        assert!(cache.delete(&Key::Integer(number)).unwrap(), "{number}");
    }
    assert_eq!((cache.count().unwrap(), value_files(cache.path()).len()), (0, 0));
    cache.set(&text_key("again"), &bytes(LARGE), &plain()).unwrap();
    ballast
}

fn evict(cache: &mut Subject, disk: &Path) -> Ballast {
    let ballast = Ballast::new(disk);
    assert_eq!(cache.evict(&Selection::Tag("even".into())).unwrap(), 30);
    assert_eq!(value_files(cache.path()).len(), 0);
    assert_eq!(cache.check().unwrap(), []);
    cache.set(&text_key("again"), &bytes(LARGE), &plain()).unwrap();
    ballast
}

fn clear(cache: &mut Subject, disk: &Path) -> Ballast {
    let ballast = Ballast::new(disk);
    assert_eq!(cache.clear().unwrap(), 60);
    assert_eq!(value_files(cache.path()).len(), 0);
    cache.set(&text_key("again"), &bytes(LARGE), &plain()).unwrap();
    ballast
}

fn transaction(cache: &mut Subject, disk: &Path) -> Ballast {
    let ballast = Ballast::new(disk);
    let stored = cache.begin().and_then(|()| {
        let stored = (0..1_000).map(|number| cache.set(&Key::Integer(100 + number), &bytes(3_000), &plain()));
        let refused = stored.map(|stored| stored.map(drop)).find(Result::is_err);
        let ended = cache.end(true);
        refused.unwrap_or(Ok(())).and(ended)
    });
    assert_full(&stored);
    assert_as_before(cache);
    assert_eq!(cache.count().unwrap(), 60);
    ballast
}

fn cull(cache: &mut Subject, disk: &Path) -> Ballast {
    cache.configure(Changes { item_limit: Limit::AtMost(20), ..changes() }).unwrap();
    let ballast = Ballast::new(disk);
    let culled = cache.cull().unwrap();
    assert_eq!(cache.count().unwrap(), 60 - culled);
    assert_eq!(cache.check().unwrap(), []);
    cache.set(&text_key("again"), &bytes(LARGE), &plain()).unwrap();
    ballast
}

/// What was noted in a journal while there was room is read and removed when there is none.
fn queue(cache: &mut Subject, disk: &Path) -> Ballast {
    for number in 0..40 {
        cache.push("q", &Value::Integer(number), Side::Back, &plain()).unwrap();
    }
    let ballast = Ballast::new(disk);
    assert_eq!(cache.queue_length("q").unwrap(), 40);
    for number in 0..40 {
        let pulled = cache.pull("q", Side::Front).unwrap().unwrap();
        assert!(matches!(pulled.entry.value, Value::Integer(value) if value == number), "{number}: {pulled:?}");
    }
    assert_eq!((cache.queue_length("q").unwrap(), cache.check().unwrap()), (0, Vec::new()));
    ballast
}

/// Imports into a cache on a full disk what was exported while there was room.
fn import(disk: &Path) {
    println!("an import");
    let source = disk.join("source");
    let cache = Cache::builder().allow_writing(&source).open(disk.join("cache")).unwrap();
    for number in 0..40 {
        cache.set(number, vec![1; if number % 10 == 0 { LARGE } else { 3_000 }]).unwrap();
    }
    let mut export = cache.export_diskcache(&source).unwrap();
    while !export.step().unwrap().finished {}
    drop(export);
    cache.clear().unwrap();
    cache.compact().unwrap();
    let ballast = Ballast::new(disk);
    let mut import = cache.import_diskcache(&source).unwrap();
    let ended = loop {
        match import.step() {
            Ok(progress) if !progress.finished => {}
            ended => break ended,
        }
    };
    assert!(matches!(ended, Err(larder::Error::Full(_))), "{ended:?}");
    assert_eq!(cache.check().unwrap(), []);
    drop(ballast);
    while !import.step().unwrap().finished {}
    assert_eq!((cache.count().unwrap(), cache.check().unwrap()), (40, Vec::new()));
}
