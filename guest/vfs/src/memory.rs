//! Files without a name, which SQLite wants for statement journals that grow large. They live and
//! die with a transaction, so memory serves.

use std::io;

use crate::disk::Storage;

/// A file in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryFile {
    bytes: Vec<u8>,
}

/// An offset as an index into memory.
fn index(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl Storage for MemoryFile {
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let available = self.bytes.get(index(offset)?..).unwrap_or_default();
        let count = available.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(available) {
            *to = *from;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = index(offset)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        if end > self.bytes.len() {
            self.resize(end as u64)?;
        }
        if let Some(target) = self.bytes.get_mut(start..end) {
            target.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn resize(&mut self, size: u64) -> io::Result<()> {
        let size = index(size)?;
        let missing = size.saturating_sub(self.bytes.len());
        self.bytes.try_reserve(missing).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.resize(size, 0);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_written_reads_as_zeros_up_to_the_end() {
        let mut file = MemoryFile::default();
        file.write(b"abc", 5).unwrap();
        let mut buffer = [9; 10];
        assert_eq!(file.read(&mut buffer, 3).unwrap(), 5);
        assert_eq!(buffer, *b"\0\0abc\x09\x09\x09\x09\x09");
        assert_eq!(file.read(&mut buffer, 8).unwrap(), 0);
    }

    #[test]
    fn offsets_beyond_memory_are_errors() {
        let mut file = MemoryFile::default();
        let error = file.write(b"abc", u64::MAX - 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(file.resize(u64::MAX / 4).is_err());
        assert_eq!(file.size().unwrap(), 0);
    }
}
