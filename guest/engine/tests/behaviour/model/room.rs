//! What goes when a limit is reached, in the model.

use larder_engine::Policy;

use super::faults::Fault;
use super::state::{Entry, Model};

/// What file systems give out at a time.
const BLOCK: u64 = 4096;
/// What a database takes in which there are but few entries that are small: so much at least and at most.
const DATABASE: (u64, u64) = (18 * BLOCK, 32 * BLOCK);
/// By how much the log may grow while an operation looks how much room there is.
const LOG_GROWTH: u64 = 12 * (BLOCK + 24);
/// What the index of the log takes.
const LOG_INDEX: u64 = 32 << 10;

/// How a shard stands to its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Excess {
    None,
    /// One way or the other: what the database takes to the page, the model does not know.
    Perhaps,
    Over,
}

/// What the size limit of a shard leaves for its database and value files: so much at least and at most. `log` is
/// how long its log is.
fn room(limit: u64, log: u64) -> (u64, u64) {
    let reserve = Some((limit / 32).min(256 << 10)).filter(|reserve| *reserve >= 32 << 10).unwrap_or(0);
    let for_log = |log: u64| (log + LOG_INDEX).clamp(LOG_INDEX + (limit / 8).min(8 << 20), limit / 2);
    (limit - reserve - for_log(log + LOG_GROWTH), limit - reserve - for_log(log))
}

/// What a value takes on disk outside of the database.
fn occupied(entry: &Entry) -> u64 {
    if !entry.in_file {
        return 0;
    }
    let length = entry.value.size();
    (length + 12 * length.div_ceil(256 << 10)).next_multiple_of(BLOCK)
}

impl Model {
    fn share(&self, limit: Option<u64>, shard: usize) -> Option<u64> {
        let shards = self.settings.shards as u64;
        limit.map(|limit| limit / shards + u64::from((shard as u64) < limit % shards))
    }

    /// Whether an entry of this size could never fit: surely, or perhaps.
    pub(super) fn is_too_large(&self, size: u64, shard: usize) -> (bool, bool) {
        let Some(limit) = self.share(self.settings.size_limit, shard) else { return (false, false) };
        let most = room(limit, 0).1;
        (size > most - DATABASE.0, size > most - DATABASE.1)
    }

    fn excess(&self, shard: usize, log: u64) -> Excess {
        let entries = || self.entries.iter().filter(|entry| entry.shard == shard);
        let counted = entries().filter(|entry| !(self.has(Fault::QueuesExempt) && entry.is_queued())).count() as u64;
        let most = self.share(self.settings.item_limit, shard);
        if most.is_some_and(|most| counted + u64::from(self.has(Fault::OneTooFew)) > most) {
            return Excess::Over;
        }
        let Some(limit) = self.share(self.settings.size_limit, shard) else { return Excess::None };
        if self.has(Fault::SizeUnlimited) {
            return Excess::None;
        }
        let files: u64 = entries().map(occupied).sum();
        let (mut least, mut most) = room(limit, log);
        if self.has(Fault::LogUncounted) {
            (least, most) = (least + limit / 8, most + limit / 8);
        }
        if self.has(Fault::SizeWasted) {
            (least, most) = (least - limit / 5, most - limit / 5);
        }
        if files + DATABASE.0 > most {
            Excess::Over
        } else if files + DATABASE.1 > least {
            Excess::Perhaps
        } else {
            Excess::None
        }
    }

    /// Those of which one goes next: expired ones, the earliest first, then those of the lowest rank.
    fn next_to_go(&self, shard: usize, keep: Option<u64>) -> Vec<usize> {
        let others = || {
            let all = self.entries.iter().enumerate();
            all.filter(|(_, entry)| entry.shard == shard && Some(entry.number) != keep)
        };
        let expired = || others().filter(|(_, entry)| self.is_over(entry) && !self.has(Fault::ExpiredStay));
        if let Some(earliest) = expired().map(|(_, entry)| entry.expires).min() {
            return expired().filter(|(_, entry)| entry.expires == earliest).map(|(at, _)| at).collect();
        }
        if self.settings.policy == Policy::None {
            return Vec::new();
        }
        let lowest = others().map(|(_, entry)| entry.rank).min();
        others().filter(|(_, entry)| Some(entry.rank) == lowest).map(|(at, _)| at).collect()
    }

    fn evict(&self, at: usize) -> Self {
        let mut next = self.clone();
        let entry = next.entries.remove(at);
        if !self.is_over(&entry) && self.settings.policy == Policy::LeastFrequentlyUsed && !self.has(Fault::AgeStands) {
            let age = &mut next.ages[entry.shard];
            *age = (*age).max(entry.rank);
        }
        next
    }

    /// What is left after just enough is gone that the limits of a shard are kept; `Err` if there is not enough
    /// that can go.
    pub(super) fn make_room(self, shard: usize, keep: Option<u64>, log: u64) -> Vec<Result<Self, Self>> {
        let excess = self.excess(shard, log);
        let mut all = Vec::new();
        if excess != Excess::None {
            let victims = self.next_to_go(shard, keep);
            if victims.is_empty() {
                all.push(Err(self.clone()));
            }
            for at in victims {
                add_new(&mut all, self.evict(at).make_room(shard, keep, log));
            }
        }
        if excess != Excess::Over {
            add_new(&mut all, vec![Ok(self)]);
        }
        all
    }
}

/// Adds what is not there.
pub(super) fn add_new<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}
