//! What libFuzzer says of a search.

use std::fmt;

/// What became of a search, as far as it was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How often the target ran.
    runs: Option<u64>,
    /// How many branches and comparisons were reached.
    coverage: Option<u64>,
    /// How many inputs that reach something of their own are kept.
    corpus: Option<u64>,
    /// Why it ended before its time.
    pub(super) reason: Option<String>,
    /// The input that failed.
    pub(super) input: Option<String>,
}

impl Outcome {
    /// Reads libFuzzer's log.
    pub(super) fn of(log: &str) -> Self {
        let mut outcome = Self::default();
        let mut panicked = false;
        for line in log.lines() {
            if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
                outcome.runs = runs.trim().parse().ok();
            } else if line.starts_with('#') {
                outcome.progress(line);
            } else if let Some((_, input)) = line.split_once("Test unit written to ") {
                outcome.input = Some(input.trim().to_owned());
            } else if panicked {
                // The line behind that of the place is the message.
                outcome.reason = Some(line.trim().to_owned());
            } else if line.contains("ERROR: libFuzzer:") && outcome.reason.is_none() {
                outcome.reason = line.split_once("libFuzzer:").map(|(_, reason)| reason.trim().to_owned());
            }
            panicked = line.starts_with("thread ") && line.contains(" panicked at ");
        }
        outcome
    }

    /// A line like `#1024 pulse cov: 300 ft: 400 corp: 20/3Kb exec/s: 512 rss: 40Mb`.
    fn progress(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name: &str| {
            let value = words.iter().skip_while(|word| **word != name).nth(1)?;
            value.split('/').next()?.parse().ok()
        };
        self.coverage = after("cov:").or(self.coverage);
        self.corpus = after("corp:").or(self.corpus);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u64>| number.map_or_else(|| "?".into(), |number| number.to_string());
        let (runs, coverage, corpus) = (number(self.runs), number(self.coverage), number(self.corpus));
        write!(formatter, "{runs} runs, coverage {coverage}, {corpus} inputs in the corpus")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_finds_nothing_is_told_in_figures() {
        let outcome = Outcome::of(
            "INFO: Seed: 5\n#2\tINITED cov: 10 ft: 12 corp: 1/1b exec/s: 0 rss: 30Mb\n\
             #1024\tDONE   cov: 300 ft: 400 corp: 20/3Kb lim: 4 exec/s: 512 rss: 40Mb\n\
             Done 1024 runs in 2 second(s)\nstat::number_of_executed_units: 1024\n",
        );
        assert_eq!(outcome.to_string(), "1024 runs, coverage 300, 20 inputs in the corpus");
        assert_eq!((outcome.reason, outcome.input), (None, None));
    }

    #[test]
    fn a_failing_input_is_told_with_its_reason_and_its_place() {
        let outcome = Outcome::of(
            "#9\tNEW cov: 11 ft: 12 corp: 2/3b exec/s: 0 rss: 30Mb\nthread '<unnamed>' panicked at fuzz/src/x.rs:1:2:\n\
             a holds 2, but 1 was stored\n==7== ERROR: libFuzzer: deadly signal\n\
             artifact_prefix='t/'; Test unit written to t/crash-00\nstat::number_of_executed_units: 9\n",
        );
        assert_eq!(outcome.reason.as_deref(), Some("a holds 2, but 1 was stored"));
        assert_eq!(outcome.input.as_deref(), Some("t/crash-00"));
        assert_eq!(
            Outcome::of("==7== ERROR: libFuzzer: timeout after 60 seconds").reason.as_deref(),
            Some("timeout after 60 seconds")
        );
    }
}
