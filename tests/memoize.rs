//! The attribute `memoize`, and memoization by hand.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use larder::{Cache, Error, Lookup, MemoError, MemoOptions, Scan, Selection, memoize};

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::temporary().unwrap());

const MINUTE: Duration = Duration::from_mins(1);

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// How often something was computed meanwhile on this thread.
fn runs<T>(work: impl FnOnce() -> T) -> (T, u32) {
    let before = RUNS.get();
    let value = work();
    (value, RUNS.get() - before)
}

fn ran() {
    RUNS.set(RUNS.get() + 1);
}

#[memoize(cache = CACHE, ttl = MINUTE, ignore(quiet))]
fn area(width: u64, height: u64, quiet: bool) -> u64 {
    ran();
    if !quiet {
        println!("{width} × {height}");
    }
    width * height
}

#[test]
fn a_function_is_computed_once_for_the_arguments_that_count() {
    assert_eq!(runs(|| (area(3, 4, true), area(3, 4, false))), ((12, 12), 1));
    assert_eq!(runs(|| (area(4, 3, true), area(34, 0, true))), ((12, 0), 2));
}

#[memoize(cache = CACHE)]
fn told_apart(first: Option<u8>, second: Option<&str>, third: Option<&str>) -> String {
    ran();
    format!("{first:?} {second:?} {third:?}")
}

#[test]
fn arguments_in_different_places_never_look_the_same() {
    let calls =
        [(Some(1), None, Some("a")), (Some(1), Some("a"), None), (None, Some("a"), Some("")), (None, None, None)];
    for (first, second, third) in calls {
        let (value, count) = runs(|| told_apart(first, second, third));
        assert_eq!((value, count), (format!("{first:?} {second:?} {third:?}"), 1));
    }
}

mod one {
    use super::{CACHE, memoize};

    pub(super) fn outer() -> String {
        #[memoize(cache = CACHE)]
        fn inner() -> String {
            "of outer".to_owned()
        }
        inner()
    }

    pub(super) fn other() -> String {
        #[memoize(cache = CACHE)]
        fn inner() -> String {
            "of other".to_owned()
        }
        inner()
    }
}

#[test]
fn functions_of_one_name_in_different_places_are_different() {
    assert_eq!((one::outer(), one::other()), ("of outer".to_owned(), "of other".to_owned()));
    assert_eq!((one::outer(), one::other()), ("of outer".to_owned(), "of other".to_owned()));
}

#[memoize(cache = CACHE, typed)]
fn width<T: serde::Serialize + 'static>(value: T) -> usize {
    ran();
    drop(value);
    size_of::<T>()
}

#[test]
fn types_make_a_difference_where_they_can() {
    assert_eq!(runs(|| (width(1_u8), width(1_u64), width(1_u8))), ((1, 8, 1), 2));
}

mod versions {
    use super::{CACHE, memoize, ran};

    #[memoize(cache = CACHE, name = "shared", version = 1)]
    pub(super) fn first(n: u32) -> u32 {
        ran();
        n + 1
    }

    #[memoize(cache = CACHE, name = "shared", version = 1)]
    pub(super) fn same(n: u32) -> u32 {
        ran();
        n + 1
    }

    #[memoize(cache = CACHE, name = "shared", version = 2)]
    pub(super) fn second(n: u32) -> u32 {
        ran();
        n + 2
    }
}

#[test]
fn a_name_is_shared_and_a_version_begins_anew() {
    assert_eq!(runs(|| (versions::first(1), versions::same(1), versions::second(1))), ((2, 2, 3), 2));
}

struct Shop {
    cache: Cache,
    rate: u32,
}

impl Shop {
    #[memoize(cache = self.cache, ttl = MINUTE, tag = "prices", tag = item, ignore(self))]
    fn price(&self, item: &str, mut pieces: u32) -> u32 {
        ran();
        pieces *= self.rate;
        pieces + u32::try_from(item.len()).unwrap()
    }
}

#[test]
fn a_method_is_kept_like_a_function_and_its_entries_carry_tags() {
    let (cheap, dear) = (Shop { cache: CACHE.clone(), rate: 1 }, Shop { cache: CACHE.clone(), rate: 9 });
    assert_eq!(runs(|| (cheap.price("tea", 2), dear.price("tea", 2), cheap.price("rice", 2))), ((5, 5, 6), 2));
    assert_eq!(CACHE.evict(Selection::tag("tea")).unwrap(), 1);
    assert_eq!(runs(|| (dear.price("tea", 2), dear.price("rice", 2))), ((21, 6), 1));
    assert_eq!(CACHE.evict(Selection::tag("prices")).unwrap(), 2);
}

#[memoize(cache = cache, options = options.clone(), ignore(cache, options, fails))]
fn fallible(cache: &Cache, options: &MemoOptions, n: u32, fails: bool) -> Result<u32, String> {
    ran();
    if fails {
        return Err(format!("{n} fails"));
    }
    let double = n.checked_mul(2).ok_or("too much")?;
    Ok(double)
}

#[test]
fn what_fails_is_not_kept() {
    let options = MemoOptions::new().ttl(MINUTE).tag("numbers");
    let call = |fails| fallible(&CACHE, &options, 5, fails);
    assert_eq!(runs(|| (call(true), call(true))), ((Err("5 fails".into()), Err("5 fails".into())), 2));
    assert_eq!(runs(|| (call(false), call(true))), ((Ok(10), Ok(10)), 1));
    assert_eq!(CACHE.evict(Selection::tag("numbers")).unwrap(), 1);
    assert_eq!(runs(|| call(false)), (Ok(10), 1));
}

#[test]
fn without_a_usable_cache_a_function_is_computed_all_the_same() {
    let cache = Cache::temporary().unwrap();
    cache.close().unwrap();
    let options = MemoOptions::new();
    assert_eq!(runs(|| fallible(&cache, &options, 7, false)), (Ok(14), 1));
}

#[memoize(cache = CACHE, ttl = MINUTE)]
async fn slow(n: u32) -> Result<u32, Error> {
    ran();
    futures_lite::future::yield_now().await;
    if n == 0 {
        return Err(Error::Closed);
    }
    Ok(n * 3)
}

#[test]
fn asynchronous_functions_are_kept_too() {
    let both = || futures_lite::future::block_on(async { (slow(2).await, slow(2).await, slow(0).await) });
    assert_eq!(runs(both), ((Ok(6), Ok(6), Err(Error::Closed)), 2));
}

#[test]
fn a_stale_value_is_handed_out_while_it_is_computed_in_the_background() {
    static COMPUTED: AtomicU32 = AtomicU32::new(0);
    let cache = Cache::temporary().unwrap();
    let options = MemoOptions::new().ttl(Duration::from_millis(20)).stale_while_revalidate(MINUTE);
    let value = || cache.memoize_in_background("k", &options, || COMPUTED.fetch_add(1, Ordering::SeqCst)).unwrap();
    assert_eq!((value(), value()), (0, 0));
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(value(), 0, "the old one, at once");
    let deadline = std::time::Instant::now() + MINUTE;
    while value() == 0 {
        assert!(std::time::Instant::now() < deadline);
    }
}

#[test]
fn a_failure_falls_back_upon_what_there_was() {
    let cache = Cache::temporary().unwrap();
    let options = MemoOptions::new()
        .ttl(Duration::from_millis(10))
        .stale_while_revalidate(MINUTE)
        .stale_if_error(MINUTE)
        .negative_ttl(MINUTE);
    assert_eq!(cache.try_memoize("k", &options, || Ok::<u32, String>(1)).unwrap(), 1);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(cache.try_memoize("k", &options, || Err::<u32, _>("down")).unwrap(), 1);
    assert_eq!(cache.try_memoize("k", &options, || -> Result<u32, String> { panic!("not so soon") }).unwrap(), 1);
    let fails = cache.try_memoize("other", &options, || Err::<u32, _>("down"));
    assert!(matches!(fails, Err(MemoError::Compute("down"))));
    let remembered = cache.memoize::<u32>("other", &options, || panic!("not so soon"));
    assert!(matches!(remembered, Err(Error::Failed(reason)) if reason == "down"));
}

#[test]
fn a_failure_falls_back_upon_what_may_not_be_handed_out_otherwise() {
    let cache = Cache::temporary().unwrap();
    let options = MemoOptions::new().ttl(Duration::from_millis(10)).stale_if_error(MINUTE);
    assert_eq!(cache.try_memoize("k", &options, || Ok::<u32, String>(1)).unwrap(), 1);
    assert_eq!(fallible(&cache, &options, 2, false), Ok(4));
    std::thread::sleep(Duration::from_millis(20));
    for _ in 0..2 {
        assert_eq!(cache.try_memoize("k", &options, || Err::<u32, _>("down")).unwrap(), 1);
        assert_eq!(fallible(&cache, &options, 2, true), Ok(4));
    }
    let asynchronous = cache.try_memoize_async("k", &options, || async { Err::<u32, _>("down") });
    assert_eq!(futures_lite::future::block_on(asynchronous).unwrap(), 1);
    let Lookup::Vacant(vacancy) = cache.lookup("k", &options).unwrap() else { panic!() };
    assert!(vacancy.last().is_some());
    drop(vacancy);
    assert_eq!(cache.memoize_in_background("k", &options, || 2).unwrap(), 2, "the old one is no answer");
}

#[test]
fn a_computation_that_panics_is_the_next_ones() {
    let cache = Cache::temporary().unwrap();
    let panicked = std::panic::catch_unwind(|| cache.memoize::<u32>("k", MINUTE, || panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!(cache.memoize("k", MINUTE, || 7).unwrap(), 7);
    assert_eq!(cache.keys(&Scan::default()).unwrap().count(), 1);
}

#[test]
fn who_waits_for_a_value_does_so_as_long_as_told() {
    let cache = Cache::temporary().unwrap();
    let options = MemoOptions::new().ttl(MINUTE).wait(Duration::from_millis(10));
    let Lookup::Vacant(vacancy) = cache.lookup("k", &options).unwrap() else { panic!() };
    let late = cache.memoize("k", &options, || 1);
    assert!(matches!(late, Err(Error::Timeout(_))), "{late:?}");
    assert!(vacancy.is_held());
    vacancy.fill(vec![9_u8, 9, 9], &options).unwrap();
    assert!(matches!(cache.memoize::<String>("k", &options, String::new), Err(Error::Encoding(_))));
}
