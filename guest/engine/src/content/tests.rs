use std::io::Cursor;

use super::*;
use crate::options::Compression;

const SEED: u64 = 0x1234_5678_9abc_def0;
const SEALED: u64 = 77;
const SEEDS: Seeds = Seeds { chunks: SEED, directory: SEALED };
const ALL: [Compression; 3] = [Compression::None, Compression::Lz4, Compression::Zstd];

/// Bytes that can be made smaller, and tell where they stand.
fn value(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().flat_map(|byte| [[byte; 2048], [7; 2048]].concat()).take(length).collect()
}

fn write(value: &[u8], part: usize, compression: Compression) -> (Vec<u8>, Summary) {
    let mut writer = Writer::new(Vec::new(), SEED, compression);
    value.chunks(part).for_each(|part| writer.push(part).unwrap());
    let (file, summary) = writer.finish(SEALED).unwrap();
    assert_eq!((summary.length, summary.stored), (value.len() as u64, file.len() as u64));
    (file, summary)
}

fn read(file: &[u8], summary: Summary, seeds: Seeds) -> Option<Vec<u8>> {
    let whole = read_whole(file, in_memory(summary.length), summary.checksum, seeds).ok();
    let in_parts = Reader::open(Cursor::new(file), summary.length, summary.checksum, seeds).and_then(|mut reader| {
        let mut value = Vec::new();
        loop {
            let part = reader.read(value.len() as u64, usize::MAX)?;
            if part.is_empty() {
                return Ok(value);
            }
            value.extend_from_slice(part);
        }
    });
    assert_eq!(whole, in_parts.ok(), "both ways agree");
    whole
}

#[test]
fn values_of_every_length_around_the_chunks_come_back_however_they_were_given() {
    for compression in ALL {
        for length in [1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK - 1] {
            let value = value(length);
            let (file, summary) = write(&value, usize::MAX, compression);
            assert_eq!(read(&file, summary, SEEDS), Some(value.clone()), "{compression:?} {length}");
            for part in [CHUNK / 3, CHUNK, CHUNK + 5] {
                assert_eq!(
                    write(&value, part, compression),
                    (file.clone(), summary),
                    "{compression:?} {length} {part}"
                );
            }
        }
    }
}

#[test]
fn chunks_are_compressed_one_by_one_where_it_helps() {
    let noise: Vec<u8> = (0..CHUNK as u64)
        .flat_map(|n| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()).to_le_bytes())
        .take(CHUNK)
        .collect();
    let mixed = [noise.clone(), vec![0; CHUNK], noise].concat();
    for compression in [Compression::Lz4, Compression::Zstd] {
        let (file, summary) = write(&mixed, usize::MAX, compression);
        assert!(file.len() > 2 * CHUNK && file.len() < 2 * CHUNK + CHUNK / 16, "{}", file.len());
        assert_eq!(read(&file, summary, SEEDS), Some(mixed.clone()));
    }
}

#[test]
fn a_range_is_read_from_anywhere_without_the_rest() {
    let value = value(2 * CHUNK + 1000);
    let (mut file, summary) = write(&value, usize::MAX, Compression::Lz4);
    // Damage in the first chunk does not concern the others.
    file[3] ^= 1;
    let mut reader = Reader::open(Cursor::new(&file), summary.length, summary.checksum, SEEDS).unwrap();
    for (offset, limit) in [(CHUNK, 10), (2 * CHUNK - 5, 100), (2 * CHUNK + 990, 100), (CHUNK + 7, CHUNK)] {
        let part = reader.read(offset as u64, limit).unwrap();
        let end = (offset + limit).min(value.len()).min((offset / CHUNK + 1) * CHUNK);
        assert_eq!(part, &value[offset..end]);
    }
    assert!(matches!(reader.read(5, 1), Err(Fault::Altered)));
    assert!(matches!(reader.verify(), Err(Fault::Altered)));
    assert_eq!(reader.read(summary.length, 1).unwrap(), b"");
    assert_eq!(reader.read(u64::MAX, 1).unwrap(), b"");
}

#[test]
fn a_file_that_is_not_what_was_written_is_never_read() {
    for compression in ALL {
        let value = value(CHUNK + 50);
        let (file, summary) = write(&value, usize::MAX, compression);
        let places = (0..file.len()).step_by(if file.len() > CHUNK { 20_011 } else { 1 });
        for place in places.chain(file.len() - 80..file.len()) {
            let mut altered = file.clone();
            altered[place] ^= 1 << (place % 8);
            assert_eq!(read(&altered, summary, SEEDS), None, "{compression:?}: a bit at {place}");
            assert_eq!(read(&file[..place], summary, SEEDS), None, "{compression:?}: cut at {place}");
        }
        let longer = [&file[..], b"x"].concat();
        assert_eq!(read(&longer, summary, SEEDS), None);
        for other in [Seeds { chunks: SEED + 1, ..SEEDS }, Seeds { directory: 0, ..SEEDS }] {
            assert_eq!(read(&file, summary, other), None, "of another entry");
        }
        for length in [summary.length - 1, summary.length + 1, 1, CHUNK as u64, STREAM_LIMIT] {
            let opened = Reader::open(Cursor::new(&file), length, summary.checksum, SEEDS);
            assert!(matches!(opened, Err(Fault::Altered)), "{length}");
        }
    }
}

#[test]
fn a_directory_that_is_vouched_for_and_nonsense_is_refused() {
    let record = |word: u32| {
        [&word.to_le_bytes()[..], &xxhash_rust::xxh3::xxh3_64_with_seed(b"abc", SEED).to_le_bytes()].concat()
    };
    let stored = 3 | (Codec::Zstd as u32) << CODEC_SHIFT;
    // An unknown codec, more bytes than the chunk has, raw bytes that are too few, a frame that is none.
    for (word, length) in [(3 | 3 << CODEC_SHIFT, 3), (LENGTH_MASK, 3), (3, 4), (stored, 5), (stored, 3)] {
        let directory = record(word);
        let file = [&b"abc"[..], &directory].concat();
        let summary = Summary { length, checksum: seal(&directory, length, SEALED), stored: file.len() as u64 };
        assert_eq!(read(&file, summary, SEEDS), None, "{word:#x} {length}");
    }
    let directory = record(3);
    let file = [&b"abc"[..], &directory].concat();
    let summary = Summary { length: 3, checksum: seal(&directory, 3, SEALED), stored: 15 };
    assert_eq!(read(&file, summary, SEEDS), Some(b"abc".to_vec()));
}

#[test]
fn the_bytes_of_a_file_are_those_of_the_format() {
    let (file, summary) = write(b"value", usize::MAX, Compression::None);
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(b"value", SEED).to_le_bytes();
    assert_eq!(file, [&b"value\x05\0\0\0"[..], &hash].concat());
    assert_eq!(summary.checksum, seal(&file[5..], 5, SEALED));
    let (packed, _) = write(&[0; 64], usize::MAX, Compression::Lz4);
    assert_eq!(packed.len(), 12 + usize::from(packed[packed.len() - 12]), "the length stands in the low bits");
    assert_eq!(packed[packed.len() - 9] >> 6, 1, "the codec in the upper two");
}
