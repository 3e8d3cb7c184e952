//! SQLite's result codes as error values.

use std::ffi::c_int;
use std::io;

use rusqlite::ffi;

use crate::coordination::Fault;
use crate::report::{self, FailureKind};

/// A result code of SQLite other than `SQLITE_OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) c_int);

pub(crate) type Result<T> = std::result::Result<T, Code>;

/// The code SQLite gets for a result.
pub(crate) fn to_sqlite(result: Result<()>) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Code(code)) => code,
    }
}

/// Records an error of the file system and chooses its code: `SQLITE_FULL` where space ran out,
/// otherwise the given one.
pub(crate) fn from_error(path: &str, operation: &'static str, error: &io::Error, code: c_int) -> Code {
    report::record_error(path, operation, error);
    match report::kind_of_error(error.kind()) {
        FailureKind::Full => Code(ffi::SQLITE_FULL),
        _ => Code(code),
    }
}

/// Records a fault of the coordination under the given code.
pub(crate) fn from_fault(path: &str, operation: &'static str, fault: &Fault, code: c_int) -> Code {
    report::record_fault(path, operation, fault);
    Code(code)
}
