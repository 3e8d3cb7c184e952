//! Random operations of several handles on biased locks, also while one of them is in the middle of one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Error, Grant, OpenOptions, Platform, Standing};

use super::{LEASE, claim, lock};
use crate::support::{Shared, open};

const NAMES: [&str; 2] = ["a", "b"];
const HANDLES: usize = 3;

/// What is known of one lock.
#[derive(Default)]
struct Known {
    /// Who holds it and shows that it lives.
    holder: Option<Grant>,
    /// Who has held it, released it, and may try again.
    stale: Vec<Grant>,
    waiting: Vec<u64>,
    last_fence: u64,
}

/// A handle, and the process that has it.
type Handle = (Rc<TestPlatform>, Cache);

/// Handles of processes of their own, and what is known of the locks.
struct World {
    shared: Shared,
    random: Rc<TestPlatform>,
    /// None while it is in the middle of an operation.
    handles: RefCell<Vec<Option<Handle>>>,
    known: RefCell<HashMap<&'static str, Known>>,
    operations: RefCell<Vec<String>>,
}

impl World {
    fn new(seed: u64) -> Rc<Self> {
        let world = Rc::new(Self {
            shared: Shared::new(),
            random: TestPlatform::seeded(seed),
            handles: RefCell::default(),
            known: RefCell::default(),
            operations: RefCell::default(),
        });
        for _ in 0..HANDLES {
            let handle = world.open();
            world.handles.borrow_mut().push(Some(handle));
        }
        world
    }

    fn below(&self, limit: usize) -> usize {
        usize::try_from(self.random.random() % limit as u64).unwrap()
    }

    /// A handle in the midst of whose operations others do theirs.
    fn open(self: &Rc<Self>) -> Handle {
        let platform = self.shared.platform(self.random.random());
        platform.set_bias_from(u32::from(self.below(4) == 0));
        let options = OpenOptions { wait_ms: 2, ..OpenOptions::default() };
        let cache = open(self.shared.directory.path(), &options, &platform).unwrap();
        let world = Rc::downgrade(self);
        platform.on_write(move || {
            if let Some(world) = world.upgrade() {
                world.step();
            }
        });
        (platform, cache)
    }

    /// Lets a handle that is idle do something with a lock, if there is one.
    fn step(self: &Rc<Self>) {
        let idle: Vec<usize> = {
            let handles = self.handles.borrow();
            (0..handles.len()).filter(|handle| handles[*handle].is_some()).collect()
        };
        if idle.is_empty() {
            return;
        }
        let (handle, name) = (idle[self.below(idle.len())], NAMES[self.below(NAMES.len())]);
        let (platform, mut cache) = self.handles.borrow_mut()[handle].take().unwrap();
        let operation = self.below(12);
        self.operations.borrow_mut().push(format!("{handle} does {operation} with {name}"));
        match operation {
            0..3 => self.enter(&mut cache, name, false),
            3 => self.enter(&mut cache, name, true),
            4..6 => self.poll(&mut cache, name),
            6 => self.withdraw(&mut cache, name),
            7..9 => self.release(&mut cache, name),
            9 => self.look(&mut cache, name, idle.len() == HANDLES),
            10 => self.insist(&mut cache, name),
            // The grants and places it has obtained are good for every handle.
            _ if self.below(2) == 0 => {
                self.unless_busy(cache.close());
            }
            _ => {
                TestPlatform::kill(cache);
                platform.crash();
                self.handles.borrow_mut()[handle] = Some(self.open());
                return;
            }
        }
        let back = if matches!(cache.count(), Err(Error::Closed)) { self.open() } else { (platform, cache) };
        self.handles.borrow_mut()[handle] = Some(back);
    }

    /// What has come of something; none if another handle is in the middle of a transaction and waits for this
    /// one, which waits for it.
    fn unless_busy<T>(&self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Err(Error::Timeout(_)) if self.handles.borrow().iter().filter(|handle| handle.is_none()).count() > 1 => {
                None
            }
            outcome => Some(outcome.unwrap()),
        }
    }

    fn granted(&self, name: &'static str, grant: Grant) {
        let mut known = self.known.borrow_mut();
        let known = known.entry(name).or_default();
        assert_eq!(known.holder, None, "two hold {name}: also {grant:?}");
        assert!(grant.fence > known.last_fence, "{grant:?} after {}", known.last_fence);
        (known.holder, known.last_fence) = (Some(grant), grant.fence);
        known.waiting.retain(|owner| *owner != grant.owner);
    }

    fn enter(&self, cache: &mut Cache, name: &'static str, waits: bool) {
        let standing = if waits {
            cache.request_lock(&lock(name), &claim())
        } else {
            let grant = cache.try_lock(&lock(name), &claim());
            grant.map(|grant| grant.map_or(Standing::Outside, Standing::Granted))
        };
        match self.unless_busy(standing) {
            Some(Standing::Granted(grant)) => self.granted(name, grant),
            Some(Standing::Waiting { owner, .. }) => self.waits(name, owner),
            Some(Standing::Outside) | None => {}
        }
    }

    fn waits(&self, name: &'static str, owner: u64) {
        self.known.borrow_mut().entry(name).or_default().waiting.push(owner);
    }

    fn poll(&self, cache: &mut Cache, name: &'static str) {
        // Taken out, since another handle may do the same meanwhile.
        let Some(owner) = self.known.borrow_mut().entry(name).or_default().waiting.pop() else { return };
        match self.unless_busy(cache.poll_lock(&lock(name), owner)) {
            Some(Standing::Granted(grant)) => self.granted(name, grant),
            _ => self.waits(name, owner),
        }
    }

    fn withdraw(&self, cache: &mut Cache, name: &'static str) {
        let Some(owner) = self.known.borrow_mut().entry(name).or_default().waiting.pop() else { return };
        match self.unless_busy(cache.withdraw_from_lock(&lock(name), owner)) {
            Some(withdrawn) => assert!(withdrawn),
            None => self.waits(name, owner),
        }
    }

    fn release(&self, cache: &mut Cache, name: &'static str) {
        let Some(grant) = self.known.borrow_mut().entry(name).or_default().holder.take() else { return };
        let released = self.unless_busy(cache.release_lock(&lock(name), grant));
        let mut known = self.known.borrow_mut();
        let known = known.entry(name).or_default();
        if released.is_some() {
            known.stale.push(grant);
        } else {
            // Nothing has come of it.
            known.holder = Some(grant);
        }
    }

    /// Tries again with a grant that was released.
    fn insist(&self, cache: &mut Cache, name: &'static str) {
        let Some(grant) = self.known.borrow().get(name).and_then(|known| known.stale.last().copied()) else { return };
        for refused in [cache.release_lock(&lock(name), grant).map(drop), cache.renew_lock(&lock(name), grant)] {
            if !matches!(refused, Err(Error::NotHeld(_))) {
                assert_eq!(self.unless_busy(refused), None);
            }
        }
    }

    fn look(&self, cache: &mut Cache, name: &'static str, is_quiet: bool) {
        let holder = self.known.borrow().get(name).and_then(|known| known.holder);
        let Some(grant) = holder else { return };
        // Somebody else may be just releasing it.
        if is_quiet {
            cache.renew_lock(&lock(name), grant).unwrap();
            assert_eq!(cache.lock_occupancy(name).unwrap().holders[0].grant, grant);
        }
    }
}

#[test]
fn never_do_two_hold_a_biased_lock_whatever_comes_in_between() {
    for seed in 0..60 {
        let world = World::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (0..150).for_each(|_| world.step())));
        if let Err(panic) = run {
            println!("seed {seed}: {:#?}", world.operations.borrow());
            std::panic::resume_unwind(panic);
        }
        let mut handles = std::mem::take(&mut *world.handles.borrow_mut());
        let (platform, cache) = handles[0].as_mut().unwrap();
        platform.on_write(|| {});
        assert_eq!(cache.check().unwrap(), []);
        for name in NAMES {
            let waiting = world.known.borrow().get(name).map_or(0, |known| known.waiting.len());
            for _ in 0..waiting {
                world.withdraw(cache, name);
            }
            world.release(cache, name);
            // Whatever has come of a request that nobody knows of lasts for a lease.
            let wait = u64::from(LEASE) * 2;
            assert!(cache.acquire_lock(&lock(name), &claim(), Some(wait)).unwrap().is_some(), "seed {seed}: {name}");
        }
    }
}
