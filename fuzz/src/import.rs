//! A directory of python-diskcache in which an input has put rows of any type, files of any name, and damage.
//!
//! Importing it ends, counts what it could not take, and leaves a sound cache with nothing from outside of the
//! directory in it.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::OnceLock;

use larder_engine::diskcache::{Export, Import};
use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Changes, Compression, Error, Key, OpenOptions, Platform, Scan, SetOptions, Value};
use rusqlite::types::Value as Column;
use rusqlite::{Connection, params};

use crate::draw::Draw;
use crate::files::{Template, column_value, damage, tamper};

const DATABASE: &str = "cache.db";
/// What is beside the directory and must never be read.
const SECRET: &str = "what lies outside";
/// Names of value files: where one is, and where none may be looked for.
const FILES: [&str; 9] =
    ["aa/bb/value.val", "missing.val", "../secret", "aa/../../secret", "/etc/hostname", "", ".", "link", "aa"];
/// Most calls that taking over so little needs.
const STEPS: u32 = 10_000;

/// Makes the directory that an input describes, and imports it.
pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let (outside, directory) = template().make();
    fs::write(outside.path().join("secret"), SECRET).unwrap();
    let database = directory.join(DATABASE);
    let rows = draw.below(6);
    if let Ok(connection) = Connection::open(&database) {
        // What the triggers of python-diskcache say is not SQL as this SQLite takes it.
        drop_triggers(&connection);
        for _ in 0..rows {
            insert(&connection, &mut draw);
        }
        restructure(&connection, &mut draw);
    }
    value_files(&directory, &mut draw);
    while !draw.is_empty() {
        if draw.flag() { tamper(&database, &mut draw) } else { damage(&database, &mut draw) }
    }
    import(&directory);
}

/// What an export has made, which python-diskcache reads.
pub(crate) fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let (source, target) = (crate::temporary(), crate::temporary());
        let mut cache = open(source.path(), &OpenOptions::default()).unwrap();
        for number in 0..4 {
            let value = Value::Text("text ".repeat(10_000 * number));
            let key = Key::Text(format!("key {number}"));
            cache.set(&key, &value, &SetOptions::default()).unwrap();
        }
        let path = target.path().join("exported");
        let mut export = Export::open(&mut cache, &path, platform()).unwrap();
        while !export.step(&mut cache, 100).unwrap().finished {}
        Template::of(&path)
    })
}

fn platform() -> Rc<dyn Platform> {
    TestPlatform::new()
}

fn open(path: &Path, options: &OpenOptions) -> larder_engine::Result<Cache> {
    Cache::open(path, options, platform())
}

fn drop_triggers(connection: &Connection) {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    for name in names {
        connection.execute(&format!("DROP TRIGGER \"{name}\""), []).unwrap();
    }
}

/// A row with values of any type in all columns.
fn insert(connection: &Connection, draw: &mut Draw<'_>) {
    let name = match draw.below(3) {
        0 => column_value(draw),
        1 => Column::Null,
        _ => Column::Text(draw.pick(FILES).to_owned()),
    };
    let mode = if draw.flag() { Column::Integer(i64::from(draw.byte() % 6)) } else { column_value(draw) };
    let raw = if draw.flag() { Column::Integer(i64::from(draw.byte() % 2)) } else { column_value(draw) };
    let value = if draw.flag() { Column::Null } else { column_value(draw) };
    let size = if draw.flag() { Column::Integer(100) } else { column_value(draw) };
    // Two of the same key are refused.
    let _ = connection.execute(
        "INSERT INTO Cache (rowid, key, raw, expire_time, tag, size, mode, filename, value)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            draw.perhaps(Draw::integer),
            column_value(draw),
            raw,
            if draw.flag() { Column::Null } else { column_value(draw) },
            column_value(draw),
            size,
            mode,
            name,
            value
        ],
    );
}

/// Makes tables into something else than they are to be.
fn restructure(connection: &Connection, draw: &mut Draw<'_>) {
    let statements = match draw.byte() {
        200 => "ALTER TABLE Cache RENAME TO Other; CREATE VIEW Cache AS SELECT * FROM Other",
        201 => "ALTER TABLE Cache DROP COLUMN value; ALTER TABLE Cache ADD COLUMN value AS (randomblob(1000000000))",
        202 => "DROP TABLE Settings",
        203 => "CREATE TRIGGER evil AFTER UPDATE ON Cache BEGIN DELETE FROM Cache; END",
        204 => "PRAGMA user_version = 99; PRAGMA application_id = 1279345745",
        205 => "PRAGMA journal_mode = wal",
        206 => "PRAGMA journal_mode = delete; PRAGMA page_size = 512; VACUUM",
        207 => "PRAGMA encoding = 'UTF-16'; ALTER TABLE Cache ADD COLUMN more",
        _ => return,
    };
    let _ = connection.execute_batch(statements);
}

/// Puts files where rows may name them.
fn value_files(directory: &Path, draw: &mut Draw<'_>) {
    if draw.flag() {
        fs::create_dir_all(directory.join("aa/bb")).unwrap();
        fs::write(directory.join("aa/bb/value.val"), draw.bytes(100)).unwrap();
    }
    #[cfg(unix)]
    if draw.flag() {
        std::os::unix::fs::symlink("../secret", directory.join("link")).unwrap();
    }
}

fn import(directory: &Path) {
    let target = crate::temporary();
    let changes = Changes { compression: Some(Compression::Lz4), ..Changes::default() };
    let mut cache = open(target.path(), &OpenOptions { changes, ..OpenOptions::default() }).unwrap();
    let mut import = match Import::open(directory, platform()) {
        Ok(import) => import,
        Err(error) => return assert!(is_named(&error), "{error:?}"),
    };
    let finished = (0..STEPS).any(|_| match import.step(&mut cache, 3) {
        Ok(progress) => progress.finished,
        Err(error) => {
            assert!(is_named(&error), "{error:?}");
            true
        }
    });
    assert!(finished, "the import does not end");
    assert_eq!(cache.check(), Ok(Vec::new()), "what was imported is not sound");
    let count = cache.count().unwrap();
    let imported = import.report().counts.imported;
    assert!(count <= imported, "{count} of {imported} are there");
    for item in cache.scan(&Scan::default()).unwrap().next_items(&mut cache, 10_000).unwrap() {
        let is_secret = match &item.entry.value {
            Value::Text(text) => text == SECRET,
            Value::Bytes(bytes) => bytes == SECRET.as_bytes(),
            Value::Integer(_) | Value::Real(_) => false,
        };
        assert!(!is_secret, "{} holds what lies outside of the directory", item.key);
    }
}

fn is_named(error: &Error) -> bool {
    matches!(
        error,
        Error::Corrupt(_)
            | Error::UnsupportedFormat(_)
            | Error::Io(_)
            | Error::NotFound(_)
            | Error::Locked(_)
            | Error::ReadOnly(_)
            | Error::TooLarge { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undamaged_directory_is_imported_as_a_whole() {
        let (_outside, directory) = template().make();
        let target = crate::temporary();
        let mut cache = open(target.path(), &OpenOptions::default()).unwrap();
        let mut import = Import::open(&directory, platform()).unwrap();
        while !import.step(&mut cache, 3).unwrap().finished {}
        assert_eq!(import.report().counts.imported, 4);
        assert_eq!(import.report().problems, Vec::<String>::new());
    }
}
