//! What went wrong below SQLite, in words: SQLite passes on result codes without paths, and
//! ignores some results altogether.
//!
//! Reports are kept per thread, because a call into SQLite runs wholly on the calling thread.

use std::cell::RefCell;
use std::io;

use crate::coordination::Fault;

/// A file changed underneath its users. Whatever was read through the connection since its last
/// undamaged operation is void, and the connection must be closed and opened again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The damaged file.
    pub path: String,
    /// How it shows.
    pub reason: String,
}

/// The sort of a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The file or a directory above it is not there.
    NotFound,
    /// The file system, the operating system or the host forbids it.
    Denied,
    /// No space, quota or other resource left.
    Full,
    /// The host or platform can not do it.
    Unsupported,
    /// The file changed underneath its users, see [`Damage`].
    Damaged,
    /// Anything else.
    Other,
}

/// An operation on a file that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file.
    pub path: String,
    /// What was tried, as a verb: `open`, `read`, `write`, …
    pub operation: &'static str,
    /// The sort of failure.
    pub kind: FailureKind,
    /// What the operating system or the host said.
    pub message: String,
}

thread_local! {
    static DAMAGE: RefCell<Option<Damage>> = const { RefCell::new(None) };
    static FAILURE: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Takes the first damage recorded on this thread since it was last asked for.
///
/// To be asked after every operation, successful or not: SQLite ignores the result of releasing a
/// lock, so damage found at the end of a read transaction shows nowhere else.
/// If it answers after a successful commit, the commit itself is in the log. Every further use of
/// the damaged connection records it again, closing included: ask once more after that.
pub fn take_damage() -> Option<Damage> {
    DAMAGE.take()
}

/// Takes the last failure recorded on this thread since it was last asked for.
///
/// It is meaningful after SQLite reported an error; a failure that SQLite got over (such as
/// falling back to read-only) stays here as well, until taken or replaced.
pub fn take_failure() -> Option<Failure> {
    FAILURE.take()
}

pub(crate) fn record_damage(path: &str, reason: &str) {
    DAMAGE.with_borrow_mut(|damage| {
        damage.get_or_insert_with(|| Damage { path: path.to_owned(), reason: reason.to_owned() });
    });
}

pub(crate) fn record_error(path: &str, operation: &'static str, error: &io::Error) {
    record_failure(path, operation, kind_of_error(error.kind()), error.to_string());
}

pub(crate) fn record_fault(path: &str, operation: &'static str, fault: &Fault) {
    if *fault == Fault::Damaged {
        record_damage(path, &fault.to_string());
    }
    record_failure(path, operation, kind_of_fault(fault), fault.to_string());
}

pub(crate) fn kind_of_error(kind: io::ErrorKind) -> FailureKind {
    use io::ErrorKind as Kind;
    match kind {
        Kind::NotFound | Kind::NotADirectory => FailureKind::NotFound,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => FailureKind::Denied,
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => FailureKind::Full,
        Kind::Unsupported => FailureKind::Unsupported,
        _ => FailureKind::Other,
    }
}

fn kind_of_fault(fault: &Fault) -> FailureKind {
    match fault {
        Fault::NotFound => FailureKind::NotFound,
        Fault::Denied => FailureKind::Denied,
        Fault::Unsupported => FailureKind::Unsupported,
        Fault::Damaged => FailureKind::Damaged,
        Fault::Exhausted(_) => FailureKind::Full,
        Fault::Invalid(_) | Fault::Io(_) => FailureKind::Other,
    }
}

fn record_failure(path: &str, operation: &'static str, kind: FailureKind, message: String) {
    FAILURE.set(Some(Failure { path: path.to_owned(), operation, kind, message }));
}
