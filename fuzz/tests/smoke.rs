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

#[cfg(feature = "host")]
#[test]
fn calls() {
    let tally = RefCell::new(Tally::default());
    smoke(|input| calls::run(input, &mut tally.borrow_mut()), 400, 2_000);
    let tally = tally.into_inner();
    let (done, refused) = tally.functions.values().fold((0, 0), |(done, refused), (d, r)| (done + d, refused + r));
    println!("calls: {done} did what they were asked, {refused} said why not");
    let done = |name: &String| tally.functions.get(name).is_some_and(|(done, _)| *done > 0);
    let idle: Vec<String> = calls::functions().into_iter().filter(|name| !done(name)).collect();
    // A search of few inputs may miss some.
    assert!(idle.is_empty() || std::env::var_os("LARDER_FUZZ_INPUTS").is_some(), "never done: {idle:#?}");
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
