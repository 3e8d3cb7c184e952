//! One shard: a database with its value files, and the operations on its entries.
//!
//! | file | holds |
//! |---|---|
//! | `address`, `parts` | where an entry is, and what is known of it |
//! | `read` | finding an entry |
//! | `write` | storing, deleting, touching, adding to it |
//! | `queue` | pushing to a queue and pulling from it |
//! | `biased` | the same without a transaction, by the handle that does it again and again |
//! | `record` | the states of locks, limits and the like |
//! | `vacancy` | computing the value of an entry, once |
//! | `collection`, `deque`, `index` | collections, and what is in them |
//! | `content` | putting values into files, and reading them |
//! | `change` | a write transaction: what it begins with and what it entails |
//! | `store`, `row` | storing and removing entries inside of it |
//! | `transaction`, `undo` | transactions over several calls, and over several shards |
//! | `room` | making room, and writing the reads that decide what goes |
//! | `volume`, `reserve` | what the shard takes on disk, and room kept for removing |
//! | `tombstone` | evicting many entries with a tag at once |
//! | `stage`, `remove` | eviction by selection, expiry, clearing, compaction, in bounded steps |
//! | `scan` | pages of keys |
//! | `check`, `check_collections` | looking for damage |
//! | `stale` | looking for what users that are gone have left |
//! | `repair` | setting right what was found |
//! | `carry` | taking rows over from shards of another number |
//! | `onward` | seeing to it that work in pages comes to its end |
//! | `statistics` | what is counted, and adding it up in the directory |
//! | `loose` | value files no entry refers to |

mod address;
mod biased;
mod carry;
mod change;
mod check;
mod check_collections;
mod collection;
mod content;
mod deque;
mod index;
mod loose;
mod onward;
mod parts;
mod queue;
mod read;
mod record;
mod remove;
mod repair;
mod reserve;
mod room;
mod row;
mod scan;
mod stage;
mod stale;
mod statistics;
mod store;
mod tombstone;
mod transaction;
mod undo;
mod vacancy;
mod volume;
mod write;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::database::{Access, Database, assure_no_log};
use crate::error::{Error, Result};
use crate::files::ValueFiles;
use crate::frozen::State;
use crate::platform::Platform;
use crate::recency::Recency;
use crate::schema::{self, Identity};
use crate::sequence::Sequence;
use crate::settings::{LoadError, Settings};
use crate::tenure::Tenure;

pub(crate) use address::{Address, queue_hash, record_hash};
pub(crate) use carry::{Carried, Numbering, Origin, Row, RowKey, TABLES};
pub use check::Problem;
pub(crate) use content::{Drafted, Part};
pub(crate) use index::{IndexPage, Member};
pub(crate) use record::{Found, vacancy_name};
pub(crate) use scan::{Direction, Page, Position};
pub(crate) use stage::{Next, Stage};
pub(crate) use vacancy::Worth;
pub(crate) use write::{Mode, Step, Store, Terms};

pub(crate) use statistics::Counts;

use biased::Biased;
use loose::Loose;
use transaction::Open;

/// Name of a shard's database.
pub(crate) const DATABASE: &str = "cache.db";

/// Where a shard is.
pub(crate) fn shard_path(data: &Path, index: u32) -> PathBuf {
    data.join(format!("shard-{index:03}"))
}

/// One shard, open.
pub(crate) struct Shard {
    index: u32,
    directory: PathBuf,
    access: Access,
    platform: Rc<dyn Platform>,
    tenure: Rc<Tenure>,
    /// None after damage, until the next operation opens it again.
    database: Option<Database>,
    /// What the database looked like when it was opened, if it is read as if nobody could change it.
    frozen: Option<State>,
    files: ValueFiles,
    loose: Loose,
    biased: Biased,
    settings: Settings,
    /// Which change of the settings `settings` is.
    settings_version: i64,
    recency: Recency,
    /// Shared by all shards of the handle.
    sequence: Rc<Sequence>,
    /// The transaction that is open.
    open: Option<Open>,
    /// Decisions about transactions that are known; others have to be looked up where others decide.
    decisions: Vec<i64>,
    /// Whether the disk is full, so that little may be written at a time.
    is_cramped: bool,
    pub(crate) counts: Counts,
    /// What of it is recorded in the directory.
    recorded: Counts,
    /// The last number that was given out and is not recorded in the directory.
    unrecorded: i64,
}

impl Shard {
    /// Opens a shard that exists.
    pub(crate) fn open(
        index: u32,
        access: Access,
        tenure: &Rc<Tenure>,
        sequence: &Rc<Sequence>,
        platform: &Rc<dyn Platform>,
    ) -> Result<Self> {
        Self::open_in(&tenure.data(), index, access, tenure, sequence, platform)
    }

    /// Opens a shard among the data in a directory.
    pub(crate) fn open_in(
        data: &Path,
        index: u32,
        access: Access,
        tenure: &Rc<Tenure>,
        sequence: &Rc<Sequence>,
        platform: &Rc<dyn Platform>,
    ) -> Result<Self> {
        let directory = shard_path(data, index);
        let mut shard = Self {
            index,
            access,
            platform: Rc::clone(platform),
            tenure: Rc::clone(tenure),
            database: None,
            frozen: None,
            files: ValueFiles::new(&directory),
            directory,
            loose: Loose::default(),
            biased: Biased::default(),
            settings: Settings::default(),
            settings_version: 0,
            recency: Recency::default(),
            sequence: Rc::clone(sequence),
            open: None,
            decisions: Vec::new(),
            is_cramped: false,
            counts: Counts::default(),
            recorded: Counts::default(),
            unrecorded: 0,
        };
        shard.guard(Self::load_settings)?;
        Ok(shard)
    }

    /// Removes what owners that are gone have left; the shard must be settled.
    pub(crate) fn clean(&mut self) -> Result<()> {
        self.guard(Self::reclaim)?;
        self.guard(Self::fold_abandoned)
    }

    /// Makes a shard that does not exist. What an earlier attempt left half made is completed.
    pub(crate) fn create(
        index: u32,
        settings: &Settings,
        data: &Path,
        access: Access,
        platform: &Rc<dyn Platform>,
    ) -> Result<()> {
        let directory = shard_path(data, index);
        std::fs::create_dir_all(&directory).map_err(|error| Error::from_own_file(&directory, &error))?;
        let database = Database::open(&directory.join(DATABASE), access, platform)?;
        if database.run(|connection| schema::identify(connection))? == Identity::Shard {
            return Ok(());
        }
        database.prepare_file()?;
        database.write(|connection| {
            let made = schema::create(connection).and_then(|()| settings.store(connection));
            made.map_err(|error| database.error(&error))
        })
    }

    /// Runs an operation on the open database.
    ///
    /// If the file layer reports damage meanwhile (a `-shm` cut short underneath), whatever the
    /// operation returned is void, and the database is opened anew for the next one.
    fn guard<T>(&mut self, operation: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.database.is_none() {
            if self.access.frozen {
                self.frozen = Some(self.state()?);
            }
            self.database = Some(self.open_database()?);
        }
        self.platform.begin_operation(self.access.wait_ms);
        let result = operation(self);
        if let Some(frozen) = self.frozen {
            self.assure_unchanged(frozen)?;
        }
        if let Some(damage) = self.platform.take_damage() {
            self.close_database();
            // Closing reports what it finds once more, which concerns no later operation.
            self.platform.take_damage();
            return Err(Error::Corrupt(damage));
        }
        let in_transaction = self.database.as_ref().is_some_and(Database::is_in_transaction);
        if matches!(result, Err(Error::Corrupt(_) | Error::Io(_))) {
            self.close_database();
        } else if !in_transaction && self.open.as_ref().is_some_and(|open| !open.is_prepared()) {
            // Undone by SQLite itself, as on a full disk.
            self.lose_transaction();
        }
        result
    }

    /// Discards what was read of a database that was not to change, if it has changed.
    fn assure_unchanged(&mut self, frozen: State) -> Result<()> {
        let path = self.directory.join(DATABASE);
        let unchanged = assure_no_log(&path).and_then(|()| Ok(self.state()? == frozen));
        if unchanged == Ok(true) {
            return Ok(());
        }
        self.close_database();
        unchanged.and_then(|_| Err(Error::Locked(format!("{} was just changed by somebody else", path.display()))))
    }

    /// What the database looks like, which nobody should change.
    fn state(&self) -> Result<State> {
        let path = self.directory.join(DATABASE);
        State::of(&path).map_err(|error| match error {
            // Not where the lease says any more: others are in force.
            Error::NotFound(_) => Error::Locked(format!("{} was just replaced by somebody else", path.display())),
            other => other,
        })
    }

    fn close_database(&mut self) {
        self.database = None;
        self.lose_transaction();
    }

    /// A number that nobody else has chosen.
    pub(crate) fn unique_number(&self) -> i64 {
        // Positive, and never the 0 that stands for none.
        (self.platform.random() >> 2).cast_signed() + 1
    }

    pub(crate) fn refuse_if_read_only(&self) -> Result<()> {
        if self.access.read_only {
            return Err(Error::ReadOnly(format!("{} is open for reading only", self.directory.display())));
        }
        Ok(())
    }

    /// Opens the database of a directory that is complete, so it must be there and be a shard.
    fn open_database(&self) -> Result<Database> {
        let path = self.directory.join(DATABASE);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > 0 => {}
            Ok(_) => return Err(Error::Corrupt(format!("{} is empty", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Corrupt(format!("{} is missing", path.display())));
            }
            Err(error) => return Err(Error::from_own_file(&path, &error)),
        }
        let database = Database::open(&path, self.access, &self.platform)?;
        match database.run(|connection| schema::identify(connection))? {
            Identity::Shard => {}
            Identity::Empty => return Err(Error::Corrupt(format!("{} has lost its tables", path.display()))),
            Identity::Foreign(what) => return Err(Error::UnsupportedFormat(format!("{}: {what}", path.display()))),
        }
        Ok(database)
    }

    fn database(&self) -> Result<&Database> {
        self.database.as_ref().ok_or(Error::Closed)
    }

    /// The settings as this shard last saw them.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    fn load_settings(&mut self) -> Result<()> {
        let database = self.database()?;
        let (version, sequence) = database.run(|connection| {
            connection.query_row("SELECT settings, sequence FROM totals", [], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        self.sequence.observe(sequence);
        let settings = settings_in(database)?;
        self.adopt_settings(settings, version)
    }

    /// Works under settings that are in force.
    fn adopt_settings(&mut self, settings: Settings, version: i64) -> Result<()> {
        let database = self.database()?;
        database.set_durability(settings.durability)?;
        database.set_log_length(settings.checkpoint_frames(self.index))?;
        if settings.statistics && !self.settings.statistics {
            // What was counted before is nobody's business.
            self.recorded = self.counts;
        }
        (self.settings, self.settings_version) = (settings, version);
        self.keep_reserve();
        Ok(())
    }

    /// Records other settings, for every user of the directory.
    pub(crate) fn change_settings(&mut self, settings: &Settings) -> Result<()> {
        if *settings == self.settings {
            return Ok(());
        }
        self.guard(|shard| {
            if settings.policy != shard.settings.policy && !shard.recency.is_empty() {
                // The new ranks are made from what is recorded, and the new policy may not record reads.
                shard.write_reads()?;
            }
            // What is in journals was accepted under the settings of before.
            shard.once_unbiased(|shard| shard.store_settings(settings))?;
            shard.load_settings()
        })
    }

    fn store_settings(&self, settings: &Settings) -> Result<()> {
        let policy = (settings.policy != self.settings.policy).then_some(settings.policy);
        self.database()?.run(|connection| {
            settings.store(connection)?;
            if let Some(policy) = policy {
                connection.execute(policy.rerank_statement(), [])?;
                // The new ranks begin at no age.
                connection.execute("UPDATE totals SET age = 0, passed = 0", [])?;
            }
            connection.execute("UPDATE totals SET settings = settings + 1", []).map(drop)
        })
    }

    /// Number of entries, expired ones included. Also learns of settings that others
    /// have changed.
    pub(crate) fn count(&mut self) -> Result<u64> {
        self.guard(|shard| {
            let (count, version): (i64, i64) = shard.read_folded(None, |shard| {
                shard.database()?.run(|connection| {
                    connection
                        .prepare_cached("SELECT count, settings FROM totals")?
                        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                })
            })?;
            let count = u64::try_from(count).map_err(|_| {
                Error::Corrupt(format!("{}: a negative count", shard.directory.join(DATABASE).display()))
            })?;
            if version != shard.settings_version {
                shard.load_settings()?;
            }
            Ok(count)
        })
    }

    /// Writes what is pending.
    pub(crate) fn close(&mut self) -> Result<()> {
        if self.access.read_only {
            return Ok(());
        }
        self.guard(Self::give_back_biases)?;
        if self.settings.statistics && self.counts != self.recorded {
            self.guard(Self::record_statistics)?;
        }
        self.guard(Self::record_sequence)?;
        if self.recency.is_empty() && self.loose.is_empty() {
            return Ok(());
        }
        self.guard(Self::give_up_names)
    }
}

/// The settings a database records.
fn settings_in(database: &Database) -> Result<Settings> {
    Settings::load(database.connection()).map_err(|error| match error {
        LoadError::Database(error) => database.error(&error),
        LoadError::Invalid(name) => {
            Error::Corrupt(format!("{}: the setting {name} can not be understood", database.path().display()))
        }
    })
}
