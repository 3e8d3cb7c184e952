//! What an instance of the component may take.

use std::time::Duration;

use crate::coordination::CoordinationCtxBuilder;

/// How long opening an instance may take at least, unless something else is set.
const OPENING: Duration = Duration::from_secs(5);

/// What each instance of the component may take at most; for [`crate::CacheBuilder::limits`].
///
/// | limit | unit | unless set | who goes beyond gets |
/// |---|---|---|---|
/// | [`memory`](Self::memory) | bytes of its own memory | 4 GiB | [`Error::MemoryLimit`] |
/// | [`call`](Self::call) | time one call takes | none | [`Error::TimeLimit`] |
/// | [`opening`](Self::opening) | time opening an instance takes | see there | [`Error::TimeLimit`] |
/// | [`handles`](Self::handles) | files open for locks and sharing | 256 | [`Error::Io`] |
/// | [`regions`](Self::regions) | regions of files mapped into its memory | 1024 | [`Error::Io`] |
/// | [`mapped`](Self::mapped) | bytes of these regions | 64 MiB | [`Error::Io`] |
///
/// How many instances there are is bounded by [`crate::CacheBuilder::instances`], and what a directory
/// takes on disk by [`crate::CacheBuilder::size_limit`].
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Limits};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// let limits = Limits::new().memory(64 << 20).call(Duration::from_secs(5)).handles(32).regions(64).mapped(4 << 20);
/// let cache = Cache::builder().limits(limits).size_limit(256 << 20).instances(4).open(path)?;
/// # cache.set("key", "value")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Error::MemoryLimit`]: crate::Error::MemoryLimit
/// [`Error::TimeLimit`]: crate::Error::TimeLimit
/// [`Error::Io`]: crate::Error::Io
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "limits do nothing until a builder has them"]
pub struct Limits {
    pub(crate) memory: usize,
    pub(crate) call: Option<Duration>,
    opening: Option<Duration>,
    pub(crate) handles: Option<usize>,
    pub(crate) regions: Option<usize>,
    pub(crate) mapped: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: usize::MAX, call: None, opening: None, handles: None, regions: None, mapped: None }
    }
}

impl Limits {
    /// Those that hold unless set.
    pub fn new() -> Self {
        Self::default()
    }

    /// How large the memory of an instance may become, in bytes; 4 GiB unless set, which is the most
    /// WebAssembly has. An instance takes about 2 MiB, and as a value passes as a whole, a few times its
    /// size; values in parts ([`crate::Cache::write`], [`crate::Cache::read`]) take less than 8 MiB,
    /// whatever their size. A call that needs more ends with [`crate::Error::MemoryLimit`], or with
    /// whatever error the component makes of it.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// How long one call into the component may take; without a bound unless set. A call that takes
    /// longer is ended where it is, with [`crate::Error::TimeLimit`], within some 10 ms, or with what
    /// the operating system was asked to do; waits for others end by then, too. Its instance is
    /// discarded, with what was not committed; other instances carry on.
    ///
    /// Caches with this limit have code that looks at the time, compiled beside the other, and while one
    /// is open, a thread of the process wakes every 10 ms.
    pub fn call(mut self, time: Duration) -> Self {
        self.call = Some(time);
        self
    }

    /// How long opening an instance may take: the first, one for another thread, and one in place of an
    /// instance that was ended. Without a bound if calls have none; else 5 seconds unless set, or as long as
    /// a call if that is more.
    ///
    /// At rest it takes some milliseconds, a thousand times what a short call does. If it had no more time
    /// than one, on a busy machine a handle whose instance was ended would never get another.
    pub fn opening(mut self, time: Duration) -> Self {
        self.opening = Some(time);
        self
    }

    /// How many files an instance may have open for locks and sharing: 256 unless set. It needs two
    /// for each shard and two to spare.
    pub fn handles(mut self, handles: usize) -> Self {
        self.handles = Some(handles);
        self
    }

    /// How many regions of files an instance may have mapped: 1024 unless set. It needs one for
    /// every 16 MiB of each shard's log, at least one for each shard.
    pub fn regions(mut self, regions: usize) -> Self {
        self.regions = Some(regions);
        self
    }

    /// How many bytes an instance may have mapped: 64 MiB unless set. A region takes 64 KiB at most.
    pub fn mapped(mut self, bytes: usize) -> Self {
        self.mapped = Some(bytes);
        self
    }

    /// Whether any time is limited.
    pub(crate) fn is_timed(&self) -> bool {
        self.call.is_some() || self.opening.is_some()
    }

    /// How long opening an instance may take.
    pub(crate) fn time_to_open(&self) -> Option<Duration> {
        self.opening.or_else(|| self.call.map(|call| call.max(OPENING)))
    }

    /// Those that the host functions see to.
    pub(crate) fn apply_to(&self, coordination: &mut CoordinationCtxBuilder) {
        if let Some(handles) = self.handles {
            coordination.max_handles(handles);
        }
        if let Some(regions) = self.regions {
            coordination.max_regions(regions);
        }
        if let Some(mapped) = self.mapped {
            coordination.max_mapped(mapped);
        }
    }
}
