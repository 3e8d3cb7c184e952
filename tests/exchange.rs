//! Exports of whole components, read by the real python-diskcache; and what is in their way.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use larder::{Cache, Content, Error, SetOptions, Side};
use larder_tests::component::types::{Error as WitError, Key, Value};
use larder_tests::component::wit::OpenOptions;
use larder_tests::component::{Host, World, options, plain, tagged, text, text_key};
use larder_tests::python;
use larder_tests::worker::Worker;

const WORKER: &str = env!("CARGO_BIN_EXE_larder-worker");

/// Checks a directory and prints its entries: values in short, tags, pulled queues last.
const SHOW: &str = r#"
import sys, diskcache
with diskcache.Cache(sys.argv[1]) as cache:
    assert cache.check() == [], [str(warning.message) for warning in cache.check()]
    for key in cache:
        value, tag = cache.get(key, tag=True)
        size = f"{type(value).__name__} of {len(value)}" if isinstance(value, (str, bytes)) and len(value) > 99 else value
        print(repr(key), repr(size), tag)
    print([cache.pull(prefix="jobs")[1] for _ in range(3)])
"#;

#[test]
fn python_opens_what_either_component_has_exported() {
    for world in [World::Shared, World::Standalone] {
        let directory = tempfile::tempdir().unwrap();
        let sharded = OpenOptions { shards: Some(2), ..options() };
        fs::create_dir(directory.path().join("larder")).unwrap();
        let mut cache = Host::of(world).open_at(directory.path(), "/cache/larder", sharded).unwrap();
        cache.set(&Key::Integer(1), &Value::Real(0.5), &plain()).unwrap();
        cache.set(&Key::Bytes(vec![7]), &Value::Bytes(vec![1; 300_000]), &tagged(&["b", "a"])).unwrap();
        cache.set(&text_key("é"), &text(&"line\n".repeat(20_000)), &plain()).unwrap();
        cache.set(&text_key("crlf"), &text(&"line\r\n".repeat(20_000)), &plain()).unwrap();
        for job in ["one", "two"] {
            cache.push("jobs", &text(job), larder_tests::component::types::Side::Back, &plain()).unwrap();
        }
        let report = cache.export_diskcache("/cache/export").unwrap();
        assert_eq!((report.exported, report.queued, report.in_files, report.dropped_tags), (6, 2, 2, 1));
        assert_eq!(report.problems, Vec::<String>::new());
        let shown = python::run(SHOW, &[&directory.path().join("export")]);
        let expected = "1 0.5 None\nb'\\x07' 'bytes of 300000' a\n'é' 'str of 100000' None\n'crlf' 'str of 120000' None\n\
            'jobs-500000000000000' 'one' None\n'jobs-500000000000001' 'two' None\n['one', 'two', None]\n";
        assert_eq!(shown, expected, "{world:?}");

        let again = cache.export_diskcache("/cache/export");
        assert!(matches!(again, Err(WitError::InvalidArgument(what)) if what.contains("not empty")));
        let beyond = cache.export_diskcache("/elsewhere/export");
        assert!(matches!(beyond, Err(WitError::NotFound(_) | WitError::PermissionDenied(_))), "{beyond:?}");
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn what_the_crate_exports_it_imports_again() {
    let directory = tempfile::tempdir().unwrap();
    let [first, middle, last] = ["first", "middle", "last"].map(|name| directory.path().join(name));
    let cache = Cache::builder().allow_writing(&middle).open(&first).unwrap();
    for number in 0..1_000 {
        cache.set_with(number, format!("value {number}"), &SetOptions::new().tag("t")).unwrap();
    }
    cache.set("large", vec![1; 3_000_000]).unwrap();
    cache.push("jobs", "one", Side::Back, &SetOptions::new()).unwrap();
    let mut export = cache.export_diskcache(&middle).unwrap();
    let mut steps = 0;
    while !export.step().unwrap().finished {
        // Others go on meanwhile.
        cache.set("meanwhile", steps).unwrap();
        steps += 1;
    }
    assert!(steps > 2);
    assert!(export.report().unwrap().exported >= 1_002);
    drop(export);

    let other = Cache::builder().allow_reading(&middle).open(&last).unwrap();
    let mut import = other.import_diskcache(&middle).unwrap();
    while !import.step().unwrap().finished {}
    assert_eq!(other.get(7).unwrap(), Some("value 7".into()));
    assert_eq!(other.get("large").unwrap(), cache.get("large").unwrap());
    assert_eq!(other.get("jobs-500000000000000").unwrap(), Some("one".into()));
    assert_eq!(other.measure(larder::Selection::tag("t"), false).unwrap().count, 1_000);
}

#[test]
fn values_larger_than_the_memory_of_the_component_are_exported() {
    const SIZE: usize = 150 << 20;
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("export");
    let builder = Cache::builder().memory_limit(64 << 20).allow_writing(&target);
    let cache = builder.open(directory.path().join("cache")).unwrap();
    // Bytes, text as it is, and text that has to be pickled.
    for (key, line) in [("bytes", b"\xff23456789\n"), ("text", b"123456789\n"), ("returns", b"12345678\r\n")] {
        let mut writer = cache.write(key, Content::Detected, &SetOptions::new()).unwrap();
        let piece = line.repeat(100_000);
        for _ in 0..SIZE / piece.len() {
            writer.write_all(&piece).unwrap();
        }
        writer.finish().unwrap();
    }
    let mut export = cache.export_diskcache(&target).unwrap();
    while !export.step().unwrap().finished {}
    let report = export.report().unwrap();
    assert_eq!((report.exported, report.in_files, report.pickled_texts), (3, 3, 1));
    let lengths = "
import sys, diskcache
cache = diskcache.Cache(sys.argv[1])
assert cache.check() == []
for key, line in ('bytes', b'\\xff23456789\\n'), ('text', '123456789\\n'), ('returns', '12345678\\r\\n'):
    value = cache[key]
    assert value == line * (len(value) // 10), key
    print(len(value))
";
    let expected = format!("{}\n", SIZE / 1_000_000 * 1_000_000).repeat(3);
    assert_eq!(python::run(lengths, &[&target]), expected);
}

#[test]
fn only_a_directory_granted_for_writing_is_exported_to() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    fs::create_dir(&target).unwrap();
    for builder in [Cache::builder(), Cache::builder().allow_reading(&target)] {
        let cache = builder.open_temporary().unwrap();
        let refused = cache.export_diskcache(&target).map(drop);
        let named =
            |error: &Error| matches!(error, Error::NotFound(_) | Error::PermissionDenied(_) | Error::ReadOnly(_));
        assert!(refused.as_ref().is_err_and(named), "{refused:?}");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }
}

#[test]
fn a_directory_made_for_an_export_goes_again_if_the_cache_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    fs::create_dir(directory.path().join("empty")).unwrap();
    let opened = Cache::builder().create(false).allow_writing(&target).open(directory.path().join("empty"));
    assert!(matches!(opened, Err(Error::NotFound(_))), "{opened:?}");
    assert!(!target.exists());
}

#[test]
fn a_full_disk_ends_an_export_and_leaves_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(WORKER, "export-full", directory.path(), &[]);
    worker.expect("done");
    worker.finish();
    let entries = "import sys, diskcache; c = diskcache.Cache(sys.argv[1]); print(len(c), c.check())";
    assert_eq!(python::run(entries, &[&directory.path().join("export")]), "200 []\n");
}

#[test]
fn an_export_to_where_nothing_may_be_written_is_denied() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o555)).unwrap();
    let mut worker = Worker::start(WORKER, "export-denied", directory.path(), &[]);
    worker.expect("done");
    worker.finish();
}

#[test]
fn a_killed_export_leaves_no_cache_but_what_is_known_as_an_export() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(WORKER, "export-hold", directory.path(), &[]);
    worker.expect("ready");
    worker.kill();
    let target = directory.path().join("export");
    assert!(!target.join("cache.db").exists() && target.join("cache.db-draft").exists());
    let cache = Cache::builder().allow_writing(&target).open(directory.path().join("cache")).unwrap();
    let refused = cache.export_diskcache(&target).map(drop);
    assert!(matches!(refused, Err(Error::InvalidArgument(what)) if what.contains("did not come to its end")));
    assert_eq!(cache.check().unwrap(), []);
}
