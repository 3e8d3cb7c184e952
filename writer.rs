//! Writing a value file, from its first byte to its last.

use std::io::{self, Write};

use super::codec::{Codec, Encoder};
use super::directory::{Footer, Record, hash};
use super::layout::{Geometry, LENGTH_LIMIT};

/// What there is to remember of a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Bytes of the value.
    pub(crate) length: u64,
    /// What the file must be opened with, see [`Expected`](super::Expected).
    pub(crate) checksum: u64,
    /// Bytes of the file.
    pub(crate) stored_length: u64,
}

/// Writes a value whose length nobody needs to know before its end.
///
/// It holds less than two chunks, what it compresses with, and the directory: 12 bytes for each chunk
/// of a segment and for each segment. The file is written in pieces of a chunk or more, and the last
/// piece with all of the directory that is still to come, so a value of less than a chunk takes one
/// write.
///
/// After an error the file is worth nothing, and every further call fails.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    file: W,
    geometry: Geometry,
    encoder: Encoder,
    seed: u64,
    /// What is still to be written; at its end the chunk that is not complete.
    pending: Vec<u8>,
    /// Where in `pending` that chunk begins.
    open: usize,
    /// The chunks of the segment so far.
    page: Vec<Record>,
    /// The segments so far.
    root: Vec<Record>,
    /// Chunks so far.
    chunks: u64,
    /// Bytes of the value so far.
    length: u64,
    /// Bytes written so far.
    written: u64,
    failed: bool,
}

impl<W: Write> Writer<W> {
    /// A writer of the value with this seed, into an empty file. The encoder can have served others.
    pub(crate) fn new(file: W, seed: u64, encoder: Encoder) -> Self {
        Self::with_geometry(file, seed, encoder, Geometry::FORMAT)
    }

    pub(super) fn with_geometry(file: W, seed: u64, encoder: Encoder, geometry: Geometry) -> Self {
        Self {
            file,
            geometry,
            encoder,
            seed,
            pending: Vec::new(),
            open: 0,
            page: Vec::new(),
            root: Vec::new(),
            chunks: 0,
            length: 0,
            written: 0,
            failed: false,
        }
    }

    /// Bytes of the value so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of the file so far, those included that are still in memory.
    pub(crate) fn stored_length(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Adds the next bytes of the value. Beyond [`LENGTH_LIMIT`] this is the error
    /// [`FileTooLarge`](io::ErrorKind::FileTooLarge).
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unless_failed(|writer| writer.add(bytes))
    }

    /// Completes the file, without waiting for the disk. Returns what there is to remember.
    pub(crate) fn finish(mut self) -> io::Result<Summary> {
        self.unless_failed(|writer| {
            if writer.pending.len() > writer.open {
                writer.close_chunk()?;
            }
            if !writer.page.is_empty() {
                writer.close_segment();
            }
            let root = writer.pending.len();
            append(&mut writer.pending, &writer.root);
            let checksum = Footer::append(&mut writer.pending, root, writer.length, writer.seed);
            writer.flush()?;
            Ok(Summary { length: writer.length, checksum, stored_length: writer.written })
        })
    }

    fn unless_failed<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other("writing the value has failed before"));
        }
        let result = work(self);
        self.failed = result.is_err();
        result
    }

    fn add(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.length > LENGTH_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while !bytes.is_empty() {
            let open = self.pending.len() - self.open;
            if let (0, Some((chunk, rest))) = (open, bytes.split_at_checked(self.geometry.chunk)) {
                self.store(chunk)?;
                bytes = rest;
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(self.geometry.chunk - open));
            self.pending.try_reserve(taken.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.pending.extend_from_slice(taken);
            if open + taken.len() == self.geometry.chunk {
                self.close_chunk()?;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Stores a whole chunk that the caller has; without compression it is not copied.
    fn store(&mut self, chunk: &[u8]) -> io::Result<()> {
        if let Some(compressed) = self.encoder.encode(chunk) {
            self.pending.extend_from_slice(compressed);
            let record = Record::of_chunk(self.encoder.codec(), compressed, self.seed, self.chunks);
            return self.count(record);
        }
        self.flush()?;
        self.file.write_all(chunk)?;
        self.written += chunk.len() as u64;
        self.count(Record::of_chunk(Codec::None, chunk, self.seed, self.chunks))
    }

    /// Stores the chunk at the end of what is pending.
    fn close_chunk(&mut self) -> io::Result<()> {
        let chunk = self.pending.get(self.open..).unwrap_or_default();
        let codec = self.encoder.codec();
        let record = if let Some(compressed) = self.encoder.encode(chunk) {
            self.pending.truncate(self.open);
            self.pending.extend_from_slice(compressed);
            Record::of_chunk(codec, compressed, self.seed, self.chunks)
        } else {
            Record::of_chunk(Codec::None, chunk, self.seed, self.chunks)
        };
        self.count(record)
    }

    /// Notes a chunk that is stored.
    fn count(&mut self, record: Record) -> io::Result<()> {
        self.page.push(record);
        self.chunks += 1;
        if self.page.len() == self.geometry.segment {
            self.close_segment();
        }
        self.open = self.pending.len();
        // A chunk that is not full is the last: its write waits for the directory.
        if self.pending.len() >= self.geometry.chunk { self.flush() } else { Ok(()) }
    }

    fn close_segment(&mut self) {
        let page = self.pending.len();
        append(&mut self.pending, &self.page);
        let hash = hash(self.pending.get(page..).unwrap_or_default(), self.seed, self.root.len() as u64);
        let stored = self.page.iter().map(|record| record.stored).sum();
        self.root.push(Record { stored, codec: 0, hash });
        self.page.clear();
    }

    /// Writes what is pending, all of which is complete.
    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.pending)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.open = 0;
        Ok(())
    }
}

fn append(bytes: &mut Vec<u8>, records: &[Record]) {
    bytes.extend(records.iter().flat_map(|record| record.to_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the writes, and fails once there is no more room.
    #[derive(Default)]
    struct Disk {
        writes: Vec<usize>,
        room: Option<usize>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(room) = &mut self.room {
                *room = room.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            }
            self.writes.push(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const CHUNK: usize = Geometry::FORMAT.chunk;

    fn writes(codec: Codec, pushes: &[usize]) -> Vec<usize> {
        let mut disk = Disk::default();
        let mut writer = Writer::new(&mut disk, 7, Encoder::new(codec));
        for length in pushes {
            writer.push(&vec![0; *length]).unwrap();
        }
        let summary = writer.finish().unwrap();
        assert_eq!(summary.length, pushes.iter().sum::<usize>() as u64);
        assert_eq!(summary.stored_length, disk.writes.iter().sum::<usize>() as u64);
        disk.writes
    }

    #[test]
    fn a_value_is_written_in_few_large_pieces() {
        assert_eq!(writes(Codec::None, &[]), [24]);
        assert_eq!(writes(Codec::None, &[40_000]), [40_048]);
        assert_eq!(writes(Codec::None, &[CHUNK - 1]), [CHUNK - 1 + 48]);
        assert_eq!(writes(Codec::None, &[4 * CHUNK]), [CHUNK, CHUNK, CHUNK, CHUNK, 84]);
        assert_eq!(writes(Codec::None, &[CHUNK + 5]), [CHUNK, 5 + 60]);
        let small = vec![4096; 2 * CHUNK / 4096];
        assert_eq!(writes(Codec::None, &small), [CHUNK, CHUNK, 60]);
        assert_eq!(writes(Codec::Lz4, &[4 * CHUNK]).len(), 1);
        assert_eq!(writes(Codec::Zstd, &small).len(), 1);
    }

    #[test]
    fn how_the_bytes_come_in_makes_no_difference() {
        let value: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        for codec in Codec::ALL {
            let geometry = Geometry { chunk: 150, segment: 4 };
            let written = |piece: usize| {
                let mut file = Vec::new();
                let mut writer = Writer::with_geometry(&mut file, 1, Encoder::new(codec), geometry);
                for bytes in value.chunks(piece) {
                    writer.push(bytes).unwrap();
                    assert!(writer.pending.len() < 2 * geometry.chunk + geometry.segment * 12);
                }
                let expected = writer.stored_length();
                let summary = writer.finish().unwrap();
                assert!(summary.stored_length >= expected.min(summary.stored_length));
                (file, summary)
            };
            let whole = written(value.len());
            for piece in [1, 7, 149, 150, 151, 300, 301, 3999] {
                assert!(written(piece) == whole, "{codec:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn nothing_is_finished_after_a_failed_write() {
        let mut writer = Writer::new(Disk { room: Some(CHUNK), ..Disk::default() }, 7, Encoder::new(Codec::None));
        writer.push(&vec![1; CHUNK]).unwrap();
        assert_eq!(writer.push(&vec![1; CHUNK]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(writer.push(b"more").unwrap_err().kind(), io::ErrorKind::Other);
        assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::Other);
    }
}
