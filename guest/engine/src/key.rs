//! Keys: their order, limits and hash.

use std::cmp::Ordering;
use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};

/// Longest text or bytes key, in bytes.
pub const KEY_LIMIT: usize = 64 * 1024;

/// What an entry is found by.
///
/// Equality and order are SQLite's, so that the database and this crate agree: numbers by value,
/// integers and reals together, then text, then bytes. `Integer(1)` equals `Real(1.0)`.
#[derive(Debug, Clone)]
pub enum Key {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float that is a number.
    Real(f64),
    /// Unicode text.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl Key {
    /// Refuses keys that can not be stored.
    pub fn validate(&self) -> Result<()> {
        let size = match self {
            Self::Real(real) if real.is_nan() => {
                return Err(Error::InvalidArgument("a key must not be NaN".into()));
            }
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        if size > KEY_LIMIT {
            return Err(Error::TooLarge { what: "the key".into(), size: size as u64, limit: KEY_LIMIT as u64 });
        }
        Ok(())
    }

    /// Bytes the key counts for in the volume.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// The stable hash of the format: XXH3-64 of the key's bytes, seeded with its kind (0 integer,
    /// little endian; 1 real, the bits little endian; 2 text; 3 bytes). A real that is a 64-bit
    /// integer hashes as that integer, because the two are the same key.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            Self::Integer(integer) => hash_integer(*integer),
            Self::Real(real) => match exact_integer(*real) {
                Some(integer) => hash_integer(integer),
                None => xxh3_64_with_seed(&real.to_bits().to_le_bytes(), 1),
            },
            Self::Text(text) => xxh3_64_with_seed(text.as_bytes(), 2),
            Self::Bytes(bytes) => xxh3_64_with_seed(bytes, 3),
        }
    }

    /// Reads a key column.
    pub(crate) fn from_column(column: ValueRef<'_>) -> Result<Self> {
        Ok(match column {
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) => Self::Text(
                std::str::from_utf8(text)
                    .map_err(|_| Error::Corrupt("a text key in the database is not UTF-8".into()))?
                    .to_owned(),
            ),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            ValueRef::Null => return Err(Error::Corrupt("an entry in the database has no key".into())),
        })
    }

    fn kind_rank(&self) -> u8 {
        match self {
            Self::Integer(_) | Self::Real(_) => 0,
            Self::Text(_) => 1,
            Self::Bytes(_) => 2,
        }
    }
}

fn hash_integer(integer: i64) -> u64 {
    xxh3_64_with_seed(&integer.to_le_bytes(), 0)
}

/// The integer a real is exactly, if it is one of 64 bits.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked, and the value is integral")]
pub(crate) fn exact_integer(real: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    (real.trunc().total_cmp(&real).is_eq() && (-LIMIT..LIMIT).contains(&real)).then_some(real as i64)
}

/// Compares without rounding the integer to a float.
fn compare_numbers(integer: i64, real: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if real >= LIMIT {
        return Ordering::Less;
    }
    if real < -LIMIT {
        return Ordering::Greater;
    }
    #[allow(clippy::cast_possible_truncation, reason = "the range was checked; the fraction is compared next")]
    let whole = real.trunc() as i64;
    integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Integer(a), Self::Real(b)) => compare_numbers(*a, *b),
            (Self::Real(a), Self::Integer(b)) => compare_numbers(*b, *a).reverse(),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            _ => self.kind_rank().cmp(&other.kind_rank()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Short enough for an error message, whatever the key.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        match self {
            Self::Integer(integer) => write!(formatter, "key {integer}"),
            Self::Real(real) => write!(formatter, "key {real:?}"),
            Self::Text(text) if text.chars().count() <= SHOWN => write!(formatter, "key {text:?}"),
            Self::Text(text) => {
                let start: String = text.chars().take(SHOWN).collect();
                write!(formatter, "key {start:?}… ({} bytes)", text.len())
            }
            Self::Bytes(bytes) => {
                write!(formatter, "key 0x")?;
                for byte in bytes.iter().take(SHOWN / 2) {
                    write!(formatter, "{byte:02x}")?;
                }
                if bytes.len() > SHOWN / 2 {
                    write!(formatter, "… ({} bytes)", bytes.len())?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn any_key() -> impl Strategy<Value = Key> {
        let edges = prop::sample::select(vec![0, 1, -1, i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1]);
        prop_oneof![
            edges.prop_map(Key::Integer),
            any::<i64>().prop_map(Key::Integer),
            (-3_i64..3).prop_map(Key::Integer),
            (-6_i32..6).prop_map(|half| Key::Real(f64::from(half) / 2.0)),
            any::<f64>().prop_filter("NaN is refused", |real| !real.is_nan()).prop_map(Key::Real),
            Just(Key::Real(9_223_372_036_854_775_808.0)),
            Just(Key::Real(-9_223_372_036_854_775_808.0)),
            Just(Key::Real(9_007_199_254_740_992.0)),
            ".{0,4}".prop_map(Key::Text),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Key::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn order_is_that_of_sqlite(a in any_key(), b in any_key()) {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch("CREATE TABLE t (a ANY, b ANY) STRICT").unwrap();
            connection.execute("INSERT INTO t VALUES (?1, ?2)", (&a, &b)).unwrap();
            let (less, equal): (bool, bool) =
                connection.query_row("SELECT a < b, a = b FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            prop_assert_eq!(a < b, less);
            prop_assert_eq!(a == b, equal);
        }

        #[test]
        fn equal_keys_hash_alike(a in any_key(), b in any_key()) {
            if a == b {
                prop_assert_eq!(a.hash(), b.hash());
            }
        }
    }

    #[test]
    fn integer_and_equal_real_are_one_key() {
        assert_eq!(Key::Integer(1), Key::Real(1.0));
        assert_eq!(Key::Integer(1).hash(), Key::Real(1.0).hash());
        assert_eq!(Key::Integer(0).hash(), Key::Real(-0.0).hash());
        assert_ne!(Key::Text("a".into()), Key::Bytes(b"a".to_vec()));
    }

    #[test]
    fn hash_is_the_one_of_the_format() {
        // Fixed for all time: the hash decides in which shard an entry lies.
        assert_eq!(Key::Integer(0).hash(), xxh3_64_with_seed(&[0; 8], 0));
        assert_eq!(Key::Text("abc".into()).hash(), xxh3_64_with_seed(b"abc", 2));
        assert_ne!(Key::Text("abc".into()).hash(), Key::Bytes(b"abc".to_vec()).hash());
    }

    #[test]
    fn nan_and_oversized_keys_are_refused_by_name() {
        assert!(matches!(Key::Real(f64::NAN).validate(), Err(Error::InvalidArgument(_))));
        assert!(Key::Bytes(vec![0; KEY_LIMIT]).validate().is_ok());
        assert!(matches!(Key::Bytes(vec![0; KEY_LIMIT + 1]).validate(), Err(Error::TooLarge { size: 65_537, .. })));
    }
}
