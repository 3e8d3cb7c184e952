//! Which values are equal, and which comes first.

use std::cmp::Ordering;

use crate::key::Key;
use crate::value::Value;

/// The order of values: numbers by value, integers and reals together, then NaN, which equals NaN;
/// then text; then bytes.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Real(real) if real.is_nan() => 1,
        Value::Integer(_) | Value::Real(_) => 0,
        Value::Text(_) => 2,
        Value::Bytes(_) => 3,
    };
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)).then_with(|| match (number(a), number(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => Ordering::Equal,
        }),
    }
}

/// A number that is one.
fn number(value: &Value) -> Option<Key> {
    match value {
        Value::Integer(integer) => Some(Key::Integer(*integer)),
        Value::Real(real) if !real.is_nan() => Some(Key::Real(*real)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_one_order_whatever_their_type() {
        let ordered = [
            Value::Real(f64::NEG_INFINITY),
            Value::Integer(-1),
            Value::Real(-0.5),
            Value::Integer(0),
            Value::Integer(i64::MAX),
            Value::Real(f64::INFINITY),
            Value::Real(f64::NAN),
            Value::Text(String::new()),
            Value::Text("b".into()),
            Value::Bytes(Vec::new()),
            Value::Bytes(b"a".to_vec()),
        ];
        for (place, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                assert_eq!(compare(a, b), place.cmp(&other), "{a:?} {b:?}");
            }
        }
        assert_eq!(compare(&Value::Integer(1), &Value::Real(1.0)), Ordering::Equal);
        assert_eq!(compare(&Value::Real(-0.0), &Value::Integer(0)), Ordering::Equal);
    }
}
