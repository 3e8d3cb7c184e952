//! The settings a directory records, one copy in each shard.

use rusqlite::Connection;
use rusqlite::types::Value as Column;

use crate::error::{Error, Result};
use crate::options::{Changes, Compression, Durability, Expiry, Limit, Policy, SHARDS_LIMIT};
use crate::recency::ENTRIES_LIMIT;

/// How large the volume of a new directory may become, in bytes.
pub const DEFAULT_SIZE_LIMIT: u64 = 1 << 30;
/// The smallest share of a size limit that falls to one shard, in bytes: what an empty one takes, its
/// log, and some room for entries.
pub const SIZE_SHARE_MINIMUM: u64 = 256 * 1024;
/// What the index of a write-ahead log takes, in bytes.
pub(crate) const WAL_INDEX: u64 = 32 * 1024;
/// What an empty database takes at most, in bytes.
const EMPTY_DATABASE: u64 = 27 * 4096;
/// The most a shard keeps on disk so that entries can be removed when it is full, in bytes.
const RESERVE: u64 = 256 * 1024;
/// The least that is of use: what the removal of one entry writes.
const RESERVE_LEAST: u64 = 32 * 1024;
/// Frames in the log after which it is emptied if no limit demands fewer; SQLite's default.
const CHECKPOINT_FRAMES: u64 = 1000;
/// The same during work on a whole shard.
const WORK_FRAMES: u64 = 10_000;
/// Size of a frame, <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
const FRAME: u64 = 4096 + 24;
/// From which size on values of a new directory have files, in bytes.
pub const DEFAULT_INLINE_THRESHOLD: u32 = 32 * 1024;

/// The settings of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Number of databases; fixed at creation.
    pub shards: u32,
    /// Bound on the volume of the whole directory.
    pub size_limit: Option<u64>,
    /// Bound on the count of the whole directory.
    pub item_limit: Option<u64>,
    /// What is evicted first.
    pub policy: Policy,
    /// Time to live of entries that name none, in milliseconds.
    pub default_ttl: Option<u64>,
    /// From which size on values have files.
    pub inline_threshold: u32,
    /// What survives a power loss.
    pub durability: Durability,
    /// How values are made smaller.
    pub compression: Compression,
    /// Whether statistics are added up in the directory.
    pub statistics: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: 1,
            size_limit: Some(DEFAULT_SIZE_LIMIT),
            item_limit: None,
            policy: Policy::default(),
            default_ttl: None,
            inline_threshold: DEFAULT_INLINE_THRESHOLD,
            durability: Durability::default(),
            compression: Compression::default(),
            statistics: false,
        }
    }
}

impl Settings {
    /// These settings with `changes`, refusing combinations that can not be.
    pub(crate) fn with(&self, changes: &Changes) -> Result<Self> {
        let limit = |asked, recorded| match asked {
            Limit::Recorded => recorded,
            Limit::Unlimited => None,
            Limit::AtMost(most) => Some(most),
        };
        let settings = Self {
            shards: self.shards,
            size_limit: limit(changes.size_limit, self.size_limit),
            item_limit: limit(changes.item_limit, self.item_limit),
            policy: changes.policy.unwrap_or(self.policy),
            default_ttl: match changes.default_ttl {
                Expiry::Default => self.default_ttl,
                Expiry::Never => None,
                Expiry::After(ttl) => Some(ttl),
            },
            inline_threshold: changes.inline_threshold.unwrap_or(self.inline_threshold),
            durability: changes.durability.unwrap_or(self.durability),
            compression: changes.compression.unwrap_or(self.compression),
            statistics: changes.statistics.unwrap_or(self.statistics),
        };
        if settings.item_limit.is_some_and(|limit| limit < u64::from(settings.shards)) {
            return Err(Error::InvalidArgument(format!(
                "an item limit below the number of shards, {}, leaves some without any",
                settings.shards
            )));
        }
        let least = SIZE_SHARE_MINIMUM * u64::from(settings.shards);
        if changes.size_limit != Limit::Recorded && settings.size_limit.is_some_and(|limit| limit < least) {
            return Err(Error::InvalidArgument(format!(
                "a size limit below {least} bytes leaves no room for entries: {SIZE_SHARE_MINIMUM} are needed in each \
                 of the shards ({})",
                settings.shards
            )));
        }
        Ok(settings)
    }

    /// These settings with another number of shards, refusing limits that are too small for it.
    pub(crate) fn over(&self, shards: u32) -> Result<Self> {
        let size_limit = self.size_limit.map_or(Limit::Unlimited, Limit::AtMost);
        Self { shards, ..self.clone() }.with(&Changes { size_limit, ..Changes::default() })
    }

    /// The bound on the volume of one shard.
    pub(crate) fn size_share(&self, shard: u32) -> Option<u64> {
        Self::share(self.size_limit, shard, self.shards)
    }

    /// The bound on the count of one shard.
    pub(crate) fn item_share(&self, shard: u32) -> Option<u64> {
        Self::share(self.item_limit, shard, self.shards)
    }

    /// The largest entry one shard can hold.
    pub(crate) fn entry_limit(&self, shard: u32) -> u64 {
        self.size_share(shard).map_or(i64::MAX.cast_unsigned(), |share| {
            share.saturating_sub(Self::log_share(share) + self.reserve(shard)).saturating_sub(EMPTY_DATABASE)
        })
    }

    /// What is kept free for a shard's log and its index.
    pub(crate) fn log_share(share: u64) -> u64 {
        WAL_INDEX + (share / 8).min(CHECKPOINT_FRAMES * FRAME * 2)
    }

    /// After how many frames the log is to be emptied: half of its share, so that the last commit
    /// before still fits.
    pub(crate) fn checkpoint_frames(&self, shard: u32) -> u64 {
        self.size_share(shard).map_or(CHECKPOINT_FRAMES, |share| (share / 16 / FRAME).clamp(1, CHECKPOINT_FRAMES))
    }

    /// What a shard keeps on disk so that entries can be removed when it is full: nothing where it would be
    /// too little to be of use.
    pub(crate) fn reserve(&self, shard: u32) -> u64 {
        let part = self.size_share(shard).map_or(RESERVE, |share| (share / 32).min(RESERVE));
        if part < RESERVE_LEAST { 0 } else { part }
    }

    /// The same during work on the whole shard, whose database and files take so much: it writes the
    /// same pages in many of its steps, so they are copied to the database once, by whoever writes next.
    /// The log gets no more than half of what is left, so that nothing is evicted for its sake.
    pub(crate) fn work_frames(&self, shard: u32, taken: u64) -> u64 {
        let spare = self
            .size_share(shard)
            .map_or(u64::MAX, |share| share.saturating_sub(taken).saturating_sub(Self::log_share(share)) / 2);
        (spare / FRAME).min(WORK_FRAMES).max(self.checkpoint_frames(shard))
    }

    /// Of how many entries reads may be collected before they are written.
    pub(crate) fn reads_limit(&self, shard: u32) -> u64 {
        (self.checkpoint_frames(shard) / 2).clamp(8, ENTRIES_LIMIT)
    }

    /// The share of a limit that falls to one shard; the shares add up to the limit.
    fn share(limit: Option<u64>, shard: u32, shards: u32) -> Option<u64> {
        let shards = u64::from(shards.max(1));
        limit.map(|limit| limit / shards + u64::from(u64::from(shard) < limit % shards))
    }

    /// Reads the settings of a database.
    pub(crate) fn load(connection: &Connection) -> Result<Self, LoadError> {
        let mut settings = Self::default();
        let mut statement = connection.prepare_cached("SELECT name, value FROM setting")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            settings.apply(&name, &row.get(1)?).ok_or(LoadError::Invalid(name))?;
        }
        Ok(settings)
    }

    /// Takes one setting over; none if it is unknown or its value can not be.
    fn apply(&mut self, name: &str, value: &Column) -> Option<()> {
        let number = match value {
            Column::Integer(number) => Some(*number),
            Column::Null => None,
            _ => return None,
        };
        let optional = || number.map(|number| u64::try_from(number).ok()).map_or(Some(None), |read| read.map(Some));
        match name {
            "shards" => {
                self.shards = u32::try_from(number?).ok().filter(|shards| (1..=SHARDS_LIMIT).contains(shards))?;
            }
            "size-limit" => self.size_limit = optional()?,
            "item-limit" => self.item_limit = optional()?,
            "policy" => self.policy = Policy::from_number(number?)?,
            "default-ttl" => self.default_ttl = optional()?,
            "inline-threshold" => self.inline_threshold = u32::try_from(number?).ok()?,
            "durability" => {
                self.durability = match number? {
                    0 => Durability::Relaxed,
                    1 => Durability::Full,
                    _ => return None,
                }
            }
            "compression" => {
                self.compression = match number? {
                    0 => Compression::None,
                    1 => Compression::Lz4,
                    2 => Compression::Zstd,
                    _ => return None,
                }
            }
            "statistics" => {
                self.statistics = match number? {
                    0 => false,
                    1 => true,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Records the settings in a database.
    pub(crate) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let optional = |limit: Option<u64>| limit.map(u64::cast_signed);
        let rows: [(&str, Option<i64>); 9] = [
            ("shards", Some(i64::from(self.shards))),
            ("size-limit", optional(self.size_limit)),
            ("item-limit", optional(self.item_limit)),
            ("policy", Some(self.policy as i64)),
            ("default-ttl", optional(self.default_ttl)),
            ("inline-threshold", Some(i64::from(self.inline_threshold))),
            ("durability", Some(self.durability as i64)),
            ("compression", Some(self.compression as i64)),
            ("statistics", Some(i64::from(self.statistics))),
        ];
        let mut statement =
            connection.prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)")?;
        rows.iter().try_for_each(|row| statement.execute(*row).map(drop))
    }
}

/// The shard of a hash, out of so many.
pub(crate) fn shard_of(hash: u64, shards: usize) -> usize {
    #[allow(clippy::cast_possible_truncation, reason = "the remainder is below the number of shards")]
    let shard = (hash % (shards.max(1) as u64)) as usize;
    shard
}

/// Why recorded settings could not be read.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// SQLite failed.
    Database(rusqlite::Error),
    /// A setting that no version of the format has, or with a value it can not have.
    Invalid(String),
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_limit() {
        for shards in 1..20 {
            let shares: u64 = (0..shards).filter_map(|shard| Settings::share(Some(101), shard, shards)).sum();
            assert_eq!(shares, 101);
        }
        assert_eq!(Settings::share(None, 0, 4), None);
    }

    #[test]
    fn settings_survive_storing_and_unknown_ones_are_refused() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE setting (name TEXT PRIMARY KEY, value ANY)").unwrap();
        let settings = Settings {
            shards: 8,
            size_limit: None,
            item_limit: Some(7),
            policy: Policy::LeastFrequentlyUsed,
            default_ttl: Some(5),
            inline_threshold: 1,
            durability: Durability::Full,
            compression: Compression::Zstd,
            statistics: true,
        };
        settings.store(&connection).unwrap();
        assert_eq!(Settings::load(&connection).unwrap(), settings);
        connection.execute("INSERT INTO setting VALUES ('colour', 1)", []).unwrap();
        assert!(matches!(Settings::load(&connection), Err(LoadError::Invalid(name)) if name == "colour"));
    }
}
