//! Reading without locks, and noticing afterwards whether that went well.
//!
//! A reader's lock on the WAL-index keeps others from overwriting what the reader still needs.
//! They overwrite it only after a commit that came after the reader began, and every commit changes
//! the header of the WAL-index. So a reader may as well take no lock and look at the end whether
//! the header is what it was: if so, nothing can have been overwritten, and what was read is as good
//! as under a lock. If not, what was read is void, whether it looks sound or not, and has to be read
//! again. For a short read that spares two system calls, which are as much as all the rest of it.
//!
//! State is kept per thread, because a call into SQLite runs wholly on the calling thread.

use std::cell::Cell;

/// How reads of this thread are done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Under locks.
    Locking,
    /// Without; nobody has come in between so far.
    Optimistic,
    /// Without, and somebody has.
    Overtaken,
}

/// A whole header of a WAL-index.
pub(crate) type Header = [u32; 12];

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Locking) };
    /// What the first transaction saw since [`begin_optimistic_read`].
    static FIRST: Cell<Option<Header>> = const { Cell::new(None) };
}

/// Lets read transactions of this thread go without locks, until [`end_optimistic_read`].
///
/// Only for transactions that read, and whose results nobody has acted upon before
/// [`end_optimistic_read`] has told whether they are valid: until then even SQLite's report of a
/// corrupt database may be void. There may be several, of one database: they are valid if all have
/// seen the same.
pub fn begin_optimistic_read() {
    FIRST.set(None);
    MODE.set(Mode::Optimistic);
}

/// Ends what [`begin_optimistic_read`] began. True if what was read meanwhile is void, because
/// somebody else has committed; it is to be read again, best under locks.
pub fn end_optimistic_read() -> bool {
    MODE.replace(Mode::Locking) == Mode::Overtaken
}

/// Whether a read transaction may go without a lock.
pub(crate) fn is_allowed() -> bool {
    MODE.get() != Mode::Locking
}

/// Notes what a transaction without lock sees. If it is something else than what an earlier one saw,
/// somebody has committed between the two.
pub(crate) fn look(header: Header) {
    if FIRST.get().is_some_and(|first| first != header) {
        overtake();
    }
    FIRST.set(Some(header));
}

/// Notes that a transaction without lock was overtaken.
pub(crate) fn overtake() {
    MODE.set(Mode::Overtaken);
}
