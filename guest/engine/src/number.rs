//! Values that can be added to.

use crate::error::{Error, Result};
use crate::key::Key;
use crate::value::Value;

/// A value that can be added to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
}

impl Number {
    /// The number a value is, if it is one.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(Self::Integer(*integer)),
            Value::Real(real) => Some(Self::Real(*real)),
            Value::Text(_) | Value::Bytes(_) => None,
        }
    }

    /// The sum: an integer if both are. `key` is for the error.
    pub(crate) fn plus(self, other: Self, key: &Key) -> Result<Self> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a
                .checked_add(b)
                .map(Self::Integer)
                .ok_or_else(|| Error::Overflow(format!("{a} + {b} under {key} is beyond 64 bits"))),
            (a, b) => Ok(Self::Real(a.real() + b.real())),
        }
    }

    /// The difference: an integer if both are. `key` is for the error.
    pub(crate) fn minus(self, other: Self, key: &Key) -> Result<Self> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a
                .checked_sub(b)
                .map(Self::Integer)
                .ok_or_else(|| Error::Overflow(format!("{a} - {b} under {key} is beyond 64 bits"))),
            (a, b) => Ok(Self::Real(a.real() - b.real())),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a sum with a real is a real, rounded as reals are")]
    fn real(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Real(real) => real,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => Self::Integer(integer),
            Number::Real(real) => Self::Real(real),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_integers_and_overflow_by_name() {
        let key = Key::Integer(1);
        assert_eq!(Number::Integer(2).plus(Number::Integer(-3), &key), Ok(Number::Integer(-1)));
        assert!(matches!(Number::Integer(i64::MAX).plus(Number::Integer(1), &key), Err(Error::Overflow(_))));
        assert_eq!(Number::Integer(2).plus(Number::Real(0.5), &key), Ok(Number::Real(2.5)));
        assert_eq!(Number::Integer(-1).minus(Number::Integer(i64::MIN), &key), Ok(Number::Integer(i64::MAX)));
        assert!(matches!(Number::Integer(0).minus(Number::Integer(i64::MIN), &key), Err(Error::Overflow(_))));
    }
}
