//! Which entries make room for others.

use super::entries::{Entries, Entry, KEYS, MEMOS};
use super::held::Held;
use crate::component::wit::Policy;

/// By what entries are lined up to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The lowest goes first.
    rank: u64,
    /// How often it was read, if that matters.
    hits: u64,
    /// When it came in: of those of one rank the first goes first.
    number: u64,
}

/// What standings are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranks {
    /// Which goes first.
    pub(super) policy: Policy,
    /// How often anything was stored or read.
    uses: u64,
    /// The highest rank that has gone under the policy of frequency, by which newcomers get their chance.
    age: u64,
}

impl Default for Ranks {
    fn default() -> Self {
        Self { policy: Policy::LeastRecentlyStored, uses: 0, age: 0 }
    }
}

impl Ranks {
    /// The standing of an entry that is stored now.
    fn stored(&mut self, before: Option<Standing>) -> Standing {
        self.uses += 1;
        let standing = before.unwrap_or(Standing { rank: 0, hits: 0, number: self.uses });
        self.used(standing)
    }

    /// The standing of one that is read now.
    fn read(&mut self, before: Standing) -> Standing {
        if !matches!(self.policy, Policy::LeastRecentlyUsed | Policy::LeastFrequentlyUsed) {
            return before;
        }
        self.uses += 1;
        self.used(Standing { hits: before.hits + 1, ..before })
    }

    fn used(self, standing: Standing) -> Standing {
        let rank = match self.policy {
            Policy::LeastFrequentlyUsed => self.age + standing.hits + 1,
            _ => self.uses,
        };
        Standing { rank, ..standing }
    }
}

impl Entries {
    /// Stores an entry in place of the one there was.
    pub(super) fn store(&mut self, key: u64, held: Held, is_tagged: bool, expires: Option<u64>) {
        let standing = self.ranks.stored(self.by_key.get(&key).map(|entry| entry.standing));
        self.by_key.insert(key, Entry { held, is_tagged, expires, standing });
    }

    /// Reads some.
    pub(super) fn read(&mut self, keys: impl IntoIterator<Item = u64>) {
        for key in keys {
            if let Some(entry) = self.by_key.get_mut(&key) {
                entry.standing = self.ranks.read(entry.standing);
            }
        }
    }

    /// Somebody has looked what is there, which is to read all.
    pub(super) fn note_a_look(&mut self) {
        self.read((0..KEYS).chain(MEMOS));
    }

    /// Lets some make room, and keeps the one that was stored now.
    pub(super) fn make_room(&mut self, kept: Option<u64>) {
        while self.limit.is_some_and(|limit| self.by_key.len() as u64 > limit) {
            let others = self.by_key.iter().filter(|(key, _)| Some(**key) != kept);
            let first = others.min_by_key(|(_, entry)| (entry.standing.rank, entry.standing.number));
            let Some((key, entry)) = first.map(|(key, entry)| (*key, entry.clone())) else { return };
            self.by_key.remove(&key);
            if self.ranks.policy == Policy::LeastFrequentlyUsed {
                self.ranks.age = self.ranks.age.max(entry.standing.rank);
            }
        }
    }
}
