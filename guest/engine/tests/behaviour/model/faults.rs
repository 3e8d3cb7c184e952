//! Models that get one rule wrong: each is found out.

use super::Regime;
use super::explore::search;

/// What a model gets wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// A sliding entry's end is put off by every hit, not only after an eighth of its time to live.
    SlidesEachTime,
    SlidesNever,
    /// Old uses never fade.
    AgeStands,
    /// Reads do not count for the policy.
    ReadsForgotten,
    /// Reads in parts do not.
    PartsUncounted,
    /// Reads in a transaction that is undone do not.
    UndoneReadsForgotten,
    /// Reads through a handle that only reads do count.
    ReadOnlyCounts,
    /// One more entry goes than has to.
    OneTooFew,
    SizeUnlimited,
    /// Nothing is kept free for the log.
    LogUncounted,
    /// A fifth of the size limit stays unused.
    SizeWasted,
    /// Entries of queues do not count towards the item limit.
    QueuesExempt,
    /// Expired entries wait in line like others.
    ExpiredStay,
    /// An entry is found by the first of its tags alone.
    FirstTagOnly,
    /// The default time to live means nothing.
    DefaultForgotten,
    /// An entry of just the greatest age is too old.
    AgeExclusive,
    /// An entry that has more time left than it ever had is live.
    ClockTrusted,
    /// An entry that is stored again comes in anew.
    NewPlaceForNewValue,
}

/// Each with where it shows.
const FAULTS: [(Fault, Regime); 18] = [
    (Fault::SlidesEachTime, Regime::Unlimited),
    (Fault::SlidesNever, Regime::Unlimited),
    (Fault::AgeStands, Regime::Items),
    (Fault::ReadsForgotten, Regime::Items),
    (Fault::PartsUncounted, Regime::Items),
    (Fault::UndoneReadsForgotten, Regime::Items),
    (Fault::ReadOnlyCounts, Regime::Unlimited),
    (Fault::OneTooFew, Regime::Items),
    (Fault::SizeUnlimited, Regime::Size),
    (Fault::LogUncounted, Regime::Size),
    (Fault::SizeWasted, Regime::Size),
    (Fault::QueuesExempt, Regime::Items),
    (Fault::ExpiredStay, Regime::Items),
    (Fault::FirstTagOnly, Regime::Unlimited),
    (Fault::DefaultForgotten, Regime::Unlimited),
    (Fault::AgeExclusive, Regime::Unlimited),
    (Fault::ClockTrusted, Regime::Unlimited),
    (Fault::NewPlaceForNewValue, Regime::Unlimited),
];

#[test]
fn a_model_that_gets_a_rule_wrong_is_found_out() {
    for (fault, regime) in FAULTS {
        assert!(search(regime, fault, 200, 0).is_some(), "nobody notices {fault:?}");
    }
}

#[test]
fn what_shows_a_difference_is_made_short() {
    let plan = search(Regime::Unlimited, Fault::SlidesNever, 200, 1_000).unwrap();
    assert!(plan.count() <= 4, "to store, to wait, to read: {plan:?}");
}
