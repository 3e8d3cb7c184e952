//! What became of the entries that were moved.

/// Most problems that are described; further ones are counted.
pub const PROBLEMS_LIMIT: usize = 100;

/// What was moved and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report<Counts> {
    /// Numbers of entries.
    pub counts: Counts,
    /// What is wrong with the source, at most [`PROBLEMS_LIMIT`] lines.
    pub problems: Vec<String>,
    /// How many more problems there were.
    pub further_problems: u64,
}

impl<Counts> Report<Counts> {
    /// Notes a problem.
    pub(super) fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_LIMIT {
            self.problems.push(text);
        } else {
            self.further_problems = self.further_problems.saturating_add(1);
        }
    }
}
