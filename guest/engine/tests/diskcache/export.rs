//! What python-diskcache finds in an export.

use std::path::Path;

use larder_engine::diskcache::{PICKLED_KEY_TAG, PICKLED_VALUE_TAG};
use larder_engine::testing::TestPlatform;
use larder_engine::{
    Cache, Changes, Content, Expiry, Key, Limit, OpenOptions, Platform, Policy, Selection, SetOptions, Side, Value,
};
use tempfile::TempDir;

use crate::support::{empty, export, import, make, platform, python};

/// A cache with entries, and what python is to find of them.
struct Subject {
    directory: TempDir,
    cache: Cache,
    expected: Vec<String>,
}

impl Subject {
    fn with(options: &OpenOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path(), options, platform()).unwrap();
        Self { directory, cache, expected: Vec::new() }
    }

    fn new() -> Self {
        Self::with(&OpenOptions::default())
    }

    /// Stores an entry, of which python is to find this key and value, without tag and expiry.
    fn set(&mut self, key: &Key, value: &Value, expected: (&str, &str)) {
        self.cache.set(key, value, &SetOptions::default()).unwrap();
        self.expect(expected.0, expected.1, "None");
    }

    fn expect(&mut self, key: &str, value: &str, tag: &str) {
        self.expected.push(format!("{key}\t{value}\t{tag}\tNone"));
    }

    /// Has python look at an export.
    fn verify(&self, export: &Path) {
        python("verify.py", &[export.to_str().unwrap()], &self.expected.join("\n"));
    }
}

fn text(text: &str) -> Key {
    Key::Text(text.into())
}

fn tagged(tags: &[&str]) -> SetOptions {
    SetOptions { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..SetOptions::default() }
}

/// Keys and values of every type, and of every size at which something changes.
fn natives(subject: &mut Subject) {
    let string = |text: &str| Value::Text(text.into());
    for (key, expected) in [
        (Key::Integer(i64::MIN), "-2**63"),
        (Key::Integer(0), "0"),
        (Key::Real(0.5), "0.5"),
        (Key::Real(f64::INFINITY), "float('inf')"),
        (text(""), "''"),
        (text("a\0é\r\n😀"), "'a\\0é\\r\\n😀'"),
        (Key::Bytes(vec![]), "b''"),
        (Key::Bytes(vec![0, 255]), "b'\\x00\\xff'"),
    ] {
        subject.set(&key, &string("v"), (expected, "'v'"));
    }
    for (number, (value, expected)) in [
        (Value::Integer(i64::MAX), "2**63 - 1"),
        (Value::Integer(i64::MIN), "-2**63"),
        (Value::Real(-0.0), "-0.0"),
        (Value::Real(2.0), "2.0"),
        (Value::Real(f64::MIN_POSITIVE / 2.0), "2.0**-1023"),
        (Value::Real(f64::NEG_INFINITY), "float('-inf')"),
        (string(""), "''"),
        (string("v\0é\r"), "'v\\0é\\r'"),
        (string(&"x".repeat(32_767)), "'x' * 32767"),
        (string(&"x\n".repeat(16_384)), "'x\\n' * 16384"),
        (string(&"é".repeat(32_767)), "'é' * 32767"),
        (string(&"é".repeat(32_768)), "'é' * 32768"),
        (string(&"a\r\nb\rc\n".repeat(20_000)), "'a\\r\\nb\\rc\\n' * 20000"),
        (string(&("😀".repeat(2_000_000) + "\n")), "'😀' * 2000000 + '\\n'"),
        (Value::Bytes(vec![]), "b''"),
        (Value::Bytes(vec![13; 32_767]), "b'\\r' * 32767"),
        (Value::Bytes(vec![13; 32_768]), "b'\\r' * 32768"),
        (Value::Bytes((0..=255).cycle().take(10_000_000).collect()), "(bytes(range(256)) * 39063)[:10_000_000]"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = i64::try_from(number).unwrap() + 1;
        subject.set(&Key::Integer(number), &value, (&number.to_string(), expected));
    }
}

#[test]
fn every_native_key_and_value_is_read_as_it_was_stored_in_its_order() {
    for (shards, threshold) in [(1, None), (3, Some(1)), (1, Some(1 << 20))] {
        let changes = Changes { inline_threshold: threshold, ..Changes::default() };
        let mut subject = Subject::with(&OpenOptions { shards: Some(shards), changes, ..OpenOptions::default() });
        natives(&mut subject);
        let target = subject.directory.path().join("export");
        let report = export(&mut subject.cache, &target);
        subject.verify(&target);
        assert_eq!(report.problems, Vec::<String>::new());
        let counts = report.counts;
        assert_eq!((counts.exported, counts.in_files, counts.pickled_texts), (26, 5, 0));
    }
}

#[test]
fn compressed_values_are_exported_as_they_were_before() {
    let changes = Changes { compression: Some(larder_engine::Compression::Zstd), ..Changes::default() };
    let mut subject = Subject::with(&OpenOptions { changes, ..OpenOptions::default() });
    natives(&mut subject);
    let target = subject.directory.path().join("export");
    export(&mut subject.cache, &target);
    subject.verify(&target);
}

#[test]
fn very_long_text_with_carriage_returns_is_read_byte_for_byte() {
    let mut subject = Subject::new();
    let (line, times) = ("é\r\n", 3_000_000);
    let mut writer = subject.cache.write(&text("long"), Content::Text, &SetOptions::default()).unwrap();
    for _ in 0..100 {
        writer.append(&mut subject.cache, line.repeat(times / 100).as_bytes()).unwrap();
    }
    writer.finish(&mut subject.cache).unwrap();
    subject.expect("'long'", &format!("'é\\r\\n' * {times}"), "None");
    let target = subject.directory.path().join("export");
    let report = export(&mut subject.cache, &target);
    subject.verify(&target);
    assert_eq!((report.counts.exported, report.counts.pickled_texts, report.counts.pickled_values), (1, 1, 0));
}

#[test]
fn the_database_is_the_one_diskcache_itself_makes() {
    for (policy, name) in [
        (Policy::None, "none"),
        (Policy::LeastRecentlyStored, "least-recently-stored"),
        (Policy::LeastRecentlyUsed, "least-recently-used"),
        (Policy::LeastFrequentlyUsed, "least-frequently-used"),
    ] {
        let size_limit = Limit::AtMost(5_000_000);
        let changes = Changes { policy: Some(policy), size_limit, ..Changes::default() };
        let mut subject = Subject::with(&OpenOptions { changes, ..OpenOptions::default() });
        let target = subject.directory.path().join("export");
        let report = export(&mut subject.cache, &target);
        assert_eq!(report.counts.exported, 0);
        python("compare.py", &[target.to_str().unwrap(), name, "5000000"], "");
        subject.verify(&target);
    }
}

#[test]
fn an_export_that_takes_more_than_the_limit_of_the_cache_is_not_evicted_for_that() {
    // Compressed it fits, as diskcache keeps it it does not.
    let changes = Changes {
        compression: Some(larder_engine::Compression::Zstd),
        size_limit: Limit::AtMost(1_000_000),
        ..Changes::default()
    };
    let mut subject = Subject::with(&OpenOptions { changes, ..OpenOptions::default() });
    for number in 0..20 {
        let value = Value::Bytes(vec![7; 100_000]);
        subject.set(&Key::Integer(number), &value, (&number.to_string(), "b'\\x07' * 100000"));
    }
    let target = subject.directory.path().join("export");
    export(&mut subject.cache, &target);
    subject.verify(&target);
}

#[test]
fn python_gets_its_objects_back_from_an_import() {
    for kind in ["cache", "fanout"] {
        let (source, directory) = (make(kind), tempfile::tempdir().unwrap());
        let mut cache = empty(&directory);
        import(source.path(), &mut cache);
        let mut subject = Subject { directory, cache, expected: Vec::new() };
        let target = subject.directory.path().join("export");
        let report = export(&mut subject.cache, &target);
        let counts = report.counts;
        assert_eq!((counts.exported, counts.nan_values, counts.dropped_tags), (10, 1, 0));
        assert_eq!((counts.pickled_keys, counts.pickled_values, counts.in_files), (1, 3, 2));
        let output = python("natives.py", &[target.to_str().unwrap()], "");
        assert_eq!(output, "all is there\n");
    }
}

#[test]
fn only_bytes_marked_as_pickles_become_pickles() {
    let mut subject = Subject::new();
    let pickle = Value::Bytes(b"\x80\x04K\x07.".to_vec());
    let both = tagged(&[PICKLED_KEY_TAG, PICKLED_VALUE_TAG, "mine"]);
    subject.cache.set(&Key::Bytes(b"\x80\x04\x95\x04\0\0\0\0\0\0\0K\x05\x85.".to_vec()), &pickle, &both).unwrap();
    subject.cache.set(&text("k"), &pickle, &SetOptions::default()).unwrap();
    subject.cache.set(&text("words"), &Value::Text("no pickle".into()), &tagged(&[PICKLED_VALUE_TAG])).unwrap();
    // The keys were pickled with protocol 4, so python has to go on with it.
    subject.expect("(5,)", "7", "'mine'");
    subject.expect("'k'", "b'\\x80\\x04K\\x07.'", "None");
    subject.expect("'words'", "'no pickle'", &format!("{PICKLED_VALUE_TAG:?}"));
    let target = subject.directory.path().join("export");
    let report = export(&mut subject.cache, &target);
    assert_eq!((report.counts.pickled_keys, report.counts.pickled_values), (1, 1));
    subject.verify(&target);
}

#[test]
fn the_first_tag_is_kept_and_times_are_those_of_the_cache() {
    let platform = TestPlatform::new();
    let directory = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(directory.path(), &OpenOptions::default(), platform.clone()).unwrap();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds are exact for 285,000 years")]
    let now = platform.wall_ms() as f64;
    let brief = SetOptions { ttl: Expiry::After(5_000), ..tagged(&["z", "a", "m"]) };
    cache.set(&text("brief"), &Value::Integer(1), &brief).unwrap();
    cache.set(&text("sliding"), &Value::Integer(2), &SetOptions { sliding: true, ..brief }).unwrap();
    cache.set(&text("gone"), &Value::Integer(3), &SetOptions { ttl: Expiry::After(10), ..tagged(&[]) }).unwrap();
    platform.advance(10);
    let target = directory.path().join("export");
    let counts = export(&mut cache, &target).counts;
    assert_eq!((counts.exported, counts.dropped_tags, counts.sliding, counts.expired), (2, 4, 1, 1));
    let connection = rusqlite::Connection::open(target.join("cache.db")).unwrap();
    let mut statement = connection
        .prepare("SELECT key, tag, store_time, expire_time, access_time, access_count FROM Cache ORDER BY rowid")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let time = |column| row.get(column).map(|seconds: f64| (seconds * 1000.0).round() - now);
        Ok((row.get(0)?, row.get(1)?, time(2)?, time(3)?, time(4)?, row.get(5)?))
    });
    let rows: Vec<(String, String, f64, f64, f64, i64)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let row = |key: &str| (key.to_owned(), "a".to_owned(), 0.0, 5_000.0, 0.0, 0);
    assert_eq!(rows, [row("brief"), row("sliding")]);
}

#[test]
fn queues_are_pulled_in_their_order() {
    let mut subject = Subject::with(&OpenOptions { shards: Some(2), ..OpenOptions::default() });
    let cache = &mut subject.cache;
    for (queue, value, side) in
        [("jobs", 1, Side::Back), ("jobs", 2, Side::Back), ("jobs", 0, Side::Front), ("", 7, Side::Back)]
    {
        cache.push(queue, &Value::Integer(value), side, &SetOptions::default()).unwrap();
    }
    cache.push("long", &Value::Bytes(vec![1; 40_000]), Side::Back, &SetOptions::default()).unwrap();
    cache.set(&text("key"), &Value::Integer(5), &SetOptions::default()).unwrap();
    let target = subject.directory.path().join("export");
    let counts = export(cache, &target).counts;
    assert_eq!((counts.exported, counts.queued, counts.collisions, counts.in_files), (6, 5, 0, 1));
    let pulled = python("pull.py", &[target.to_str().unwrap(), "jobs", ""], "");
    assert_eq!(pulled, "[0, 1, 2]\n[7]\n");
}

#[test]
fn a_queue_whose_keys_would_mix_with_others_is_counted_and_passed_over() {
    let mut subject = Subject::new();
    let cache = &mut subject.cache;
    cache.set(&text("jobs-5"), &Value::Integer(5), &SetOptions::default()).unwrap();
    for queue in ["a", "a-1", "b", "jobs"] {
        for value in 0..2 {
            cache.push(queue, &Value::Integer(value), Side::Back, &SetOptions::default()).unwrap();
        }
    }
    let target = subject.directory.path().join("export");
    let report = export(cache, &target);
    assert_eq!((report.counts.exported, report.counts.queued, report.counts.collisions), (5, 4, 4));
    assert_eq!(report.problems.len(), 2);
    assert!(report.problems.iter().any(|problem| problem.contains("\"jobs\"")), "{:?}", report.problems);
    assert!(report.problems.iter().any(|problem| problem.contains("\"a-1\"")), "{:?}", report.problems);
    let pulled = python("pull.py", &[target.to_str().unwrap(), "a", "b"], "");
    assert_eq!(pulled, "[0, 1]\n[0, 1]\n");
}

#[test]
fn what_can_not_be_exported_is_counted_and_named() {
    let mut subject = Subject::new();
    subject.cache.set(&text("nan"), &Value::Real(f64::NAN), &SetOptions::default()).unwrap();
    for name in ["lost", "altered"] {
        subject.cache.set(&text(name), &Value::Bytes(vec![1; 600_000]), &SetOptions::default()).unwrap();
    }
    subject.set(&text("sound"), &Value::Integer(1), ("'sound'", "1"));
    let files = value_files(subject.directory.path());
    assert_eq!(files.len(), 2);
    std::fs::remove_file(&files[0]).unwrap();
    let mut content = std::fs::read(&files[1]).unwrap();
    content[400_000] ^= 1;
    std::fs::write(&files[1], content).unwrap();
    let target = subject.directory.path().join("export");
    let report = export(&mut subject.cache, &target);
    assert_eq!((report.counts.exported, report.counts.nan_values, report.counts.damaged), (1, 1, 2));
    assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    subject.verify(&target);
    // Whether what is left was evicted or not: the original is as it was.
    assert_eq!(subject.cache.measure(&Selection::All, true).unwrap().0, 4);
}

fn value_files(root: &Path) -> Vec<std::path::PathBuf> {
    let (mut files, mut pending) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = pending.pop() {
        for path in std::fs::read_dir(directory).unwrap().map(|child| child.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else if path.components().any(|part| part.as_os_str() == "values") {
                files.push(path);
            }
        }
    }
    files
}
