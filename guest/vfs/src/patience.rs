//! How long an operation waits for the WAL-index to come to rest.
//!
//! To begin a read transaction SQLite reads a header that others may be changing, and tries again if
//! they were: a hundred times, with pauses that become longer, ten seconds in all, whatever the busy
//! timeout is. Among those who keep to the protocol a few times are enough. Somebody who keeps
//! writing into the file can make every transaction of an operation take all of that time. So an
//! operation has a time for it, from the first pause on, after which the next attempt fails with
//! `SQLITE_PROTOCOL`.
//!
//! State is kept per thread, because a call into SQLite runs wholly on the calling thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rusqlite::ffi;

use crate::code::{Code, Result};

/// The least there is, because others may be in the middle of a change also where nobody is to be waited
/// for.
const LEAST: Duration = Duration::from_millis(100);
/// The time of operations that have not been begun with [`begin_operation`].
const UNLESS_SET: Duration = Duration::from_secs(10);

thread_local! {
    static LIMIT: Cell<Duration> = const { Cell::new(UNLESS_SET) };
    /// When SQLite first paused in the operation.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether it has paused since it was last asked.
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

/// Begins an operation on this thread that is to wait no longer than `wait` for others to leave the
/// WAL-index at rest; a tenth of a second at least.
pub fn begin_operation(wait: Duration) {
    LIMIT.set(wait.max(LEAST));
    SINCE.set(None);
    PAUSED.set(false);
}

/// Notes that SQLite pauses before it tries something again.
pub(crate) fn note_pause() {
    if SINCE.get().is_none() {
        SINCE.set(Some(Instant::now()));
    }
    PAUSED.set(true);
}

/// Fails if SQLite is trying again, and the time for that is over. Asked for at the beginning of every
/// attempt.
pub(crate) fn check() -> Result<()> {
    let is_over = PAUSED.take() && SINCE.get().is_some_and(|since| since.elapsed() >= LIMIT.get());
    if is_over { Err(Code(ffi::SQLITE_PROTOCOL)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_operation_is_over_once_and_only_for_who_tries_again() {
        begin_operation(Duration::ZERO);
        assert_eq!(check(), Ok(()));
        note_pause();
        assert_eq!(check(), Ok(()), "the least time is not over");
        std::thread::sleep(LEAST);
        assert_eq!(check(), Ok(()), "it has not paused since");
        note_pause();
        assert_eq!(check(), Err(Code(ffi::SQLITE_PROTOCOL)));
        begin_operation(Duration::ZERO);
        note_pause();
        assert_eq!(check(), Ok(()), "another operation");
    }
}
