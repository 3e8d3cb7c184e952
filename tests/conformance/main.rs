//! Each rule of python-diskcache's `Cache` and `FanoutCache`, and where Larder stands to it: one case
//! for each, run on every shape of a cache. `cargo xtask conformance` runs it, as do all tests.
//!
//! | file | holds |
//! |---|---|
//! | `rules` | the rules, by topic |
//! | `run` | runs cases, and tells what comes of them |
//! | `differential` | the same random operations on python-diskcache and on Larder |
//! | `table` | the table in `docs/conformance.md` |

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, which are to stop where something is wrong"
)]

mod differential;
mod options;
mod rule;
mod rules;
mod run;
mod table;
mod words;

use std::process::ExitCode;

use options::Options;
use rule::Rule;
use rules::TOPICS;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    if options.list {
        return ExitCode::SUCCESS;
    }
    let rules: Vec<_> = TOPICS.iter().flat_map(|topic| topic.rules).collect();
    let chosen: Vec<_> = rules.iter().copied().filter(|rule| options.chooses(rule.id)).collect();
    let mut tally = run::all(&chosen);
    if options.compares() {
        tally.failing += usize::from(!compare(&rules, &options));
    }
    if let Err(wrong) = table::settle(TOPICS, options.write) {
        println!("{wrong}");
        tally.failing += 1;
    }
    println!("{tally}");
    if tally.failing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares with python-diskcache, and tells what came of it; whether all is as the rules say.
fn compare(rules: &[&Rule], options: &Options) -> bool {
    let (seed, operations) = (options.seed, options.operations);
    match differential::run(rules, seed, operations) {
        Ok(used) => {
            println!(
                "compared with python-diskcache: {operations} operations in each shape, seed {seed}, different by"
            );
            for (rule, times) in used {
                println!("  {rule}: {times}");
            }
            true
        }
        Err(difference) => {
            println!("different from python-diskcache: {difference}");
            false
        }
    }
}
