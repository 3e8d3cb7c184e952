//! All shards of a directory as one cache.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::database::Access;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::number::Number;
use crate::options::{Expiry, Limit, OpenOptions, SetOptions};
use crate::platform::Platform;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::shard::{Counts, Mode, Problem, Shard};
use crate::tenure::Tenure;
use crate::value::Value;

/// What a handle has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Reads that found an entry.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Entries stored.
    pub sets: u64,
    /// Entries deleted by key.
    pub deletes: u64,
    /// Entries removed because of a limit, or by selection.
    pub evictions: u64,
    /// Entries removed because they had expired.
    pub expirations: u64,
}

/// A directory, its settings and totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// Version of the format on disk.
    pub format: u32,
    /// Whether others may use the directory at the same time.
    pub shared: bool,
    /// What the directory records.
    pub settings: Settings,
    /// Number of entries, expired ones included.
    pub count: u64,
    /// Their size in bytes.
    pub volume: u64,
}

/// An open cache.
///
/// All methods return the same errors for the same reasons as the `cache` resource of the WIT
/// package, which documents them.
pub struct Cache {
    path: PathBuf,
    /// How to open the directory again after its lease was lost.
    options: OpenOptions,
    platform: Rc<dyn Platform>,
    /// None once closed.
    session: Option<Session>,
    /// What earlier sessions of this handle have counted.
    counts: Counts,
    closed: bool,
}

/// The time between obtaining a directory and letting go of it.
struct Session {
    tenure: Rc<Tenure>,
    shards: Vec<Shard>,
}

impl Cache {
    /// Opens the cache in the directory `path`.
    pub fn open(path: &Path, options: &OpenOptions, platform: Rc<dyn Platform>) -> Result<Self> {
        options.validate()?;
        let session = Session::begin(path, options, &platform)?;
        let reopening = OpenOptions {
            create: false,
            size_limit: Limit::Recorded,
            item_limit: Limit::Recorded,
            policy: None,
            default_ttl: Expiry::Default,
            inline_threshold: None,
            durability: None,
            ..options.clone()
        };
        Ok(Self {
            path: path.to_owned(),
            options: reopening,
            platform,
            session: Some(session),
            counts: Counts::default(),
            closed: false,
        })
    }

    /// The live value under a key.
    pub fn get(&mut self, key: &Key) -> Result<Option<Value>> {
        self.on_shard(key, |shard, hash| shard.get(key, hash))
    }

    /// The live entry under a key.
    pub fn get_entry(&mut self, key: &Key) -> Result<Option<Entry>> {
        self.on_shard(key, |shard, hash| shard.get(key, hash))
    }

    /// Stores a value; returns its version.
    pub fn set(&mut self, key: &Key, value: &Value, options: &SetOptions) -> Result<u64> {
        value.validate(key)?;
        let version = self.on_shard(key, |shard, hash| shard.set(key, hash, value, options, Mode::Always))?;
        version.ok_or_else(|| Error::Io("a value was not stored".into()))
    }

    /// Stores a value if the key has none that is live; returns its version.
    pub fn add(&mut self, key: &Key, value: &Value, options: &SetOptions) -> Result<Option<u64>> {
        value.validate(key)?;
        self.on_shard(key, |shard, hash| shard.set(key, hash, value, options, Mode::IfAbsent))
    }

    /// Removes an entry; whether there was one that was live.
    pub fn delete(&mut self, key: &Key) -> Result<bool> {
        self.on_shard(key, |shard, _| shard.delete(key))
    }

    /// Gives a live entry another expiry; whether there was one.
    pub fn touch(&mut self, key: &Key, expiry: Expiry) -> Result<bool> {
        self.on_shard(key, |shard, _| shard.touch(key, expiry))
    }

    /// Adds to a number; returns the sum.
    pub fn increment(
        &mut self,
        key: &Key,
        delta: Number,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        self.on_shard(key, |shard, hash| shard.increment(key, hash, delta, initial, options))
    }

    /// Whether a key has a live entry.
    pub fn contains(&mut self, key: &Key) -> Result<bool> {
        self.on_shard(key, |shard, _| shard.contains(key))
    }

    /// Number of entries, expired ones included.
    pub fn count(&mut self) -> Result<u64> {
        Ok(self.totals()?.0)
    }

    /// Size of the entries in bytes.
    pub fn volume(&mut self) -> Result<u64> {
        Ok(self.totals()?.1)
    }

    fn totals(&mut self) -> Result<(u64, u64)> {
        let each = self.on_all(Shard::totals)?;
        Ok(each.into_iter().fold((0, 0), |sum, totals| (sum.0 + totals.0, sum.1 + totals.1)))
    }

    /// Removes entries; returns how many.
    pub fn evict(&mut self, selection: &Selection) -> Result<u64> {
        let span = selection.span()?;
        Ok(self.on_all(|shard| shard.evict(&span))?.into_iter().sum())
    }

    /// Removes all expired entries; returns how many.
    pub fn expire(&mut self) -> Result<u64> {
        Ok(self.on_all(Shard::expire)?.into_iter().sum())
    }

    /// Removes all entries; returns how many.
    pub fn clear(&mut self) -> Result<u64> {
        self.evict(&Selection::All)
    }

    /// What this handle has counted.
    pub fn statistics(&self) -> Result<Statistics> {
        self.assure_open()?;
        let mut counts = self.counts;
        self.session.iter().flat_map(|session| &session.shards).for_each(|shard| counts.add(shard.counts));
        let Counts { hits, misses, sets, deletes, evictions, expirations } = counts;
        Ok(Statistics { hits, misses, sets, deletes, evictions, expirations })
    }

    /// The directory's settings and totals.
    pub fn information(&mut self) -> Result<Information> {
        let (count, volume) = self.totals()?;
        let session = self.session()?;
        let settings = session.shards.first().map(|shard| shard.settings().clone()).unwrap_or_default();
        Ok(Information {
            format: crate::schema::format_version(),
            shared: !session.tenure.is_sole(),
            settings,
            count,
            volume,
        })
    }

    /// Everything that is wrong with the directory.
    pub fn check(&mut self) -> Result<Vec<Problem>> {
        Ok(self.on_all(Shard::check)?.into_iter().flatten().collect())
    }

    /// Writes what is pending and lets go of the directory.
    pub fn close(&mut self) -> Result<()> {
        self.assure_open()?;
        self.closed = true;
        self.session.take().map_or(Ok(()), Session::end)
    }

    /// Refuses to go on with a handle that was closed.
    pub(crate) fn assure_open(&self) -> Result<()> {
        if self.closed { Err(Error::Closed) } else { Ok(()) }
    }

    /// Runs an operation on the shard of a key.
    fn on_shard<T>(&mut self, key: &Key, operation: impl FnOnce(&mut Shard, u64) -> Result<T>) -> Result<T> {
        key.validate()?;
        let hash = key.hash();
        self.under_tenure(|session| operation(session.shard_of(hash)?, hash))
    }

    /// Runs an operation on every shard.
    pub(crate) fn on_all<T>(&mut self, mut operation: impl FnMut(&mut Shard) -> Result<T>) -> Result<Vec<T>> {
        self.under_tenure(|session| session.shards.iter_mut().map(&mut operation).collect())
    }

    /// Runs an operation on one shard by its index.
    pub(crate) fn on_index<T>(&mut self, index: usize, operation: impl FnOnce(&mut Shard) -> Result<T>) -> Result<T> {
        self.under_tenure(|session| operation(session.shards.get_mut(index).ok_or(Error::Closed)?))
    }

    /// Runs an operation, and returns its result only if the directory was ours all the time.
    fn under_tenure<T>(&mut self, operation: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let session = self.session()?;
        let kept = session.tenure.assure();
        let result = kept.and_then(|()| {
            let result = operation(session);
            session.tenure.assure().and(result)
        });
        if matches!(result, Err(Error::Locked(_))) {
            // Somebody else has the directory now. The next call tries to get it back.
            self.abandon();
        }
        result
    }

    /// The session, begun anew if the last one was lost.
    fn session(&mut self) -> Result<&mut Session> {
        self.assure_open()?;
        if self.session.is_none() {
            self.session = Some(Session::begin(&self.path, &self.options, &self.platform)?);
        }
        self.session.as_mut().ok_or(Error::Closed)
    }

    /// Leaves a session whose directory is somebody else's, without writing anything.
    fn abandon(&mut self) {
        if let Some(session) = self.session.take() {
            session.shards.iter().for_each(|shard| self.counts.add(shard.counts));
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Nobody is left to be told of an error; the next opener completes what is missing.
        let _ = self.close();
    }
}

impl Session {
    fn begin(path: &Path, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Self> {
        let tenure = Rc::new(Tenure::obtain(path, options, platform)?);
        let opened = Self::enter(&tenure, options, platform);
        if opened.is_err() {
            // The error of opening is the one to tell; a directory not let go of is found out.
            let _ = tenure.release();
        }
        Ok(Self { shards: opened?, tenure })
    }

    /// Makes or opens the shards, then lets others in.
    fn enter(tenure: &Rc<Tenure>, options: &OpenOptions, platform: &Rc<dyn Platform>) -> Result<Vec<Shard>> {
        let access = Access {
            read_only: options.read_only,
            // A sole owner locks the file exclusively, which takes one that is open for writing.
            read_only_file: options.read_only && (tenure.is_passive() || !tenure.is_sole()),
            exclusive: tenure.is_sole(),
            wait_ms: options.wait_ms,
        };
        if !tenure.is_ready() {
            Self::make(tenure, options, access, platform)?;
            tenure.complete()?;
        }
        if tenure.has_joined() && !options.changes_settings() {
            // Nothing to do that others must not see half done.
            tenure.open_gate()?;
        }
        let shards = Self::open_shards(tenure, options, access, platform)?;
        // What the data in use could replace is kept until they have proven to be sound.
        tenure.remove_leftovers()?;
        tenure.open_gate()?;
        Ok(shards)
    }

    /// Makes the shards of a new directory.
    fn make(tenure: &Tenure, options: &OpenOptions, access: Access, platform: &Rc<dyn Platform>) -> Result<()> {
        let data = tenure.draft();
        if options.read_only || !options.create {
            return Err(Error::NotFound(format!("{} holds no complete cache", tenure.root().display())));
        }
        let settings = Settings { shards: options.shards.unwrap_or(1), ..Settings::default() }.with(options)?;
        // Nobody else is in: the gate is ours. So the databases can be made alone, fast.
        let access = Access { exclusive: true, ..access };
        (0..settings.shards).try_for_each(|index| Shard::create(index, &settings, &data, access, platform))
    }

    fn open_shards(
        tenure: &Rc<Tenure>,
        options: &OpenOptions,
        access: Access,
        platform: &Rc<dyn Platform>,
    ) -> Result<Vec<Shard>> {
        let sequence = Rc::default();
        let first = Shard::open(0, access, tenure, &sequence, platform)?;
        let settings = first.settings().clone();
        if let Some(asked) = options.shards.filter(|asked| *asked != settings.shards) {
            return Err(Error::InvalidArgument(format!(
                "the number of shards is {}, not {asked}: it is fixed when the directory is made",
                settings.shards
            )));
        }
        let changed = settings.with(options)?;
        let mut shards = vec![first];
        for index in 1..settings.shards {
            shards.push(Shard::open(index, access, tenure, &sequence, platform)?);
        }
        if options.changes_settings() {
            // The first shard last: an opener that crashes in between has not changed what the
            // directory is said to have, and the next change begins with all shards again.
            shards.iter_mut().rev().try_for_each(|shard| shard.change_settings(&changed))?;
        }
        Ok(shards)
    }

    fn shard_of(&mut self, hash: u64) -> Result<&mut Shard> {
        let count = self.shards.len().max(1) as u64;
        // The remainder is below the number of shards, so it is an index.
        #[allow(clippy::cast_possible_truncation, reason = "below the number of shards")]
        let index = (hash % count) as usize;
        self.shards.get_mut(index).ok_or(Error::Closed)
    }

    /// Writes what is pending, closes the databases and lets go of the directory.
    fn end(mut self) -> Result<()> {
        self.tenure.assure()?;
        let mut closed = Ok(());
        for shard in &mut self.shards {
            closed = closed.and(shard.close());
        }
        self.shards.clear();
        // Let go of even if something could not be written: all that was acknowledged is there.
        closed.and(self.tenure.release())
    }
}
