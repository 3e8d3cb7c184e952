//! The keys of queues: `name-500000000000000`, one more for each entry behind it.
//!
//! diskcache takes every key between `name-000000000000000` and `name-999999999999999` for one of
//! the queue, so none of somebody else's may lie there.

use crate::error::Result;

/// The number of the first entry, where diskcache begins.
const FIRST: u64 = 500_000_000_000_000;

/// The queue that is being written, and those that were.
#[derive(Debug, Default)]
pub(super) struct Queues {
    written: Vec<String>,
    next: u64,
}

impl Queues {
    /// Begins with a queue of so many entries, if its keys meet no others: `is_taken` says whether
    /// there is a key between two. Otherwise, in words, why not.
    pub(super) fn enter(
        &mut self,
        name: String,
        length: u64,
        is_taken: impl FnOnce(&str, &str) -> Result<bool>,
    ) -> Result<std::result::Result<(), String>> {
        let (start, end) = bounds(&name);
        if is_taken(&start, &end)? {
            return Ok(Err(format!("the queue {name:?}: another key is between {start:?} and {end:?}")));
        }
        let keys = [key(&name, FIRST), key(&name, FIRST.saturating_add(length))];
        let owner = self.written.iter().find(|other| {
            let (start, end) = bounds(other);
            keys.iter().any(|key| (&start..&end).contains(&key))
        });
        if let Some(other) = owner {
            return Ok(Err(format!("the queue {name:?}: its keys would be taken for those of the queue {other:?}")));
        }
        self.written.push(name);
        self.next = FIRST;
        Ok(Ok(()))
    }

    /// The name of the queue that is being written.
    pub(super) fn name(&self) -> &str {
        self.written.last().map_or("", String::as_str)
    }

    /// The key of its next entry.
    pub(super) fn next_key(&mut self) -> String {
        let key = key(self.name(), self.next);
        self.next = self.next.saturating_add(1);
        key
    }
}

fn key(name: &str, number: u64) -> String {
    format!("{name}-{number:015}")
}

/// The keys between which those of a queue lie.
fn bounds(name: &str) -> (String, String) {
    (key(name, 0), key(name, 999_999_999_999_999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_from_the_middle_in_order() {
        let mut queues = Queues::default();
        queues.enter("jobs".into(), 2, |_, _| Ok(false)).unwrap().unwrap();
        assert_eq!(queues.next_key(), "jobs-500000000000000");
        assert_eq!(queues.next_key(), "jobs-500000000000001");
        queues.enter("other".into(), 2, |_, _| Ok(false)).unwrap().unwrap();
        assert_eq!(queues.next_key(), "other-500000000000000");
    }

    #[test]
    fn a_queue_among_whose_keys_are_others_is_refused() {
        let mut queues = Queues::default();
        let refused = queues.enter("a".into(), 1, |start, end| Ok((start..end).contains(&"a-5"))).unwrap();
        assert!(refused.unwrap_err().contains("a-000000000000000"));
    }

    #[test]
    fn a_queue_that_would_be_taken_for_part_of_another_is_refused() {
        let mut queues = Queues::default();
        queues.enter("a".into(), 1, |_, _| Ok(false)).unwrap().unwrap();
        assert!(queues.enter("a-1".into(), 1, |_, _| Ok(false)).unwrap().is_err());
        assert!(queues.enter("a-x".into(), 1, |_, _| Ok(false)).unwrap().is_ok());
        assert_eq!(queues.name(), "a-x");
    }
}
