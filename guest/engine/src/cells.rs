//! Cells: words in a file that one handle writes and all read, to say which biased locks it holds.
//!
//! Each handle that has a bias has a file of its own, by its number as an owner; it alone writes it, and
//! removes it when it ends. Its owner's number is locked as long as it lives, so whoever comes into a directory as the
//! first removes those that are left. So what is not there says that nothing is held. A cell is
//! a word, a time and a checksum; what has another checksum, after a loss of power or by damage, can not be
//! told, and counts as held until its holder has been silent for its lease.
//!
//! A write and a read of a few bytes are calls of the system, in their order and coherent for all processes. They need not
//! survive a loss of power: nobody holds anything after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::recipes::bias::{Cell, Content};
use crate::regular::{open_regular, open_regular_to_read};

/// How the names of the files begin.
const PREFIX: &str = "bias-";
/// Cells in a file.
pub(crate) const CELLS: u32 = 64;
/// Bytes of a cell.
const WIDTH: usize = 24;
/// How often a cell is read that is being written.
const READS: u32 = 4;

/// The file of a handle.
pub(crate) struct CellFile {
    file: File,
    path: PathBuf,
    owner: i64,
}

impl CellFile {
    /// A new file with nothing held.
    pub(crate) fn create(root: &Path, owner: i64) -> Result<Self> {
        let path = path(root, owner);
        let create = || {
            let mut file = open_regular(&path, OpenOptions::new().write(true).create_new(true))?;
            let cells: Vec<u8> =
                (0..CELLS).flat_map(|index| encode(Cell { owner, index }, Content::default())).collect();
            file.write_all(&cells).map(|()| file)
        };
        let file = create().map_err(|error| Error::from_io(&path, &error))?;
        Ok(Self { file, path, owner })
    }

    /// The cell at an index.
    pub(crate) fn cell(&self, index: u32) -> Cell {
        Cell { owner: self.owner, index }
    }

    /// Says something else.
    pub(crate) fn write(&self, platform: &dyn Platform, index: u32, content: Content) -> Result<()> {
        let written = platform.write_at(&self.file, &encode(self.cell(index), content), offset(index));
        written.map_err(|error| Error::from_io(&self.path, &error))
    }

    /// Removes the file: nothing is held any more.
    pub(crate) fn remove(self) {
        // What stays says so, too, and is removed by whoever comes first.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What a cell says; none if that can not be told.
pub(crate) fn read(root: &Path, cell: Cell) -> Option<Content> {
    for _ in 0..READS {
        match read_once(root, cell) {
            Ok(None) => {}
            Ok(content) => return content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Content::default()),
            Err(_) => return None,
        }
    }
    None
}

fn read_once(root: &Path, cell: Cell) -> io::Result<Option<Content>> {
    let mut file = open_regular_to_read(path(root, cell.owner))?;
    file.seek(SeekFrom::Start(offset(cell.index)))?;
    let mut bytes = [0; WIDTH];
    file.read_exact(&mut bytes)?;
    let ([word, since, _], _) = bytes.as_chunks::<8>() else { return Ok(None) };
    let content = Content { word: u64::from_le_bytes(*word), since_ms: i64::from_le_bytes(*since) };
    Ok((encode(cell, content) == bytes).then_some(content))
}

/// The owner whose file has a name; none if it is something else.
pub(crate) fn owner_of(name: &str) -> Option<i64> {
    let digits = name.strip_prefix(PREFIX)?;
    i64::from_str_radix(digits, 16).ok().filter(|owner| *owner >= 0 && file_name(*owner) == name)
}

/// Where the file of an owner is.
pub(crate) fn path(root: &Path, owner: i64) -> PathBuf {
    root.join(file_name(owner))
}

fn file_name(owner: i64) -> String {
    format!("{PREFIX}{owner:012x}")
}

fn offset(index: u32) -> u64 {
    u64::from(index) * WIDTH as u64
}

fn encode(cell: Cell, content: Content) -> [u8; WIDTH] {
    let mut bytes = [0; WIDTH];
    let (said, check) = bytes.split_at_mut(WIDTH - 8);
    let words = [content.word.to_le_bytes(), content.since_ms.to_le_bytes()];
    said.copy_from_slice(words.as_flattened());
    let sum = xxh3_64_with_seed(said, cell.owner.cast_unsigned() ^ u64::from(cell.index).rotate_right(16));
    check.copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestPlatform;

    const OWNER: i64 = 0xabc;

    #[test]
    fn what_one_writes_all_read() {
        let root = tempfile::tempdir().unwrap();
        let (platform, file) = (TestPlatform::new(), CellFile::create(root.path(), OWNER).unwrap());
        let content = Content { word: u64::MAX - 5, since_ms: -7 };
        file.write(&*platform, 3, content).unwrap();
        assert_eq!(read(root.path(), file.cell(3)), Some(content));
        assert_eq!(read(root.path(), file.cell(CELLS - 1)), Some(Content::default()));
        file.remove();
        assert_eq!(read(root.path(), Cell { owner: OWNER, index: 3 }), Some(Content::default()), "its owner has gone");
    }

    #[test]
    fn what_was_altered_can_not_be_told() {
        let root = tempfile::tempdir().unwrap();
        let (platform, file) = (TestPlatform::new(), CellFile::create(root.path(), OWNER).unwrap());
        file.write(&*platform, 1, Content { word: 9, since_ms: 9 }).unwrap();
        let whole = std::fs::read(path(root.path(), OWNER)).unwrap();
        for bit in 0..WIDTH * 8 {
            let mut altered = whole.clone();
            altered[WIDTH + bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path(root.path(), OWNER), altered).unwrap();
            assert_eq!(read(root.path(), file.cell(1)), None, "bit {bit}");
            assert_eq!(read(root.path(), file.cell(2)), Some(Content::default()));
        }
        // As it is after a loss of power, or cut, or with the cells exchanged.
        std::fs::write(path(root.path(), OWNER), vec![0; whole.len()]).unwrap();
        assert_eq!(read(root.path(), file.cell(1)), None);
        std::fs::write(path(root.path(), OWNER), &whole[..WIDTH + 3]).unwrap();
        assert_eq!(read(root.path(), file.cell(1)), None);
        std::fs::write(path(root.path(), OWNER), &whole[WIDTH..]).unwrap();
        assert_eq!(read(root.path(), file.cell(0)), None);
        std::fs::remove_file(path(root.path(), OWNER)).unwrap();
        std::fs::create_dir(path(root.path(), OWNER)).unwrap();
        assert_eq!(read(root.path(), file.cell(0)), None);
    }

    #[test]
    fn only_names_in_the_very_form_they_are_given_are_those_of_owners() {
        assert_eq!(owner_of(&file_name(OWNER)), Some(OWNER));
        for name in ["bias-", "bias-abc", "bias-00000000ABC0", "bias-+00000000abc", "locks", "bias-000000000abc.old"] {
            assert_eq!(owner_of(name), None, "{name}");
        }
    }
}
