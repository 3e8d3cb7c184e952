//! When entries end.

use crate::support::{self, Fixture, integer, lasting, plain, put, text};
use larder_engine::{Changes, Expiry, OpenOptions, Scan, SetOptions, Value};

fn sliding(ttl: u64) -> SetOptions {
    SetOptions { sliding: true, ..lasting(ttl) }
}

#[test]
fn an_entry_is_found_until_just_before_its_expiry() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        fixture.cache.set(&text("a"), &Value::Integer(1), &lasting(100)).unwrap();
        fixture.cache.set(&text("gone"), &Value::Integer(1), &lasting(0)).unwrap();
        assert_eq!(integer(&mut fixture.cache, "gone"), None);
        fixture.platform.advance(99);
        assert_eq!(integer(&mut fixture.cache, "a"), Some(1));
        fixture.platform.advance(1);
        assert_eq!(integer(&mut fixture.cache, "a"), None);
        assert!(!fixture.cache.contains(&text("a")).unwrap());
        assert_eq!(fixture.cache.count().unwrap(), 2);
    }
}

#[test]
fn the_default_time_to_live_applies_where_none_is_named() {
    let options = OpenOptions {
        changes: Changes { default_ttl: Expiry::After(50), ..Changes::default() },
        ..OpenOptions::default()
    };
    let mut fixture = Fixture::with(&options);
    put(&mut fixture.cache, "default", 1);
    let never = SetOptions { ttl: Expiry::Never, ..plain() };
    fixture.cache.set(&text("never"), &Value::Integer(1), &never).unwrap();
    fixture.cache.set(&text("longer"), &Value::Integer(1), &lasting(51)).unwrap();
    fixture.platform.advance(50);
    assert_eq!(integer(&mut fixture.cache, "default"), None);
    assert_eq!(integer(&mut fixture.cache, "longer"), Some(1));
    assert_eq!(integer(&mut fixture.cache, "never"), Some(1));

    fixture.reopen(&support::existing());
    assert_eq!(fixture.cache.information().unwrap().settings.default_ttl, Some(50));
    fixture.reopen(&OpenOptions {
        changes: Changes { default_ttl: Expiry::Never, ..Changes::default() },
        ..OpenOptions::default()
    });
    put(&mut fixture.cache, "default", 2);
    assert_eq!(fixture.cache.get_entry(&text("default")).unwrap().unwrap().metadata.expires_ms, None);
}

#[test]
fn touch_counts_from_now_and_only_for_live_entries() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("a"), &Value::Integer(1), &lasting(100)).unwrap();
    fixture.platform.advance(60);
    assert!(fixture.cache.touch(&text("a"), Expiry::After(100)).unwrap());
    fixture.platform.advance(99);
    assert!(fixture.cache.contains(&text("a")).unwrap());
    assert!(fixture.cache.touch(&text("a"), Expiry::Never).unwrap());
    fixture.platform.advance(1_000_000);
    assert!(fixture.cache.contains(&text("a")).unwrap());
    assert!(fixture.cache.touch(&text("a"), Expiry::After(0)).unwrap());
    assert!(!fixture.cache.touch(&text("a"), Expiry::Never).unwrap());
    assert!(!fixture.cache.touch(&text("absent"), Expiry::Never).unwrap());
}

#[test]
fn a_hit_prolongs_a_sliding_entry_and_nothing_else() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("s"), &Value::Integer(1), &sliding(800)).unwrap();
    fixture.cache.set(&text("f"), &Value::Integer(1), &lasting(2_000)).unwrap();
    for _ in 0..5 {
        fixture.platform.advance(690);
        assert_eq!(integer(&mut fixture.cache, "s"), Some(1));
        integer(&mut fixture.cache, "f");
    }
    assert_eq!(integer(&mut fixture.cache, "f"), None);
    fixture.platform.advance(690);
    assert!(fixture.cache.contains(&text("s")).unwrap());
    fixture.platform.advance(110);
    assert!(!fixture.cache.contains(&text("s")).unwrap(), "contains is no hit");
}

#[test]
fn a_number_that_is_asked_for_in_parts_lives_no_longer_for_it() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("n"), &Value::Integer(1), &sliding(800)).unwrap();
    fixture.platform.advance(700);
    fixture.cache.read(&text("n")).unwrap_err();
    fixture.platform.advance(100);
    assert_eq!(integer(&mut fixture.cache, "n"), None);
}

#[test]
fn a_touched_sliding_entry_stays_sliding_unless_it_is_to_expire_never() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("s"), &Value::Integer(1), &sliding(100)).unwrap();
    fixture.cache.touch(&text("s"), Expiry::After(50)).unwrap();
    assert!(fixture.cache.get_entry(&text("s")).unwrap().unwrap().metadata.sliding);
    fixture.cache.touch(&text("s"), Expiry::Never).unwrap();
    assert!(!fixture.cache.get_entry(&text("s")).unwrap().unwrap().metadata.sliding);
}

#[test]
fn a_clock_set_back_never_keeps_stale_entries() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("a"), &Value::Integer(1), &lasting(60_000)).unwrap();
    put(&mut fixture.cache, "b", 1);
    fixture.platform.set_wall_clock(-86_400_000);
    assert_eq!(integer(&mut fixture.cache, "a"), None);
    assert_eq!(integer(&mut fixture.cache, "b"), Some(1));
    assert_eq!(support::keys(&mut fixture.cache, &Scan::default()).len(), 1);
    assert_eq!(fixture.cache.expire().unwrap(), 1);
    assert_eq!(fixture.cache.count().unwrap(), 1);
    fixture.cache.set(&text("a"), &Value::Integer(2), &lasting(60_000)).unwrap();
    assert_eq!(integer(&mut fixture.cache, "a"), Some(2));
}

#[test]
fn a_clock_set_forward_expires_what_it_passes() {
    let mut fixture = Fixture::new();
    fixture.cache.set(&text("a"), &Value::Integer(1), &lasting(60_000)).unwrap();
    fixture.platform.set_wall_clock(60_000);
    assert_eq!(integer(&mut fixture.cache, "a"), None);
}

#[test]
fn expire_removes_all_of_many_equal_expiry_times_and_no_other() {
    for shards in [1, 4] {
        let mut fixture = Fixture::sharded(shards);
        for number in 0..350 {
            let value = if number % 50 == 0 { Value::Bytes(vec![1; 33_000]) } else { Value::Integer(number) };
            fixture.cache.set(&text(&format!("e{number}")), &value, &lasting(10)).unwrap();
        }
        for number in 0..1_300 {
            fixture.cache.set(&text(&format!("f{number}")), &Value::Integer(number), &lasting(10)).unwrap();
        }
        put(&mut fixture.cache, "stays", 1);
        assert_eq!(fixture.cache.expire().unwrap(), 0);
        fixture.platform.advance(10);
        assert_eq!(fixture.cache.expire().unwrap(), 1_650);
        assert_eq!(support::names(&mut fixture.cache), ["stays"]);
        assert!(support::value_files(fixture.path()).is_empty());
        assert_eq!(fixture.cache.statistics().unwrap().expirations, 1_650);
        assert_eq!(fixture.cache.check().unwrap(), []);
    }
}
