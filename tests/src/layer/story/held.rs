//! Values that tell where they come from.

use crate::Random;
use crate::component::types::Value;

/// So many bytes in a row are alike; the next ones are others, so that no part is taken for another.
const STRETCH: usize = 8_192;
/// The shortest; never in a file.
const SMALL: usize = 24;
/// One that has a file, unless the threshold is raised.
const LARGE: usize = 40_000;
/// One in several chunks.
const HUGE: usize = 270_000;

/// A value by what it is made of: the byte it begins with, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    byte: u8,
    /// How long it is.
    pub length: usize,
}

/// What was found of a value that can not be read, because its file is not whole.
pub(super) const LOST: Held = Held { byte: 0, length: 0 };

impl Held {
    /// The value that the operation of this number stores: no two are alike, and none is of zeros, which a
    /// hole would be.
    pub fn new(random: &mut Random, number: usize) -> Self {
        Self::of_length(number, if random.below(4) == 0 { LARGE } else { SMALL })
    }

    /// The same, never in a file.
    pub fn small(number: usize) -> Self {
        Self::of_length(number, SMALL)
    }

    /// The same in several chunks.
    pub fn huge(number: usize) -> Self {
        Self::of_length(number, HUGE + number)
    }

    fn of_length(number: usize, length: usize) -> Self {
        Self { byte: u8::try_from(number % 255 + 1).unwrap(), length }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let stretches = (0..self.length.div_ceil(STRETCH)).map(|stretch| self.byte_of(stretch));
        let mut bytes: Vec<u8> = stretches.flat_map(|byte| std::iter::repeat_n(byte, STRETCH)).collect();
        bytes.truncate(self.length);
        bytes
    }

    fn byte_of(self, stretch: usize) -> u8 {
        u8::try_from((usize::from(self.byte) - 1 + stretch) % 255 + 1).unwrap()
    }

    /// It as a value.
    #[must_use]
    pub fn value(self) -> Value {
        Value::Bytes(self.bytes())
    }

    /// What a value is.
    ///
    /// # Panics
    ///
    /// If it is none that was ever stored.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let Value::Bytes(bytes) = value else { panic!("a value that nobody has stored: {value:?}") };
        Self::of_bytes(bytes)
    }

    /// The same of its bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let held = Self { byte: bytes.first().copied().unwrap_or(0), length: bytes.len() };
        let is_whole = held.byte > 0
            && bytes.chunks(STRETCH).enumerate().all(|(stretch, part)| {
                let byte = held.byte_of(stretch);
                part.iter().all(|other| *other == byte)
            });
        assert!(is_whole, "{} bytes that nobody has stored so", bytes.len());
        held
    }

    /// Whether this is what was found, or what was found is lost, which can only be if it has a file.
    #[must_use]
    pub fn is(self, found: Self) -> bool {
        self == found || (found == LOST && self.length > SMALL)
    }
}

/// Whether lists are the same in this sense.
pub(super) fn are<'a>(
    held: impl IntoIterator<Item = &'a Held, IntoIter: ExactSizeIterator>,
    found: impl IntoIterator<Item = &'a Held, IntoIter: ExactSizeIterator>,
) -> bool {
    let (held, found) = (held.into_iter(), found.into_iter());
    held.len() == found.len() && held.zip(found).all(|(held, found)| held.is(*found))
}

/// How many of these are lost.
pub(super) fn lost<'a>(found: impl IntoIterator<Item = &'a Held>) -> usize {
    found.into_iter().filter(|held| **held == LOST).count()
}
