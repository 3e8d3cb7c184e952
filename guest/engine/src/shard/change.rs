//! A write transaction at work: what it begins with, and what it entails once it is committed.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row};

use super::biased::{self, Which};
use super::parts::{Prior, stored};
use super::undo::Standing;
use super::{Counts, Shard};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::Side;
use crate::recency::Recency;
use crate::sequence::Sequence;
use crate::settings::Settings;
use crate::statements::Statements;
use crate::tenure::Tenure;

/// The columns of [`Totals`].
macro_rules! totals {
    () => {
        "t.count, t.files, t.sequence, t.age, t.settings, t.pending, t.tombstones, t.passed, t.biased"
    };
}
/// Number of them.
const TOTALS_WIDTH: usize = 9;
/// The columns of [`Prior`], of a row of `entry` by the name `e`.
macro_rules! prior {
    () => {
        concat!(stored!("e"), ", e.expires, e.ttl, e.sliding, e.hits")
    };
}

/// The totals, with the first entry of a queue in this order.
macro_rules! prior_at_end {
    ($order:literal) => {
        concat!(
            "SELECT ",
            totals!(),
            ", ",
            prior!(),
            ", e.position FROM totals AS t LEFT JOIN entry AS e ON e.id = \
             (SELECT id FROM entry WHERE queue = ?1 ORDER BY position ",
            $order,
            " LIMIT 1)"
        )
    };
}

const TOTALS: &str = concat!("SELECT ", totals!(), " FROM totals AS t");
const PRIOR: &str =
    concat!("SELECT ", totals!(), ", ", prior!(), " FROM totals AS t LEFT JOIN entry AS e ON e.key = ?1");
const PRIOR_FIRST: &str = prior_at_end!("ASC");
const PRIOR_LAST: &str = prior_at_end!("DESC");
const STORE_TOTALS: &str = "UPDATE totals SET count = ?1, files = ?2, sequence = ?3, age = ?4, tombstones = ?5, passed = ?6, \
    biased = ?7";
const PRIOR_AT: &str = concat!("SELECT ", prior!(), " FROM entry AS e WHERE e.queue = ?1 AND e.position = ?2");
const PRIOR_ALONE: &str = concat!("SELECT ", prior!(), " FROM entry AS e WHERE e.key = ?1");

/// How far the recorded sequence may stay behind the numbers that replaced entries have got: a second,
/// in microseconds. Those of new entries are recorded at once, so `id` is never used twice.
const LAG: i64 = 1_000_000;
/// How long to wait before looking again whether a transaction of another handle is decided.
const UNDECIDED_MS: u64 = 1;

/// The row of `totals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) count: i64,
    pub(super) files: i64,
    pub(super) sequence: i64,
    pub(super) age: i64,
    settings: i64,
    pub(super) pending: i64,
    pub(super) tombstones: i64,
    pub(super) passed: i64,
    pub(super) biased: i64,
}

impl Totals {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            count: row.get(0)?,
            files: row.get(1)?,
            sequence: row.get(2)?,
            age: row.get(3)?,
            settings: row.get(4)?,
            pending: row.get(5)?,
            tombstones: row.get(6)?,
            passed: row.get(7)?,
            biased: row.get(8)?,
        })
    }
}

/// What a change is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// No particular entry.
    None,
    /// The entry of a key.
    Key(&'a Key),
    /// The entry at the end of a queue.
    End(&'a str, Side),
    /// A queue.
    Queue(&'a str),
    /// Every entry there is.
    All,
    /// What is in journals.
    Journal,
}

impl<'a> Subject<'a> {
    /// The queues of which nothing may be in a journal while it is changed; none if that does not matter.
    fn folded(self) -> Option<Which<'a>> {
        match self {
            Self::End(queue, _) | Self::Queue(queue) => Some(Which::Queue(queue)),
            Self::All => Some(Which::All),
            Self::None | Self::Key(_) | Self::Journal => None,
        }
    }
}

/// What is in the way of a change.
enum Obstacle {
    /// A transaction of somebody else is undecided.
    Undecided,
    /// Queues it is about are biased.
    Biased,
}

/// The entry a change is about, and its position if that is in a queue.
type Looked = (Option<Prior>, Option<i64>);

/// What a change entails beside the database, once it is committed.
#[derive(Debug, Default, Clone)]
pub(super) struct Effects {
    /// Value files that no entry refers to any more.
    pub(super) let_go: Vec<i64>,
    /// Value files that entries refer to from now on.
    pub(super) adopted: Vec<i64>,
    pub(super) counts: Counts,
    /// Whether the noted reads are in the database.
    pub(super) recency_flushed: bool,
    /// What of the counts is recorded in the directory.
    pub(super) recorded: Counts,
    /// The last number that was given out and is not recorded in the directory.
    unrecorded: i64,
    /// The settings in force, if they are not those the shard knows, and which change of them.
    settings: Option<(Settings, i64)>,
}

impl Effects {
    /// Adds what a later change of the same transaction entails.
    pub(super) fn add(&mut self, mut later: Self) {
        self.let_go.append(&mut later.let_go);
        self.adopted.append(&mut later.adopted);
        self.counts.add(later.counts);
        self.recency_flushed |= later.recency_flushed;
        self.recorded.add(later.recorded);
        self.unrecorded = self.unrecorded.max(later.unrecorded);
        self.settings = later.settings.or(self.settings.take());
    }
}

/// A write transaction at work.
pub(super) struct Change<'a> {
    pub(super) shard: &'a Shard,
    pub(super) database: &'a Database,
    pub(super) tenure: &'a Tenure,
    pub(super) recency: &'a Recency,
    sequence: &'a Sequence,
    pub(super) index: u32,
    pub(super) settings: Settings,
    before: Totals,
    pub(super) totals: Totals,
    /// Whether the sequence is to be recorded, because an entry came in or went.
    records_sequence: bool,
    /// The wall time of the change, in milliseconds.
    pub(super) now: i64,
    now_us: i64,
    /// The entry the change is about.
    pub(super) prior: Option<Prior>,
    /// Where it stands in its queue, if the change is about the end of one.
    pub(super) position: Option<i64>,
    /// Whether what is changed is to be kept as it was, in the table `undo`.
    pub(super) keeps_undo: bool,
    /// What was counted before and is not recorded in the directory.
    pub(super) unrecorded: Counts,
    pub(super) effects: Effects,
}

impl Shard {
    /// Runs a change that is about no particular key.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
        self.change_entry(Subject::None, change)
    }

    /// Runs a change, in a write transaction of its own or as a part of the one that is open; the entry
    /// it is about is looked up with the totals in one statement. All of it happens or nothing.
    pub(super) fn change_entry<T>(
        &mut self,
        subject: Subject<'_>,
        change: impl FnOnce(&mut Change<'_>) -> Result<T>,
    ) -> Result<T> {
        self.refuse_if_read_only()?;
        let mut change = Some(change);
        let (mut waited, mut folds) = (0, 0);
        loop {
            match self.attempt(subject, &mut change)? {
                Ok((value, effects)) => {
                    if effects.recency_flushed {
                        self.recency.note_written();
                    }
                    match &mut self.open {
                        Some(open) => open.effects.add(effects),
                        None => self.take_effect(effects)?,
                    }
                    return Ok(value);
                }
                Err(Obstacle::Undecided) => self.wait_for_decision(&mut waited)?,
                Err(Obstacle::Biased) if folds >= biased::ATTEMPTS => return Err(self.never_unbiased()),
                Err(Obstacle::Biased) => {
                    folds += 1;
                    self.fold(subject.folded().unwrap_or(Which::All))?;
                }
            }
        }
    }

    /// Runs a change, if nothing is in its way.
    fn attempt<T>(
        &self,
        subject: Subject<'_>,
        change: &mut Option<impl FnOnce(&mut Change<'_>) -> Result<T>>,
    ) -> Result<std::result::Result<(T, Effects), Obstacle>> {
        let database = self.database()?;
        let mut run = || {
            let (mut totals, mut looked) = look_up(database, subject)?;
            if totals.pending != 0 {
                match self.settle_pending(totals.pending)? {
                    Standing::Settled => (totals, looked) = look_up(database, subject)?,
                    Standing::Undecided => return Ok(Err(Obstacle::Undecided)),
                }
            }
            if totals.biased != 0 && self.is_any_biased(subject)? {
                return Ok(Err(Obstacle::Biased));
            }
            let mut work = self.begin_change(totals, looked)?;
            let Some(change) = change.take() else { return Ok(Err(Obstacle::Undecided)) };
            let value = change(&mut work)?;
            work.sweep_along()?;
            work.store_totals()?;
            work.record_if_due()?;
            if self.open.is_none() && matches!(subject, Subject::Key(_) | Subject::End(..)) {
                database.vouch_for_pages();
            }
            Ok(Ok((value, work.effects)))
        };
        if self.open.is_some() { database.nested(run) } else { database.write(|_| run()) }
    }

    fn is_any_biased(&self, subject: Subject<'_>) -> Result<bool> {
        match subject.folded() {
            None => Ok(false),
            Some(Which::Queue(queue)) => self.is_biased(Some(queue)),
            Some(_) => self.is_biased(None),
        }
    }

    fn begin_change(&self, totals: Totals, (prior, position): Looked) -> Result<Change<'_>> {
        let database = self.database()?;
        let mut effects = Effects::default();
        let known = self.open.as_ref().and_then(|open| open.effects.settings.as_ref());
        let settings = if totals.settings == self.settings_version {
            self.settings.clone()
        } else if let Some((settings, _)) = known.filter(|(_, version)| *version == totals.settings) {
            settings.clone()
        } else {
            let settings = super::settings_in(database)?;
            effects.settings = Some((settings.clone(), totals.settings));
            settings
        };
        let now_us = self.platform.wall_us();
        Ok(Change {
            shard: self,
            database,
            tenure: &self.tenure,
            recency: &self.recency,
            sequence: &self.sequence,
            index: self.index,
            settings,
            before: totals,
            totals,
            records_sequence: false,
            now: now_us / 1000,
            now_us,
            prior,
            position,
            keeps_undo: self.open.as_ref().is_some_and(|open| open.keeps_undo),
            // What an open transaction has recorded counts once it is committed; until then, nothing more.
            unrecorded: if self.open.is_some() { Counts::default() } else { self.unrecorded() },
            effects,
        })
    }

    /// Records numbers that were given out, if the clock alone does not see to it that later ones are
    /// greater: because it was set back, or stands.
    pub(super) fn record_sequence(&mut self) -> Result<()> {
        let number = self.unrecorded;
        if number < self.platform.wall_us() {
            return Ok(());
        }
        self.change(|change| {
            change.outlive(number);
            Ok(())
        })
    }

    /// Does what a committed change entails.
    pub(super) fn take_effect(&mut self, effects: Effects) -> Result<()> {
        self.counts.add(effects.counts);
        self.recorded.add(effects.recorded);
        self.unrecorded = self.unrecorded.max(effects.unrecorded);
        if effects.recency_flushed {
            self.recency.note_committed();
        }
        for file in effects.let_go {
            self.discard_file(file);
        }
        if let Some((settings, version)) = effects.settings {
            self.adopt_settings(settings, version)?;
        }
        Ok(())
    }

    /// Lets a moment pass, as long as the handle waits for others.
    pub(super) fn wait_for_decision(&self, waited: &mut u64) -> Result<()> {
        if *waited >= u64::from(self.access.wait_ms) {
            return Err(Error::Timeout(format!("a transaction to be decided in {}", self.directory.display())));
        }
        self.platform.sleep_ms(UNDECIDED_MS);
        *waited += UNDECIDED_MS;
        Ok(())
    }
}

fn look_up(database: &Database, subject: Subject<'_>) -> Result<(Totals, Looked)> {
    let prior = |row: &Row<'_>| match row.get_ref(TOTALS_WIDTH)? {
        ValueRef::Null => Ok(None),
        _ => Prior::read(row, TOTALS_WIDTH).map(Some),
    };
    database.run(|connection| match subject {
        Subject::None | Subject::Queue(_) | Subject::All | Subject::Journal => {
            Ok((connection.prepare_cached(TOTALS)?.query_row([], Totals::read)?, (None, None)))
        }
        Subject::Key(key) => {
            connection.prepare_cached(PRIOR)?.query_row([key], |row| Ok((Totals::read(row)?, (prior(row)?, None))))
        }
        Subject::End(queue, side) => {
            let statement = match side {
                Side::Front => PRIOR_FIRST,
                Side::Back => PRIOR_LAST,
            };
            connection.prepare_cached(statement)?.query_row([queue], |row| {
                Ok((Totals::read(row)?, (prior(row)?, row.get(TOTALS_WIDTH + Prior::WIDTH)?)))
            })
        }
    })
}

impl Change<'_> {
    /// Turns to the entry of another key.
    pub(super) fn turn_to(&mut self, key: &Key) -> Result<()> {
        self.prior = self.run(|connection| {
            connection.prepare_cached(PRIOR_ALONE)?.query_row([key], |row| Prior::read(row, 0)).optional()
        })?;
        Ok(())
    }

    /// Turns to what is at the end of a queue now.
    pub(super) fn turn_to_end(&mut self, queue: &str, side: Side) -> Result<()> {
        (self.prior, self.position) = look_up(self.database, Subject::End(queue, side))?.1;
        Ok(())
    }

    /// Turns to the entry at a position of a queue.
    pub(super) fn turn_to_position(&mut self, queue: &str, position: i64) -> Result<()> {
        self.prior = self.run(|connection| {
            let mut statement = connection.prepare_cached(PRIOR_AT)?;
            statement.query_row((queue, position), |row| Prior::read(row, 0)).optional()
        })?;
        Ok(())
    }

    /// Does something as if it were another time, in milliseconds.
    pub(super) fn at<T>(&mut self, time: i64, change: impl FnOnce(&mut Self) -> T) -> T {
        let now = std::mem::replace(&mut self.now, time);
        let done = change(self);
        self.now = now;
        done
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the database is, for errors.
    pub(super) fn path(&self) -> &std::path::Path {
        self.database.path()
    }

    /// Runs statements of the transaction.
    pub(super) fn run<T>(&self, statements: impl FnOnce(&Statements<'_, '_>) -> rusqlite::Result<T>) -> Result<T> {
        self.database.run(statements)
    }

    /// The entry the change is about, if it is live.
    pub(super) fn live(&self) -> Option<&Prior> {
        self.prior.as_ref().filter(|prior| prior.is_live(self.now))
    }

    /// The next number of the shard: greater than any the entry at hand has had, and, unless the
    /// clock was set back a moment ago, than all before it in the shard.
    pub(super) fn next_sequence(&mut self) -> i64 {
        let before = self.prior.as_ref().map_or(0, |prior| prior.stored.version);
        self.totals.sequence = self.sequence.next(self.totals.sequence.max(before), self.now_us);
        self.totals.sequence
    }

    /// The number of an entry that comes in: no other ever gets it.
    pub(super) fn new_sequence(&mut self) -> i64 {
        self.records_sequence = true;
        self.next_sequence()
    }

    /// Takes note of a number that was given out: all that come later are greater.
    pub(super) fn outlive(&mut self, number: i64) {
        self.records_sequence = true;
        self.totals.sequence = self.totals.sequence.max(number);
    }

    /// Takes note of the numbers of all entries there are.
    pub(super) fn outlive_all(&mut self) {
        self.outlive(self.totals.sequence.saturating_add(LAG));
    }

    /// The latest wall time at which the shard was changed, in milliseconds.
    pub(super) fn latest_ms(&self) -> i64 {
        self.before.sequence / 1000
    }

    /// Writes the totals, unless nothing but the sequence has changed, and that by little: most stores
    /// replace a value, and so they write a page less.
    fn store_totals(&mut self) -> Result<()> {
        let (totals, before) = (&self.totals, &self.before);
        let lag = totals.sequence.saturating_sub(before.sequence);
        if !self.records_sequence && lag <= LAG && (Totals { sequence: before.sequence, ..*totals }) == *before {
            if lag > 0 {
                self.effects.unrecorded = totals.sequence;
            }
            return Ok(());
        }
        self.run(|connection| {
            connection
                .prepare_cached(STORE_TOTALS)?
                .execute((
                    totals.count,
                    totals.files,
                    totals.sequence,
                    totals.age,
                    totals.tombstones,
                    totals.passed,
                    totals.biased,
                ))
                .map(drop)
        })
    }
}
