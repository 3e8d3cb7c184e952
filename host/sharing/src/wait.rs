//! Waiting for locks, first come, first served within the process.
//!
//! Handles of one file share a [`WaitingRoom`]. It has a line for each first byte that is waited
//! for; only the first in a line asks the kernel, at growing intervals, because a lock that
//! another process releases makes no sound. A release in this process wakes the first at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::Fault;
use crate::sys::Identity;

/// The interval after which the first in line asks again, at first and at most. The kernel adds
/// some 50 µs of timer slack.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// Those who wait for locks on one file.
#[derive(Debug)]
pub(crate) struct WaitingRoom {
    identity: Identity,
    /// How many wait: read without the mutex by all who do not have to.
    waiting: AtomicUsize,
    lines: Mutex<Lines>,
    /// Held by who changes the size of the file.
    resizing: Mutex<()>,
}

/// Those who wait, in order, by the first byte of what they wait for. No line is empty.
type Lines = BTreeMap<u64, VecDeque<Arc<Waiter>>>;

/// One who waits. All but the condition variable changes under the mutex of the room.
#[derive(Debug, Default)]
struct Waiter {
    call: Condvar,
    called: AtomicBool,
}

impl Waiter {
    fn call(&self) {
        self.called.store(true, Ordering::Relaxed);
        self.call.notify_one();
    }
}

/// Where in a line a newcomer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind all others.
    Back,
    /// Ahead of all others, who may be waiting for this one.
    Front,
}

type Rooms = BTreeMap<Identity, Weak<WaitingRoom>>;

fn rooms() -> MutexGuard<'static, Rooms> {
    static ROOMS: Mutex<Rooms> = Mutex::new(BTreeMap::new());
    ROOMS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WaitingRoom {
    /// The one of a file, shared by all its handles in this process.
    pub(crate) fn of(identity: Identity) -> Arc<Self> {
        let mut rooms = rooms();
        if let Some(room) = rooms.get(&identity).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Self {
            identity,
            waiting: AtomicUsize::new(0),
            lines: Mutex::new(Lines::new()),
            resizing: Mutex::new(()),
        });
        rooms.insert(identity, Arc::downgrade(&room));
        room
    }

    /// Keeps the other handles of the process from resizing the file.
    pub(crate) fn resize_alone(&self) -> MutexGuard<'_, ()> {
        self.resizing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Whether somebody waits for ranges from `start` on.
    pub(crate) fn has_line(&self, start: u64) -> bool {
        !self.is_empty() && self.lines().contains_key(&start)
    }

    /// Tells those who wait that something was released.
    pub(crate) fn announce_release(&self) {
        if self.is_empty() {
            return;
        }
        for first in self.lines().values().filter_map(VecDeque::front) {
            first.call();
        }
    }

    /// Waits in the line for `start` until `attempt` succeeds or fails, or the time has come;
    /// false in the latter case. A deadline of `None` is never.
    pub(crate) fn wait(
        &self,
        start: u64,
        place: Place,
        deadline: Option<Instant>,
        mut attempt: impl FnMut() -> Result<bool, Fault>,
    ) -> Result<bool, Fault> {
        let turn = Turn::take(self, start, place);
        let mut pause = FIRST_PAUSE;
        loop {
            if turn.is_first() && attempt()? {
                return Ok(true);
            }
            pause = match turn.rest(pause, deadline) {
                Rest::Called => FIRST_PAUSE,
                Rest::Paused => (pause * 2).min(LONGEST_PAUSE),
                Rest::Expired => return Ok(false),
            };
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for WaitingRoom {
    fn drop(&mut self) {
        let mut rooms = rooms();
        // A new one for the same file may have come since the last handle of this one went.
        if rooms.get(&self.identity).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(&self.identity);
        }
    }
}

/// How a rest ended.
enum Rest {
    Called,
    Paused,
    Expired,
}

/// A place in a line. Dropping it leaves the line and calls the next.
struct Turn<'a> {
    room: &'a WaitingRoom,
    start: u64,
    waiter: Arc<Waiter>,
}

impl<'a> Turn<'a> {
    fn take(room: &'a WaitingRoom, start: u64, place: Place) -> Self {
        let waiter = Arc::new(Waiter::default());
        let mut lines = room.lines();
        let line = lines.entry(start).or_default();
        match place {
            Place::Back => line.push_back(Arc::clone(&waiter)),
            Place::Front => line.push_front(Arc::clone(&waiter)),
        }
        // Before the first attempt: who releases after it failed must see that someone waits.
        room.waiting.fetch_add(1, Ordering::SeqCst);
        drop(lines);
        Self { room, start, waiter }
    }

    fn is_first(&self) -> bool {
        self.is_first_of(&self.room.lines())
    }

    fn is_first_of(&self, lines: &Lines) -> bool {
        lines.get(&self.start).and_then(VecDeque::front).is_some_and(|first| Arc::ptr_eq(first, &self.waiter))
    }

    /// Sleeps until called, until the deadline or, if first in line, for the length of a pause.
    fn rest(&self, pause: Duration, deadline: Option<Instant>) -> Rest {
        let lines = self.room.lines();
        if self.waiter.called.swap(false, Ordering::Relaxed) {
            return Rest::Called;
        }
        let now = Instant::now();
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.duration_since(now));
        if left.is_zero() {
            return Rest::Expired;
        }
        let sleep = if self.is_first_of(&lines) { pause.min(left) } else { left };
        let wait = self.waiter.call.wait_timeout(lines, sleep);
        let (_lines, _) = wait.unwrap_or_else(PoisonError::into_inner);
        if self.waiter.called.swap(false, Ordering::Relaxed) { Rest::Called } else { Rest::Paused }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut lines = self.room.lines();
        self.room.waiting.fetch_sub(1, Ordering::SeqCst);
        let was_first = self.is_first_of(&lines);
        let Some(line) = lines.get_mut(&self.start) else {
            return;
        };
        line.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
        match line.front() {
            Some(next) if was_first => next.call(),
            Some(_) => {}
            None => drop(lines.remove(&self.start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(5)
    }

    #[test]
    fn handles_of_one_file_share_a_room_and_the_last_one_closes_it() {
        let identity = (u64::MAX, 1);
        let room = WaitingRoom::of(identity);
        assert!(Arc::ptr_eq(&room, &WaitingRoom::of(identity)));
        assert!(!Arc::ptr_eq(&room, &WaitingRoom::of((u64::MAX, 2))));
        drop(room);
        assert!(!rooms().contains_key(&identity));
    }

    #[test]
    fn who_gives_up_leaves_no_trace() {
        let room = WaitingRoom::of((u64::MAX, 3));
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            Ok(false)
        };
        assert_eq!(room.wait(7, Place::Back, Some(soon()), attempt), Ok(false));
        assert!(attempts > 1);
        assert!(room.is_empty());
        assert!(!room.has_line(7));
    }

    #[test]
    fn a_fault_ends_the_wait() {
        let room = WaitingRoom::of((u64::MAX, 4));
        let result = room.wait(7, Place::Back, None, || Err(Fault::Damaged));
        assert_eq!(result, Err(Fault::Damaged));
        assert!(room.is_empty());
    }

    #[test]
    fn only_the_first_in_line_asks() {
        let room = WaitingRoom::of((u64::MAX, 5));
        let first = Turn::take(&room, 7, Place::Back);
        let refuse = || -> Result<bool, Fault> { panic!("asked out of turn") };
        assert_eq!(room.wait(7, Place::Back, Some(soon()), refuse), Ok(false));
        // Other lines, and the front, do not wait for it.
        assert_eq!(room.wait(8, Place::Back, None, || Ok(true)), Ok(true));
        assert_eq!(room.wait(7, Place::Front, None, || Ok(true)), Ok(true));
        drop(first);
        assert_eq!(room.wait(7, Place::Back, None, || Ok(true)), Ok(true));
    }

    #[test]
    fn the_next_in_line_is_called_when_the_first_leaves() {
        let room = WaitingRoom::of((u64::MAX, 6));
        let first = Turn::take(&room, 7, Place::Back);
        std::thread::scope(|scope| {
            // Without a deadline, only a call can end this.
            let second = scope.spawn(|| room.wait(7, Place::Back, None, || Ok(true)));
            while room.len() < 2 {
                std::thread::yield_now();
            }
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(true));
        });
    }
}
