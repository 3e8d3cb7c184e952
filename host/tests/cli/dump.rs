//! Dumps: what does not fit into memory, what is damaged, and what is in the way.

use std::fs;

use larder::{Cache, Draft, SetOptions, Side};

use crate::support::Shelf;

/// Names in the directory beside the cache.
fn names(shelf: &Shelf) -> Vec<String> {
    let children = fs::read_dir(shelf.path(".")).unwrap().map(|child| child.unwrap().file_name());
    let mut names: Vec<_> = children.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// A dump of so many entries.
fn dumped(shelf: &Shelf, count: u32) -> Vec<u8> {
    let cache = Cache::open(shelf.cache()).unwrap();
    cache.set_many((0..count).map(|number| Draft::new(format!("key:{number}"), "value ".repeat(20)))).unwrap();
    cache.push("jobs", "one", Side::Back, &SetOptions::new()).unwrap();
    cache.close().unwrap();
    shelf.run(["dump"]).output
}

#[test]
fn values_too_large_to_be_read_whole_are_streamed_with_their_tags_and_their_place() {
    let shelf = Shelf::new();
    let (bytes, text) = (vec![0xfe; 150 << 20], "é0123456789".repeat(12 << 20));
    fs::write(shelf.path("bytes"), &bytes).unwrap();
    fs::write(shelf.path("text"), &text).unwrap();
    shelf.ok(["set", "first", "1"]);
    shelf.ok(["set", "bytes", "--file", "bytes", "--tag", "a", "--tag", "b", "--ttl", "1h"]);
    shelf.ok(["set", "text", "--file", "text"]);
    shelf.ok(["set", "last", "2"]);
    assert!(shelf.ok(["dump", "all.dump"]).starts_with("dumped 4 entries"));
    assert_eq!(shelf.ok(["--dir", "other", "load", "all.dump"]), "loaded 4 entries\n");
    assert_eq!(shelf.ok(["--dir", "other", "keys"]), "first\nbytes\ntext\nlast\n");
    assert_eq!(shelf.ok(["--dir", "other", "keys", "--tag", "b"]), "bytes\n");
    assert!(shelf.run(["--dir", "other", "get", "bytes"]).output == bytes);
    assert!(shelf.run(["--dir", "other", "get", "text"]).output == text.as_bytes());
    let again = shelf.run(["--dir", "other", "dump", "again.dump"]);
    assert_eq!(again.code, 0, "{again:?}");
    let length = |name| fs::metadata(shelf.path(name)).unwrap().len();
    assert_eq!(length("again.dump"), length("all.dump"));
}

#[test]
fn what_is_no_dump_makes_no_cache() {
    let shelf = Shelf::new();
    let whole = dumped(&shelf, 3);
    for (input, sign) in [
        (&b""[..], "cut short"),
        (b"key,value\n", "not a Larder dump"),
        (&[0x1f, 0x8b, 8, 0], "not a Larder dump"),
        (&whole[1..], "not a Larder dump"),
        (&whole[..10], "cut short"),
    ] {
        let ran = shelf.run_with_input(["--dir", "new", "load"], input);
        assert!(ran.code == 3 && ran.error.contains(sign), "{sign}: {ran:?}");
        fs::write(shelf.path("file"), input).unwrap();
        let ran = shelf.run(["--dir", "new", "load", "file"]);
        assert!(ran.code == 3 && ran.error.contains(sign), "{sign}: {ran:?}");
        assert!(!shelf.path("new").exists(), "{sign}");
    }
    shelf.run(["--dir", "new", "load", "missing"]).assert_failed(3, "missing");
    shelf.run(["--dir", "new", "load", "."]).assert_failed(3, "directory");
    shelf.run(["--dir", "new", "dump"]).assert_failed(3, "no cache");
    shelf.run(["dump", "missing/all.dump"]).assert_failed(3, "missing");
}

#[test]
fn a_stream_that_is_cut_or_altered_tells_what_was_stored_before() {
    let shelf = Shelf::new();
    let whole = dumped(&shelf, 600);
    let mut counts = Vec::new();
    for (round, tenth) in (1..10).enumerate() {
        let (name, length) = (format!("cut{round}"), whole.len() * tenth / 10);
        let ran = shelf.run_with_input(["--dir", &name, "load"], &whole[..length]);
        assert!(ran.code == 3 && ran.error.contains("cut short"), "{length}: {ran:?}");
        let count = Cache::open(shelf.path(&name)).unwrap().count().unwrap();
        assert_eq!(ran.error.contains(&format!("loaded {count} entries, then it failed")), count > 0, "{ran:?}");
        assert_eq!(shelf.run(["--dir", &name, "check"]).code, 0);
        counts.push(count);
    }
    assert!(counts.is_sorted() && counts[0] == 0 && counts[8] == 512, "in transactions: {counts:?}");
    let mut altered = whole.clone();
    let place = altered.len() - 300;
    altered[place] ^= 1;
    let ran = shelf.run_with_input(["--dir", "altered", "load"], &altered);
    assert_eq!(ran.code, 3, "{ran:?}");
    fs::write(shelf.path("altered.dump"), &altered).unwrap();
    assert_eq!(shelf.run(["--dir", "none", "load", "altered.dump"]).code, 3);
    assert!(!shelf.path("none").exists());
    let more = [&whole[..], b"more"].concat();
    assert_eq!(shelf.run_with_input(["--dir", "more", "load"], &more).code, 3);
}

#[test]
fn a_dump_that_fails_leaves_the_one_before_as_it_is() {
    let shelf = Shelf::new();
    let before = dumped(&shelf, 3);
    fs::write(shelf.path("all.dump"), &before).unwrap();
    shelf.run_with_input(["set", "large"], &vec![7; 40_000]);
    let values = shelf.cache().join("data-00000001/shard-000/values");
    let directory = fs::read_dir(values).unwrap().next().unwrap().unwrap().path();
    let file = fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    fs::write(file, "altered").unwrap();
    shelf.run(["dump", "all.dump"]).assert_failed(3, "corrupt");
    assert_eq!(fs::read(shelf.path("all.dump")).unwrap(), before);
    assert_eq!(names(&shelf), ["all.dump", "cache"]);
}

#[test]
fn pipes_are_taken_for_files_by_name() {
    let shelf = Shelf::new();
    let whole = dumped(&shelf, 3);
    let ran = shelf.run_with_input(["--dir", "other", "load", "/dev/stdin"], &whole);
    assert_eq!((ran.code, ran.text().as_str()), (0, "loaded 4 entries\n"), "{ran:?}");
    let ran = shelf.run(["--quiet", "dump", "/dev/stdout"]);
    assert_eq!(shelf.run_with_input(["--dir", "third", "load"], &ran.output).text(), "loaded 4 entries\n");
}
