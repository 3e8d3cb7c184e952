//! What is known of an entry that is there, and of one that is to be stored.

use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::address::Address;
use crate::content::Summary;
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::options::Compression;
use crate::settings::Settings;
use crate::value::{Form, Value};

/// What an entry counts for besides its key, value and tags, in bytes: about what its rows and
/// index entries take.
const ENTRY_OVERHEAD: u64 = 64;

/// What file systems give out at a time, in bytes: files are counted in whole blocks.
const BLOCK: u64 = 4096;

/// What has to be known of an entry to remove it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) rank: Option<i64>,
    pub(super) version: i64,
    pub(super) file: Option<i64>,
    /// What the value file occupies on disk.
    pub(super) occupied: i64,
    pub(super) tags: Option<String>,
    /// Whether only its row is left, under a tombstone.
    pub(super) is_dead: bool,
}

/// The columns of [`Stored`], of a row of `entry` by that name or another.
macro_rules! stored {
    () => {
        $crate::shard::parts::stored!("entry")
    };
    ($entry:literal) => {
        concat!(
            $entry,
            ".id, ",
            $entry,
            ".rank, ",
            $entry,
            ".version, ",
            $entry,
            ".file, ",
            $entry,
            ".occupied, ",
            $entry,
            ".tags, ",
            $crate::shard::tombstone::dead!($entry)
        )
    };
}
pub(super) use stored;

impl Stored {
    /// Number of its columns.
    pub(super) const WIDTH: usize = 7;

    /// The columns of `stored`, from `first` on.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(first)?,
            rank: row.get(first + 1)?,
            version: row.get(first + 2)?,
            file: row.get(first + 3)?,
            occupied: row.get::<_, Option<i64>>(first + 4)?.unwrap_or(0),
            tags: row.get(first + 5)?,
            is_dead: row.get(first + 6)?,
        })
    }

    /// Its tags, in order.
    pub(super) fn tags(&self) -> Vec<String> {
        split_tags(self.tags.as_deref()).map(str::to_owned).collect()
    }
}

/// The entry that a key had before it is changed.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub(super) stored: Stored,
    pub(super) lifetime: Lifetime,
    pub(super) hits: i64,
}

impl Prior {
    /// Number of its columns.
    pub(super) const WIDTH: usize = Stored::WIDTH + 4;

    /// The columns of [`Stored`], then `expires, ttl, sliding, hits`.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let more = first + Stored::WIDTH;
        Ok(Self {
            stored: Stored::read(row, first)?,
            lifetime: Lifetime { expires: row.get(more)?, ttl: row.get(more + 1)?, sliding: row.get(more + 2)? },
            hits: row.get(more + 3)?,
        })
    }

    /// Whether the entry is found at `now`.
    pub(super) fn is_live(&self, now: i64) -> bool {
        !self.stored.is_dead && self.lifetime.is_live(now)
    }

    /// Whether the entry has nothing but a value in its row.
    pub(super) fn is_plain(&self) -> bool {
        self.stored.file.is_none() && self.stored.tags.is_none() && self.lifetime == Lifetime::default()
    }
}

/// A value file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenFile {
    /// Its number.
    pub(crate) number: i64,
    /// What it holds.
    pub(crate) summary: Summary,
}

/// How a value is kept: what goes into its columns, and its file, which is written.
pub(super) struct Kept<'a> {
    pub(super) form: Form,
    pub(super) column: ToSqlOutput<'a>,
    pub(super) file: Option<WrittenFile>,
    /// Size of the value in bytes.
    pub(super) length: u64,
    pub(super) checksum: i64,
}

impl<'a> Kept<'a> {
    /// A value in its row.
    pub(super) fn inline(address: Address<'_>, value: &'a Value, compression: Compression) -> Self {
        let (form, column) = value.to_column(value.form(u32::MAX), compression);
        let checksum = value.checksum(address.hash(), form);
        Self { form, column, file: None, length: value.size() as u64, checksum }
    }

    /// A value in a file.
    pub(super) fn in_file(form: Form, file: WrittenFile) -> Self {
        let WrittenFile { summary, .. } = file;
        let checksum = summary.checksum.cast_signed();
        Self { form, column: ToSqlOutput::Borrowed(ValueRef::Null), file: Some(file), length: summary.length, checksum }
    }

    /// What its file occupies.
    pub(super) fn occupied(&self) -> i64 {
        let blocks = |size: u64| size.div_ceil(BLOCK).saturating_mul(BLOCK);
        self.file.map_or(0, |file| i64::try_from(blocks(file.summary.stored)).unwrap_or(i64::MAX))
    }
}

/// An entry to be stored.
pub(super) struct Draft<'a> {
    pub(super) address: Address<'a>,
    pub(super) value: &'a Kept<'a>,
    pub(super) lifetime: Lifetime,
    pub(super) tags: &'a [&'a str],
}

impl Draft<'_> {
    /// Whether the entry is to have nothing but a value in its row.
    pub(super) fn is_plain(&self) -> bool {
        self.value.file.is_none() && self.tags.is_empty() && self.lifetime == Lifetime::default()
    }

    /// What the entry counts towards the volume.
    pub(super) fn size(&self) -> u64 {
        entry_size(self.address, self.value.length, self.tags)
    }

    /// What its value file occupies.
    pub(super) fn occupied(&self) -> i64 {
        self.value.occupied()
    }
}

/// What an entry with a value of `length` bytes counts towards the volume.
pub(super) fn entry_size(address: Address<'_>, length: u64, tags: &[&str]) -> u64 {
    let tags: usize = tags.iter().map(|tag| tag.len()).sum();
    (ENTRY_OVERHEAD + address.size() + tags as u64).saturating_add(length)
}

/// Refuses an entry that could never fit in a shard, and returns the size of one that can.
pub(super) fn admit(address: Address<'_>, size: u64, settings: &Settings, shard: u32) -> Result<i64> {
    let limit = settings.entry_limit(shard);
    if size > limit {
        return Err(Error::TooLarge { what: format!("the entry of {address}"), size, limit });
    }
    Ok(size.cast_signed())
}

/// The tags in a `tags` column.
pub(super) fn split_tags(column: Option<&str>) -> impl Iterator<Item = &str> {
    column.into_iter().flat_map(|tags| tags.split('\0'))
}
