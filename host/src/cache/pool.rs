//! The instances behind a cache: made when needed, up to a bound, and used by one thread at a time.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::options::Statistics;
use crate::runtime::bindings::cache::OpenOptions;
use crate::runtime::{Instance, Opening};

/// Instances of one cache.
pub(crate) struct Pool {
    state: Mutex<State>,
    returned: Condvar,
    opening: Opening,
    /// How further instances open the directory: as it is.
    options: OpenOptions,
    most: usize,
    wait: Duration,
    /// The directory of a temporary cache, removed after the instances are closed.
    _temporary: Option<TempDir>,
}

struct State {
    idle: Vec<Numbered>,
    /// Instances that exist, idle or in use.
    alive: usize,
    next_number: u64,
    /// Threads that wait for an instance: to wake nobody costs a system call, too.
    waiting: usize,
    closed: bool,
    /// What instances have counted that no longer exist.
    retired: Statistics,
}

/// An instance, told from others.
struct Numbered {
    number: u64,
    instance: Instance,
}

/// An instance in use by one thread; given back when dropped.
pub(crate) struct Lent<P: Deref<Target = Pool>> {
    pool: P,
    /// None only while it is being given back.
    numbered: Option<Numbered>,
}

impl Pool {
    /// A pool whose first instance is open, of at most `most`.
    pub(crate) fn new(
        first: Instance,
        opening: Opening,
        options: OpenOptions,
        most: usize,
        wait: Duration,
        temporary: Option<TempDir>,
    ) -> Self {
        let idle = vec![Numbered { number: 0, instance: first }];
        let state = State { idle, alive: 1, next_number: 1, waiting: 0, closed: false, retired: Statistics::default() };
        Self {
            state: Mutex::new(state),
            returned: Condvar::new(),
            opening,
            options,
            most: most.max(1),
            wait,
            _temporary: temporary,
        }
    }

    /// Runs an operation on an instance of this thread's own.
    pub(crate) fn run<T>(&self, operation: impl FnOnce(&mut Instance) -> Result<T>) -> Result<T> {
        operation(Lent { pool: self, numbered: Some(self.lend()?) }.instance()?)
    }

    /// An instance for longer than a call; given back when dropped.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Lent<Arc<Self>>> {
        Ok(Lent { pool: Arc::clone(self), numbered: Some(self.lend()?) })
    }

    /// An instance for an enumeration, which keeps it longer than a call and must not keep others
    /// waiting: it does not count towards the bound.
    pub(crate) fn detach(&self) -> Result<Instance> {
        if self.lock().closed {
            return Err(Error::Closed);
        }
        Instance::open(&self.opening, self.options)
    }

    /// Whether the pool can have more than one instance.
    pub(crate) fn can_grow(&self) -> bool {
        self.most > 1
    }

    /// Lends an idle instance, the one used last, whose caches are warmest; else a new one.
    fn lend(&self) -> Result<Numbered> {
        let mut state = self.lock();
        // The clock is only looked at by those who have to wait.
        let mut deadline = None;
        loop {
            if state.closed {
                return Err(Error::Closed);
            }
            if let Some(numbered) = state.idle.pop() {
                return Ok(numbered);
            }
            if state.alive < self.most {
                return self.grow(state);
            }
            let now = Instant::now();
            let deadline = *deadline.get_or_insert(now + self.wait);
            if now >= deadline {
                return Err(Error::Timeout(format!("one of {} instances", self.most)));
            }
            state = self.wait(state, deadline - now);
        }
    }

    fn grow(&self, mut state: MutexGuard<'_, State>) -> Result<Numbered> {
        let number = state.next_number;
        state.next_number += 1;
        state.alive += 1;
        drop(state);
        match Instance::open(&self.opening, self.options) {
            Ok(instance) => Ok(Numbered { number, instance }),
            Err(error) => {
                self.forget_one();
                Err(error)
            }
        }
    }

    /// What all instances have counted. Waits for those in use to be given back, as long as for
    /// one: the caller may hold one itself, in a transaction.
    pub(crate) fn statistics(&self) -> Result<Statistics> {
        let deadline = Instant::now() + self.wait;
        let mut sum = Statistics::default();
        let mut seen: Vec<u64> = Vec::new();
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(Error::Closed);
            }
            for numbered in &mut state.idle {
                if !seen.contains(&numbered.number) {
                    sum.add(numbered.instance.call(|call| call.guest.call_stats(call.store, call.resource))?);
                    seen.push(numbered.number);
                }
            }
            if seen.len() >= state.alive {
                sum.merge(&state.retired);
                return Ok(sum);
            }
            let now = Instant::now();
            if now >= deadline {
                let in_use = state.alive - seen.len().min(state.alive);
                return Err(Error::Timeout(format!(
                    "{in_use} instances in use, whose counters are not known until then"
                )));
            }
            state = self.wait(state, deadline - now);
        }
    }

    /// Closes all idle instances, and those in use as they are given back.
    pub(crate) fn close(&self) -> Result<()> {
        let idle = {
            let mut state = self.lock();
            if state.closed {
                return Err(Error::Closed);
            }
            state.closed = true;
            std::mem::take(&mut state.idle)
        };
        self.returned.notify_all();
        let mut outcome = Ok(());
        for mut numbered in idle {
            // All are closed; the first error is told.
            outcome = outcome.and(numbered.instance.close());
        }
        outcome
    }

    /// Waits until an instance is given back or gone, or the time is over.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.returned.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0;
        state.waiting -= 1;
        state
    }

    /// Takes an instance back. If the pool was closed meanwhile, it is the caller's to close.
    fn give_back(&self, numbered: Numbered) -> Option<Numbered> {
        let mut state = self.lock();
        if state.closed {
            return Some(numbered);
        }
        state.idle.push(numbered);
        self.wake(state);
        None
    }

    /// Notes that an instance is gone.
    fn forget_one(&self) {
        let mut state = self.lock();
        state.alive -= 1;
        self.wake(state);
    }

    /// Wakes those who wait, after a change of the state: some wait for an instance, some for
    /// statistics, so all look.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let anybody = state.waiting > 0;
        drop(state);
        if anybody {
            self.returned.notify_all();
        }
    }

    /// Closes an instance that is not kept, and keeps what it has counted.
    pub(super) fn retire(&self, instance: &mut Instance) {
        if let Ok(counted) = instance.call(|call| call.guest.call_stats(call.store, call.resource)) {
            self.lock().retired.add(counted);
        }
        if let Err(error) = instance.close() {
            tracing::warn!(%error, "an instance could not be closed; the next opener completes what is missing");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic between taking and giving back leaves the state whole: every change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Deref<Target = Pool>> Lent<P> {
    /// The instance.
    pub(crate) fn instance(&mut self) -> Result<&mut Instance> {
        self.numbered.as_mut().map(|numbered| &mut numbered.instance).ok_or(Error::Closed)
    }
}

impl<P: Deref<Target = Pool>> Drop for Lent<P> {
    fn drop(&mut self) {
        let Some(mut numbered) = self.numbered.take() else { return };
        // A thread that panics inside a call leaves the instance in the middle of something.
        let broken = numbered.instance.is_broken() || std::thread::panicking();
        if !broken && !numbered.instance.is_bloated() {
            match self.pool.give_back(numbered) {
                None => return,
                Some(refused) => numbered = refused,
            }
        }
        if !broken {
            self.pool.retire(&mut numbered.instance);
        }
        // Gone before it is said to be: whoever waits for its place may open another at once.
        drop(numbered);
        self.pool.forget_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        match self.close() {
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => tracing::warn!(%error, "the cache could not be closed"),
        }
    }
}
