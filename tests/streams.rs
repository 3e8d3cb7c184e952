//! Values written and read in parts, through the component in both worlds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use larder_tests::component::types::{Error, Value};
use larder_tests::component::wit::{Changes, Compression, Content, Limit};
use larder_tests::component::{Host, Instance, World, changes, plain, text_key, ttl, with};
use wasmtime_wasi::p2::pipe::{ClosedInputStream, ClosedOutputStream, MemoryInputPipe, MemoryOutputPipe};

/// Memory of the component in these tests.
const MEMORY: usize = 64 << 20;

/// Runs a test in both worlds with every compression, and looks whether all is well afterwards.
fn everywhere(test: impl Fn(&mut Instance)) {
    for world in [World::Shared, World::Standalone] {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let directory = tempfile::tempdir().unwrap();
            let changes = Changes { compression: Some(compression), size_limit: Limit::Unlimited, ..changes() };
            let mut cache = Host::of(world).open(directory.path(), with(changes)).unwrap();
            cache.limit_memory(MEMORY);
            test(&mut cache);
            assert_eq!(cache.check().unwrap(), [], "{world:?} {compression:?}");
            assert_eq!(cache.info().unwrap().compression, compression);
            cache.close().unwrap();
        }
    }
}

/// Bytes that tell where they stand.
fn content(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().flat_map(|byte| [byte; 1000]).take(length).collect()
}

#[test]
fn streams_are_stored_and_come_back() {
    everywhere(|cache| {
        for length in [0, 1, 5000, 32 * 1024, 1_000_000] {
            let (key, value) = (text_key("key"), content(length));
            let writer = cache.write(&key, Content::Bytes, &plain()).unwrap();
            assert_eq!(cache.receive(&writer, MemoryInputPipe::new(value.clone()), None), Ok(length as u64));
            let version = cache.finish(&writer).unwrap();
            cache.drop_part(&writer);
            let entry = cache.get_entry(&key).unwrap().unwrap();
            assert!((entry.metadata.version, &entry.value) == (version, &Value::Bytes(value.clone())));

            let reader = cache.read(&key).unwrap().unwrap();
            assert_eq!(cache.about(&reader), (length as u64, false));
            let pipe = MemoryOutputPipe::new(usize::MAX);
            assert_eq!(cache.send(&reader, 0, pipe.clone(), None), Ok(length as u64));
            assert!(pipe.contents() == value, "{length}");
            cache.drop_part(&reader);
        }
    });
}

#[test]
fn as_much_of_a_stream_is_taken_and_given_as_was_asked_for() {
    everywhere(|cache| {
        let (key, value) = (text_key("key"), content(700_000));
        let writer = cache.write(&key, Content::Detected, &plain()).unwrap();
        assert_eq!(cache.receive(&writer, MemoryInputPipe::new(value.clone()), Some(600_000)), Ok(600_000));
        cache.append(&writer, b"and then").unwrap();
        cache.finish(&writer).unwrap();
        cache.drop_part(&writer);
        let reader = cache.read(&key).unwrap().unwrap();
        let pipe = MemoryOutputPipe::new(usize::MAX);
        assert_eq!(cache.send(&reader, 300_000, pipe.clone(), Some(300_004)), Ok(300_004));
        assert!(pipe.contents() == [&value[300_000..600_000], b"and "].concat());
        assert_eq!(cache.read_at(&reader, 600_004, 100), Ok(b"then".to_vec()));
        assert!(matches!(cache.read_at(&reader, 600_009, 100), Err(Error::InvalidArgument(_))));
        assert!(matches!(cache.read_at(&reader, 0, 0), Err(Error::InvalidArgument(_))));
        cache.drop_part(&reader);
    });
}

#[test]
fn a_writer_dropped_or_refused_leaves_no_trace() {
    everywhere(|cache| {
        let key = text_key("key");
        let writer = cache.write(&key, Content::Text, &plain()).unwrap();
        cache.append(&writer, &vec![b'x'; 400_000]).unwrap();
        cache.drop_part(&writer);
        let writer = cache.write(&key, Content::Text, &plain()).unwrap();
        cache.append(&writer, &vec![b'x'; 400_000]).unwrap();
        assert!(matches!(cache.append(&writer, b"\xff"), Err(Error::InvalidArgument(_))));
        assert_eq!(cache.append(&writer, b"x"), Err(Error::Closed));
        assert_eq!(cache.receive(&writer, ClosedInputStream, None), Err(Error::Closed));
        assert_eq!(cache.finish(&writer), Err(Error::Closed));
        cache.drop_part(&writer);
        assert!(matches!(cache.write(&key, Content::Text, &ttl(u64::MAX)), Err(Error::Overflow(_))));
        assert_eq!((cache.count().unwrap(), cache.contains(&key).unwrap()), (0, false));
    });
}

#[test]
fn a_stream_that_is_closed_is_an_end_to_read_and_an_error_to_write() {
    everywhere(|cache| {
        let key = text_key("key");
        let writer = cache.write(&key, Content::Bytes, &plain()).unwrap();
        cache.append(&writer, b"value").unwrap();
        assert_eq!(cache.receive(&writer, ClosedInputStream, None), Ok(0));
        cache.finish(&writer).unwrap();
        cache.drop_part(&writer);
        let reader = cache.read(&key).unwrap().unwrap();
        assert!(
            matches!(cache.send(&reader, 0, ClosedOutputStream, None), Err(Error::Io(text)) if text.contains("stream"))
        );
        assert_eq!(cache.read_at(&reader, 0, 100), Ok(b"value".to_vec()));
        cache.drop_part(&reader);
    });
}

#[test]
fn a_transaction_goes_first_and_what_was_written_so_far_stays() {
    everywhere(|cache| {
        let key = text_key("key");
        let writer = cache.write(&key, Content::Bytes, &plain()).unwrap();
        cache.append(&writer, &vec![1; 50_000]).unwrap();
        cache.begin().unwrap();
        assert_eq!(cache.append(&writer, b"no"), Err(Error::InTransaction));
        assert_eq!(cache.finish(&writer), Err(Error::InTransaction));
        cache.end(true).unwrap();
        cache.append(&writer, &vec![2; 50_000]).unwrap();
        cache.finish(&writer).unwrap();
        cache.drop_part(&writer);
        assert_eq!(cache.get(&key), Ok(Some(Value::Bytes([vec![1; 50_000], vec![2; 50_000]].concat()))));
        // Given up in the middle of a transaction.
        let writer = cache.write(&key, Content::Bytes, &plain()).unwrap();
        cache.append(&writer, &vec![3; 50_000]).unwrap();
        cache.begin().unwrap();
        cache.drop_part(&writer);
        cache.end(true).unwrap();
    });
}

/// Writes a value of so many MiB and reads it again, in parts, with [`MEMORY`] for the component.
fn pass_through(world: World, compression: Compression, mebibytes: u64) {
    let directory = tempfile::tempdir().unwrap();
    let changes = Changes { compression: Some(compression), size_limit: Limit::Unlimited, ..changes() };
    let mut cache = Host::of(world).open(directory.path(), with(changes)).unwrap();
    cache.limit_memory(MEMORY);
    let (key, mut part, size) = (text_key("huge"), content(1 << 20), mebibytes << 20);
    let writer = cache.write(&key, Content::Bytes, &plain()).unwrap();
    for number in 0..mebibytes {
        part[..8].copy_from_slice(&number.to_le_bytes());
        cache.append(&writer, &part).unwrap();
    }
    cache.finish(&writer).unwrap();
    cache.drop_part(&writer);

    assert!(matches!(cache.get(&key), Err(Error::TooLarge(excess)) if excess.size == size));
    let reader = cache.read(&key).unwrap().unwrap();
    assert_eq!(cache.about(&reader), (size, false));
    let mut place = 0;
    while place < size {
        let read = cache.read_at(&reader, place, 1 << 20).unwrap();
        part[..8].copy_from_slice(&(place >> 20).to_le_bytes());
        let expected = &part[usize::try_from(place % (1 << 20)).unwrap()..];
        assert!(!read.is_empty() && expected.starts_with(&read), "at {place}");
        place += read.len() as u64;
    }
    cache.drop_part(&reader);
    assert_eq!(cache.delete(&key), Ok(true));
    assert!(cache.volume().unwrap() < 1 << 20);
    cache.close().unwrap();
}

#[test]
fn a_value_of_2_gib_goes_through_a_component_with_64_mib() {
    pass_through(World::Shared, Compression::Lz4, 2048);
}

#[test]
fn values_larger_than_the_memory_go_through_in_the_other_world_and_as_they_are() {
    pass_through(World::Standalone, Compression::Zstd, 192);
    pass_through(World::Standalone, Compression::None, 192);
}
