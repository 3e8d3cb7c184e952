//! Every target with inputs from a seed: the same each time, unless `LARDER_SEED` or `LARDER_FUZZ_INPUTS` (how
//! many) say otherwise. What libFuzzer finds beyond that becomes a test of the product.

use larder_engine::Platform;
use larder_engine::testing::TestPlatform;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a target with so many inputs of up to `length` bytes.
fn smoke(target: impl Fn(&[u8]), inputs: u64, length: u64) {
    let seed = number("LARDER_SEED").unwrap_or(5);
    let inputs = number("LARDER_FUZZ_INPUTS").unwrap_or(inputs);
    println!("LARDER_SEED={seed}, {inputs} inputs");
    let random = TestPlatform::seeded(seed);
    for input in 0..inputs {
        let bytes: Vec<u8> = (0..=random.random() % length).map(|_| (random.random() >> 32).to_le_bytes()[0]).collect();
        println!("input {input}: {bytes:02x?}");
        target(&bytes);
    }
}

#[test]
fn operations() {
    smoke(larder_fuzz::operations::run, 100, 600);
}

#[test]
fn database() {
    smoke(larder_fuzz::database::run, 100, 60);
}

#[test]
fn import() {
    smoke(larder_fuzz::import::run, 100, 200);
}

#[cfg(feature = "host")]
#[test]
fn dump() {
    let seeds = larder_fuzz::dump::seeds();
    let change_one = |input: &[u8]| {
        let [which, value, place @ ..] = input else { return };
        let mut dump = seeds[usize::from(*which) % seeds.len()].clone();
        for place in place {
            let place = usize::from(*place) * 3 % dump.len();
            dump[place] = dump[place].wrapping_add(*value);
        }
        larder_fuzz::dump::run(&dump);
    };
    smoke(change_one, 2_000, 8);
}
