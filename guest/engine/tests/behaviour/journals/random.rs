//! Random operations of several handles on biased queues, also while one of them is in the middle of one, some of
//! which end there abruptly. What has happened is compared with what may have.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, OpenOptions, Platform, Selection, Side, Value};

use super::events::{Event, Events, Outcome, judge};
use super::{drain_queue, integer, journals};
use crate::support::{Shared, open, plain};

const QUEUES: [&str; 2] = ["a", "b"];
const HANDLES: usize = 3;

/// A handle, and the process that has it.
type Handle = (Rc<TestPlatform>, Cache);

/// A handle ends in the middle of an operation.
struct Ended;

/// Handles of processes of their own, and what they have done.
struct World {
    shared: Shared,
    random: Rc<TestPlatform>,
    /// None while it is in the middle of an operation.
    handles: RefCell<Vec<Option<Handle>>>,
    events: [RefCell<Events>; 2],
    time: Cell<u64>,
    /// Whether journals lose notes now and then.
    is_faulty: bool,
}

impl World {
    fn new(seed: u64, is_faulty: bool) -> Rc<Self> {
        let world = Rc::new(Self {
            shared: Shared::new(),
            random: TestPlatform::seeded(seed),
            handles: RefCell::default(),
            events: Default::default(),
            time: Cell::new(0),
            is_faulty,
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

    fn tick(&self) -> u64 {
        self.time.set(self.time.get() + 1);
        self.time.get()
    }

    /// A handle in the midst of whose operations others do theirs, or which ends there.
    fn open(self: &Rc<Self>) -> Handle {
        let platform = self.shared.platform(self.random.random());
        platform.set_bias_from(u32::from(self.below(4) == 0) * 2);
        let options = OpenOptions { wait_ms: 2, ..OpenOptions::default() };
        let cache = open(self.shared.directory.path(), &options, &platform).unwrap();
        let world = Rc::downgrade(self);
        platform.on_write(move || {
            let Some(world) = world.upgrade() else { return };
            match world.below(8) {
                0..3 => world.step(),
                3 if world.below(4) == 0 => resume_unwind(Box::new(Ended)),
                _ => {}
            }
        });
        (platform, cache)
    }

    /// Lets a handle that is idle do something, if there is one.
    fn step(self: &Rc<Self>) {
        let idle: Vec<usize> = {
            let handles = self.handles.borrow();
            (0..handles.len()).filter(|handle| handles[*handle].is_some()).collect()
        };
        if idle.is_empty() {
            return;
        }
        let (handle, queue) = (idle[self.below(idle.len())], self.below(QUEUES.len()));
        let (platform, mut cache) = self.handles.borrow_mut()[handle].take().unwrap();
        let goes_on = catch_unwind(AssertUnwindSafe(|| self.operate(&mut cache, queue)));
        let back = match goes_on {
            Ok(true) => (platform, cache),
            Ok(false) => self.open(),
            Err(panic) if !panic.is::<Ended>() => resume_unwind(panic),
            Err(_) => {
                TestPlatform::kill(cache);
                platform.crash();
                self.open()
            }
        };
        self.handles.borrow_mut()[handle] = Some(back);
        self.lose_notes();
    }

    /// Does a few things with a queue; false if the handle is closed.
    fn operate(&self, cache: &mut Cache, queue: usize) -> bool {
        let name = QUEUES[queue];
        for _ in 0..=self.below(6) {
            match self.below(24) {
                0..10 => {
                    let value = i64::try_from(self.time.get()).unwrap();
                    self.record(queue, Event::Push(value), || {
                        cache.push(name, &Value::Integer(value), Side::Back, &plain()).unwrap();
                        Outcome::Done
                    });
                }
                10..19 => self.record(queue, Event::Pull, || {
                    let pulled = cache.pull(name, Side::Front).unwrap();
                    Outcome::Pulled(pulled.map(|queued| integer(&queued.entry.value)))
                }),
                19 => self.record(queue, Event::Length, || Outcome::Count(cache.queue_length(name).unwrap())),
                20 => self.record(queue, Event::Evict, || {
                    Outcome::Count(cache.evict(&Selection::Queue(name.into())).unwrap())
                }),
                21 => self.transact(cache, queue),
                22 => drop(cache.count().unwrap()),
                _ => {
                    cache.close().unwrap();
                    return false;
                }
            }
        }
        true
    }

    /// Pulls and pushes in a transaction.
    fn transact(&self, cache: &mut Cache, queue: usize) {
        let (name, value) = (QUEUES[queue], i64::try_from(self.time.get()).unwrap());
        let (begun, ticket) = (self.tick(), cache.begin().unwrap());
        let pulled = cache.within(ticket, |cache| cache.pull(name, Side::Front)).unwrap();
        cache.within(ticket, |cache| cache.push(name, &Value::Integer(value), Side::Back, &plain())).unwrap();
        cache.commit(ticket).unwrap();
        let (ended, mut events) = (self.tick(), self.events[queue].borrow_mut());
        let pulled = Outcome::Pulled(pulled.map(|queued| integer(&queued.entry.value)));
        events.add(Event::Pull, begun, Some((ended, pulled)));
        events.add(Event::Push(value), begun, Some((ended, Outcome::Done)));
    }

    fn record(&self, queue: usize, event: Event, operation: impl FnOnce() -> Outcome) {
        let begun = self.tick();
        let number = self.events[queue].borrow_mut().add(event, begun, None);
        let outcome = operation();
        let ended = self.tick();
        self.events[queue].borrow_mut().end(number, ended, outcome);
    }

    /// Cuts a journal, which no cache can bear.
    fn lose_notes(&self) {
        if self.is_faulty && self.below(10) == 0 {
            for path in journals(self.shared.directory.path()) {
                std::fs::write(path, b"").unwrap();
            }
        }
    }

    /// What is wrong with what has happened, if anything is.
    fn judge(self: &Rc<Self>) -> Result<(), String> {
        let mut cache = self.shared.open(99, &OpenOptions::default());
        assert_eq!(cache.check().unwrap(), []);
        for (queue, events) in QUEUES.iter().zip(&self.events) {
            judge(&events.borrow(), &drain_queue(&mut cache, queue))?;
        }
        let handles = std::mem::take(&mut *self.handles.borrow_mut());
        for (platform, mut cache) in handles.into_iter().flatten() {
            platform.on_write(|| {});
            cache.close().unwrap();
        }
        cache.close().unwrap();
        cache = self.shared.open(100, &OpenOptions::default());
        assert_eq!((journals(self.shared.directory.path()).len(), cache.count().unwrap()), (0, 0));
        Ok(())
    }
}

fn run(seed: u64, is_faulty: bool) -> Result<(), String> {
    let world = World::new(seed, is_faulty);
    (0..120).for_each(|_| world.step());
    world.judge()
}

#[test]
fn nothing_in_a_biased_queue_is_lost_doubled_or_reordered_whatever_comes_in_between() {
    for seed in 0..60 {
        if let Err(wrong) = run(seed, false) {
            panic!("seed {seed}: {wrong}");
        }
    }
}

#[test]
fn notes_that_are_lost_are_noticed() {
    let noticed = (0..20).filter(|seed| run(*seed, true).is_err()).count();
    assert!(noticed > 10, "{noticed} of 20");
}
