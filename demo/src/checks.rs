//! What was claimed and whether it held.

use anstyle::{AnsiColor, Style};
use anyhow::Result;

const HELD: Style = AnsiColor::Green.on_default().bold();
const FAILED: Style = AnsiColor::Red.on_default().bold();

/// The checks so far; each is a line of output.
#[derive(Default)]
pub(crate) struct Checks {
    failed: usize,
}

impl Checks {
    /// Notes whether a claim held, with what was seen.
    pub(crate) fn note(&mut self, claim: &str, held: bool, seen: &str) {
        if held {
            anstream::println!("{HELD}  held{HELD:#} {claim}: {seen}");
        } else {
            self.failed += 1;
            anstream::println!("{FAILED}FAILED{FAILED:#} {claim}: {seen}");
        }
    }

    /// Notes a stage that could not be done at all, so that the others still are.
    pub(crate) fn note_error(&mut self, stage: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.note(stage, false, &format!("{error:#}"));
        }
    }

    /// Whether every check held.
    pub(crate) fn all_held(&self) -> bool {
        self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_that_does_not_hold_is_enough() {
        let mut checks = Checks::default();
        checks.note("a", true, "");
        checks.note_error("b", Ok(()));
        assert!(checks.all_held());
        checks.note("c", false, "");
        checks.note("d", true, "");
        assert!(!checks.all_held());
    }

    #[test]
    fn a_stage_that_could_not_be_done_has_failed() {
        let mut checks = Checks::default();
        checks.note_error("a", Err(anyhow::anyhow!("no")));
        assert!(!checks.all_held());
    }
}
