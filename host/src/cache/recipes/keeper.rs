//! The thread that renews what a handle holds, until it is let go of.
//!
//! It begins with the first thing that is held and ends with the handle. Taking and releasing a lock
//! within microseconds does not wake it: it sleeps until something has been held for a third of its
//! lease.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::cache::pool::Pool;
use crate::error::{Error, Result};
use crate::runtime::Instance;

/// What can be renewed.
pub(super) trait Renewable: Send + Sync {
    /// Shows that its holder lives.
    fn renew(&self, instance: &mut Instance) -> Result<()>;
}

/// Renews what a handle holds.
pub(in crate::cache) struct Keeper {
    shared: Arc<Shared>,
    pool: Weak<Pool>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    kept: HashMap<u64, Entry>,
    next_number: u64,
    /// When the thread wakes by itself; none if it does not.
    wakes: Option<Instant>,
    started: bool,
    ended: bool,
}

struct Entry {
    what: Arc<dyn Renewable>,
    every: Duration,
    due: Instant,
    lost: Arc<AtomicBool>,
}

/// Something that is renewed until this is dropped.
pub(super) struct Kept {
    shared: Arc<Shared>,
    number: u64,
    lost: Arc<AtomicBool>,
}

impl Keeper {
    /// A keeper of what is held through this pool.
    pub(in crate::cache) fn new(pool: &Arc<Pool>) -> Self {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new() };
        Self { shared: Arc::new(shared), pool: Arc::downgrade(pool) }
    }

    /// Renews something every third of its lease from now on.
    pub(super) fn keep(&self, lease: Duration, what: Arc<dyn Renewable>) -> Kept {
        let every = lease / 3;
        let due = Instant::now() + every;
        let lost = Arc::new(AtomicBool::new(false));
        let mut state = self.shared.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.kept.insert(number, Entry { what, every, due, lost: Arc::clone(&lost) });
        if !state.started {
            let (shared, pool) = (Arc::clone(&self.shared), Weak::clone(&self.pool));
            let thread = thread::Builder::new().name("larder-keeper".to_owned()).spawn(move || shared.work(&pool));
            state.started = thread.is_ok();
            if let Err(error) = thread {
                tracing::warn!(%error, "nothing renews what is held: it lapses after its lease");
            }
        } else if state.wakes.is_none_or(|wakes| due < wakes) {
            self.shared.changed.notify_all();
        }
        Kept { shared: Arc::clone(&self.shared), number, lost }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Kept {
    /// Whether it was found to be somebody else's.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.shared.lock().kept.remove(&self.number);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a panic leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, pool: &Weak<Pool>) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            let due: Vec<u64> =
                state.kept.iter().filter(|(_, entry)| entry.due <= now).map(|(number, _)| *number).collect();
            if due.is_empty() {
                state = self.sleep(state, now);
                continue;
            }
            let entries: Vec<(u64, Arc<dyn Renewable>)> =
                due.iter().filter_map(|number| Some((*number, Arc::clone(&state.kept.get(number)?.what)))).collect();
            drop(state);
            let outcomes = renew(pool, &entries);
            state = self.lock();
            let now = Instant::now();
            for (number, outcome) in outcomes {
                let Some(entry) = state.kept.get_mut(&number) else { continue };
                entry.due = now + entry.every;
                match outcome {
                    Ok(()) => {}
                    Err(Error::NotHeld(_)) => {
                        entry.lost.store(true, Ordering::Release);
                        state.kept.remove(&number);
                    }
                    Err(error) => {
                        // Soon again: a second failure would be the last before the lease ends.
                        entry.due = now + entry.every / 4;
                        tracing::warn!(%error, "what is held could not be renewed");
                    }
                }
            }
        }
    }

    fn sleep<'a>(&self, mut state: MutexGuard<'a, State>, now: Instant) -> MutexGuard<'a, State> {
        state.wakes = state.kept.values().map(|entry| entry.due).min();
        let woken = match state.wakes {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(wakes) => {
                let pause = wakes.saturating_duration_since(now);
                self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let mut state = woken;
        // Whoever adds something while it works need not wake it.
        state.wakes = Some(now);
        state
    }
}

/// Renews some things on an instance of its own, where there can be one: so it waits for nobody.
fn renew(pool: &Weak<Pool>, entries: &[(u64, Arc<dyn Renewable>)]) -> Vec<(u64, Result<()>)> {
    let Some(pool) = pool.upgrade() else { return Vec::new() };
    let each = |instance: &mut Instance| {
        entries.iter().map(|(number, what)| (*number, what.renew(instance))).collect::<Vec<_>>()
    };
    let renewed = if pool.can_grow() {
        pool.detach().map(|mut instance| {
            let outcomes = each(&mut instance);
            pool.retire(&mut instance);
            outcomes
        })
    } else {
        pool.run(|instance| Ok(each(instance)))
    };
    renewed.unwrap_or_else(|error| entries.iter().map(|(number, _)| (*number, Err(error.clone()))).collect())
}
