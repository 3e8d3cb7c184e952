//! A landing page that takes long to make and is asked for all the time: what visitors wait for, and how
//! many make it at the same time, under different ways to keep it.
//!
//! `cargo run --example landing-page [TIMES]`: everything takes so many times longer. With 10, a page takes
//! 200 ms, is good for a second, and ten visitors come for ten seconds each way.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, MemoOptions, SetOptions};

const VISITORS: u32 = 10;

/// What it takes to make the page, how long it is good, and how long visitors come.
#[derive(Clone, Copy)]
struct Times {
    cost: Duration,
    ttl: Duration,
    show: Duration,
}

/// What has come of one way.
struct Outcome {
    made: u32,
    most_at_once: u32,
    visits: u32,
    waited: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let factor = std::env::args().nth(1).map_or(Ok(1), |text| text.parse())?;
    let times = Times {
        cost: Duration::from_millis(20) * factor,
        ttl: Duration::from_millis(100) * factor,
        show: Duration::from_secs(1) * factor,
    };
    let cache = Cache::temporary()?;
    let (memo, once) = (MemoOptions::new().ttl(times.ttl), cache.lock("landing page"));
    let get_or_make = |key: &str, make: &dyn Fn() -> String| {
        if let Some(page) = cache.get_as(key)? {
            return Ok(page);
        }
        let page = make();
        cache.set_as(key, &page, &SetOptions::new().ttl(times.ttl))?;
        Ok(page)
    };
    println!("{VISITORS} visitors for {:?}; a page takes {:?} and is good for {:?}", times.show, times.cost, times.ttl);
    println!("{:<36} {:>6} {:>9} {:>7} {:>7}", "", "made", "at once", "visits", "waited");

    show("no cache", times, |make| Ok(make()))?;
    let stampede = show("get, else make and set", times, |make| get_or_make("plain", make))?;
    show("the same under a lock", times, |make| {
        let _guard = once.acquire()?;
        get_or_make("locked", make)
    })?;
    let memoized = show("memoize", times, |make| cache.memoize("memoized", &memo, make))?;
    for eagerness in [0.3, 1.0] {
        let early = memo.clone().refresh_early(eagerness);
        show(&format!("memoize, refreshed early ({eagerness})"), times, |make| cache.memoize("early", &early, make))?;
    }
    let early = memo.clone().refresh_early(1.0).stale_while_revalidate(times.ttl);
    let best = show("the same, and the old one meanwhile", times, |make| cache.memoize("stale", &early, make))?;

    assert!(stampede.most_at_once > 1, "all who miss make it");
    assert_eq!(memoized.most_at_once, 1);
    assert_eq!(best.most_at_once, 1);
    // For the first page all wait; after that, only who makes the next one does.
    assert!(best.waited <= best.made + VISITORS, "{} waited for {} pages", best.waited, best.made);
    Ok(())
}

/// Lets visitors ask for the page again and again, and prints what has come of it.
fn show(
    way: &str,
    times: Times,
    page: impl Fn(&dyn Fn() -> String) -> larder::Result<String> + Sync,
) -> Result<Outcome, Box<dyn Error>> {
    let (pages, at_once, most_at_once) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let make = || {
        most_at_once.fetch_max(at_once.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        thread::sleep(times.cost);
        at_once.fetch_sub(1, Ordering::Relaxed);
        format!("<html>number {}</html>", pages.fetch_add(1, Ordering::Relaxed))
    };
    let visitor = || {
        let (end, mut visits, mut waited) = (Instant::now() + times.show, 0, 0);
        while Instant::now() < end {
            let asked = Instant::now();
            page(&make)?;
            visits += 1;
            waited += u32::from(asked.elapsed() > times.cost / 2);
            thread::sleep(times.cost / 10);
        }
        Ok::<_, larder::Error>((visits, waited))
    };
    let counts = thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS).map(|_| scope.spawn(visitor)).collect();
        visitors
            .into_iter()
            .map(|one| one.join().map_err(|_| "a visitor panicked")?.map_err(Box::from))
            .collect::<Result<Vec<(u32, u32)>, Box<dyn Error>>>()
    })?;
    let outcome = Outcome {
        made: pages.into_inner(),
        most_at_once: most_at_once.into_inner(),
        visits: counts.iter().map(|(visits, _)| visits).sum(),
        waited: counts.iter().map(|(_, waited)| waited).sum(),
    };
    let Outcome { made, most_at_once, visits, waited } = outcome;
    println!("{way:<36} {made:>6} {most_at_once:>9} {visits:>7} {waited:>7}");
    Ok(outcome)
}
