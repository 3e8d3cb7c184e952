//! What a cache is for: values by key that outlive the program, expire, carry tags and stay below
//! a limit.
//!
//! `cargo run --example quickstart [DIRECTORY]`; without a directory the cache is a temporary one.

use std::collections::BTreeMap;
use std::error::Error;
use std::thread;
use std::time::Duration;

use larder::{Cache, Policy, Scan, Selection, SetOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let builder = Cache::builder().size_limit(64 << 20).policy(Policy::LeastRecentlyUsed);
    let cache = match std::env::args_os().nth(1) {
        Some(directory) => builder.open(directory)?,
        None => builder.open_temporary()?,
    };

    // Keys and values are text, bytes, integers or reals.
    cache.set("greeting", "hello")?;
    println!("greeting: {:?}", cache.get("greeting")?);

    // An entry that lives for a minute and bears a tag.
    let page = SetOptions::new().ttl(Duration::from_mins(1)).tag("pages");
    cache.set_with("page:/", b"<html>home</html>", &page)?;
    cache.set_with("page:/about", b"<html>about</html>", &page)?;

    // Any type that serde knows; it is read as the type that was stored.
    let scores: BTreeMap<String, u32> = [("Ada".into(), 3), ("Bob".into(), 5)].into();
    cache.set_as("scores", &scores, &SetOptions::new())?;
    let read: Option<BTreeMap<String, u32>> = cache.get_as("scores")?;
    assert_eq!(read, Some(scores));

    // Counted exactly, however many threads and processes count. A handle is cheap to clone.
    let counting: Vec<_> = (0..4)
        .map(|_| {
            let cache = cache.clone();
            thread::spawn(move || cache.increment("visits", 1))
        })
        .collect();
    for counter in counting {
        counter.join().map_err(|_| "a thread panicked")??;
    }
    println!("visits: {:?}", cache.get("visits")?);

    for key in cache.keys(&Scan::default())? {
        println!("key: {:?}", key?);
    }
    println!("pages removed: {}", cache.evict(Selection::tag("pages"))?);
    Ok(())
}
