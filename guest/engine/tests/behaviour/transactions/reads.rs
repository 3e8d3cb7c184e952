//! What a transaction reads, as the policy of eviction sees it.

use larder_engine::{Changes, Limit, OpenOptions, Policy};

use crate::support::{Fixture, existing, integer, names, put, text};

/// A cache of at most three entries.
fn of_three(policy: Policy) -> Fixture {
    Fixture::with(&OpenOptions {
        changes: Changes { item_limit: Limit::AtMost(3), policy: Some(policy), ..Changes::default() },
        ..OpenOptions::default()
    })
}

#[test]
fn reads_are_written_once_however_often_a_transaction_evicts() {
    let mut fixture = of_three(Policy::LeastFrequentlyUsed);
    let cache = &mut fixture.cache;
    put(cache, "read", 1);
    for _ in 0..5 {
        integer(cache, "read");
    }
    for commit in [false, true] {
        let ticket = cache.begin().unwrap();
        cache
            .within(ticket, |cache| {
                for number in 0..10 {
                    put(cache, &number.to_string(), number);
                }
                Ok(())
            })
            .unwrap();
        if commit { cache.commit(ticket).unwrap() } else { cache.rollback(ticket).unwrap() }
    }
    assert_eq!(cache.get_entry(&text("read")).unwrap().unwrap().metadata.hits, 5);
}

#[test]
fn what_a_transaction_reads_after_it_has_evicted_counts() {
    for commit in [true, false] {
        let mut fixture = of_three(Policy::LeastRecentlyUsed);
        let cache = &mut fixture.cache;
        for key in ["first", "a", "b"] {
            put(cache, key, 1);
        }
        let ticket = cache.begin().unwrap();
        cache
            .within(ticket, |cache| {
                put(cache, "c", 1);
                integer(cache, "a");
                put(cache, "d", 1);
                assert_eq!(cache.contains(&text("a")), Ok(true), "b was used longest ago");
                integer(cache, "a");
                Ok(())
            })
            .unwrap();
        if commit {
            cache.commit(ticket).unwrap();
        } else {
            cache.rollback(ticket).unwrap();
        }
        put(cache, "e", 1);
        put(cache, "f", 1);
        assert_eq!(names(cache), ["a", "e", "f"], "committed: {commit}");
        fixture.reopen(&existing());
        assert_eq!(fixture.cache.get_entry(&text("a")).unwrap().unwrap().metadata.hits, 2, "committed: {commit}");
    }
}
