//! What becomes of a foreign row.

use std::path::Path;

use rusqlite::types::Value as Column;

use super::counts::ImportCounts as Counts;
use super::row::ForeignRow;
use super::value_file::{self, Refusal};
use crate::cache::Draft;
use crate::diskcache::format::{BINARY, PICKLE, RAW, TEXT};
use crate::diskcache::{PICKLED_KEY_TAG, PICKLED_VALUE_TAG};
use crate::key::Key;
use crate::options::{Expiry, SetOptions, check_tag};
use crate::value::Value;

/// Why a row is not stored.
#[derive(Debug)]
pub(super) enum Skip {
    Expired,
    TooLarge,
    Damaged(String),
}

impl From<Refusal> for Skip {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge => Self::TooLarge,
            Refusal::Damaged(what) => Self::Damaged(what),
        }
    }
}

/// The entry for a row of the database in `directory`, with what is to be counted if it is stored.
pub(super) fn convert(row: ForeignRow, directory: &Path, now_ms: i64) -> Result<(Draft, Counts), Skip> {
    let ttl = time_to_live(row.expire_time, now_ms).ok_or(Skip::Expired)?;
    if row.oversized {
        return Err(Skip::TooLarge);
    }
    let mut counts = Counts { imported: 1, ..Counts::default() };
    let mut tags = Vec::new();
    match label(row.tag) {
        Label::None => {}
        Label::Text(text) => tags.push(text),
        Label::Number(text) => {
            counts.converted_tags = 1;
            tags.push(text);
        }
        Label::Impossible => counts.dropped_tags = 1,
    }
    if !row.raw {
        counts.pickled_keys = 1;
        tags.push(PICKLED_KEY_TAG.into());
    }
    if row.mode == PICKLE {
        counts.pickled_values = 1;
        tags.push(PICKLED_VALUE_TAG.into());
    }
    let key = convert_key(row.key, row.raw)?;
    counts.nan_values = u64::from(row.mode == RAW && row.value == Column::Null);
    counts.from_files = u64::from(row.filename.is_some());
    let value = convert_value(row.mode, row.value, row.filename.as_deref(), row.size, directory)?;
    Ok((Draft { key, value, options: SetOptions { ttl, tags, sliding: false } }, counts))
}

fn convert_key(key: Column, raw: bool) -> Result<Key, Skip> {
    match (key, raw) {
        (Column::Integer(integer), true) => Ok(Key::Integer(integer)),
        (Column::Real(real), true) => Ok(Key::Real(real)),
        (Column::Text(text), true) => Ok(Key::Text(text)),
        (Column::Blob(bytes), _) => Ok(Key::Bytes(bytes)),
        (Column::Null, _) => Err(Skip::Damaged("no key: it was NaN, which the database can not keep".into())),
        _ => Err(Skip::Damaged("a pickled key that is not bytes".into())),
    }
}

fn convert_value(mode: i64, value: Column, filename: Option<&str>, size: i64, directory: &Path) -> Result<Value, Skip> {
    let from_file = || {
        let name = filename.ok_or_else(|| Skip::Damaged("no file is named for the value".into()))?;
        let size = u64::try_from(size).map_err(|_| Skip::Damaged(format!("a file of {size} bytes")))?;
        Ok::<_, Skip>(value_file::read(directory, name, size)?)
    };
    match (mode, value) {
        (RAW, Column::Null) => Ok(Value::Real(f64::NAN)),
        (RAW, Column::Integer(integer)) => Ok(Value::Integer(integer)),
        (RAW, Column::Real(real)) => Ok(Value::Real(real)),
        (RAW, Column::Text(text)) => Ok(Value::Text(text)),
        (RAW | PICKLE, Column::Blob(bytes)) => Ok(Value::Bytes(bytes)),
        (BINARY | PICKLE, Column::Null) => from_file().map(Value::Bytes),
        (TEXT, Column::Null) => String::from_utf8(from_file()?)
            .map(Value::Text)
            .map_err(|_| Skip::Damaged("a text file that is not UTF-8".into())),
        (BINARY | TEXT | PICKLE, _) => Err(Skip::Damaged("the value does not fit its mode".into())),
        _ => Err(Skip::Damaged(format!("the mode of the value is unknown: {mode}"))),
    }
}

/// The time that is left; none if there is none.
fn time_to_live(expire_time: Option<f64>, now_ms: i64) -> Option<Expiry> {
    let Some(seconds) = expire_time else { return Some(Expiry::Never) };
    #[allow(clippy::cast_possible_truncation, reason = "a cast saturates, and what is beyond never expires")]
    let expires_ms = (seconds * 1000.0).floor() as i64;
    match expires_ms.checked_sub(now_ms) {
        _ if expires_ms == i64::MAX => Some(Expiry::Never),
        Some(left) if left > 0 => Some(Expiry::After(left.unsigned_abs())),
        _ => None,
    }
}

/// What becomes of a tag.
enum Label {
    None,
    Text(String),
    Number(String),
    Impossible,
}

fn label(tag: Column) -> Label {
    match tag {
        Column::Null => Label::None,
        Column::Integer(integer) => Label::Number(integer.to_string()),
        Column::Real(real) => Label::Number(format!("{real:?}")),
        Column::Text(text) if check_tag(&text).is_ok() => Label::Text(text),
        Column::Text(_) | Column::Blob(_) => Label::Impossible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_what_remains_of_an_absolute_time() {
        assert_eq!(time_to_live(None, 5_000), Some(Expiry::Never));
        assert_eq!(time_to_live(Some(6.5), 5_000), Some(Expiry::After(1_500)));
        assert_eq!(time_to_live(Some(5.0), 5_000), None);
        assert_eq!(time_to_live(Some(-1.0), 5_000), None);
        assert_eq!(time_to_live(Some(f64::INFINITY), 5_000), Some(Expiry::Never));
        assert_eq!(time_to_live(Some(f64::NEG_INFINITY), 5_000), None);
    }
}
