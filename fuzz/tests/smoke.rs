//! Every target with inputs from a seed. What libFuzzer finds beyond that becomes a test of the product.

use larder_fuzz::smoke;

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
