//! Threads that all use one queue, in runs, so that it is biased now towards one of them and now towards another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use larder_engine::{Cache, OpenOptions, Platform, Side, Value};

use super::events::{Event, Events, Outcome, judge};
use super::{QUEUE, drain, integer};
use crate::support::{Shared, plain};

const THREADS: u64 = 3;
const RUNS: u64 = 500;

/// What all of them have done, by a clock that they have in common.
#[derive(Default)]
struct Log {
    events: Mutex<Events>,
    time: AtomicU64,
}

impl Log {
    fn now(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst)
    }

    fn record(&self, event: Event, operation: impl FnOnce() -> Outcome) {
        let begun = self.now();
        let outcome = operation();
        let ended = self.now();
        self.events.lock().unwrap_or_else(PoisonError::into_inner).add(event, begun, Some((ended, outcome)));
    }

    fn operate(&self, cache: &mut Cache, kind: u64, value: i64) {
        match kind {
            0 => self.record(Event::Push(value), || {
                cache.push(QUEUE, &Value::Integer(value), Side::Back, &plain()).unwrap();
                Outcome::Done
            }),
            1 => self.record(Event::Pull, || {
                let pulled = cache.pull(QUEUE, Side::Front).unwrap();
                Outcome::Pulled(pulled.map(|queued| integer(&queued.entry.value)))
            }),
            _ => self.record(Event::Length, || Outcome::Count(cache.queue_length(QUEUE).unwrap())),
        }
    }
}

/// Uses the queue in runs of up to 16 operations of a kind.
fn work(shared: &Shared, log: &Log, thread: u64) {
    let (random, mut cache) = shared.biasing(thread + 1, &OpenOptions::default());
    let mut values = (0..).map(|number: u64| (number * THREADS + thread).cast_signed());
    for _ in 0..RUNS {
        let (kind, length) = (random.random() % 9 / 4, random.random() % 16);
        for _ in 0..=length {
            let value = values.next().unwrap();
            log.operate(&mut cache, kind, value);
        }
    }
    cache.close().unwrap();
}

#[test]
fn nothing_in_a_queue_that_several_fight_for_is_lost_doubled_or_reordered() {
    let (shared, log) = (&Shared::new(), &Log::default());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(shared, log, thread))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let mut cache = shared.open(9, &OpenOptions::default());
    let left = drain(&mut cache);
    assert_eq!(cache.check().unwrap(), []);
    judge(&log.events.lock().unwrap(), &left).unwrap();
}
