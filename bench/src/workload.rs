//! The operations: those of python-diskcache's `benchmark_core.py`, 90 % get, 9 % set and
//! 1 % delete over 100 keys, with values of up to about 500 bytes.

use serde::{Deserialize, Serialize};

/// How many keys there are.
pub(crate) const KEYS: u64 = 100;

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Get,
    Set,
    Delete,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 3] = [Self::Get, Self::Set, Self::Delete];
}

/// One operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) key: Vec<u8>,
    /// Empty unless it is stored.
    pub(crate) value: Vec<u8>,
}

/// An endless sequence of operations, the same for every subject that is given the same seed.
/// `diskcache_worker.py` makes the same one.
pub(crate) struct Workload {
    state: u64,
    count: u64,
}

impl Workload {
    /// Begins a sequence.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, count: 0 }
    }

    /// A number below `bound`, by the generator `SplitMix64`.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

impl Iterator for Workload {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        let key = key(self.below(KEYS));
        let repetitions = usize::try_from(1 + self.below(99)).unwrap_or(1);
        let kind = match self.below(100) {
            0..90 => Kind::Get,
            90..99 => Kind::Set,
            _ => Kind::Delete,
        };
        self.count += 1;
        let value = if kind == Kind::Set { self.count.to_string().repeat(repetitions) } else { String::new() };
        Some(Operation { kind, key, value: value.into_bytes() })
    }
}

/// A key by its number.
pub(crate) fn key(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_that_of_the_benchmark() {
        let mut counts = [0_u32; 3];
        for operation in Workload::new(1).take(100_000) {
            counts[operation.kind as usize] += 1;
            assert_eq!(operation.value.is_empty(), operation.kind != Kind::Set);
        }
        assert!(counts[0].abs_diff(90_000) < 500, "{counts:?}");
        assert!(counts[1].abs_diff(9_000) < 500, "{counts:?}");
        assert!(counts[2].abs_diff(1_000) < 200, "{counts:?}");
    }

    #[test]
    fn a_seed_determines_the_sequence() {
        assert!(Workload::new(7).take(1000).eq(Workload::new(7).take(1000)));
        assert!(!Workload::new(7).take(1000).eq(Workload::new(8).take(1000)));
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut workload = Workload::new(1_234_567);
        assert_eq!(workload.below(u64::MAX), 6_457_827_717_110_365_317);
        assert_eq!(workload.below(u64::MAX), 3_203_168_211_198_807_973);
    }
}
