//! A party that does what a script gives it.

use std::io::BufRead;
use std::path::Path;
use std::thread;
use std::time::Duration;

use larder::{Cache, Result, SetOptions, Side, Transaction, Value};
use larder_tests::parties::script::{self, Action, LAST_COMPONENT, Line, Step};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::WAIT;
use crate::say;

/// Whoever carries statements out, and says what they give.
trait Party {
    fn perform(&mut self, statement: &str) -> std::result::Result<Vec<String>, String>;
}

/// Does the tasks of one party of a script, but the first `skipped`, each when told so.
pub(crate) fn scripted(directory: &Path, name: &str, number: u32, skipped: u32) {
    let mut party: Box<dyn Party> =
        if number <= LAST_COMPONENT { Box::new(Component::open(directory)) } else { Box::new(Native::open(directory)) };
    let tasks = script::named(name).into_iter().filter_map(|step| match step {
        Step::Task(of, lines) if of == number => Some(lines),
        _ => None,
    });
    for task in tasks.skip(skipped as usize) {
        if std::io::stdin().lock().read_line(&mut String::new()).unwrap() == 0 {
            return;
        }
        match perform(party.as_mut(), &task) {
            Ok(()) => say("done"),
            Err(wrong) => say(&format!("{name}, party {number}, {wrong}")),
        }
    }
}

fn perform(party: &mut dyn Party, task: &[Line]) -> std::result::Result<(), String> {
    let mut given: Vec<String> = Vec::new();
    for Line { number, action } in task {
        match action {
            Action::Statement(statement) => {
                let results = party.perform(statement);
                given.extend(results.map_err(|error| format!("line {number}: {statement}: {error}"))?);
            }
            Action::Sleep(milliseconds) => thread::sleep(Duration::from_millis(*milliseconds)),
            Action::Match(expected) => {
                let found = std::mem::take(&mut given).join(" ");
                if found != *expected {
                    return Err(format!("line {number}: {found:?} is not {expected:?}"));
                }
            }
            Action::Glob(pattern) => {
                let found = std::mem::take(&mut given).join(" ");
                if !is_like(&found, pattern) {
                    return Err(format!("line {number}: {found:?} is not like {pattern:?}"));
                }
            }
            Action::Exit(code) => {
                say("exit");
                std::process::exit(*code);
            }
        }
    }
    Ok(())
}

fn is_like(text: &str, pattern: &str) -> bool {
    let sqlite = Connection::open_in_memory().unwrap();
    sqlite.query_row("SELECT ?1 GLOB ?2", [text, pattern], |row| row.get(0)).unwrap()
}

/// A party with SQLite's own file layer. Its statements are SQL.
struct Native(Connection);

impl Native {
    fn open(directory: &Path) -> Self {
        let connection = Connection::open(larder_tests::database(directory)).unwrap();
        connection.busy_timeout(WAIT).unwrap();
        Self(connection)
    }
}

impl Party for Native {
    fn perform(&mut self, statement: &str) -> std::result::Result<Vec<String>, String> {
        let read = || {
            let mut statement = self.0.prepare(statement)?;
            let (width, mut rows, mut all) = (statement.column_count(), statement.query([])?, Vec::new());
            while let Some(row) = rows.next()? {
                for column in 0..width {
                    all.push(match row.get_ref(column)? {
                        ValueRef::Integer(integer) => integer.to_string(),
                        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        other => format!("{other:?}"),
                    });
                }
            }
            Ok(all)
        };
        read().map_err(|error: rusqlite::Error| error.to_string())
    }
}

/// A party with a component. Its statements are words.
struct Component {
    cache: Cache,
    open: Option<Transaction>,
}

/// Calls something in the open transaction, if there is one.
macro_rules! within {
    ($party:expr, $call:ident($($argument:expr),*)) => {
        match &mut $party.open {
            Some(open) => open.$call($($argument),*),
            None => $party.cache.$call($($argument),*),
        }
    };
}

impl Component {
    fn open(directory: &Path) -> Self {
        Self { cache: Cache::builder().wait(WAIT).open(directory).unwrap(), open: None }
    }

    fn say(&mut self, words: &[&str]) -> Result<Option<String>> {
        let number = |word: &str| word.parse::<i64>().unwrap();
        match words {
            ["begin"] => self.open = Some(self.cache.begin()?),
            ["commit"] => self.open.take().unwrap().commit()?,
            ["rollback"] => self.open.take().unwrap().rollback()?,
            ["set", key, value] => drop(within!(self, set(*key, number(value)))?),
            ["delete", key] => drop(within!(self, delete(*key))?),
            ["insert", prefix, count] => {
                for number in 0..number(count) {
                    within!(self, set(format!("{prefix}:{number}"), number))?;
                }
            }
            ["push", queue, count] => {
                for number in 0..number(count) {
                    within!(self, push(queue, number, Side::Back, &SetOptions::new()))?;
                }
            }
            ["compact"] => drop(self.cache.compact()?),
            ["get", key] => return Ok(Some(shown(within!(self, get(*key))?.as_ref()))),
            ["increment", key, by] => return Ok(Some(within!(self, increment(*key, number(by)))?.to_string())),
            ["count"] => return Ok(Some(self.cache.count()?.to_string())),
            ["check"] => return Ok(Some(self.cache.check()?.len().to_string())),
            ["repair"] => return Ok(Some(self.cache.repair()?.len().to_string())),
            ["sum", prefix] => {
                let mut sum = 0;
                for number in 0.. {
                    let Some(Value::Integer(value)) = within!(self, get(format!("{prefix}:{number}")))? else { break };
                    sum += value;
                }
                return Ok(Some(sum.to_string()));
            }
            ["pull", queue, most] => {
                let mut pulled = 0;
                while pulled < number(most) && within!(self, pull(queue, Side::Front))?.is_some() {
                    pulled += 1;
                }
                return Ok(Some(pulled.to_string()));
            }
            other => panic!("no party knows {other:?}"),
        }
        Ok(None)
    }
}

impl Party for Component {
    fn perform(&mut self, statement: &str) -> std::result::Result<Vec<String>, String> {
        let words: Vec<&str> = statement.split(' ').collect();
        let said = self.say(&words).map_err(|error| error.to_string())?;
        Ok(said.into_iter().collect())
    }
}

fn shown(value: Option<&Value<'_>>) -> String {
    match value {
        None => "nil".to_owned(),
        Some(Value::Integer(integer)) => integer.to_string(),
        Some(other) => format!("{other:?}"),
    }
}
