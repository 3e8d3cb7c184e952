//! An average and a counter that are never evicted.

use serde::{Deserialize, Serialize};

use super::{Kind, Machine};
use crate::error::{Error, Result};

/// The sum of some numbers, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub(crate) struct Average {
    sum: f64,
    count: u64,
}

/// What is known of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Their sum divided by their number.
    pub mean: f64,
    /// How many they are.
    pub count: u64,
}

impl Average {
    /// Adds a number; returns the average with it.
    pub(crate) fn add(&mut self, number: f64) -> Result<Mean> {
        if !number.is_finite() {
            return Err(Error::InvalidArgument(format!("{number} has no average with other numbers")));
        }
        let sum = self.sum + number;
        let count = self.count.checked_add(1);
        let (true, Some(count)) = (sum.is_finite(), count) else {
            return Err(Error::Overflow("the sum behind an average".into()));
        };
        (self.sum, self.count) = (sum, count);
        Ok(self.of_all())
    }

    /// The average; none of no numbers.
    pub(crate) fn mean(&self) -> Option<Mean> {
        (self.count > 0).then(|| self.of_all())
    }

    #[allow(clippy::cast_precision_loss, reason = "an average is a float; 2^53 numbers are beyond all practice")]
    fn of_all(&self) -> Mean {
        Mean { mean: self.sum / self.count as f64, count: self.count }
    }
}

impl Machine for Average {
    const KIND: Kind = Kind::Average;

    fn is_sound(&self) -> bool {
        self.sum.is_finite()
    }

    fn is_idle(&self, _: i64) -> bool {
        self.count == 0
    }
}

/// A number that is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Counter(i64);

impl Counter {
    /// Adds to it; returns the sum.
    pub(crate) fn add(&mut self, delta: i64) -> Result<i64> {
        let sum = self.0.checked_add(delta);
        self.0 = sum.ok_or_else(|| Error::Overflow(format!("{} and {delta} of a counter", self.0)))?;
        Ok(self.0)
    }

    /// What it is at.
    pub(crate) fn value(self) -> i64 {
        self.0
    }
}

impl Machine for Counter {
    const KIND: Kind = Kind::Counter;

    fn is_sound(&self) -> bool {
        true
    }

    fn is_idle(&self, _: i64) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_takes_numbers_only() {
        let mut average = Average::default();
        assert_eq!(average.mean(), None);
        for number in [1.0, 2.0, 6.0] {
            average.add(number).unwrap();
        }
        for nonsense in [f64::NAN, f64::INFINITY] {
            assert!(matches!(average.add(nonsense), Err(Error::InvalidArgument(_))));
        }
        assert_eq!(average.mean(), Some(Mean { mean: 3.0, count: 3 }));
        average.add(f64::MAX).unwrap();
        assert!(matches!(average.add(f64::MAX), Err(Error::Overflow(_))));
    }

    #[test]
    fn a_counter_ends_where_its_numbers_end() {
        let mut counter = Counter(i64::MAX - 1);
        assert_eq!(counter.add(1), Ok(i64::MAX));
        assert!(matches!(counter.add(1), Err(Error::Overflow(_))));
        assert_eq!(counter.add(-1), Ok(i64::MAX - 1));
    }
}
