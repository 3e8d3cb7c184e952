//! Histories on disk: a file for each process, a line for each beginning and end of a call.
//!
//! A line is written before a call begins and after it has ended, so whatever a process was told before
//! it was killed is in its file.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::event::{Call, Outcome};
use super::operation::Operation;

/// The time by the clock that all processes of the machine have in common, in nanoseconds.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}

/// A line.
#[derive(Serialize, Deserialize)]
enum Record {
    Begun { client: u32, number: u32, at: u64, operation: Operation },
    Ended { client: u32, number: u32, at: u64, outcome: Outcome },
}

/// The file of one process, which its threads write to.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    /// Begins a file, which must not be there.
    pub fn create(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create_new(true).open(path).map(Self)
    }

    /// Notes that a call begins.
    pub fn begin(&self, client: u32, number: u32, operation: Operation) -> io::Result<()> {
        self.write(&Record::Begun { client, number, at: now(), operation })
    }

    /// Notes what came of a call.
    pub fn end(&self, client: u32, number: u32, outcome: Outcome) -> io::Result<()> {
        self.write(&Record::Ended { client, number, at: now(), outcome })
    }

    /// One system call, so that threads do not mix and a kill leaves at most one line incomplete.
    fn write(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        (&self.0).write_all(&line)
    }
}

/// Reads the files of a directory: all calls, by when they began.
pub fn read(directory: &Path) -> io::Result<Vec<Call>> {
    let mut calls = Vec::new();
    for file in fs::read_dir(directory)? {
        calls.extend(read_file(&fs::read_to_string(file?.path())?)?);
    }
    calls.sort_by_key(|call| call.begun);
    Ok(calls)
}

fn read_file(text: &str) -> io::Result<Vec<Call>> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: HashMap<(u32, u32), usize> = HashMap::new();
    // What comes after the last end of a line was cut.
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        match serde_json::from_str(line)? {
            Record::Begun { client, number, at, operation } => {
                open.insert((client, number), calls.len());
                calls.push(Call { client, operation, begun: at, ended: Call::NEVER, outcome: None });
            }
            Record::Ended { client, number, at, outcome } => {
                let place =
                    open.remove(&(client, number)).ok_or_else(|| io::Error::other("an end without beginning"))?;
                // What is unknown may have taken place, but does not any more.
                calls[place].ended = at;
                calls[place].outcome = Some(outcome).filter(|outcome| !matches!(outcome, Outcome::Unknown(_)));
            }
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::operation::{Content, ItemAction};

    #[test]
    fn calls_are_read_as_they_were_written_and_a_cut_line_is_no_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1");
        let log = Log::create(&path).unwrap();
        let get = Operation::Item(7, ItemAction::Get);
        log.begin(1, 0, get).unwrap();
        log.begin(2, 0, Operation::Count).unwrap();
        log.end(1, 0, Outcome::Value(Some(Content::Number(5)))).unwrap();
        log.end(2, 0, Outcome::Unknown("a trap".into())).unwrap();
        log.begin(1, 1, get).unwrap();
        let whole = fs::read(&path).unwrap();
        log.end(1, 1, Outcome::Value(None)).unwrap();
        fs::write(&path, &fs::read(&path).unwrap()[..whole.len() + 20]).unwrap();

        let calls = read(directory.path()).unwrap();
        assert_eq!(calls.len(), 3);
        assert_eq!(calls[0].outcome, Some(Outcome::Value(Some(Content::Number(5)))));
        assert!(calls[0].begun <= calls[0].ended && calls[0].ended < Call::NEVER);
        assert!(calls[1..].iter().all(|call| !call.is_complete()));
        let ends: Vec<bool> = calls[1..].iter().map(|call| call.ended < Call::NEVER).collect();
        assert_eq!(ends, [true, false], "what is unknown is over, what was cut may be not");
    }
}
