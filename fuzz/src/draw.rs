//! Choices made by the bytes of an input, so that what libFuzzer changes in them changes what is done.

use larder_engine::{Bound, Content, Expiry, Key, Number, Selection, SetOptions, Side, Value};

/// Numbers at which arithmetic is likely to go wrong.
const EXTREMES: [i64; 14] =
    [0, 1, -1, 2, 100, 4_096, i32::MAX as i64, u32::MAX as i64, 1 << 53, 1 << 62, i64::MAX, i64::MIN, i64::MAX - 1, -2];

/// Reals that are not like others.
const REALS: [f64; 12] = [
    0.0,
    -0.0,
    0.5,
    1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    f64::MAX,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    9_007_199_254_740_993.0,
];

/// Names that meet each other, and some that are hardly or not possible.
const NAMES: [&str; 12] = ["a", "b", "ab", "a/b", "c", "", "\0", "a\0b", "é\u{10ffff}", "\u{d7ff}", "%", "larder"];

/// Lengths around every limit and threshold there is.
const LENGTHS: [usize; 14] = [0, 1, 2, 50, 99, 100, 101, 1_024, 1_025, 4_000, 9_000, 65_536, 65_537, 300_000];

/// What is left of an input. Where nothing is left, all choices are the first.
pub(crate) struct Draw<'a> {
    left: &'a [u8],
}

impl<'a> Draw<'a> {
    /// The choices of an input.
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { left: input }
    }

    /// Whether all of the input was used.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Up to so many bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, left) = self.left.split_at(most.min(self.left.len()));
        self.left = left;
        taken
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// A number of 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.bytes(8).iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = if end <= 256 { u64::from(self.byte()) } else { self.word() >> 32 };
        usize::try_from(number).unwrap_or(0) % end.max(1)
    }

    /// Whether or not.
    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many.max(1) == many.saturating_sub(1)
    }

    /// One of these.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        let [first, ..] = choices.as_slice() else { unreachable!("there is always a choice") };
        choices.get(self.below(N)).copied().unwrap_or(*first)
    }

    /// Something, or nothing.
    pub(crate) fn perhaps<T>(&mut self, something: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| something(self))
    }

    /// A few of something.
    pub(crate) fn several<T>(&mut self, most: usize, mut something: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| something(self)).collect()
    }

    /// A signed integer.
    pub(crate) fn integer(&mut self) -> i64 {
        match self.below(4) {
            0 => i64::from(self.byte()) - 100,
            1 => self.word().cast_signed(),
            _ => self.pick(EXTREMES),
        }
    }

    /// An integer without sign.
    pub(crate) fn natural(&mut self) -> u64 {
        self.integer().cast_unsigned()
    }

    /// One of 32 bits.
    pub(crate) fn small(&mut self) -> u32 {
        let number = self.natural();
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// A real.
    pub(crate) fn real(&mut self) -> f64 {
        if self.flag() { self.pick(REALS) } else { f64::from_bits(self.word()) }
    }

    /// A number of either kind.
    pub(crate) fn number(&mut self) -> Number {
        if self.one_in(3) { Number::Real(self.real()) } else { Number::Integer(self.integer()) }
    }

    /// A length, mostly small.
    pub(crate) fn length(&mut self) -> usize {
        if self.one_in(3) { self.pick(LENGTHS) } else { self.below(64) }
    }

    /// A name, mostly one that others bear, too.
    pub(crate) fn name(&mut self) -> String {
        match self.byte() % 16 {
            0 => self.text(),
            few @ 1..=11 => NAMES.get(usize::from(few % 3)).copied().unwrap_or_default().to_owned(),
            _ => self.pick(NAMES).to_owned(),
        }
    }

    /// Any text.
    pub(crate) fn text(&mut self) -> String {
        let length = self.length();
        if self.flag() {
            return String::from_utf8_lossy(self.bytes(length.min(64))).into_owned();
        }
        let letter = self.pick(["x", "é", "\u{10ffff}", "ab ", "\r\n"]);
        letter.repeat(length.div_ceil(letter.len()))
    }

    /// Any bytes.
    pub(crate) fn blob(&mut self) -> Vec<u8> {
        let length = self.length();
        if self.flag() { self.bytes(length).to_vec() } else { vec![self.byte(); length] }
    }

    /// A key, mostly one that others use, too.
    pub(crate) fn key(&mut self) -> Key {
        match self.byte() % 8 {
            0 => Key::Integer(self.integer()),
            1 => Key::Real(self.real()),
            2 => Key::Bytes(self.blob()),
            3 => Key::Text(self.text()),
            _ => Key::Text(self.name()),
        }
    }

    /// A value.
    pub(crate) fn value(&mut self) -> Value {
        match self.byte() % 6 {
            0 => Value::Real(self.real()),
            1 => Value::Bytes(self.blob()),
            2 => Value::Text(self.text()),
            _ => Value::Integer(self.integer()),
        }
    }

    /// When something expires.
    pub(crate) fn expiry(&mut self) -> Expiry {
        match self.byte() % 8 {
            0 => Expiry::After(self.natural()),
            1 => Expiry::After(self.pick([0, 1, 10, 1_000])),
            2 => Expiry::Never,
            _ => Expiry::Default,
        }
    }

    /// How an entry is stored.
    pub(crate) fn options(&mut self) -> SetOptions {
        let ttl = self.expiry();
        let tags = match self.byte() % 8 {
            0 => self.several(70, Self::name),
            1 | 2 => self.several(3, Self::name),
            _ => Vec::new(),
        };
        SetOptions { ttl, tags, sliding: self.one_in(6) }
    }

    /// One end.
    pub(crate) fn side(&mut self) -> Side {
        self.pick([Side::Back, Side::Front])
    }

    /// What a value in parts is.
    pub(crate) fn content(&mut self) -> Content {
        self.pick([Content::Detected, Content::Text, Content::Bytes])
    }

    /// Some of the entries.
    pub(crate) fn selection(&mut self) -> Selection {
        match self.byte() % 6 {
            0 => Selection::All,
            1 => Selection::Queue(self.name()),
            2 => Selection::Prefix(self.key()),
            3 => Selection::Range(self.bound(), self.bound()),
            _ => Selection::Tag(self.name()),
        }
    }

    fn bound(&mut self) -> Bound {
        match self.byte() % 3 {
            0 => Bound::Unbounded,
            1 => Bound::Included(self.key()),
            _ => Bound::Excluded(self.key()),
        }
    }

    /// How many at a time.
    pub(crate) fn limit(&mut self) -> u32 {
        self.pick([1, 2, 7, 100, 0, 10_000, u32::MAX])
    }

    /// A wait or a lease in milliseconds: most possible, all of them soon over on a clock that is set.
    pub(crate) fn duration(&mut self) -> u32 {
        self.pick([100, 0, 1, 1_000, 5_000, 10_000, 99])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_used_up_draws_the_first_of_everything() {
        let mut draw = Draw::new(&[]);
        assert!(draw.is_empty());
        assert_eq!((draw.byte(), draw.word(), draw.below(9), draw.flag()), (0, 0, 0, false));
        assert_eq!(draw.pick(["first", "second"]), "first");
        assert_eq!(draw.several(9, Draw::byte), Vec::<u8>::new());
    }

    #[test]
    fn every_byte_makes_a_difference() {
        let drawn = |input: &[u8]| {
            let mut draw = Draw::new(input);
            (draw.word(), draw.below(200), draw.bytes(9).to_vec())
        };
        let input: Vec<u8> = (1..12).collect();
        for place in 0..input.len() {
            let mut other = input.clone();
            other[place] ^= 0x40;
            assert_ne!(drawn(&input), drawn(&other), "byte {place}");
        }
    }
}
