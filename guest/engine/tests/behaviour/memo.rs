//! Values that are computed once.

use larder_engine::{Answer, Cache, Error, Expiry, Filling, Key, LookUp, OpenOptions, SetOptions, Value};

use crate::support::{Fixture, Shared, lasting, open, plain, put, text};

fn lookup(cache: &mut Cache, key: &str) -> Answer {
    cache.look_up(&text(key), &LookUp { lease_ms: 1_000, eagerness: 0.0 }).unwrap()
}

fn vacant(cache: &mut Cache, key: &str) -> u64 {
    match lookup(cache, key) {
        Answer::Vacant(token, None) => token,
        other => panic!("{other:?}"),
    }
}

fn hit(cache: &mut Cache, key: &str) -> i64 {
    match lookup(cache, key) {
        Answer::Hit(Value::Integer(value)) => value,
        other => panic!("{other:?}"),
    }
}

fn filling(ttl: u64) -> Filling {
    Filling { options: lasting(ttl), ..Filling::default() }
}

fn records(fixture: &mut Fixture) -> i64 {
    fixture.cache.close().unwrap();
    let rows = rusqlite::Connection::open(crate::support::database(fixture.path(), 0))
        .unwrap()
        .query_row("SELECT count(*) FROM record", [], |row| row.get(0))
        .unwrap();
    fixture.reopen_closed(&OpenOptions::default());
    rows
}

#[test]
fn one_computes_while_others_wait_and_then_all_have_it() {
    let shared = Shared::new();
    let (mut first, mut second) = (shared.open(1, &OpenOptions::default()), shared.open(2, &OpenOptions::default()));
    let token = vacant(&mut first, "k");
    assert!(matches!(lookup(&mut second, "k"), Answer::Wait(0)));
    assert!(matches!(lookup(&mut first, "k"), Answer::Wait(0)), "the same handle, too");
    second.renew_vacancy(&text("k"), token).unwrap();
    second.fill(&text("k"), token, &Value::Integer(7), &filling(1_000)).unwrap();
    assert_eq!((hit(&mut first, "k"), hit(&mut second, "k")), (7, 7));
    assert!(matches!(first.get(&text("k")), Ok(Some(Value::Integer(7)))), "it is an entry like any other");
    assert!(matches!(first.drop_vacancy(&text("k"), token), Err(Error::NotHeld(_))));
}

#[test]
fn a_vacancy_that_is_dropped_or_whose_holder_dies_is_the_next_ones() {
    let shared = Shared::new();
    let platform = shared.platform(2);
    let mut first = shared.open(1, &OpenOptions::default());
    let mut second = open(shared.directory.path(), &OpenOptions::default(), &platform).unwrap();
    let token = vacant(&mut first, "k");
    first.drop_vacancy(&text("k"), token).unwrap();
    let token = vacant(&mut first, "k");
    assert!(matches!(lookup(&mut second, "k"), Answer::Wait(0)));
    platform.advance(1_000);
    assert!(matches!(lookup(&mut second, "k"), Answer::Wait(0)), "the lease is not over");
    platform.set_wall_clock(1);
    assert!(matches!(lookup(&mut second, "k"), Answer::Wait(1_000)), "perhaps it is, by the wall clock");
    platform.advance(1);
    let next = vacant(&mut second, "k");
    let late = first.fill(&text("k"), token, &Value::Text("late ".repeat(20_000)), &filling(1_000));
    assert!(matches!(late, Err(Error::NotHeld(_))));
    assert!(!first.contains(&text("k")).unwrap());
    second.fill(&text("k"), next, &Value::Integer(2), &filling(1_000)).unwrap();
    assert_eq!(hit(&mut second, "k"), 2);
    assert_eq!(first.check().unwrap(), []);
}

#[test]
fn a_stale_value_is_handed_out_while_one_computes_it_anew() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let token = vacant(cache, "k");
    let stale = Filling { stale_ms: 500, ..filling(1_000) };
    cache.fill(&text("k"), token, &Value::Integer(1), &stale).unwrap();
    fixture.platform.advance(999);
    assert_eq!(hit(cache, "k"), 1);
    fixture.platform.advance(1);
    let Answer::Stale(Value::Integer(1), Some(token)) = lookup(cache, "k") else { panic!() };
    assert!(matches!(lookup(cache, "k"), Answer::Stale(Value::Integer(1), None)));
    cache.fill(&text("k"), token, &Value::Integer(2), &stale).unwrap();
    assert_eq!(hit(cache, "k"), 2);
    fixture.platform.advance(1_500);
    vacant(cache, "k");
}

#[test]
fn a_failure_serves_the_stale_value_or_its_reason_for_a_while() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let token = vacant(cache, "k");
    cache.fail_vacancy(&text("k"), token, "no such page", 300).unwrap();
    assert!(matches!(lookup(cache, "k"), Answer::Failed(reason) if reason == "no such page"));
    fixture.platform.advance(300);
    let token = vacant(cache, "k");
    let kept = Filling { stale_if_error_ms: 5_000, ..filling(100) };
    cache.fill(&text("k"), token, &Value::Integer(1), &kept).unwrap();
    fixture.platform.advance(100);
    let Answer::Vacant(token, Some(Value::Integer(1))) = lookup(cache, "k") else { panic!("the old one is at hand") };
    cache.fail_vacancy(&text("k"), token, "timed out", 300).unwrap();
    assert!(matches!(lookup(cache, "k"), Answer::Stale(Value::Integer(1), None)));
    fixture.platform.advance(300);
    let Answer::Vacant(token, Some(Value::Integer(1))) = lookup(cache, "k") else { panic!("still") };
    cache.drop_vacancy(&text("k"), token).unwrap();
    fixture.platform.advance(5_000);
    vacant(cache, "k");
}

#[test]
fn dear_values_are_computed_early_by_chance() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let token = vacant(cache, "k");
    let dear = Filling { cost_ms: 400, ..filling(1_000) };
    cache.fill(&text("k"), token, &Value::Integer(1), &dear).unwrap();
    fixture.platform.advance(500);
    let eager = LookUp { lease_ms: 1_000, eagerness: 1.0 };
    let early = (0..1_000).filter(|_| match cache.look_up(&text("k"), &eager).unwrap() {
        Answer::Stale(_, Some(token)) => {
            cache.drop_vacancy(&text("k"), token).unwrap();
            true
        }
        Answer::Hit(_) => false,
        other => panic!("{other:?}"),
    });
    // e^(-500/400) of them: 28.7 %.
    let early = early.count();
    assert!((230..350).contains(&early), "{early}");
}

#[test]
fn a_value_that_somebody_stores_meanwhile_is_a_hit() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let token = vacant(cache, "k");
    put(cache, "k", 5);
    assert_eq!(hit(cache, "k"), 5);
    cache.fill(&text("k"), token, &Value::Integer(6), &filling(1_000)).unwrap();
    assert_eq!(hit(cache, "k"), 6);
    cache.delete(&text("k")).unwrap();
    vacant(cache, "k");
}

#[test]
fn nothing_is_left_of_a_key_that_needs_no_memory_of_its_own() {
    let mut fixture = Fixture::new();
    for key in ["a", "b", "c"] {
        let token = vacant(&mut fixture.cache, key);
        fixture.cache.fill(&text(key), token, &Value::Integer(1), &filling(1_000)).unwrap();
    }
    let token = vacant(&mut fixture.cache, "d");
    fixture.cache.drop_vacancy(&text("d"), token).unwrap();
    assert_eq!(records(&mut fixture), 0);
}

#[test]
fn records_go_with_their_entries() {
    let mut fixture = Fixture::new();
    for round in 0..200 {
        let key = format!("page:{round}");
        let token = vacant(&mut fixture.cache, &key);
        let kept = Filling { stale_ms: 100, cost_ms: 5, ..filling(100) };
        fixture.cache.fill(&text(&key), token, &Value::Integer(1), &kept).unwrap();
        fixture.platform.advance(20);
    }
    let rows = records(&mut fixture);
    assert!(rows < 30, "{rows} records of 10 live entries");
}

#[test]
fn the_default_time_to_live_counts_and_values_without_one_stay_fresh() {
    let mut fixture = Fixture::new();
    let token = vacant(&mut fixture.cache, "k");
    let for_ever =
        Filling { options: SetOptions { ttl: Expiry::Default, ..plain() }, stale_ms: 5, ..Filling::default() };
    fixture.cache.fill(&text("k"), token, &Value::Integer(1), &for_ever).unwrap();
    fixture.platform.advance(u32::MAX);
    assert_eq!(hit(&mut fixture.cache, "k"), 1);
}

#[test]
fn a_value_slides_unless_it_may_be_stale() {
    let mut fixture = Fixture::new();
    let cache = &mut fixture.cache;
    let token = vacant(cache, "k");
    let sliding = Filling { options: SetOptions { sliding: true, ..lasting(1_000) }, ..Filling::default() };
    let both = Filling { stale_ms: 1, ..sliding.clone() };
    let refused = cache.fill(&text("k"), token, &Value::Integer(1), &both);
    assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    cache.fill(&text("k"), token, &Value::Integer(1), &sliding).unwrap();
    for _ in 0..5 {
        fixture.platform.advance(800);
        assert_eq!(hit(cache, "k"), 1);
    }
}

#[test]
fn keys_of_every_kind_have_their_own_vacancy() {
    let mut cache = Fixture::new().cache;
    let options = LookUp { lease_ms: 1_000, eagerness: 0.0 };
    let keys = [text("1"), Key::Bytes(b"1".to_vec()), Key::Integer(1), Key::Real(1.5), Key::Bytes(Vec::new())];
    for key in &keys {
        assert!(matches!(cache.look_up(key, &options), Ok(Answer::Vacant(_, None))), "{key}");
    }
    assert!(matches!(cache.look_up(&Key::Real(1.0), &options), Ok(Answer::Wait(0))), "the key 1 is the key 1.0");
    let nonsense = LookUp { eagerness: -1.0, ..options };
    assert!(matches!(cache.look_up(&text("x"), &nonsense), Err(Error::InvalidArgument(_))));
}
