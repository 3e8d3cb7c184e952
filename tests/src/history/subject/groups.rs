//! Places that belong together. Those of a group with an even number are entries; else they are an entry, a
//! deque, an index and a queue, of which each holds one value at most.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use larder::{Cache, Draft, Error, SetOptions, Side, Transaction, Value};

use super::seen;
use crate::history::content::{encode, member_content};
use crate::history::event::Outcome;
use crate::history::operation::{Content, GroupAction};
use crate::history::plan::{MEMBERS, member_key};

type Values = Vec<Option<Value<'static>>>;

pub(super) fn perform(cache: &Cache, group: u32, action: GroupAction) -> Result<Outcome, Error> {
    let places = Places { group };
    Ok(match action {
        GroupAction::SetMany { content } => {
            places.set_many(cache, content)?;
            Outcome::Done
        }
        GroupAction::DeleteMany => Outcome::Flags(places.delete_many(cache)?),
        GroupAction::Read => told(cache.transaction(|transaction| places.read(transaction))?),
        GroupAction::GetMany => told(places.get_many(cache)?),
        GroupAction::ReadOne { member } => Outcome::Value(seen(places.get(cache, member)?)),
        GroupAction::Swap { from, to } => told(cache.transaction(|transaction| places.swap(transaction, from, to))?),
        GroupAction::Abandon { from, to, panics: false } => {
            let mut transaction = cache.begin()?;
            let values = places.swap(&mut transaction, from, to)?;
            transaction.rollback()?;
            told(values)
        }
        GroupAction::Abandon { from, to, panics: true } => {
            let mut begun = Ok(Vec::new());
            // Unwinds as a panic does, but says nothing.
            let ended = catch_unwind(AssertUnwindSafe(|| {
                cache.transaction(|transaction| {
                    begun = places.swap(transaction, from, to);
                    resume_unwind(Box::new("on purpose"))
                })
            }));
            // If it has not come so far, that is an error like others.
            ended.unwrap_or(Ok(()))?;
            told(begun?)
        }
    })
}

fn told(values: Values) -> Outcome {
    Outcome::Values(values.into_iter().map(seen).collect())
}

/// The places of a group.
#[derive(Clone, Copy)]
struct Places {
    group: u32,
}

impl Places {
    fn are_entries(self) -> bool {
        self.group.is_multiple_of(2)
    }

    fn keys(self) -> Vec<String> {
        (0..MEMBERS).map(|member| member_key(self.group, member)).collect()
    }

    /// The name of a place, whatever it is.
    fn name(self, member: u32) -> String {
        member_key(self.group, member)
    }

    fn set_many(self, cache: &Cache, content: Content) -> Result<(), Error> {
        let value = |member| encode(member_content(content, member));
        if self.are_entries() {
            let drafts = (0..MEMBERS).map(|member| Draft::new(self.name(member), value(member)));
            return cache.set_many(drafts).map(drop);
        }
        cache.transaction(|transaction| {
            (0..MEMBERS).try_for_each(|member| self.put(transaction, member, Some(&value(member))))
        })
    }

    fn delete_many(self, cache: &Cache) -> Result<Vec<bool>, Error> {
        if self.are_entries() {
            return cache.delete_many(self.keys());
        }
        cache.transaction(|transaction| {
            let values = self.read(transaction)?;
            (0..MEMBERS).try_for_each(|member| self.put(transaction, member, None))?;
            Ok(values.iter().map(Option::is_some).collect())
        })
    }

    fn get_many(self, cache: &Cache) -> Result<Values, Error> {
        if self.are_entries() {
            return cache.get_many(self.keys());
        }
        (0..MEMBERS).map(|member| self.get(cache, member)).collect()
    }

    /// What is at a place.
    fn get(self, cache: &Cache, member: u32) -> Result<Option<Value<'static>>, Error> {
        let name = self.name(member);
        match member {
            1 if !self.are_entries() => cache.deque_plain(name).front(),
            2 if !self.are_entries() => cache.index_plain::<i64>(name).get(0),
            3 if !self.are_entries() => Ok(cache.peek(&name, Side::Front)?.map(|queued| queued.entry.value)),
            _ => cache.get(name),
        }
    }

    /// What is at all places, in a transaction.
    fn read(self, transaction: &mut Transaction) -> Result<Values, Error> {
        if self.are_entries() {
            return transaction.get_many(self.keys());
        }
        Ok(vec![
            transaction.get(self.name(0))?,
            transaction.deque_plain(self.name(1)).front()?,
            transaction.index_plain::<i64>(self.name(2)).get(0)?,
            transaction.peek(&self.name(3), Side::Front)?.map(|queued| queued.entry.value),
        ])
    }

    /// Puts a value in place of what is there, or takes that away.
    fn put(self, transaction: &mut Transaction, member: u32, value: Option<&Value<'_>>) -> Result<(), Error> {
        let name = self.name(member);
        let value = value.map(|value| value.clone().into_owned());
        match (member, value) {
            (1, value) if !self.are_entries() => {
                let deque = transaction.deque_plain(name);
                deque.pop_back()?;
                value.map(|value| deque.push_front(&value)).transpose()?;
            }
            (2, Some(value)) if !self.are_entries() => drop(transaction.index_plain::<i64>(name).set(0, &value)?),
            (2, None) if !self.are_entries() => drop(transaction.index_plain::<i64>(name).delete(0)?),
            (3, value) if !self.are_entries() => {
                transaction.pull(&name, Side::Front)?;
                value.map(|value| transaction.push(&name, value, Side::Back, &SetOptions::new())).transpose()?;
            }
            (_, Some(value)) => drop(transaction.set(name, value)?),
            (_, None) => drop(transaction.delete(name)?),
        }
        Ok(())
    }

    /// Reads a group, exchanges two of its members, and tells what was there.
    fn swap(self, transaction: &mut Transaction, from: u32, to: u32) -> Result<Values, Error> {
        let values = self.read(transaction)?;
        for (member, other) in [(from, to), (to, from)] {
            self.put(transaction, member, values[other as usize].as_ref())?;
        }
        Ok(values)
    }
}
