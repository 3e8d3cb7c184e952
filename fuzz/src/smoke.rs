//! Inputs from a seed: the same each time, unless `LARDER_SEED` or `LARDER_FUZZ_INPUTS` (how many) say otherwise.

use larder_engine::Platform;
use larder_engine::testing::TestPlatform;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a target with so many inputs of up to `length` bytes.
pub fn smoke(target: impl Fn(&[u8]), inputs: u64, length: u64) {
    let seed = number("LARDER_SEED").unwrap_or(5);
    let count = number("LARDER_FUZZ_INPUTS").unwrap_or(inputs);
    println!("LARDER_SEED={seed}, {count} inputs");
    for (input, bytes) in (0..count).zip(random_inputs(seed, length)) {
        let _tells = Tells { input, bytes: &bytes };
        target(&bytes);
    }
}

/// Inputs of 1 to `length` bytes without end.
pub(crate) fn random_inputs(seed: u64, length: u64) -> impl Iterator<Item = Vec<u8>> {
    let random = TestPlatform::seeded(seed);
    std::iter::repeat_with(move || {
        (0..=random.random() % length).map(|_| (random.random() >> 32).to_le_bytes()[0]).collect()
    })
}

/// Says which input it was that a target panicked at.
struct Tells<'a> {
    input: u64,
    bytes: &'a [u8],
}

impl Drop for Tells<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("input {}: {:02x?}", self.input, self.bytes);
        }
    }
}
