//! Any sequence of operations does what a simple model of the cache says.
//!
//! | file | holds |
//! |---|---|
//! | `plan`, `operation`, `drawing` | what is done, and drawing it at random |
//! | `state`, `room`, `outcome` | the model: what it knows, what goes when a limit is reached, what operations come to |
//! | `subject` | the same operations on the real cache |
//! | `answer` | what both say |
//! | `compare` | the two side by side |
//! | `explore` | many plans, and a short one if they differ |
//! | `faults` | models that get something wrong, and are found out |

mod answer;
mod compare;
mod drawing;
mod explore;
mod faults;
mod operation;
mod outcome;
mod plan;
mod room;
mod state;
mod subject;

use explore::explore;
use plan::Regime;

#[test]
fn without_limits() {
    explore(Regime::Unlimited, 90);
}

#[test]
fn under_an_item_limit() {
    explore(Regime::Items, 100);
}

#[test]
fn under_a_size_limit() {
    explore(Regime::Size, 40);
}
