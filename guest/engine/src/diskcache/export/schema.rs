//! The tables, indexes, triggers and settings of a database of diskcache 5.6.3, word for word.

use rusqlite::types::Value as Column;
use rusqlite::{Connection, params};

use crate::options::Policy;
use crate::settings::Settings;

/// From which length on a value is kept in a file, in bytes or characters.
pub(super) const FILE_THRESHOLD: u64 = 1 << 15;
/// The pickle protocol of Python since 3.8.
const PICKLE_PROTOCOL: u8 = 5;

const TABLES: [&str; 4] = [
    "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)",
    "CREATE TABLE Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, \
     access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, \
     filename TEXT, value BLOB)",
    "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)",
    "CREATE INDEX Cache_expire_time ON Cache (expire_time)",
];

// Their names of settings are in double quotes, which this SQLite takes for columns; it never runs them.
const TRIGGERS: [&str; 5] = [
    "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value - 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + NEW.size WHERE key = \"size\"; END",
    "CREATE TRIGGER Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = \"size\"; END",
    "CREATE TRIGGER Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value - OLD.size WHERE key = \"size\"; END",
];

/// What a finished database holds.
pub(super) struct Totals {
    /// Number of rows.
    pub(super) count: i64,
    /// Bytes in value files.
    pub(super) size: u64,
    /// The pickle protocol of its keys, if there are such. Python finds them by the bytes of their
    /// pickles, so it has to go on with the same.
    pub(super) pickle_protocol: Option<u8>,
}

/// Makes the tables in an empty database.
pub(super) fn create(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    let statements = TABLES.into_iter().chain(policy_index(settings.policy));
    statements.into_iter().try_for_each(|statement| connection.execute(statement, []).map(drop))
}

/// Records settings and totals, and makes the triggers that keep them from then on.
pub(super) fn complete(connection: &Connection, settings: &Settings, totals: &Totals) -> rusqlite::Result<()> {
    let number = |number: u64| Column::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let text = |text: &str| Column::Text(text.to_owned());
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    let volume = totals.size.saturating_add(pages.unsigned_abs());
    // No less than there is, and some room: to be moved is no reason to be evicted.
    let limit = settings.size_limit.unwrap_or(u64::MAX).max(volume.saturating_add(volume / 4));
    let rows = [
        ("statistics", number(0)),
        ("tag_index", number(0)),
        ("eviction_policy", text(policy_name(settings.policy))),
        ("size_limit", number(limit)),
        ("cull_limit", number(10)),
        ("sqlite_auto_vacuum", number(1)),
        ("sqlite_cache_size", number(1 << 13)),
        ("sqlite_journal_mode", text("wal")),
        ("sqlite_mmap_size", number(1 << 26)),
        ("sqlite_synchronous", number(1)),
        ("disk_min_file_size", number(FILE_THRESHOLD)),
        ("disk_pickle_protocol", number(totals.pickle_protocol.unwrap_or(PICKLE_PROTOCOL).into())),
        ("count", Column::Integer(totals.count)),
        ("size", number(totals.size)),
        ("hits", number(0)),
        ("misses", number(0)),
    ];
    let mut insert = connection.prepare("INSERT INTO Settings VALUES (?1, ?2)")?;
    rows.into_iter().try_for_each(|(key, value)| insert.execute(params![key, value]).map(drop))?;
    TRIGGERS.into_iter().try_for_each(|statement| connection.execute(statement, []).map(drop))
}

fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::None => "none",
        Policy::LeastRecentlyStored => "least-recently-stored",
        Policy::LeastRecentlyUsed => "least-recently-used",
        Policy::LeastFrequentlyUsed => "least-frequently-used",
    }
}

fn policy_index(policy: Policy) -> Option<&'static str> {
    match policy {
        Policy::None => None,
        Policy::LeastRecentlyStored => Some("CREATE INDEX Cache_store_time ON Cache (store_time)"),
        Policy::LeastRecentlyUsed => Some("CREATE INDEX Cache_access_time ON Cache (access_time)"),
        Policy::LeastFrequentlyUsed => Some("CREATE INDEX Cache_access_count ON Cache (access_count)"),
    }
}
