//! The table of all rules in `docs/conformance.md`, which is made from them.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::rule::{Topic, Verdict};

/// Where it is.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conformance.md");

/// Writes the table, or demands that it is what the rules say.
pub(crate) fn settle(topics: &[Topic], write: bool) -> Result<(), String> {
    let mut seen = HashSet::new();
    if let Some(twice) = topics.iter().flat_map(|topic| topic.rules).find(|rule| !seen.insert(rule.id)) {
        return Err(format!("two rules are named {}", twice.id));
    }
    let table = render(topics);
    if write {
        return fs::write(PATH, table).map_err(|error| format!("{PATH}: {error}"));
    }
    let found = fs::read_to_string(Path::new(PATH)).map_err(|error| format!("{PATH}: {error}"))?;
    if found == table {
        return Ok(());
    }
    let line = 1 + found.lines().zip(table.lines()).take_while(|(found, expected)| found == expected).count();
    Err(format!(
        "docs/conformance.md, line {line}, is not what the rules say: `cargo xtask conformance --write` makes it anew"
    ))
}

fn render(topics: &[Topic]) -> String {
    let rules = || topics.iter().flat_map(|topic| topic.rules);
    let matched = rules().filter(|rule| rule.verdict == Verdict::Matched).count();
    let (all, different) = (rules().count(), rules().count() - matched);
    let mut text = format!(
        "# Conformance with python-diskcache\n\n\
         What `Cache` and `FanoutCache` of python-diskcache 5.6.3 do, rule by rule, and where Larder stands to\n\
         it: {all} rules, of which {matched} are matched and {different} deliberately different.\n\n\
         Each rule has one case in [`tests/conformance/rules`](../tests/conformance/rules), which is run on the\n\
         logic natively, through the component in the world `shared`, and through that in `standalone`, each in\n\
         one shard and over four. `cargo xtask conformance` runs them, and the same random operations on\n\
         python-diskcache and on Larder, whose answers may differ only where a rule says so.\n\
         `cargo xtask conformance --write` makes this page from the rules.\n"
    );
    for topic in topics {
        let _ = write!(text, "\n## {}\n\n| rule | python-diskcache | Larder |\n|---|---|---|\n", topic.title);
        for rule in topic.rules {
            let stands = match rule.verdict {
                Verdict::Matched => "matched".to_owned(),
                Verdict::Different(instead) => format!("**different**: {}", escaped(instead)),
            };
            let _ = writeln!(text, "| `{}` | {} | {stands} |", rule.id, escaped(rule.sentence));
        }
    }
    text
}

/// Text as a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
