//! What is to be known of the format in which diskcache 5.6.3 stores.

use std::path::Path;

use crate::error::Error;

/// Name of the database.
pub(super) const DATABASE: &str = "cache.db";

// How a value is kept; the column `mode`.

/// As it is, in the row.
pub(super) const RAW: i64 = 1;
/// Bytes in a file.
pub(super) const BINARY: i64 = 2;
/// Text in a file, which is read with universal newlines.
pub(super) const TEXT: i64 = 3;
/// Pickled, in the row or in a file.
pub(super) const PICKLE: i64 = 4;

/// The error of this crate for one of SQLite's about a foreign database.
pub(super) fn translate(error: &rusqlite::Error, path: &Path) -> Error {
    use rusqlite::ErrorCode as Code;
    let text = format!("{}: {error}", path.display());
    match error.sqlite_error_code() {
        None | Some(Code::DatabaseCorrupt | Code::NotADatabase | Code::ConstraintViolation) => Error::Corrupt(text),
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            Error::Timeout(format!("others to finish with {}", path.display()))
        }
        Some(Code::DiskFull) => Error::Full(text),
        Some(Code::ReadOnly) => Error::ReadOnly(text),
        Some(Code::PermissionDenied) => Error::PermissionDenied(text),
        Some(_) => Error::Io(text),
    }
}
