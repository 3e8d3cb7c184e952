//! Lease files: who may use a directory, in files that need nothing of the file system but
//! exclusive creation.
//!
//! The directory holds files `lease-<epoch>`; the one with the highest epoch counts. An epoch is
//! claimed by creating its file, which only one claimant can. It is let go by recording the state
//! `released`; an owner that died without doing so is recognised by its `beat` standing still for
//! a whole lease. See `docs/design.md`, "Who may use a directory".

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cells;
use crate::error::{Error, Result};
use crate::journal::{self, Name};
use crate::listing::children;
use crate::regular::{open_regular, open_regular_to_read};
use crate::schema::FORMAT_VERSION;

const PREFIX: &str = "lease-";
const DATA_PREFIX: &str = "data-";
const DRAFT_PREFIX: &str = "draft-";
/// Least number of digits in a name.
const DIGITS: usize = 8;
/// Length of every lease file, filled up with spaces, so that one write replaces a whole record.
const RECORD_LENGTH: usize = 256;

/// How the holder of an epoch keeps others out or in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Any number of instances that see each other's locks.
    Locks,
    /// One owner, for as long as it renews the lease.
    Lease,
}

/// What a lease file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who wrote it.
    pub(crate) owner: u64,
    /// How others are kept apart.
    pub(crate) holder: Holder,
    /// How long the beat must stand still before others may take over, in milliseconds.
    pub(crate) lease_ms: u32,
    /// The generation of the data in use; none while it is being prepared.
    pub(crate) data: Option<u32>,
    /// Whether the directory was let go.
    pub(crate) released: bool,
    /// Grows as long as the owner lives.
    pub(crate) beat: u64,
}

impl Record {
    fn to_text(&self) -> String {
        let text = format!(
            "larder {FORMAT_VERSION}\nowner {:016x}\nholder {}\nlease {}\ndata {}\nstate {}\nbeat {}",
            self.owner,
            match self.holder {
                Holder::Locks => "locks",
                Holder::Lease => "lease",
            },
            self.lease_ms,
            self.data.unwrap_or(0),
            if self.released { "released" } else { "held" },
            self.beat,
        );
        format!("{text:<width$}\n", width = RECORD_LENGTH - 1)
    }

    /// None if the text is not, or not yet, a whole record.
    fn parse(text: &str) -> Option<Self> {
        if text.len() != RECORD_LENGTH || !text.ends_with('\n') {
            return None;
        }
        let mut lines = text.lines().map(str::trim_end);
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        field("larder")?.parse::<i32>().ok()?;
        let record = Self {
            owner: u64::from_str_radix(field("owner")?, 16).ok()?,
            holder: match field("holder")? {
                "locks" => Holder::Locks,
                "lease" => Holder::Lease,
                _ => return None,
            },
            lease_ms: field("lease")?.parse().ok()?,
            data: field("data")?.parse().ok().map(|data: u32| (data != 0).then_some(data))?,
            released: match field("state")? {
                "released" => true,
                "held" => false,
                _ => return None,
            },
            beat: field("beat")?.parse().ok()?,
        };
        Some(record)
    }

    /// The format version a text claims to be of.
    fn version(text: &str) -> Option<i32> {
        text.lines().next()?.strip_prefix("larder ")?.parse().ok()
    }
}

/// A lease file that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Its epoch.
    pub(crate) epoch: u32,
    /// What it says; none while its claimant has not written it yet.
    pub(crate) record: Option<Record>,
}

/// What is found in a directory.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The epochs of its lease files, ascending.
    pub(crate) epochs: Vec<u32>,
    /// The generations of its data directories, which are complete.
    pub(crate) generations: Vec<u32>,
    /// The generations that were being made.
    pub(crate) drafts: Vec<u32>,
    /// The owners with files of cells.
    pub(crate) biased: Vec<i64>,
    /// Journals of handles.
    pub(crate) journals: Vec<Name>,
    /// Something that Larder does not make.
    pub(crate) foreign: Option<String>,
}

/// Name of the file whose bytes are locked.
pub(crate) const LOCKS_FILE: &str = "locks";

/// Where the lease of an epoch is.
pub(crate) fn lease_path(root: &Path, epoch: u32) -> PathBuf {
    root.join(format!("{PREFIX}{epoch:08}"))
}

/// Where the data of a generation is.
pub(crate) fn data_path(root: &Path, generation: u32) -> PathBuf {
    root.join(format!("{DATA_PREFIX}{generation:08}"))
}

/// Where the data of a generation are made before they are complete.
pub(crate) fn draft_path(root: &Path, generation: u32) -> PathBuf {
    root.join(format!("{DRAFT_PREFIX}{generation:08}"))
}

/// Lists a directory.
pub(crate) fn list(root: &Path) -> Result<Contents> {
    let mut contents = Contents::default();
    for child in children(root).map_err(|error| Error::from_io(root, &error))? {
        let name = child.file_name();
        let name = name.to_string_lossy();
        // Only names in the very form they are given: what is not Larder's must not be taken for it.
        let number = |prefix| {
            let digits: &str = name.strip_prefix(prefix)?;
            let is_number = digits.len() >= DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|number| is_number && format!("{number:08}") == digits)
        };
        if let Some(epoch) = number(PREFIX) {
            contents.epochs.push(epoch);
        } else if let Some(generation) = number(DATA_PREFIX) {
            contents.generations.push(generation);
        } else if let Some(generation) = number(DRAFT_PREFIX) {
            contents.drafts.push(generation);
        } else if let Some(owner) = cells::owner_of(&name) {
            contents.biased.push(owner);
        } else if let Some(journal) = journal::name_of(&name) {
            contents.journals.push(journal);
        } else if name != LOCKS_FILE {
            contents.foreign = Some(name.into_owned());
        }
    }
    contents.epochs.sort_unstable();
    Ok(contents)
}

/// Reads the lease of an epoch; none if the file is gone.
pub(crate) fn read(root: &Path, epoch: u32) -> Result<Option<Lease>> {
    let path = lease_path(root, epoch);
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::from_io(&path, &error)),
    };
    if let Some(version) = Record::version(&text).filter(|version| *version != FORMAT_VERSION) {
        return Err(Error::UnsupportedFormat(format!(
            "{} is of format version {version}; this version of Larder reads {FORMAT_VERSION}",
            root.display()
        )));
    }
    Ok(Some(Lease { epoch, record: Record::parse(&text) }))
}

fn read_text(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    open_regular_to_read(path)?.take(RECORD_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    // Damaged text is no record; that is found out when it is parsed.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Claims an epoch. False if somebody else has it.
pub(crate) fn claim(root: &Path, epoch: u32, record: &Record) -> Result<bool> {
    let path = lease_path(root, epoch);
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            file.write_all(record.to_text().as_bytes()).map_err(|error| Error::from_io(&path, &error))?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::from_io(&path, &error)),
    }
}

/// Replaces what the lease of an epoch says, at once for every reader. It must exist: a lease that
/// was taken over and removed is not brought back.
pub(crate) fn rewrite(root: &Path, epoch: u32, record: &Record) -> Result<()> {
    let path = lease_path(root, epoch);
    let mut file =
        open_regular(&path, OpenOptions::new().write(true)).map_err(|error| Error::from_io(&path, &error))?;
    file.write_all(record.to_text().as_bytes()).map_err(|error| Error::from_io(&path, &error))
}

/// Waits until what the lease of an epoch says is on the disk.
pub(crate) fn sync(root: &Path, epoch: u32) -> Result<()> {
    let path = lease_path(root, epoch);
    let file = open_regular(&path, OpenOptions::new().write(true));
    file.and_then(|file| file.sync_data()).map_err(|error| Error::from_io(&path, &error))
}

/// Removes the lease of an epoch, if it is there.
pub(crate) fn remove(root: &Path, epoch: u32) {
    // One that stays is merely looked at and passed over by the next opener.
    let _ = fs::remove_file(lease_path(root, epoch));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record { owner: 0xabc, holder: Holder::Lease, lease_ms: 500, data: None, released: false, beat: 3 }
    }

    #[test]
    fn a_record_survives_its_text_and_a_cut_one_is_none() {
        let record = Record { data: Some(7), released: true, ..record() };
        let text = record.to_text();
        assert_eq!(Record::parse(&text), Some(record));
        for cut in 0..text.len() {
            assert_eq!(Record::parse(&text[..cut]), None, "cut after {cut} bytes");
        }
    }

    #[test]
    fn an_epoch_is_claimed_once() {
        let root = tempfile::tempdir().unwrap();
        assert!(claim(root.path(), 1, &record()).unwrap());
        assert!(!claim(root.path(), 1, &record()).unwrap());
        assert_eq!(list(root.path()).unwrap().epochs, [1]);
    }

    #[test]
    fn a_removed_lease_is_not_brought_back() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(rewrite(root.path(), 1, &record()), Err(Error::NotFound(_))));
        assert_eq!(read(root.path(), 1).unwrap(), None);
    }

    #[test]
    fn a_newer_format_is_refused_by_version() {
        let root = tempfile::tempdir().unwrap();
        fs::write(lease_path(root.path(), 1), "larder 99\nwhatever").unwrap();
        assert!(matches!(read(root.path(), 1), Err(Error::UnsupportedFormat(text)) if text.contains("99")));
    }
}
