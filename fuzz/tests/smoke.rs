//! Every target with inputs from a seed. What libFuzzer finds beyond that becomes a test of the product.

#[cfg(feature = "host")]
use std::cell::RefCell;

#[cfg(feature = "host")]
use larder_fuzz::calls::{self, Tally};
use larder_fuzz::smoke;

#[test]
fn operations() {
    smoke(larder_fuzz::operations::run, 100, 600);
}

/// Inputs of the target `calls` at least, and at most until each function was done once.
#[cfg(feature = "host")]
const CALLS: std::ops::Range<u32> = 200..2_000;

#[cfg(feature = "host")]
#[test]
fn calls() {
    let tally = RefCell::new(Tally::default());
    let functions = calls::functions();
    let idle = |tally: &Tally| -> Vec<String> {
        let done = |name: &String| tally.functions.get(name).is_some_and(|(done, _)| *done > 0);
        functions.iter().filter(|name| !done(name)).cloned().collect()
    };
    let run = |input: &[u8]| {
        let mut tally = tally.borrow_mut();
        if tally.inputs < CALLS.start || !idle(&tally).is_empty() {
            calls::run(input, &mut tally);
        }
    };
    smoke(run, CALLS.end.into(), 6_000);
    let tally = tally.into_inner();
    let (done, refused) = tally.functions.values().fold((0, 0), |(done, refused), (d, r)| (done + d, refused + r));
    println!("calls: {done} did what they were asked, {refused} said why not, of {} inputs", tally.inputs);
    // A search of few inputs may miss some.
    assert!(idle(&tally).is_empty() || tally.inputs < CALLS.end, "never done: {:#?}", idle(&tally));
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
