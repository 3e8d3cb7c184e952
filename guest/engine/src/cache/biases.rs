//! The locks that are biased towards this handle, and how it enters and leaves them: see
//! [`crate::recipes::bias`].

use std::collections::HashMap;
use std::rc::Rc;

use super::locks::{Claim, Lock};
use crate::cells::{self, CELLS, CellFile};
use crate::platform::Platform;
use crate::recipes::bias::{Bias, Content};
use crate::recipes::permits::{Grant, Permits, Request};
use crate::tenure::Tenure;

/// Names of which it is noted how often they were taken in a row.
const STREAKS: usize = 1024;

/// Biases towards one handle, as long as it has the directory.
pub(super) struct Biases {
    tenure: Rc<Tenure>,
    platform: Rc<dyn Platform>,
    own: HashMap<String, Own>,
    streaks: HashMap<String, Streak>,
    /// None as long as nothing is biased.
    file: Option<CellFile>,
}

/// A bias towards this handle.
pub(super) struct Own {
    bias: Bias,
    capacity: u32,
    lease_ms: u32,
    /// The next number to be given out.
    next: u64,
    /// The number that is held, and since when, by the wall clock.
    held: Option<(u64, i64)>,
}

/// How often a lock was taken in a row.
#[derive(Clone, Copy)]
struct Streak {
    /// The last number that was given out; if there is another one in the record, somebody was in between.
    last_fence: u64,
    count: u32,
}

impl Biases {
    /// None yet.
    pub(super) fn new(tenure: &Rc<Tenure>, platform: &Rc<dyn Platform>) -> Self {
        Self {
            tenure: Rc::clone(tenure),
            platform: Rc::clone(platform),
            own: HashMap::new(),
            streaks: HashMap::new(),
            file: None,
        }
    }

    /// Says in the cell that a lock is held by the next number, if it is biased towards this handle and the
    /// claim is one that it is for. Whether it may be held, the record has to say afterwards.
    pub(super) fn enter(&mut self, lock: &Lock, claim: &Claim) -> Option<Grant> {
        let own = self.own.get_mut(&lock.name)?;
        let fits = is_plain(lock, claim) && own.capacity == lock.capacity && own.lease_ms == claim.lease_ms;
        if !fits || own.held.is_some() || own.next > own.bias.last() {
            return None;
        }
        let fence = own.next;
        let since_ms = self.platform.wall_ms();
        let content = Content { word: own.bias.word(fence), since_ms };
        // A cell that can not be written, or only in part, counts as held, for as long as this is in the record.
        self.file.as_ref()?.write(&*self.platform, own.bias.cell().index, content).ok()?;
        (own.next, own.held) = (fence + 1, Some((fence, since_ms)));
        Some(Grant { owner: own.bias.token(), fence })
    }

    /// Whether a grant is what is held by a bias towards this handle.
    pub(super) fn holds(&self, lock: &Lock, grant: Grant) -> bool {
        let own = self.own.get(&lock.name).filter(|own| own.capacity == lock.capacity);
        own.is_some_and(|own| {
            own.bias.token() == grant.owner && own.held.is_some_and(|(fence, _)| fence == grant.fence)
        })
    }

    /// Whether the record still says that the bias is there, and nobody else wants the lock.
    pub(super) fn is_in_force(&self, name: &str, permits: Option<&Permits>) -> bool {
        let recorded = permits.and_then(Permits::bias);
        let own = self.own.get(name);
        own.zip(recorded).is_some_and(|(own, recorded)| recorded.token() == own.bias.token() && !recorded.is_revoked())
    }

    /// Says in the cell that a lock is not held any more; false if that could not be written: then it is.
    pub(super) fn leave(&mut self, name: &str) -> bool {
        let Some(index) = self.own.get(name).map(|own| own.bias.cell().index) else { return true };
        let cleared = self.clear(index);
        if let Some(own) = self.own.get_mut(name).filter(|_| cleared) {
            own.held = None;
        }
        cleared
    }

    /// Clears a cell; false if that could not be written.
    pub(super) fn clear(&self, index: u32) -> bool {
        let clear = |file: &CellFile| file.write(&*self.platform, index, Content::default()).is_ok();
        self.file.as_ref().is_none_or(clear)
    }

    /// Forgets a bias by which nothing is held, which is then to be given back in the record; its token.
    pub(super) fn forget(&mut self, name: &str) -> Option<u64> {
        if self.own.get(name).is_none_or(|own| own.held.is_some()) {
            return None;
        }
        self.own.remove(name).map(|own| own.bias.token())
    }

    /// Forgets a bias that is not in the record any more, whatever was held by it.
    pub(super) fn drop_lost(&mut self, name: &str) {
        self.leave(name);
        self.own.remove(name);
    }

    /// Looks at the cell of the bias of a lock, if it has one. Of those towards this handle it knows.
    pub(super) fn see(&self, name: &str, permits: &mut Permits) {
        permits.see(|bias| match self.own.get(name).filter(|own| own.bias.token() == bias.token()) {
            Some(own) => {
                let held = own.held.map(|(fence, since_ms)| Content { word: bias.word(fence), since_ms });
                Some(held.unwrap_or_default())
            }
            None => cells::read(self.tenure.root(), bias.cell()),
        });
    }

    /// A cell for a bias towards this handle, if it is time to have one; else none, as where there is no
    /// room for it or the directory has one owner anyway.
    pub(super) fn prepare(&mut self, lock: &Lock, claim: &Claim) -> Option<u32> {
        let count = self.streaks.get(&lock.name).map_or(0, |streak| streak.count);
        let due = count >= self.platform.bias_from();
        if !due || !is_plain(lock, claim) || self.own.contains_key(&lock.name) || !self.tenure.is_shared() {
            return None;
        }
        let index = (0..CELLS).find(|index| self.own.values().all(|own| own.bias.cell().index != *index))?;
        if self.file.is_none() {
            self.file = self.tenure.owner().and_then(|owner| CellFile::create(self.tenure.root(), owner)).ok();
        }
        self.file.is_some().then_some(index)
    }

    /// Biases a lock towards this handle and holds it, if nobody else does or waits. The cell says so before
    /// the record can tell anybody where to look. In force once the record is written, and then to be
    /// [kept](Biases::keep); else its cell is to be [cleared](Biases::clear).
    pub(super) fn lean(&self, lock: &Lock, request: &Request, index: u32, permits: &mut Permits) -> Option<Own> {
        let file = self.file.as_ref()?;
        let mut leaning = permits.clone();
        let bias = leaning.lean(request, file.cell(index));
        let (fence, since_ms) = (bias.first(), request.now_ms);
        file.write(&*self.platform, index, Content { word: bias.word(fence), since_ms }).ok()?;
        *permits = leaning;
        let (capacity, lease_ms) = (lock.capacity, request.lease_ms);
        Some(Own { bias, capacity, lease_ms, next: fence + 1, held: Some((fence, since_ms)) })
    }

    /// Takes note of a bias that is recorded; what is held by it.
    pub(super) fn keep(&mut self, lock: &Lock, own: Own) -> Grant {
        let grant = Grant { owner: own.bias.token(), fence: own.bias.first() };
        self.own.insert(lock.name.clone(), own);
        grant
    }

    /// Counts a lock that was taken, with the last number before and the last one now.
    pub(super) fn count(&mut self, lock: &Lock, claim: &Claim, before: u64, last_fence: u64) {
        if !is_plain(lock, claim) || !self.tenure.is_shared() {
            return;
        }
        if self.streaks.len() >= STREAKS && !self.streaks.contains_key(&lock.name) {
            self.streaks.clear();
        }
        let in_a_row = self.streaks.get(&lock.name).filter(|streak| streak.last_fence == before);
        let count = in_a_row.map_or(0, |streak| streak.count).saturating_add(1);
        self.streaks.insert(lock.name.clone(), Streak { last_fence, count });
    }

    /// What the time is, by the wall clock.
    pub(super) fn now_ms(&self) -> i64 {
        self.platform.wall_ms()
    }

    /// The names of all locks that are biased towards this handle, with the tokens, and whether they are held.
    pub(super) fn all(&self) -> Vec<(String, u64, bool)> {
        let each = self.own.iter().map(|(name, own)| (name.clone(), own.bias.token(), own.held.is_some()));
        each.collect()
    }

    /// Ends, once nothing in the directory speaks of them any more.
    pub(super) fn end(self) {
        if let Some(file) = self.file {
            file.remove();
        }
    }
}

/// Whether a claim is one that a bias is for: of all there is, by somebody new.
fn is_plain(lock: &Lock, claim: &Claim) -> bool {
    claim.owner.is_none() && claim.weight.is_none_or(|weight| weight == lock.capacity)
}
