//! How a cache is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, thread};

use tempfile::TempDir;

use super::Cache;
use super::pool::Pool;
use super::recipes::Keeper;
use super::reshard::Resharding;
use crate::error::{Error, Result};
use crate::options::{Changes, Compression, Durability, Expiry, Limit, Limits, Policy, milliseconds};
use crate::runtime::bindings::cache::OpenOptions;
use crate::runtime::{Instance, Opening, WallClock};

/// How long an operation waits for others unless told otherwise.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);

/// Opens a [`Cache`] in other ways than [`Cache::open`]. What the directory records (limits,
/// policy, default time to live, inline threshold, durability,
/// compression, statistics) is changed for all its users when
/// set here, and kept when not.
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Policy};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("cache");
/// let cache = Cache::builder()
///     .size_limit(256 << 20)
///     .policy(Policy::LeastRecentlyUsed)
///     .default_ttl(Duration::from_secs(3600))
///     .open(&path)?;
/// # drop(cache);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `open` is called"]
#[allow(clippy::struct_excessive_bools, reason = "independent choices of the caller, as in the WIT record")]
pub struct CacheBuilder {
    create: bool,
    read_only: bool,
    exclusive: bool,
    shards: Option<u32>,
    changes: Changes,
    wait: Duration,
    instances: Option<usize>,
    limits: Limits,
    mapping: bool,
    wall_clock: Option<WallClock>,
    readable: Vec<PathBuf>,
    writable: Vec<PathBuf>,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            create: true,
            read_only: false,
            exclusive: false,
            shards: None,
            changes: Changes::new(),
            wait: DEFAULT_WAIT,
            instances: None,
            limits: Limits::new(),
            mapping: true,
            wall_clock: None,
            readable: Vec::new(),
            writable: Vec::new(),
        }
    }
}

impl CacheBuilder {
    /// Whether to make the directory, and a cache in it, if there is none. It is unless told
    /// otherwise.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Refuse changes through this handle. The cache must exist.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Let nobody else open the directory meanwhile: faster, for a sole user with one thread at a
    /// time.
    pub fn exclusive(mut self, exclusive: bool) -> Self {
        self.exclusive = exclusive;
        self
    }

    /// How large the volume may become, in bytes. New directories: 1 GiB.
    pub fn size_limit(mut self, limit: impl Into<Limit>) -> Self {
        self.changes = self.changes.size_limit(limit);
        self
    }

    /// How many entries there may be. New directories: unlimited.
    pub fn item_limit(mut self, limit: impl Into<Limit>) -> Self {
        self.changes = self.changes.item_limit(limit);
        self
    }

    /// Which entries go first. New directories: [`Policy::LeastRecentlyStored`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.changes = self.changes.policy(policy);
        self
    }

    /// Over how many databases the entries are spread, 1 to 30; writers to different ones do not
    /// wait for each other. Recorded when the directory is made; another number later is an error, and
    /// [`CacheBuilder::reshard`] changes it.
    pub fn shards(mut self, shards: u32) -> Self {
        self.shards = Some(shards);
        self
    }

    /// The time to live of entries that name none. New directories: never.
    pub fn default_ttl(mut self, expiry: impl Into<Expiry>) -> Self {
        self.changes = self.changes.default_ttl(expiry);
        self
    }

    /// From which size on values have files of their own, 1 byte to 1 MiB. New directories: 32 KiB.
    pub fn inline_threshold(mut self, bytes: u32) -> Self {
        self.changes = self.changes.inline_threshold(bytes);
        self
    }

    /// How values that are stored from now on are made smaller. New directories:
    /// [`Compression::None`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.changes = self.changes.compression(compression);
        self
    }

    /// Whether what all handles count is added up in the directory, in batches. New directories: no.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.changes = self.changes.statistics(statistics);
        self
    }

    /// What survives a power loss. New directories: [`Durability::Relaxed`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.changes = self.changes.durability(durability);
        self
    }

    /// How long an operation may wait for others before it is the error [`Error::Timeout`]; one
    /// minute unless set. At most 49 days.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How many instances of the component this cache may use, and so how many threads may be at
    /// work in it at the same time: unless set, two for each core, at least four. Each takes a few
    /// megabytes.
    pub fn instances(mut self, instances: usize) -> Self {
        self.instances = Some(instances);
        self
    }

    /// Whether memory may be shared between instances, where the platform can; it may unless told
    /// otherwise. Without, the directory is opened as if [`CacheBuilder::exclusive`].
    pub fn allow_mapping(mut self, allow: bool) -> Self {
        self.mapping = allow;
        self
    }

    /// What each instance of the component may take: memory, time, handles and mapped pages. See
    /// [`Limits`] for units, what holds unless set, and the errors.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How large the memory of one instance of the component may become, in bytes: [`Limits::memory`]
    /// alone.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.limits = self.limits.memory(bytes);
        self
    }

    /// What tells the time by which entries expire, as it is since the Unix epoch; the system's clock unless
    /// given. For tests of what happens as time passes: all who share a directory are to have the same time.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::Duration;
    /// use larder::{Cache, SetOptions};
    ///
    /// let seconds = Arc::new(AtomicU64::new(1_800_000_000));
    /// let clock = Arc::clone(&seconds);
    /// let time = move || Duration::from_secs(clock.load(Ordering::Relaxed));
    /// let cache = Cache::builder().wall_clock(time).open_temporary()?;
    /// cache.set_with("key", "value", &SetOptions::new().ttl(Duration::from_secs(60)))?;
    /// seconds.fetch_add(60, Ordering::Relaxed);
    /// assert_eq!(cache.get("key")?, None);
    /// # Ok::<(), larder::Error>(())
    /// ```
    pub fn wall_clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.wall_clock = Some(WallClock(Arc::new(clock)));
        self
    }

    /// Also lets the component read another directory, which must exist: one to be imported by
    /// [`Cache::import_diskcache`]. It sees nothing else of the file system but the cache.
    pub fn allow_reading(mut self, directory: impl Into<PathBuf>) -> Self {
        self.readable.push(directory.into());
        self
    }

    /// Also lets the component write another directory, which is made if it is not there: one to
    /// export to by [`Cache::export_diskcache`].
    pub fn allow_writing(mut self, directory: impl Into<PathBuf>) -> Self {
        self.writable.push(directory.into());
        self
    }

    /// Opens the cache in a directory.
    pub fn open(self, directory: impl AsRef<Path>) -> Result<Cache> {
        self.open_in(directory.as_ref(), None)
    }

    /// Opens a new cache in a temporary directory, which is removed when the last handle is
    /// dropped.
    pub fn open_temporary(self) -> Result<Cache> {
        let directory = tempfile::Builder::new().prefix("larder-").tempdir();
        let directory = directory.map_err(|error| Error::from_io(&std::env::temp_dir(), &error))?;
        let path = directory.path().to_owned();
        self.open_in(&path, Some(directory))
    }

    fn open_in(self, directory: &Path, temporary: Option<TempDir>) -> Result<Cache> {
        let made: Vec<PathBuf> = self.writable.iter().filter(|writable| !writable.exists()).cloned().collect();
        let opened = self.open_granted(directory, temporary);
        if opened.is_err() {
            // Nothing comes of them. Whatever is in one by now is somebody else's, and stays.
            for directory in &made {
                let _ = fs::remove_dir(directory);
            }
        }
        opened
    }

    /// Begins to give the cache in a directory another number of shards, 1 to 30. Nobody may have it
    /// open until that has ended. Of what else the builder was told, only [`CacheBuilder::wait`] and
    /// [`CacheBuilder::limits`] matter.
    ///
    /// Everything is carried over to new shards beside the old ones, which need as much space until the
    /// end, value files excepted. The last step puts them in force, all at once; whatever ends it before
    /// has changed nothing. Limits then hold for the new shares: what exceeds one of them is evicted when
    /// something is stored. A limit that is too small for so many shards is
    /// [`Error::InvalidArgument`], an entry (or a deque or index) that is too large for the share of one
    /// [`Error::TooLarge`], a directory in use [`Error::Locked`].
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # larder::Cache::open(path)?.set("key", "value")?;
    /// let mut resharding = larder::Cache::builder().reshard(path, 4)?;
    /// while !resharding.step()?.finished {}
    /// let cache = larder::Cache::open(path)?;
    /// assert_eq!(cache.info()?.shards, 4);
    /// assert_eq!(cache.get("key")?, Some("value".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reshard(self, directory: impl AsRef<Path>, shards: u32) -> Result<Resharding> {
        let existing = self.create(false);
        let directory = existing.prepare(directory.as_ref())?;
        let opening = Opening::new(&directory, existing.mapping, existing.limits.clone())?;
        Resharding::begin(&opening, shards, existing.wait_ms())
    }

    fn open_granted(mut self, directory: &Path, temporary: Option<TempDir>) -> Result<Cache> {
        // To look for something to read is not to make it.
        self.create &= !self.read_only;
        let directory = self.prepare(directory)?;
        let mut opening = Opening::new(&directory, self.mapping, self.limits.clone())?;
        opening.tell_time_by(self.wall_clock.clone());
        for readable in &self.readable {
            opening.allow_reading(&real_path(readable)?)?;
        }
        for writable in &self.writable {
            opening.allow_writing(&make(writable)?)?;
        }
        let mut first = Instance::open(&opening, self.options())?;
        let most = if first.opened()?.shared { self.most_instances() } else { 1 };
        let pool = Pool::new(first, opening, self.joining_options(), most, self.wait, temporary);
        let pool = Arc::new(pool);
        let keeper = Arc::new(Keeper::new(&pool));
        Ok(Cache { pool, directory: directory.into(), keeper })
    }

    /// Makes the directory if asked, and finds its real path, so that the current directory may
    /// change.
    fn prepare(&self, directory: &Path) -> Result<PathBuf> {
        let path = if self.create { make(directory) } else { real_path(directory) }?;
        let metadata = fs::metadata(&path).map_err(|error| Error::from_io(&path, &error))?;
        if !metadata.is_dir() {
            return Err(Error::InvalidArgument(format!("{} is not a directory", path.display())));
        }
        Ok(path)
    }

    fn most_instances(&self) -> usize {
        self.instances.unwrap_or_else(|| {
            let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get);
            (2 * cores).max(4)
        })
    }

    fn options(&self) -> OpenOptions {
        OpenOptions {
            create: self.create,
            read_only: self.read_only,
            exclusive: self.exclusive,
            shards: self.shards,
            changes: self.changes.as_param(),
            wait_ms: Some(self.wait_ms()),
            lease_ms: None,
        }
    }

    fn wait_ms(&self) -> u32 {
        u32::try_from(milliseconds(self.wait)).unwrap_or(u32::MAX)
    }

    /// How further instances open what the first has opened: without changing anything.
    fn joining_options(&self) -> OpenOptions {
        let unchanged = Self {
            create: false,
            read_only: self.read_only,
            exclusive: self.exclusive,
            wait: self.wait,
            ..Self::default()
        };
        unchanged.options()
    }
}

/// Makes a directory that is not there; its real path.
fn make(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).map_err(|error| Error::from_io(directory, &error))?;
    real_path(directory)
}

fn real_path(directory: &Path) -> Result<PathBuf> {
    fs::canonicalize(directory).map_err(|error| Error::from_io(directory, &error))
}
