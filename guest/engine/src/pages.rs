//! How many pages a database has at most, without asking.
//!
//! `PRAGMA page_count` is compiled anew each time it runs, which is a twentieth of storing a value. So its
//! answer is kept, with what has been written since: a row that changes makes so many pages more at most,
//! and those that its content fills. It holds as long as nobody else has changed the database.

use std::cell::Cell;
use std::ffi::c_uint;

use rusqlite::{Connection, ffi};

/// Pages that a change of a row can make more, with the rows of all indexes, when its content takes less
/// than [`BYTES_A_CHANGE`]: in each of the trees every level may be split.
const PAGES_A_CHANGE: u64 = 128;
/// Bytes of content of which no note is taken: a key, tags, or a record.
#[cfg(test)]
const BYTES_A_CHANGE: u64 = 128 * 1024;
/// Bytes of content for which a page is counted: it stands in a row and, if it is a key, in an index; and
/// a page that maps the others comes with every 819.
const BYTES_A_PAGE: u64 = 1024;

/// What is known of the number of pages.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    known: Cell<Option<Known>>,
    /// Whether note was taken of all that the open transaction writes.
    noted: Cell<bool>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    pages: u64,
    /// Rows that the connection had changed.
    changes: u64,
    /// What the connection had seen of changes.
    version: c_uint,
}

impl Pages {
    /// Takes note of the number.
    pub(crate) fn set(&self, connection: &Connection, pages: u64) {
        let known = version(connection).map(|version| Known { pages, changes: connection.total_changes(), version });
        self.known.set(known);
    }

    /// Takes note of content that is written.
    pub(crate) fn grow(&self, bytes: u64) {
        let grown = |known: Known| Known { pages: known.pages.saturating_add(bytes / BYTES_A_PAGE + 1), ..known };
        self.known.set(self.known.get().map(grown));
    }

    /// Vouches that note was taken of all that the open transaction writes; else nothing is known after
    /// its commit.
    pub(crate) fn vouch(&self) {
        self.noted.set(true);
    }

    /// Runs a commit.
    pub(crate) fn across_commit<T>(&self, connection: &Connection, commit: impl FnOnce() -> T) -> T {
        let is_known = self.noted.take() && self.most(connection).is_some();
        let committed = commit();
        let version = version(connection).filter(|_| is_known);
        self.known.set(self.known.get().and_then(|known| Some(Known { version: version?, ..known })));
        committed
    }

    /// Takes note that nothing is known.
    pub(crate) fn forget(&self) {
        self.known.set(None);
    }

    /// How many there are at most.
    pub(crate) fn most(&self, connection: &Connection) -> Option<u64> {
        let known = self.known.get().filter(|known| version(connection) == Some(known.version))?;
        let changes = connection.total_changes().saturating_sub(known.changes);
        Some(known.pages.saturating_add(changes.saturating_mul(PAGES_A_CHANGE)))
    }
}

/// A number that is another one after each commit, and once a transaction has seen that somebody else has
/// changed the database.
#[allow(unsafe_code, reason = "rusqlite does not offer it")]
fn version(connection: &Connection) -> Option<c_uint> {
    let mut version: c_uint = 0;
    // SAFETY: the connection is neither closed nor changed through the handle.
    let handle = unsafe { connection.handle() };
    // SAFETY: the handle is open, the name ends with NUL, and the operation writes one `unsigned int`.
    let code = unsafe {
        ffi::sqlite3_file_control(handle, c"main".as_ptr(), ffi::SQLITE_FCNTL_DATA_VERSION, (&raw mut version).cast())
    };
    (code == ffi::SQLITE_OK).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(connection: &Connection) -> u64 {
        connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
    }

    #[test]
    fn there_are_never_more_pages_than_are_counted_whatever_is_written() {
        let connection = Connection::open_in_memory().unwrap();
        crate::schema::create(&connection).unwrap();
        let known = Pages::default();
        assert_eq!(known.most(&connection), None);
        known.set(&connection, pages(&connection));
        for number in 0..400_u64 {
            let (key, value) = (number * 7919 % (BYTES_A_CHANGE / 2), number * 104_729 % 1_000_000);
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            connection
                .execute(
                    "INSERT INTO entry VALUES (?1, zeroblob(?2) || ?1, NULL, NULL, 1, ?1, ?1, 1, 1, ?1, 1, 1, 1, 1, \
                     NULL, 3, NULL, NULL, NULL, 1, zeroblob(?3))",
                    [number, key, value].map(u64::cast_signed),
                )
                .unwrap();
            known.grow(value);
            let (most, exact) = (known.most(&connection).unwrap(), pages(&connection));
            assert!(most >= exact, "{most} {exact} after {number}");
            known.vouch();
            known.across_commit(&connection, || connection.execute_batch("COMMIT")).unwrap();
            if number % 10 == 0 {
                known.set(&connection, exact);
                assert_eq!(known.most(&connection), Some(exact));
            }
        }
        known.forget();
        assert_eq!(known.most(&connection), None);
    }

    #[test]
    fn what_somebody_else_has_changed_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Connection::open(directory.path().join("cache.db")).unwrap();
        let (mine, other) = (open(), open());
        crate::schema::create(&mine).unwrap();
        let known = Pages::default();
        known.set(&mine, pages(&mine));
        for _ in 0..2 {
            mine.execute_batch("BEGIN IMMEDIATE; INSERT INTO loose (owner, span) VALUES (1, 1)").unwrap();
            assert!(known.most(&mine).is_some());
            known.vouch();
            known.across_commit(&mine, || mine.execute_batch("COMMIT")).unwrap();
        }
        mine.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(known.most(&mine).is_some());
        known.across_commit(&mine, || mine.execute_batch("COMMIT")).unwrap();
        assert_eq!(known.most(&mine), None, "nobody has vouched for what was written");
        known.set(&mine, pages(&mine));
        other.execute("INSERT INTO loose (owner, span) VALUES (1, 1)", []).unwrap();
        mine.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(known.most(&mine), None);
    }
}
