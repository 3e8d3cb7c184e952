//! Queues that are biased towards a handle.
//!
//! To push a value or to pull one is a transaction, of which most is the same whatever it does. A queue to
//! which the same handle pushes again and again, or from which it pulls, is therefore *biased* towards it, as
//! locks are (see [`crate::recipes::bias`]). From then on the handle writes what it does into a
//! *journal* that nobody else writes, and looks whether the database still says that it may. Now and then it
//! *folds* its notes into the database, many in one transaction. Whoever else wants to know of the queue
//! *revokes* the bias first, and folds what is in the journal.
//!
//! | the handle | whoever else wants the queue |
//! |---|---|
//! | writes a note into its journal | changes the database: revoked |
//! | reads the database: is the bias there, and not revoked? | reads the journal: the notes that are there |
//! | then it has happened | folds them, and records how many |
//!
//! Each writes before it reads, so at least one of them sees the other. A note that the others have not seen
//! was written by a handle that finds the bias revoked. It then folds its notes itself, or reads how many
//! were: if its last is not among them, it has not happened, and is done again like that of anybody else. So nobody
//! waits for anybody, and it makes no difference whether the handle lives.
//!
//! | crash of the handle | leaves |
//! |---|---|
//! | before a note is whole | what was before |
//! | after it | a note that others fold |
//! | crash of who folds, before it revokes, or after | a bias, revoked or not, with its journal; others fold it |
//! | after folding | a journal that is over; the handle, or who opens the directory when it is gone, forgets it |
//!
//! Journals are for small values without tags, under a policy that evicts, so that what was accepted can be
//! stored whatever comes, and where a commit does not wait for the disk. As long as a transaction is open
//! nothing in its shard is biased. Of what is evicted from a biased queue its handle learns when the
//! bias ends: until then nobody can tell.

mod fold;
mod start;
mod window;

use std::collections::HashMap;

use super::Shard;
use super::address::Address;
use super::change::Subject;
use super::parts::entry_size;
use super::write::Store;
use crate::entry::{Entry, Metadata, Queued};
use crate::error::Result;
use crate::journal::{self, CAPACITY, Journal, Name, Note, Pushed};
use crate::lifetime::Lifetime;
use crate::options::Side;
use fold::End;
pub(super) use fold::{ATTEMPTS, Which};
use start::Streak;
pub(super) use start::Use;
use window::{Waiting, Window};

/// Most notes of a claim.
const NOTES: u32 = 64;
/// Most queues of a shard that are biased towards a handle.
const BIASES: usize = 4;

/// The queues of a shard that are biased towards this handle, and how it uses others.
#[derive(Default)]
pub(super) struct Biased {
    biases: Vec<Bias>,
    streaks: HashMap<String, Streak>,
    /// Whether the database still speaks of a journal of this handle that is over.
    has_over: bool,
}

/// A queue that is biased towards this handle.
struct Bias {
    queue: String,
    name: Name,
    claim: i64,
    journal: Journal,
    notes: Vec<Note>,
    /// Bytes of the notes.
    length: u64,
    window: Window,
    /// Whether what the database says of it could not be read: then it is ended before anything else.
    is_doubtful: bool,
}

/// What has come of an operation by a bias.
pub(super) enum Done<T> {
    /// It has happened.
    Yes(T),
    /// There is no bias, or no longer: it is to be done like that of anybody else.
    Otherwise,
}

impl Shard {
    /// Pushes a value to a queue that is biased towards this handle.
    pub(super) fn push_by_bias(&mut self, queue: &str, store: &Store<'_>, side: Side) -> Result<Done<i64>> {
        let Some(at) = self.bias_of(queue)? else { return Ok(Done::Otherwise) };
        let Some(length) = self.journal_length(queue, store)? else { return self.give_up(at) };
        let now_us = self.platform.wall_us();
        let lifetime = Lifetime::starting(now_us / 1000, store.terms().ttl, self.settings.default_ttl, false)?;
        if !self.make_room_for_note(at, length)? {
            return Ok(Done::Otherwise);
        }
        let next = self.biased.biases.get(at).and_then(|bias| bias.window.next(side));
        let Some(position) = next else { return self.give_up(at) };
        let pushed = Pushed { position, value: store.value.clone(), lifetime, stored_ms: now_us / 1000 };
        let waiting = self.waiting(queue, &pushed, now_us);
        let Done::Yes(()) = self.note(at, Note::Pushed(pushed))? else { return Ok(Done::Otherwise) };
        self.counts.sets += 1;
        // Still there, unless it ended with this note.
        if let Some(bias) = self.biased.biases.get_mut(at).filter(|bias| bias.queue == queue) {
            bias.window.push(side, waiting);
        }
        Ok(Done::Yes(position))
    }

    /// Pulls from a queue that is biased towards this handle.
    pub(super) fn pull_by_bias(&mut self, queue: &str, side: Side) -> Result<Done<Option<Queued>>> {
        let Some(at) = self.bias_of(queue)? else { return Ok(Done::Otherwise) };
        let queued = match self.look_by_bias(at, side)? {
            Done::Yes(Some(queued)) => queued,
            Done::Yes(None) => return self.assure_bias(at, None),
            Done::Otherwise => return Ok(Done::Otherwise),
        };
        if !self.make_room_for_note(at, journal::PULL_LENGTH)? {
            return Ok(Done::Otherwise);
        }
        let Done::Yes(()) = self.note(at, Note::Pulled(queued.position))? else { return Ok(Done::Otherwise) };
        self.counts.deletes += 1;
        if let Some(bias) = self.biased.biases.get_mut(at).filter(|bias| bias.queue == queue) {
            bias.window.pull(side);
        }
        Ok(Done::Yes(Some(queued)))
    }

    /// Looks at the end of a queue that is biased towards this handle.
    pub(super) fn peek_by_bias(&mut self, queue: &str, side: Side) -> Result<Done<Option<Queued>>> {
        let Some(at) = self.bias_of(queue)? else { return Ok(Done::Otherwise) };
        match self.look_by_bias(at, side)? {
            Done::Yes(queued) => self.assure_bias(at, queued),
            Done::Otherwise => Ok(Done::Otherwise),
        }
    }

    /// What a note of a push takes; none if the value is not for a journal.
    fn journal_length(&self, queue: &str, store: &Store<'_>) -> Result<Option<u64>> {
        let terms = store.terms();
        let is_plain = terms.tags.is_empty() && !terms.sliding;
        if !is_plain || store.value.form(self.settings.inline_threshold).is_file() {
            return Ok(None);
        }
        let address = Address::Queue(queue, 0);
        self.admit_value(address, store)?;
        Ok(journal::length_of(store.value))
    }

    fn waiting(&self, queue: &str, pushed: &Pushed, now_us: i64) -> Waiting {
        let (Pushed { position, lifetime, .. }, stored_ms) = (pushed, pushed.stored_ms.max(0).cast_unsigned());
        let metadata = Metadata {
            stored_ms,
            expires_ms: lifetime.expires.map(|expires| expires.max(0).cast_unsigned()),
            sliding: false,
            accessed_ms: stored_ms,
            hits: 0,
            size: entry_size(Address::Queue(queue, *position), pushed.value.size() as u64, &[]),
            tags: Vec::new(),
            // The entry gets another when it is folded; nobody has seen it before.
            version: self.sequence.next(0, now_us).cast_unsigned(),
        };
        let entry = Entry { value: pushed.value.clone(), metadata };
        Waiting { queued: Queued { position: *position, entry }, lifetime: *lifetime }
    }

    /// The live value at one end of a biased queue, or that there is none. A bias that can not tell is ended.
    fn look_by_bias(&mut self, at: usize, side: Side) -> Result<Done<Option<Queued>>> {
        let reaches = |shard: &Self| shard.biased.biases.get(at).is_some_and(|bias| bias.window.reaches(side));
        if !reaches(self) && side == Side::Front && !self.renew(at)? {
            return Ok(Done::Otherwise);
        }
        if !reaches(self) {
            return self.give_up(at);
        }
        let waiting = self.biased.biases.get(at).and_then(|bias| bias.window.at(side));
        let Some(waiting) = waiting else { return Ok(Done::Yes(None)) };
        if waiting.lifetime.expires.is_none() || waiting.lifetime.is_live(self.platform.wall_ms()) {
            Ok(Done::Yes(Some(waiting.queued.clone())))
        } else {
            self.give_up(at)
        }
    }

    /// Makes sure that a bias was in force while its window was looked at.
    fn assure_bias<T>(&mut self, at: usize, looked: T) -> Result<Done<T>> {
        if self.is_in_force(at)? { Ok(Done::Yes(looked)) } else { self.give_up(at) }
    }

    /// Writes a note, by which something has happened, unless the bias was revoked before.
    fn note(&mut self, at: usize, note: Note) -> Result<Done<()>> {
        let Some(bias) = self.biased.biases.get_mut(at) else { return Ok(Done::Otherwise) };
        let place = bias.notes.len();
        let written = bias.journal.write(&*self.platform, bias.claim, place, bias.length, &note);
        if let Ok(length) = written {
            bias.length = length;
            bias.notes.push(note);
            if matches!(self.is_in_force(at), Ok(true)) {
                return Ok(Done::Yes(()));
            }
        }
        // Also one that failed: perhaps it was written all the same, and others have read it.
        let end = self.end_bias(at)?;
        Ok(if end.includes(place) { Done::Yes(()) } else { Done::Otherwise })
    }

    /// Whether a bias is what the database says. If that can not be told, it is to be ended.
    fn is_in_force(&mut self, at: usize) -> Result<bool> {
        let Some(bias) = self.biased.biases.get(at) else { return Ok(false) };
        let claim = self.claim_of(bias.name);
        let Some(bias) = self.biased.biases.get_mut(at) else { return Ok(false) };
        bias.is_doubtful = claim.is_err();
        Ok(claim?.is_some_and(|claim| claim.id == bias.claim && !claim.revoked && claim.folded.is_none()))
    }

    /// The bias of a queue towards this handle. One that is doubtful is ended.
    fn bias_of(&mut self, queue: &str) -> Result<Option<usize>> {
        if self.open.is_some() {
            // One that is still here was ended by others, or no transaction would be open.
            return Ok(None);
        }
        let Some(at) = self.biased.biases.iter().position(|bias| bias.queue == queue) else { return Ok(None) };
        if self.biased.biases.get(at).is_some_and(|bias| bias.is_doubtful) {
            self.end_bias(at)?;
            return Ok(None);
        }
        Ok(Some(at))
    }

    /// Sees to it that a note has room in the journal; false if the bias has ended.
    fn make_room_for_note(&mut self, at: usize, length: u64) -> Result<bool> {
        let Some(bias) = self.biased.biases.get(at) else { return Ok(false) };
        if bias.notes.len() < NOTES as usize && bias.length + length <= CAPACITY { Ok(true) } else { self.renew(at) }
    }

    /// Folds the notes of a bias and goes on with an empty journal, with a new look at the queue if its front
    /// is not known; false if the bias has ended.
    fn renew(&mut self, at: usize) -> Result<bool> {
        let Some(bias) = self.biased.biases.get_mut(at) else { return Ok(false) };
        // Until it is known what has come of it.
        bias.is_doubtful = true;
        let (name, queue, claim) = (bias.name, bias.queue.clone(), bias.claim);
        let (notes, looks) = (std::mem::take(&mut bias.notes), !bias.window.reaches(Side::Front));
        let renewed = self.change_entry(Subject::Journal, |change| {
            if !change.renew_bias(name, &queue, claim, &notes)? {
                return Ok(None);
            }
            looks.then(|| change.window(&queue)).transpose().map(Some)
        });
        let Some(bias) = self.biased.biases.get_mut(at) else { return Ok(false) };
        let Some(window) = renewed.inspect_err(|_| bias.notes.clone_from(&notes))? else {
            bias.notes = notes;
            self.end_bias(at)?;
            return Ok(false);
        };
        (bias.claim, bias.length, bias.is_doubtful) = (claim.wrapping_add(1), 0, false);
        if let Some(window) = window {
            bias.window = window;
        }
        Ok(true)
    }

    /// Ends a bias that is of no use for what is asked.
    fn give_up<T>(&mut self, at: usize) -> Result<Done<T>> {
        self.end_bias(at)?;
        Ok(Done::Otherwise)
    }

    /// Ends a bias: all notes are folded, by this handle if nobody else has done so.
    fn end_bias(&mut self, at: usize) -> Result<End> {
        let Some(bias) = self.biased.biases.get_mut(at) else { return Ok(End::Folded(0)) };
        bias.is_doubtful = true;
        let (name, queue, claim) = (bias.name, bias.queue.clone(), bias.claim);
        let found = self.claim_of(name)?;
        let wanted = found.as_ref().is_some_and(|found| found.revoked);
        let end = match found.and_then(|found| found.folded_of(claim)) {
            // Somebody else has folded it, and may be at work in a transaction, which is not to be waited for.
            Some(folded) => {
                self.biased.has_over = true;
                End::Folded(folded)
            }
            None => self.fold_own(at, name, &queue, claim)?,
        };
        self.biased.biases.swap_remove(at).journal.remove();
        let streak = self.biased.streaks.entry(queue).or_default();
        if wanted {
            streak.break_off(self.platform.bias_from());
        } else {
            streak.begin_anew();
        }
        Ok(end)
    }

    fn fold_own(&mut self, at: usize, name: Name, queue: &str, claim: i64) -> Result<End> {
        let notes = self.biased.biases.get_mut(at).map(|bias| std::mem::take(&mut bias.notes)).unwrap_or_default();
        let ended = self.change_entry(Subject::Journal, |change| change.end_bias(name, queue, claim, &notes));
        if let Some(bias) = self.biased.biases.get_mut(at) {
            bias.notes = notes;
        }
        ended
    }

    /// Ends those biases towards this handle that are asked for.
    fn end_biases(&mut self, which: Which<'_>) -> Result<()> {
        let owner = self.biased.biases.first().map(|bias| bias.name.owner);
        let matches = |bias: &Bias| match which {
            Which::All => true,
            Which::Queue(queue) => bias.queue == queue,
            Which::Owner(other) => owner == Some(other),
        };
        while let Some(at) = self.biased.biases.iter().position(matches) {
            self.end_bias(at)?;
        }
        Ok(())
    }

    /// Ends all biases towards this handle, which lets go of the directory.
    pub(super) fn give_back_biases(&mut self) -> Result<()> {
        self.end_biases(Which::All)?;
        if std::mem::take(&mut self.biased.has_over) { self.forget_folded() } else { Ok(()) }
    }
}
