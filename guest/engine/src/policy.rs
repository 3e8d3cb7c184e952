//! What is evicted first: the rank of an entry under each policy. The lowest rank goes first.

use crate::options::Policy;

/// What a rank is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// A number that grows with every change of the shard.
    pub(crate) sequence: i64,
    /// The highest rank evicted so far under [`Policy::LeastFrequentlyUsed`].
    pub(crate) age: i64,
}

impl Policy {
    /// Whether reads matter.
    pub(crate) fn tracks_reads(self) -> bool {
        matches!(self, Self::LeastRecentlyUsed | Self::LeastFrequentlyUsed)
    }

    /// Rank of an entry that is stored, or was read, at `moment`, and read `hits` times in all.
    ///
    /// Least frequently used ages dynamically (LFU-DA; Arlitt et al., "Evaluating content
    /// management techniques for Web proxy caches", 2000): a rank is the number of uses plus the
    /// rank of what was evicted last, so newcomers start level with those that are next to go.
    pub(crate) fn rank(self, moment: Moment, hits: i64) -> Option<i64> {
        match self {
            Self::None => None,
            Self::LeastRecentlyStored | Self::LeastRecentlyUsed => Some(moment.sequence),
            Self::LeastFrequentlyUsed => Some(moment.age.saturating_add(hits).saturating_add(1)),
        }
    }

    /// Whether an entry comes in at the end of the line, ranked by the number that is also its id: then that
    /// is its place, and no index need say so.
    pub(crate) fn lines_up_by_id(self) -> bool {
        matches!(self, Self::LeastRecentlyStored | Self::LeastRecentlyUsed)
    }

    /// The place in line, as it is kept, of an entry that comes in with a rank.
    pub(crate) fn place(self, rank: Option<i64>, id: i64) -> Option<i64> {
        rank.filter(|rank| !(self.lines_up_by_id() && *rank == id))
    }

    /// The age after an entry of this rank was evicted.
    pub(crate) fn age_after_evicting(self, age: i64, rank: Option<i64>) -> i64 {
        match (self, rank) {
            (Self::LeastFrequentlyUsed, Some(rank)) => age.max(rank),
            _ => age,
        }
    }

    /// The statement that gives every entry another rank, and its place, when a directory changes to this
    /// policy.
    pub(crate) fn rerank_statement(self) -> &'static str {
        match self {
            Self::None => "UPDATE entry SET rank = NULL, place = NULL",
            Self::LeastRecentlyStored => "UPDATE entry SET rank = version, place = nullif(version, id)",
            Self::LeastRecentlyUsed => {
                "UPDATE entry SET rank = max(version, accessed * 1000), \
                 place = nullif(max(version, accessed * 1000), id)"
            }
            Self::LeastFrequentlyUsed => "UPDATE entry SET rank = hits + 1, place = hits + 1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Moment = Moment { sequence: 10, age: 5 };

    #[test]
    fn recency_policies_rank_by_sequence_and_none_never() {
        assert_eq!(Policy::LeastRecentlyStored.rank(EARLY, 9), Some(10));
        assert_eq!(Policy::LeastRecentlyUsed.rank(EARLY, 9), Some(10));
        assert_eq!(Policy::None.rank(EARLY, 9), None);
    }

    #[test]
    fn who_comes_in_at_the_end_of_the_line_needs_no_place() {
        assert_eq!(Policy::LeastRecentlyUsed.place(Some(10), 10), None);
        assert_eq!(Policy::LeastRecentlyUsed.place(Some(11), 10), Some(11));
        assert_eq!(Policy::LeastFrequentlyUsed.place(Some(10), 10), Some(10), "a frequency that happens to be its id");
        assert_eq!(Policy::None.place(None, 10), None);
    }

    #[test]
    fn frequency_ages_so_that_a_newcomer_outranks_what_was_evicted() {
        let policy = Policy::LeastFrequentlyUsed;
        let evicted = policy.rank(EARLY, 3);
        let age = policy.age_after_evicting(EARLY.age, evicted);
        assert!(policy.rank(Moment { age, ..EARLY }, 0) > evicted);
    }
}
