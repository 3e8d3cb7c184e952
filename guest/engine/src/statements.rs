//! A connection with its prepared statements.
//!
//! `rusqlite` keeps prepared statements too, but finds them by hashing their text, which costs as
//! much as running the short ones. Statements of this crate are constants, so they are found by
//! their address.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use rusqlite::{CachedStatement, Connection, Statement};
use self_cell::self_cell;

/// Statements that nobody uses at the moment.
type Idle<'c> = RefCell<Vec<(&'static str, Statement<'c>)>>;

self_cell! {
    /// The connection, and statements that borrow from it.
    pub(crate) struct Prepared {
        owner: Connection,

        #[not_covariant]
        dependent: Idle,
    }
}

impl Prepared {
    /// A connection without statements yet.
    pub(crate) fn wrap(connection: Connection) -> Self {
        Self::new(connection, |_| RefCell::new(Vec::new()))
    }

    /// Runs statements.
    pub(crate) fn run<T>(&self, statements: impl FnOnce(&Statements<'_, '_>) -> T) -> T {
        self.with_dependent(|connection, idle| statements(&Statements { connection, idle }))
    }
}

/// Access to a connection and its prepared statements.
pub(crate) struct Statements<'a, 'c> {
    connection: &'c Connection,
    idle: &'a Idle<'c>,
}

impl<'a, 'c> Statements<'a, 'c> {
    /// The prepared statement with this text; prepared when it is first asked for.
    pub(crate) fn prepare_cached(&self, text: &'static str) -> rusqlite::Result<Borrowed<'a, 'c>> {
        let found = {
            let mut idle = self.idle.borrow_mut();
            let place = idle.iter().position(|(other, _)| std::ptr::eq(*other, text));
            place.map(|place| idle.swap_remove(place).1)
        };
        let statement = match found {
            Some(statement) => statement,
            None => self.connection.prepare(text)?,
        };
        Ok(Borrowed { statement: Some(statement), text, idle: self.idle })
    }

    /// A prepared statement whose text is made at run time.
    pub(crate) fn prepare_dynamic(&self, text: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(text)
    }
}

/// What is rare goes to the connection itself.
impl Deref for Statements<'_, '_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// A prepared statement in use; idle again when dropped.
pub(crate) struct Borrowed<'a, 'c> {
    /// None only while it is being dropped.
    statement: Option<Statement<'c>>,
    text: &'static str,
    idle: &'a Idle<'c>,
}

impl<'c> Deref for Borrowed<'_, 'c> {
    type Target = Statement<'c>;

    fn deref(&self) -> &Self::Target {
        match &self.statement {
            Some(statement) => statement,
            None => unreachable!("a statement is there until it is dropped"),
        }
    }
}

impl DerefMut for Borrowed<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.statement {
            Some(statement) => statement,
            None => unreachable!("a statement is there until it is dropped"),
        }
    }
}

impl Drop for Borrowed<'_, '_> {
    fn drop(&mut self) {
        if let Some(statement) = self.statement.take() {
            self.idle.borrow_mut().push((self.text, statement));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "SELECT 1";
    const SUM: &str = "SELECT ?1 + ?2";

    #[test]
    fn a_statement_is_prepared_once_and_again_while_it_is_in_use() {
        let prepared = Prepared::wrap(Connection::open_in_memory().unwrap());
        let idle = || prepared.with_dependent(|_, idle| idle.borrow().len());
        for _ in 0..3 {
            let one: i64 = prepared.run(|s| s.prepare_cached(ONE).unwrap().query_row([], |row| row.get(0))).unwrap();
            assert_eq!((one, idle()), (1, 1));
        }
        prepared.run(|statements| {
            let _in_use = statements.prepare_cached(ONE).unwrap();
            let second: i64 = statements.prepare_cached(ONE).unwrap().query_row([], |row| row.get(0)).unwrap();
            assert_eq!(second, 1);
        });
        assert_eq!(idle(), 2);
    }

    #[test]
    fn a_statement_is_ready_again_after_an_error() {
        let prepared = Prepared::wrap(Connection::open_in_memory().unwrap());
        let sum = |parameters: [i64; 2]| {
            prepared.run(|s| s.prepare_cached(SUM)?.query_row(parameters, |row| row.get::<_, String>(0)))
        };
        assert!(sum([1, 2]).is_err(), "a number is no text");
        let read: i64 = prepared.run(|s| s.prepare_cached(SUM).unwrap().query_row([3, 4], |row| row.get(0))).unwrap();
        assert_eq!(read, 7);
        assert!(prepared.run(|s| s.prepare_dynamic("SELECT nonsense").map(drop)).is_err());
    }
}
