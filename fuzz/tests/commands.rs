//! The target `cli` with inputs from a seed. As a program of its own, for it becomes the one under test.

use std::cell::RefCell;

use larder_fuzz::cli::{self, Tally};
use larder_fuzz::smoke;

fn main() {
    cli::serve();
    let program = cli::this_program();
    let tally = RefCell::new(Tally::default());
    smoke(|input| cli::run(&program, input, &mut tally.borrow_mut()), 200, 800);
    let tally = tally.into_inner();
    report(&tally);
    let ended =
        |name: &String| tally.statuses.get(name).is_some_and(|all| all.contains_key(&0) || all.contains_key(&1));
    let idle: Vec<_> = cli::commands().into_iter().filter(|name| !ended(name)).collect();
    // A search of few inputs may miss some.
    assert!(idle.is_empty() || std::env::var_os("LARDER_FUZZ_INPUTS").is_some(), "never done: {idle:?}");
}

fn report(tally: &Tally) {
    let mut all = std::collections::BTreeMap::new();
    for (status, count) in tally.statuses.values().flatten() {
        *all.entry(status).or_insert(0) += count;
    }
    let Tally { refused, passed_over, .. } = tally;
    println!("command lines: {refused} refused, {passed_over} not run, the others ended with {all:?}");
}
