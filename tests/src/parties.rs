//! What the parties of the multi-process test have in common: the accounts between which they move amounts,
//! and scripts.

pub mod script;

/// How many there are.
pub const ACCOUNTS: u64 = 8;
/// What is in each of those that native SQLite works with, so that none gets below nothing.
pub const STOCK: i64 = 1_000_000;

/// The key of an account whose value the component changes.
pub fn account(number: u64) -> String {
    format!("account:{number}")
}

/// The key of an account whose `hits` native SQLite changes.
pub fn ledger(number: u64) -> String {
    format!("ledger:{number}")
}

/// What the accounts of both kinds add up to, in one snapshot.
pub fn sums(connection: &rusqlite::Connection) -> (i64, i64) {
    let statement = "SELECT (SELECT sum(value) FROM entry WHERE key LIKE 'account:%'),
        (SELECT sum(hits) FROM entry WHERE key LIKE 'ledger:%')";
    connection.query_row(statement, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

/// Asserts that nobody's transaction shows by half.
pub fn assert_sums(connection: &rusqlite::Connection) {
    let all = STOCK * i64::try_from(ACCOUNTS).unwrap();
    assert_eq!(sums(connection), (0, all), "native SQLite sees half a transaction");
}
