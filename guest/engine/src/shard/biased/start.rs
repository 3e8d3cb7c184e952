//! When a queue is biased towards a handle, and what the handle then knows of it.

use std::collections::VecDeque;

use rusqlite::Row;

use super::super::Shard;
use super::super::address::queue_hash;
use super::super::change::{Change, Subject};
use super::super::read::{hit_with_metadata, read_waiting};
use super::super::tombstone::dead;
use super::window::{Waiting, Window};
use super::{BIASES, Bias, Biased, NOTES};
use crate::entry::{Entry, Queued};
use crate::error::Result;
use crate::journal::{self, Journal, Name};
use crate::lifetime::Lifetime;
use crate::options::{Durability, Policy, Side};
use crate::settings::Settings;

/// Names of queues of which it is noted how often they were used in a row.
const STREAKS: usize = 256;
/// Most uses in a row that are asked for.
const PATIENCE: u32 = 4096;

const ENDS: &str = "SELECT (SELECT position FROM entry WHERE queue = ?1 ORDER BY position LIMIT 1), \
    (SELECT position FROM entry WHERE queue = ?1 ORDER BY position DESC LIMIT 1)";
const WINDOW: &str = concat!(
    "SELECT ",
    hit_with_metadata!(),
    ", position, ",
    dead!("entry"),
    " FROM entry WHERE queue = ?1 ORDER BY position LIMIT ?2"
);

/// Whether what is in a journal may be as good as stored: then it can be stored later, whatever comes, and
/// nobody waits for the disk.
fn may_bias(settings: &Settings) -> bool {
    settings.policy != Policy::None && settings.durability != Durability::Full
}

/// How often a queue was used in a row.
#[derive(Debug, Default)]
pub(super) struct Streak {
    /// The position of the last use of each kind.
    last: Vec<(Use, i64)>,
    count: u32,
    /// How often before it is biased: more, each time that came to nothing.
    needed: u32,
}

impl Streak {
    /// Takes note of a use at a position. Unless somebody else has done the same in between, that is next to
    /// the last of its kind, or the first of a queue that was empty.
    fn note(&mut self, used: Use, position: i64) {
        let last = self.last.iter().position(|(kind, _)| *kind == used).map(|at| self.last.swap_remove(at));
        let in_a_row = last.is_none_or(|(_, last)| last.abs_diff(position) <= 1 || position == 0);
        self.count = if in_a_row { self.count.saturating_add(1) } else { 1 };
        self.last.push((used, position));
    }

    /// What the handle itself wanted to know ended it.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { needed: self.needed, ..Self::default() };
    }

    /// Others wanted the queue: it takes twice as long until it is biased again, and at least `least` uses.
    pub(super) fn break_off(&mut self, least: u32) {
        let needed = self.needed.max(least).saturating_mul(2).min(PATIENCE);
        *self = Self { needed, ..Self::default() };
    }
}

/// What this handle did at one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shard) enum Use {
    Push(Side),
    Pull(Side),
}

impl Shard {
    /// Takes note of a use of a queue; if the same handle has used it often in a row, it is biased towards it.
    pub(in crate::shard) fn count_use(&mut self, queue: &str, position: i64, used: Use) {
        if self.open.is_some() || !self.tenure.is_shared() {
            return;
        }
        let Biased { biases, streaks, .. } = &mut self.biased;
        if streaks.len() >= STREAKS && !streaks.contains_key(queue) {
            streaks.clear();
        }
        let streak = streaks.entry(queue.to_owned()).or_default();
        streak.note(used, position);
        let is_due = streak.count >= streak.needed.max(self.platform.bias_from());
        let has_room = biases.len() < BIASES && biases.iter().all(|bias| bias.queue != queue);
        if is_due && has_room && may_bias(&self.settings) {
            // What was asked for has happened; without a bias the next goes as this one did.
            let _ = self.bias(queue);
        }
    }

    /// Biases a queue towards this handle.
    fn bias(&mut self, queue: &str) -> Result<()> {
        let owner = self.tenure.owner()?;
        let is_free = |number: &i64| self.biased.biases.iter().all(|bias| bias.name.number != *number);
        let Some(number) = (0..).take(BIASES).find(is_free) else { return Ok(()) };
        let name = Name { owner, shard: self.index, number };
        let (journal, claim) = (Journal::create(self.tenure.root(), name)?, self.unique_number());
        let window = self.change_entry(Subject::Queue(queue), |change| {
            if !may_bias(change.settings()) || !change.has_room_for_journal() {
                return Ok(None);
            }
            change.bias(name, queue, claim)?;
            change.window(queue).map(Some)
        });
        let window = match window {
            Ok(Some(window)) => window,
            // If that has failed: there is nothing in it, whatever the database says.
            otherwise => {
                journal.remove();
                // Not tried again with each use.
                self.biased.streaks.entry(queue.to_owned()).or_default().break_off(self.platform.bias_from());
                return otherwise.map(drop);
            }
        };
        let (queue, notes) = (queue.to_owned(), Vec::new());
        let bias = Bias { queue, name, claim, journal, notes, length: 0, window, is_doubtful: false };
        self.biased.biases.push(bias);
        Ok(())
    }
}

impl Change<'_> {
    /// The front of a queue, as far as its values may be pulled by a bias.
    pub(super) fn window(&self, queue: &str) -> Result<Window> {
        let ends: (Option<i64>, Option<i64>) = self.run(|connection| {
            connection.prepare_cached(ENDS)?.query_row([queue], |row| Ok((row.get(0)?, row.get(1)?)))
        })?;
        let read = |row: &Row<'_>| read_waiting(row, queue_hash(queue));
        let rows: Vec<Option<(Queued, Lifetime)>> =
            self.run(|connection| connection.prepare_cached(WINDOW)?.query_map((queue, NOTES), read)?.collect())?;
        let count = rows.len();
        let fits = |entry: &Entry| entry.value.size() <= journal::VALUE_LIMIT;
        let simple = rows
            .into_iter()
            .map_while(|row| row.filter(|(queued, lifetime)| fits(&queued.entry) && lifetime.is_live(self.now)));
        let waiting: VecDeque<Waiting> = simple.map(|(queued, lifetime)| Waiting { queued, lifetime }).collect();
        let goes_on = count == NOTES as usize || waiting.len() < count;
        Ok(Window::new(waiting, goes_on, ends.0.zip(ends.1)))
    }
}
