//! What the command line asks for.

use std::str::FromStr;

/// What chooses the comparison with python-diskcache among the rules.
const COMPARISON: &str = "comparison";

/// The options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Only rules whose names contain one of these; all if there is none.
    filters: Vec<String>,
    /// Write the table instead of comparing it.
    pub(crate) write: bool,
    /// Only list what can be run, as the test runner asks: nothing that it could choose from.
    pub(crate) list: bool,
    /// From where the random operations of the comparison come.
    pub(crate) seed: u64,
    /// How many operations are compared in each shape.
    pub(crate) operations: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { filters: Vec::new(), write: false, list: false, seed: 20_261_125, operations: 1_000 }
    }
}

impl Options {
    /// Reads arguments. Those of the test runner that make no difference here are passed over.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut options, mut arguments) = (Self::default(), arguments);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seed" => options.seed = number(&argument, arguments.next())?,
                "--operations" => options.operations = number(&argument, arguments.next())?,
                "--write" => options.write = true,
                "--list" => options.list = true,
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--include-ignored" | "--exact" => {}
                other if other.starts_with("--color") || other.starts_with("--test-threads") => {}
                other if other.starts_with('-') => return Err(format!("unknown option {other}")),
                _ => options.filters.push(argument),
            }
        }
        Ok(options)
    }

    /// Whether Larder is to be compared with python-diskcache.
    pub(crate) fn compares(&self) -> bool {
        self.chooses(COMPARISON)
    }

    /// Whether a rule is to be shown.
    pub(crate) fn chooses(&self, id: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| id.contains(filter))
    }
}

/// The number that follows an option.
fn number<T: FromStr>(option: &str, text: Option<String>) -> Result<T, String> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| format!("{option} needs a number"))
}
