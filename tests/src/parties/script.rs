//! Scripts of the multi-process test, after those of SQLite's `mptest`: what each party does, and what has
//! to come of it.
//!
//! | line | means |
//! |---|---|
//! | `--task N` … `--end` | party N does what is between, as soon as it has done what it was given before |
//! | `--wait N`, `--wait all` | nothing more is given out before that is done |
//! | `--finish N` | party N ends, well |
//! | `--sleep MS` | in a task: lets time pass |
//! | `--match TEXT` | what statements have given since the last match is this |
//! | `--glob PATTERN` | the same for a pattern as of SQLite's GLOB |
//! | `--exit CODE` | the party ends at once, whatever it is in the middle of |
//! | `-- …` | nothing |
//!
//! Any other line of a task is a statement: SQL for parties with native SQLite, words for those with a
//! component.

/// The scripts there are, by name.
pub const SCRIPTS: [(&str, &str); 6] = [
    ("counts", include_str!("../../parties/counts.script")),
    ("rollbacks", include_str!("../../parties/rollbacks.script")),
    ("crashes", include_str!("../../parties/crashes.script")),
    ("checkpoints", include_str!("../../parties/checkpoints.script")),
    ("queues", include_str!("../../parties/queues.script")),
    ("wrong", include_str!("../../parties/wrong.script")),
];

/// Parties above this one use native SQLite, the others a component.
pub const LAST_COMPONENT: u32 = 2;

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A party is given a task.
    Task(u32, Vec<Line>),
    /// Nothing more before a party, or all, have done what they were given.
    Wait(Option<u32>),
    /// A party ends.
    Finish(u32),
}

/// A line of a task, with its number in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// What is to be done.
    pub action: Action,
}

/// What a line of a task says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something to do with the database.
    Statement(String),
    /// Letting time pass, in milliseconds.
    Sleep(u64),
    /// What the statements have given.
    Match(String),
    /// A pattern of that.
    Glob(String),
    /// Ending at once.
    Exit(i32),
}

/// Reads the script of a name.
pub fn named(name: &str) -> Vec<Step> {
    let (_, text) = SCRIPTS.iter().find(|(known, _)| *known == name).expect("a script of this name");
    let mut steps = Vec::new();
    let mut task: Option<(u32, Vec<Line>)> = None;
    for (index, line) in text.lines().enumerate() {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match (word, &mut task) {
            ("" | "--", _) => {}
            ("--end", begun @ Some(_)) => steps.extend(begun.take().map(|(party, lines)| Step::Task(party, lines))),
            (_, Some((_, lines))) => lines.push(Line { number: index + 1, action: action(line.trim(), word, rest) }),
            ("--task", None) => task = Some((rest.parse().unwrap(), Vec::new())),
            ("--wait", None) => steps.push(Step::Wait((rest != "all").then(|| rest.parse().unwrap()))),
            ("--finish", None) => steps.push(Step::Finish(rest.parse().unwrap())),
            _ => panic!("{name}, line {}: {line:?} belongs into a task", index + 1),
        }
    }
    assert!(task.is_none(), "{name}: a task has no end");
    steps
}

fn action(line: &str, word: &str, rest: &str) -> Action {
    match word {
        "--sleep" => Action::Sleep(rest.parse().unwrap()),
        "--match" => Action::Match(rest.to_owned()),
        "--glob" => Action::Glob(rest.to_owned()),
        "--exit" => Action::Exit(rest.parse().unwrap()),
        _ if word.starts_with("--") => panic!("{line:?} means nothing in a task"),
        _ => Action::Statement(line.to_owned()),
    }
}
