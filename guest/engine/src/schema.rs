//! The tables of a shard, and how a foreign or newer database is told from one.

use rusqlite::Connection;

/// `PRAGMA application_id` of a shard: "Lrdr".
pub(crate) const APPLICATION_ID: i32 = 0x4c72_6472;
/// Version of the format, `PRAGMA user_version` of a shard. A newer one is refused.
pub(crate) const FORMAT_VERSION: i32 = 1;

/// Version of the format on disk that this crate reads and writes.
#[must_use]
pub fn format_version() -> u32 {
    FORMAT_VERSION.unsigned_abs()
}

/// What a shard consists of, in the order of creation. A database whose schema differs in a
/// single letter is refused, so that no trigger, view or expression of a hostile one ever runs.
const STATEMENTS: [&str; 23] = [
    // `id` is the sequence number at which the entry came in, so it orders by insertion and is
    // never used twice. An entry has a key, or a queue and a position in it. The value stands last:
    // reading what is before it touches no overflow page.
    "CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  key ANY,
  queue TEXT,
  position INTEGER,
  version INTEGER NOT NULL,
  rank INTEGER,
  place INTEGER,
  size INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  expires INTEGER,
  ttl INTEGER,
  sliding INTEGER NOT NULL,
  accessed INTEGER NOT NULL,
  hits INTEGER NOT NULL,
  tags TEXT,
  form INTEGER NOT NULL,
  file INTEGER,
  length INTEGER,
  occupied INTEGER,
  checksum INTEGER NOT NULL,
  value ANY
) STRICT",
    "CREATE UNIQUE INDEX entry_key ON entry (key) WHERE key IS NOT NULL",
    "CREATE UNIQUE INDEX entry_queue ON entry (queue, position) WHERE queue IS NOT NULL",
    // What is evicted first has the lowest rank; entries that are never evicted have none. `place`,
    // the rank at which an entry stands in line, follows the rank late, and is NULL where that is its
    // `id`: see `room`.
    "CREATE INDEX entry_place ON entry (place) WHERE place IS NOT NULL",
    "CREATE INDEX entry_expires ON entry (expires) WHERE expires IS NOT NULL",
    "CREATE INDEX entry_file ON entry (file) WHERE file IS NOT NULL",
    "CREATE TABLE tag (
  tag TEXT NOT NULL,
  entry INTEGER NOT NULL,
  PRIMARY KEY (tag, entry)
) STRICT, WITHOUT ROWID",
    // Entries with the tag are dead if their id is at most `last` and their version at most `version`;
    // those up to the id `swept` are gone. See `tombstone`.
    "CREATE TABLE tombstone (
  tag TEXT PRIMARY KEY,
  last INTEGER NOT NULL,
  version INTEGER NOT NULL,
  swept INTEGER NOT NULL
) STRICT, WITHOUT ROWID",
    // Value files that no entry refers to: being written, or to be removed. With a `span` above 1,
    // of that many successive numbers those that no entry refers to.
    "CREATE TABLE loose (
  file INTEGER PRIMARY KEY,
  owner INTEGER NOT NULL,
  span INTEGER NOT NULL
) STRICT",
    "CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value INTEGER
) STRICT, WITHOUT ROWID",
    // One row. `files` is what all value files occupy; `sequence` is at least every number given out
    // less `LAG` (see `change`). `settings` grows with every change of a setting, so that others notice. `pending` is the
    // number of a transaction over several shards that has changed this one and is perhaps not
    // decided yet, else 0. `tombstones` is their number. No entry up to the id `passed` stands in line
    // by its id. `biased` is the number of journals that are not folded.
    "CREATE TABLE totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  count INTEGER NOT NULL,
  files INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  age INTEGER NOT NULL,
  settings INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  tombstones INTEGER NOT NULL,
  passed INTEGER NOT NULL,
  biased INTEGER NOT NULL
) STRICT",
    // One row: what all handles have counted, if the setting `statistics` is on.
    "CREATE TABLE statistic (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  hits INTEGER NOT NULL,
  misses INTEGER NOT NULL,
  sets INTEGER NOT NULL,
  deletes INTEGER NOT NULL,
  evictions INTEGER NOT NULL,
  removals INTEGER NOT NULL,
  expirations INTEGER NOT NULL
) STRICT",
    // What a pending transaction has changed, as it was before: the columns of the entry, or, with
    // no `size`, nothing.
    "CREATE TABLE undo (
  id INTEGER PRIMARY KEY,
  key ANY,
  queue TEXT,
  position INTEGER,
  version INTEGER,
  rank INTEGER,
  place INTEGER,
  size INTEGER,
  stored INTEGER,
  expires INTEGER,
  ttl INTEGER,
  sliding INTEGER,
  accessed INTEGER,
  hits INTEGER,
  tags TEXT,
  form INTEGER,
  file INTEGER,
  length INTEGER,
  occupied INTEGER,
  checksum INTEGER,
  value ANY
) STRICT",
    // A deque or index. `layout` is the order of a deque; see `collection`.
    "CREATE TABLE collection (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  length INTEGER NOT NULL,
  bound INTEGER,
  layout BLOB NOT NULL
) STRICT",
    "CREATE UNIQUE INDEX collection_name ON collection (kind, name)",
    // What is in them: elements of a deque by a number that `layout` puts in order, entries of an
    // index by the order in which their keys came in. They never expire and are never evicted.
    "CREATE TABLE member (
  collection INTEGER NOT NULL,
  position INTEGER NOT NULL,
  key ANY,
  form INTEGER NOT NULL,
  file INTEGER,
  length INTEGER,
  occupied INTEGER,
  checksum INTEGER NOT NULL,
  value ANY,
  PRIMARY KEY (collection, position)
) STRICT, WITHOUT ROWID",
    "CREATE UNIQUE INDEX member_key ON member (collection, key) WHERE key IS NOT NULL",
    "CREATE INDEX member_file ON member (file) WHERE file IS NOT NULL",
    // As `undo`, of collections and members: nothing, where there is no `kind` or `form`.
    "CREATE TABLE undo_collection (
  id INTEGER PRIMARY KEY,
  kind INTEGER,
  name TEXT,
  length INTEGER,
  bound INTEGER,
  layout BLOB
) STRICT",
    "CREATE TABLE undo_member (
  collection INTEGER NOT NULL,
  position INTEGER NOT NULL,
  key ANY,
  form INTEGER,
  file INTEGER,
  length INTEGER,
  occupied INTEGER,
  checksum INTEGER,
  value ANY,
  PRIMARY KEY (collection, position)
) STRICT, WITHOUT ROWID",
    // Transactions over several shards, in the shard that decides about them (`coordinator` is its
    // own number: the transaction is decided) and in those that took part.
    "CREATE TABLE decision (
  id INTEGER PRIMARY KEY,
  owner INTEGER NOT NULL,
  coordinator INTEGER NOT NULL,
  count INTEGER NOT NULL,
  files INTEGER NOT NULL
) STRICT",
    // Queues that are biased towards handles, each with its journal: see `biased`. `claim` says whose notes
    // count; `folded` is how many of them are in the tables, once it is over.
    "CREATE TABLE journal (
  owner INTEGER NOT NULL,
  number INTEGER NOT NULL,
  queue TEXT NOT NULL,
  claim INTEGER NOT NULL,
  revoked INTEGER NOT NULL,
  folded INTEGER,
  PRIMARY KEY (owner, number)
) STRICT, WITHOUT ROWID",
    // The states of locks, limits and the like: see `recipes`.
    "CREATE TABLE record (
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID",
];

/// Makes the tables in an empty database, inside the caller's transaction.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    for statement in STATEMENTS {
        connection.execute(statement, [])?;
    }
    connection.execute("INSERT INTO totals VALUES (1, 0, 0, 0, 0, 1, 0, 0, 0, 0)", [])?;
    connection.execute("INSERT INTO statistic VALUES (1, 0, 0, 0, 0, 0, 0, 0)", [])?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", FORMAT_VERSION)
}

/// What a database turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A shard of this version.
    Shard,
    /// Nothing yet.
    Empty,
    /// Something else; what, in words.
    Foreign(String),
}

/// Looks what a database is.
pub(crate) fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql")?;
    let schema = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    // In no particular order: `VACUUM` changes it.
    let mut expected = STATEMENTS;
    expected.sort_unstable();
    Ok(if application == 0 && version == 0 && schema.is_empty() {
        Identity::Empty
    } else if application != APPLICATION_ID {
        Identity::Foreign(format!("an SQLite database of another application (application_id {application:#x})"))
    } else if version != FORMAT_VERSION {
        Identity::Foreign(format!("format version {version}; this version of Larder reads {FORMAT_VERSION}"))
    } else if schema != expected {
        Identity::Foreign("its tables are not those of the format".into())
    } else {
        Identity::Shard
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_shard_is_told_from_empty_and_foreign_databases() {
        let connection = Connection::open_in_memory().unwrap();
        assert_eq!(identify(&connection).unwrap(), Identity::Empty);
        create(&connection).unwrap();
        assert_eq!(identify(&connection).unwrap(), Identity::Shard);

        connection.pragma_update(None, "user_version", 2).unwrap();
        assert!(matches!(identify(&connection).unwrap(), Identity::Foreign(what) if what.contains("version 2")));
        connection.pragma_update(None, "application_id", 7).unwrap();
        assert!(matches!(identify(&connection).unwrap(), Identity::Foreign(what) if what.contains("0x7")));
    }

    #[test]
    fn a_planted_trigger_makes_a_database_foreign() {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection).unwrap();
        connection.execute_batch("CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END").unwrap();
        assert!(matches!(identify(&connection).unwrap(), Identity::Foreign(_)));
    }
}
