//! A platform for tests: a clock that is set by hand, seeded randomness, and SQLite's own files.

mod disorder;
mod locks;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

pub use disorder::disorder;
pub use locks::LockTable;

use crate::cache::{Cache, Resharding};
use crate::error::{Error, Result};
use crate::platform::{Platform, RangeLocks, Sharing};

/// The shard in which the entry of a key lies.
#[must_use]
pub fn shard_of(key: &crate::Key, shards: usize) -> usize {
    crate::settings::shard_of(key.hash(), shards)
}

/// The shard in which a queue lies.
#[must_use]
pub fn shard_of_queue(queue: &str, shards: usize) -> usize {
    crate::settings::shard_of(crate::shard::queue_hash(queue), shards)
}

/// Whether two values are the same to the bit.
#[must_use]
pub fn same(a: &crate::Value, b: &crate::Value) -> bool {
    use crate::Value;
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a == b,
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        _ => false,
    }
}

/// Surroundings under the control of a test. One owner at a time, by lease, unless given a
/// [`LockTable`].
pub struct TestPlatform {
    wall: Cell<i64>,
    monotonic: Cell<u64>,
    random: Cell<u64>,
    locks: Option<Locks>,
    on_sleep: RefCell<Option<Box<dyn FnMut()>>>,
    on_commit: RefCell<Option<OnCommit>>,
    on_write: RefCell<Option<Box<dyn FnMut()>>>,
    on_read: RefCell<Option<Box<dyn FnOnce()>>>,
    on_look: RefCell<Option<Box<dyn FnMut()>>>,
    bias_from: Cell<u32>,
}

/// What to do before a commit.
type OnCommit = Box<dyn FnMut() -> Result<()>>;

/// How a platform takes part in sharing by locks.
struct Locks {
    table: Arc<LockTable>,
    /// Whom its locks belong to.
    process: u64,
    databases: bool,
}

impl TestPlatform {
    /// A platform at some time in 2026.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Self::seeded(1)
    }

    /// A platform with other random numbers.
    #[must_use]
    pub fn seeded(seed: u64) -> Rc<Self> {
        Rc::new(Self::build(seed, None))
    }

    /// A platform whose caches share directories with all others of the same table: many at once
    /// if `databases`, else one after the other.
    #[must_use]
    pub fn sharing(table: &Arc<LockTable>, seed: u64, databases: bool) -> Rc<Self> {
        let locks = Locks { table: Arc::clone(table), process: table.new_process(), databases };
        Rc::new(Self::build(seed, Some(locks)))
    }

    fn build(seed: u64, locks: Option<Locks>) -> Self {
        Self {
            wall: Cell::new(1_795_000_000_000),
            monotonic: Cell::new(1_000_000),
            random: Cell::new(seed),
            locks,
            on_sleep: RefCell::new(None),
            on_commit: RefCell::new(None),
            on_write: RefCell::new(None),
            on_read: RefCell::new(None),
            on_look: RefCell::new(None),
            bias_from: Cell::new(8),
        }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, milliseconds: u32) {
        self.wall.set(self.wall.get() + i64::from(milliseconds));
        self.monotonic.set(self.monotonic.get() + u64::from(milliseconds));
    }

    /// Moves the wall clock alone, as an administrator does.
    pub fn set_wall_clock(&self, by_ms: i64) {
        self.wall.set(self.wall.get() + by_ms);
    }

    /// Does something the next time the platform is asked to let time pass, and then no more.
    pub fn on_next_sleep(&self, action: impl FnOnce() + 'static) {
        let mut action = Some(action);
        *self.on_sleep.borrow_mut() = Some(Box::new(move || {
            if let Some(action) = action.take() {
                action();
            }
        }));
    }

    /// Does something at each [`Platform::before_commit`].
    pub fn on_commit(&self, action: impl FnMut() -> Result<()> + 'static) {
        *self.on_commit.borrow_mut() = Some(Box::new(action));
    }

    /// Does something after each [`Platform::write_at`], while the operation that has written goes on.
    pub fn on_write(&self, action: impl FnMut() + 'static) {
        *self.on_write.borrow_mut() = Some(Box::new(action));
    }

    /// Does something during the next optimistic read, which then has to be done again.
    pub fn on_next_read(&self, action: impl FnOnce() + 'static) {
        *self.on_read.borrow_mut() = Some(Box::new(action));
    }

    /// Does something before each look at the monotonic clock, such as letting time pass. Whoever has a lease
    /// looks before and after every operation.
    pub fn on_look(&self, action: impl FnMut() + 'static) {
        *self.on_look.borrow_mut() = Some(Box::new(action));
    }

    /// Sets [`Platform::bias_from`].
    pub fn set_bias_from(&self, count: u32) {
        self.bias_from.set(count);
    }

    /// Ends a cache as a process does that is killed: its databases are closed, and nothing is written.
    /// Its locks end with [`TestPlatform::crash`].
    pub fn kill(mut cache: Cache) {
        cache.end_abruptly();
    }

    /// Ends a change of the number of shards likewise.
    pub fn kill_resharding(resharding: Resharding) {
        resharding.end_abruptly();
    }

    /// Releases the locks of everything opened with this platform, as the end of a process does.
    /// What is still open must be killed or forgotten, not dropped.
    pub fn crash(&self) {
        if let Some(locks) = &self.locks {
            locks.table.end_process(locks.process);
        }
    }
}

/// Does what is to be done each time. It is taken out meanwhile, so that it may do the same.
fn repeat(action: &RefCell<Option<Box<dyn FnMut()>>>) {
    let taken = action.borrow_mut().take();
    if let Some(mut taken) = taken {
        taken();
        *action.borrow_mut() = Some(taken);
    }
}

impl Platform for TestPlatform {
    fn wall_us(&self) -> i64 {
        self.wall.get().saturating_mul(1000)
    }

    fn monotonic_ms(&self) -> u64 {
        repeat(&self.on_look);
        self.monotonic.get()
    }

    /// `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>.
    fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn sleep_ms(&self, milliseconds: u64) {
        self.advance(u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let action = self.on_sleep.borrow_mut().take();
        if let Some(mut action) = action {
            action();
        }
    }

    fn before_commit(&self) -> Result<()> {
        self.on_commit.borrow_mut().as_mut().map_or(Ok(()), |action| action())
    }

    fn end_optimistic_read(&self) -> bool {
        let action = self.on_read.borrow_mut().take();
        action.map(|action| action()).is_some()
    }

    fn bias_from(&self) -> u32 {
        self.bias_from.get()
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        file.write_all_at(bytes, offset)?;
        repeat(&self.on_write);
        Ok(())
    }

    fn vfs(&self) -> Option<&str> {
        None
    }

    fn sharing(&self) -> Sharing {
        self.locks.as_ref().map_or(Sharing::Lease, |locks| Sharing::Locks { databases: locks.databases })
    }

    fn open_locks(&self, path: &Path) -> Result<Box<dyn RangeLocks>> {
        let locks = self.locks.as_ref().ok_or_else(|| Error::Io("a lease needs no locks".into()))?;
        locks.table.open(path, locks.process)
    }

    /// So soon that every test that evicts by tag meets tombstones.
    fn tombstone_from(&self) -> u64 {
        2
    }

    fn take_damage(&self) -> Option<String> {
        None
    }

    fn take_failure(&self) -> Option<Error> {
        None
    }
}
