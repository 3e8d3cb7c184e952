//! Values written and read in parts.

use larder_engine::{Cache, Changes, Compression, Content, Error, Limit, OpenOptions, Value, ValueReader};

use crate::support::{self, Fixture, Shared, existing, lasting, plain, put, text, value_files};

fn with(compression: Compression) -> OpenOptions {
    let changes = Changes { compression: Some(compression), ..Changes::default() };
    OpenOptions { changes, ..OpenOptions::default() }
}

/// Bytes that tell where they stand and can be compressed.
fn content(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().flat_map(|byte| [byte; 1000]).take(length).collect()
}

/// Whether this was found.
fn same(found: Option<&Value>, expected: &Value) -> bool {
    found.is_some_and(|found| support::same(found, expected))
}

fn write(cache: &mut Cache, key: &str, parts: &[&[u8]], kind: Content) -> Result<u64, Error> {
    let mut writer = cache.write(&text(key), kind, &plain())?;
    parts.iter().try_for_each(|part| writer.append(cache, part))?;
    writer.finish(cache)
}

fn rest(reader: &mut ValueReader) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let part = reader.read(100_000).unwrap();
        if part.is_empty() {
            return all;
        }
        all.extend_from_slice(part);
    }
}

#[test]
fn a_value_written_in_parts_is_that_written_whole_and_the_other_way() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let mut fixture = Fixture::with(&with(compression));
        let cache = &mut fixture.cache;
        for length in [0, 1, 40, 32 * 1024 - 1, 32 * 1024, 300_000, 2 * 256 * 1024, 1_000_001] {
            let value = content(length);
            let parts: Vec<&[u8]> = value.chunks(70_001).collect();
            let version = write(cache, "parts", &parts, Content::Bytes).unwrap();
            assert_eq!(cache.get_entry(&text("parts")).unwrap().unwrap().metadata.version, version);
            assert!(same(cache.get(&text("parts")).unwrap().as_ref(), &Value::Bytes(value.clone())), "{length}");
            cache.set(&text("whole"), &Value::Bytes(value.clone()), &plain()).unwrap();
            let mut reader = cache.read(&text("whole")).unwrap().unwrap();
            assert_eq!((reader.size(), reader.is_text()), (length as u64, false));
            assert!(rest(&mut reader) == value, "{compression:?} {length}");
        }
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}

#[test]
fn compressed_values_take_less_room_and_old_ones_stay_readable() {
    let mut fixture = Fixture::new();
    let large = Value::Bytes(content(1_000_000));
    let small = Value::Text("the same ".repeat(300));
    let mut volumes = Vec::new();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let changes = Changes { compression: Some(compression), ..Changes::default() };
        fixture.cache.configure(&changes).unwrap();
        assert_eq!(fixture.cache.information().unwrap().settings.compression, compression);
        let before = fixture.cache.volume().unwrap();
        fixture.cache.set(&text(&format!("large {compression:?}")), &large, &plain()).unwrap();
        volumes.push(fixture.cache.volume().unwrap() - before);
        fixture.cache.set(&text(&format!("small {compression:?}")), &small, &plain()).unwrap();
    }
    assert!(volumes[0] >= 1_000_000 && volumes[1] < 100_000 && volumes[2] < 100_000, "{volumes:?}");
    fixture.reopen(&existing());
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        for (size, value) in [("large", &large), ("small", &small)] {
            let found = fixture.cache.get(&text(&format!("{size} {compression:?}"))).unwrap();
            assert!(same(found.as_ref(), value), "{size} {compression:?}");
        }
    }
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn ranges_are_read_from_anywhere() {
    let mut fixture = Fixture::with(&with(Compression::Lz4));
    let value = content(900_000);
    fixture.cache.set(&text("key"), &Value::Bytes(value.clone()), &plain()).unwrap();
    let mut reader = fixture.cache.read(&text("key")).unwrap().unwrap();
    for place in [899_999, 0, 262_143, 262_144, 500_000] {
        reader.seek(place as u64).unwrap();
        let part = reader.read(10).unwrap();
        assert!(!part.is_empty() && value[place..].starts_with(part));
    }
    reader.seek(900_000).unwrap();
    assert_eq!(reader.read(10).unwrap(), b"");
    assert!(matches!(reader.seek(900_001), Err(Error::InvalidArgument(_))));
    for limit in [0, larder_engine::PART_LIMIT + 1] {
        assert!(matches!(reader.read(limit), Err(Error::InvalidArgument(_))));
    }
}

#[test]
fn nobody_sees_a_value_before_it_is_finished_and_given_up_it_leaves_nothing() {
    let mut fixture = Fixture::new();
    put(&mut fixture.cache, "key", 1);
    let mut writer = fixture.cache.write(&text("key"), Content::Bytes, &plain()).unwrap();
    writer.append(&mut fixture.cache, &content(400_000)).unwrap();
    assert!(same(fixture.cache.get(&text("key")).unwrap().as_ref(), &Value::Integer(1)));
    assert_eq!(value_files(fixture.path()).len(), 1);
    assert_eq!(fixture.cache.check().unwrap(), [], "a file being written is no damage");
    writer.abandon(&mut fixture.cache);
    assert_eq!(value_files(fixture.path()).len(), 0);
    assert_eq!(writer.append(&mut fixture.cache, b"more"), Err(Error::Closed));
    assert_eq!(writer.finish(&mut fixture.cache), Err(Error::Closed));
    assert!(same(fixture.cache.get(&text("key")).unwrap().as_ref(), &Value::Integer(1)));
}

#[test]
fn a_file_left_behind_is_removed_by_the_next_owner() {
    let mut fixture = Fixture::new();
    let mut writer = fixture.cache.write(&text("key"), Content::Bytes, &plain()).unwrap();
    writer.append(&mut fixture.cache, &content(400_000)).unwrap();
    fixture.reopen(&existing());
    assert_eq!(value_files(fixture.path()).len(), 0);
    // Its file is gone: what was begun under one owner is not finished under another.
    assert!(matches!(writer.finish(&mut fixture.cache), Err(Error::Locked(_))));
    assert_eq!(fixture.cache.count().unwrap(), 0);
    assert_eq!(fixture.cache.check().unwrap(), []);
}

#[test]
fn text_is_text_wherever_it_is_cut_and_other_bytes_are_refused_or_detected() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let (long, euro) = ("é".repeat(50_000), "€".as_bytes());
    for kind in [Content::Text, Content::Detected] {
        write(cache, "text", &[long.as_bytes(), &euro[..1], &euro[1..]], kind).unwrap();
        let mut reader = cache.read(&text("text")).unwrap().unwrap();
        assert!(reader.is_text());
        assert!(rest(&mut reader) == format!("{long}€").into_bytes());
    }
    for (parts, what) in [([long.as_bytes(), b"\xff"], "not UTF-8"), ([long.as_bytes(), &euro[..2]], "ends inside")] {
        let refused = write(cache, "other", &parts, Content::Text);
        assert!(matches!(&refused, Err(Error::InvalidArgument(text)) if text.contains(what)), "{refused:?}");
        write(cache, "bytes", &parts, Content::Detected).unwrap();
        assert!(!cache.read(&text("bytes")).unwrap().unwrap().is_text());
        assert!(same(cache.get(&text("bytes")).unwrap().as_ref(), &Value::Bytes(parts.concat())));
    }
    assert!(!cache.contains(&text("other")).unwrap());
    assert_eq!(value_files(fixture.path()).len(), 2);
}

#[test]
fn a_reader_keeps_the_value_it_has_begun_with() {
    let mut fixture = Fixture::new();
    let value = content(700_000);
    for end in ["replaced", "deleted"] {
        fixture.cache.set(&text("key"), &Value::Bytes(value.clone()), &plain()).unwrap();
        let mut reader = fixture.cache.read(&text("key")).unwrap().unwrap();
        assert!(!reader.read(1000).unwrap().is_empty());
        reader.seek(0).unwrap();
        if end == "replaced" {
            fixture.cache.set(&text("key"), &Value::Bytes(content(100_000)), &plain()).unwrap();
        } else {
            fixture.cache.delete(&text("key")).unwrap();
        }
        assert!(rest(&mut reader) == value, "{end}");
    }
}

#[test]
fn what_can_not_be_read_in_parts_is_said_by_name() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    assert!(cache.read(&text("missing")).unwrap().is_none());
    put(cache, "number", 1);
    assert!(matches!(cache.read(&text("number")), Err(Error::WrongType(what)) if what.contains("an integer")));
    cache.set(&text("short"), &Value::Text("x".repeat(40_000)), &lasting(1000)).unwrap();
    fixture.platform.advance(2000);
    assert!(fixture.cache.read(&text("short")).unwrap().is_none(), "expired");
}

#[test]
fn damage_shows_where_it_is_read() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("key"), &Value::Bytes(content(600_000)), &plain()).unwrap();
    let file = value_files(fixture.path()).pop().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let mut reader = fixture.cache.read(&text("key")).unwrap().unwrap();
    assert!(matches!(reader.read(10), Err(Error::Corrupt(what)) if what.contains("key")));
    reader.seek(300_000).unwrap();
    assert_eq!(reader.read(1).unwrap(), [44], "the 300th thousand");
    assert!(matches!(fixture.cache.get(&text("key")), Err(Error::Corrupt(_))));
    std::fs::write(&file, &bytes[..100]).unwrap();
    assert!(matches!(fixture.cache.read(&text("key")), Err(Error::Corrupt(_))));
    assert_eq!(fixture.cache.check().unwrap().len(), 1);
}

#[test]
fn a_value_that_becomes_too_large_is_refused_on_the_way() {
    let changes = Changes { size_limit: Limit::AtMost(2 << 20), ..Changes::default() };
    let mut fixture = Fixture::with(&OpenOptions { changes, ..OpenOptions::default() });
    let mut writer = fixture.cache.write(&text("key"), Content::Bytes, &plain()).unwrap();
    let part = content(200_000);
    let refused = (0..20).find_map(|_| writer.append(&mut fixture.cache, &part).err());
    assert!(matches!(refused, Some(Error::TooLarge { .. })), "{refused:?}");
    assert_eq!(value_files(fixture.path()).len(), 0);
    assert_eq!(writer.append(&mut fixture.cache, b""), Err(Error::Closed));
}

#[test]
fn a_value_too_large_to_be_read_whole_is_read_in_parts() {
    let mut fixture = Fixture::with(&with(Compression::Lz4));
    let part = vec![7; 1 << 20];
    let mut writer = fixture.cache.write(&text("key"), Content::Bytes, &plain()).unwrap();
    for _ in 0..130 {
        writer.append(&mut fixture.cache, &part).unwrap();
    }
    writer.finish(&mut fixture.cache).unwrap();
    let whole = fixture.cache.get(&text("key"));
    assert!(matches!(whole, Err(Error::TooLarge { what, .. }) if what.contains("in parts")));
    let mut reader = fixture.cache.read(&text("key")).unwrap().unwrap();
    assert_eq!(reader.size(), 130 << 20);
    reader.seek((130 << 20) - 3).unwrap();
    assert_eq!(reader.read(10).unwrap(), [7; 3]);
    assert_eq!(fixture.cache.check().unwrap(), []);
    assert!(fixture.cache.delete(&text("key")).unwrap());
    assert_eq!(value_files(fixture.path()).len(), 0);
}

#[test]
fn writing_in_parts_waits_for_the_transaction_of_the_same_handle_and_loses_nothing() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let mut writer = cache.write(&text("key"), Content::Bytes, &plain()).unwrap();
    writer.append(cache, b"before, ").unwrap();
    let ticket = cache.begin().unwrap();
    assert_eq!(writer.append(cache, b"during"), Err(Error::InTransaction));
    assert_eq!(writer.finish(cache), Err(Error::InTransaction));
    cache.commit(ticket).unwrap();
    writer.append(cache, b"after").unwrap();
    writer.finish(cache).unwrap();
    assert!(same(cache.get(&text("key")).unwrap().as_ref(), &Value::Bytes(b"before, after".to_vec())));
}

#[test]
fn the_last_to_finish_wins_and_others_see_whole_values() {
    let shared = Shared::new();
    let (mut one, mut two) = (shared.open(1, &OpenOptions::default()), shared.open(2, &OpenOptions::default()));
    let mut first = one.write(&text("key"), Content::Bytes, &plain()).unwrap();
    let mut second = two.write(&text("key"), Content::Bytes, &plain()).unwrap();
    first.append(&mut one, &vec![1; 100_000]).unwrap();
    second.append(&mut two, &vec![2; 100_000]).unwrap();
    second.finish(&mut two).unwrap();
    assert!(same(one.get(&text("key")).unwrap().as_ref(), &Value::Bytes(vec![2; 100_000])));
    first.finish(&mut one).unwrap();
    assert!(same(two.get(&text("key")).unwrap().as_ref(), &Value::Bytes(vec![1; 100_000])));
    assert_eq!(value_files(shared.directory.path()).len(), 1);
}
