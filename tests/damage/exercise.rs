//! What is done with a directory that may be damaged, and what may come of it.

use larder_tests::component::types::{Entry, Error, Expiry, Side, Value};
use larder_tests::component::wit::Selection;
use larder_tests::component::{Instance, everything, plain, text_key};

use crate::template::{ENTRIES, key, value};

/// What was answered.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Answers {
    pub(crate) right: u32,
    pub(crate) missing: u32,
    pub(crate) named: u32,
}

/// An answer that damage does not excuse.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

/// Whether an error is one that tells of damage, or of somebody in the way.
pub(crate) fn is_named(error: &Error) -> bool {
    matches!(
        error,
        Error::Corrupt(_)
            | Error::UnsupportedFormat(_)
            | Error::Io(_)
            | Error::PermissionDenied(_)
            | Error::NotFound(_)
            | Error::ReadOnly(_)
            | Error::Locked(_)
            | Error::Timeout(_)
            | Error::Full(_)
            | Error::TooLarge(_)
    )
}

impl Answers {
    fn other<T>(&mut self, what: &str, answer: Result<T, Error>) -> Result<(), Wrong> {
        match answer {
            Ok(_) => Ok(()),
            Err(error) if is_named(&error) => {
                self.named += 1;
                Ok(())
            }
            Err(error) => Err(Wrong(format!("{what}: {error:?}"))),
        }
    }

    /// Judges what was found under a key. That it is gone is legal: an index that lost a key, or a
    /// log that lost its end, does not know that it did.
    pub(crate) fn value(&mut self, number: i64, answer: Result<Option<Value>, Error>) -> Result<(), Wrong> {
        match answer {
            Ok(Some(found)) if found == value(number) => self.right += 1,
            Ok(Some(found)) => return Err(Wrong(format!("entry {number} has another value: {}", start(&found)))),
            Ok(None) => self.missing += 1,
            error => return self.other(&format!("entry {number}"), error),
        }
        Ok(())
    }

    fn entry(&mut self, number: i64, answer: Result<Option<Entry>, Error>) -> Result<(), Wrong> {
        self.value(number, answer.map(|entry| entry.map(|entry| entry.value)))
    }
}

fn start(value: &Value) -> String {
    format!("{value:?}").chars().take(80).collect()
}

/// Reads everything.
pub(crate) fn read(cache: &mut Instance, answers: &mut Answers) -> Result<(), Wrong> {
    for number in 0..ENTRIES {
        let answer = cache.get(&key(number));
        answers.value(number, answer)?;
    }
    for number in 0..4 {
        let answer = cache.get_entry(&key(number));
        answers.entry(number, answer)?;
    }
    let items = cache.items(&everything(), 7);
    if let Ok(items) = &items {
        for item in items {
            if let larder_tests::component::types::Key::Integer(number) = item.key {
                answers.value(number, Ok(Some(item.entry.value.clone())))?;
            }
        }
    }
    answers.other("items", items)?;
    if let Ok(Some(queued)) = cache.peek("jobs", Side::Front) {
        let is_right = matches!(queued.entry.value, Value::Integer(0..4));
        return if is_right { Ok(()) } else { Err(Wrong(format!("a job {}", start(&queued.entry.value)))) };
    }
    Ok(())
}

/// Does everything with an open cache; reads before and after.
pub(crate) fn everything_with(cache: &mut Instance, answers: &mut Answers) -> Result<(), Wrong> {
    read(cache, answers)?;
    let written = cache.set(&text_key("new"), &Value::Bytes(vec![7; 6_000]), &plain());
    let stored = written.is_ok();
    answers.other("set", written)?;
    let found = cache.get(&text_key("new"));
    if stored && !matches!(&found, Ok(Some(Value::Bytes(bytes))) if *bytes == [7; 6_000]) {
        // What was just stored may be found damaged, never lost without a word.
        let is_told = found.as_ref().is_err_and(is_named);
        if !is_told {
            return Err(Wrong(format!("what was just stored is {found:?}")));
        }
    }
    let answer = cache.touch(&key(1), Expiry::After(3_600_000));
    answers.other("touch", answer)?;
    let answer = cache.pull("jobs", Side::Front);
    answers.other("pull", answer)?;
    let answer = cache.check();
    answers.other("check", answer)?;
    let answer = cache.info();
    answers.other("info", answer)?;
    let answer = cache.repair();
    answers.other("repair", answer)?;
    read(cache, answers)?;
    let answer = cache.evict(&Selection::Tag("all".into()));
    answers.other("evict", answer)?;
    let answer = cache.clear();
    answers.other("clear", answer)?;
    let answer = cache.close();
    answers.other("close", answer)
}
