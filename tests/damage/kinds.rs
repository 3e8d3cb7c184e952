//! What is done to a file.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use larder_tests::Random;
use rustix::fs::{CWD, FileType, Mode};

/// Length of the file that is far larger than what is in it.
const HUGE: u64 = 1 << 40;
/// Bytes at the beginning that are damaged one by one: the header of a database, of a log with that
/// of its first frame, and of its index; the greater part of a lease.
const HEADER: usize = 136;
/// Size of a page.
const PAGE: usize = 4096;

/// A damage to one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Cut(usize),
    Flip {
        byte: usize,
        bit: u32,
    },
    Gone,
    Directory,
    Pipe,
    /// A link to a file out of the directory with the same content.
    LinkOut,
    Huge,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(length) => write!(formatter, "cut to {length} bytes"),
            Self::Flip { byte, bit } => write!(formatter, "bit {bit} of byte {byte} flipped"),
            Self::Gone => formatter.write_str("deleted"),
            Self::Directory => formatter.write_str("replaced by a directory"),
            Self::Pipe => formatter.write_str("replaced by a pipe"),
            Self::LinkOut => formatter.write_str("replaced by a link that leads out"),
            Self::Huge => formatter.write_str("a terabyte of nothing"),
        }
    }
}

/// Every replacement, every length and byte of the header that is asked for, both sides of page
/// boundaries, and places by chance.
pub(crate) fn all(content: &[u8], thorough: bool, random: &mut Random) -> Vec<Damage> {
    let mut damages = vec![Damage::Gone, Damage::Directory, Damage::Pipe, Damage::LinkOut, Damage::Huge];
    if content.is_empty() {
        return damages;
    }
    let below = |random: &mut Random, end: usize| usize::try_from(random.below(end as u64)).unwrap();
    let stride = if thorough { 1 } else { 41 };
    let offset = below(random, stride);
    let header = (offset..HEADER).step_by(stride);
    let boundaries = (1..=content.len() / PAGE).map(|page| page * PAGE).step_by(if thorough { 1 } else { 31 });
    let chosen: Vec<usize> = (0..if thorough { 60 } else { 3 }).map(|_| below(random, content.len())).collect();
    let ends = [0, 1, content.len() / 2, content.len() - 1];
    let lengths = header.clone().step_by(4).chain(ends).chain(boundaries.clone().flat_map(|edge| [edge - 1, edge]));
    damages.extend(lengths.chain(chosen.iter().copied()).filter(|length| *length < content.len()).map(Damage::Cut));
    let bytes = header.chain(boundaries.flat_map(|edge| [edge - 1, edge])).chain(chosen);
    for byte in bytes.filter(|byte| *byte < content.len()) {
        damages.push(Damage::Flip { byte, bit: u32::try_from(random.below(8)).unwrap() });
    }
    damages
}

impl Damage {
    /// Does it to the file at `path`, if it is still there. `outside` is where a link may lead to.
    pub(crate) fn inflict(self, path: &Path, outside: &Path) {
        let Ok(content) = fs::read(path) else { return };
        let open = || OpenOptions::new().write(true).open(path).unwrap();
        match self {
            Self::Cut(length) => open().set_len((length as u64).min(content.len() as u64)).unwrap(),
            Self::Huge => open().set_len(HUGE).unwrap(),
            Self::Flip { byte, bit } => {
                if let Some(found) = content.get(byte) {
                    open().write_all_at(&[found ^ (1 << bit)], byte as u64).unwrap();
                }
            }
            Self::Gone | Self::Directory | Self::Pipe | Self::LinkOut => {
                fs::remove_file(path).unwrap();
                match self {
                    Self::Directory => fs::create_dir(path).unwrap(),
                    Self::Pipe => {
                        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
                    }
                    Self::LinkOut => {
                        fs::write(outside, content).unwrap();
                        symlink(outside, path).unwrap();
                    }
                    _ => {}
                }
            }
        }
    }
}
