//! A crawler whose work outlives it: threads, and as many processes as one likes, share which pages are to be
//! fetched, what they are, and how often they may be fetched. Killed at any moment it goes on where it
//! was, and once it is through, there is nothing left to do.
//!
//! `cargo run --example web-crawler [DIRECTORY]`; run it twice, or in two shells at the same time. The
//! site it crawls is its own, on a port of this machine.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, Key, MemoOptions, Scan, Selection, SetOptions, Side};

/// Pages of the site.
const PAGES: u32 = 60;
/// How often all crawlers together may fetch: never more in any stretch of time as long as this.
const FETCHES: (u32, Duration) = (20, Duration::from_millis(100));

fn main() -> Result<(), Box<dyn Error>> {
    let cache = match std::env::args_os().nth(1) {
        Some(directory) => Cache::open(directory)?,
        None => Cache::temporary()?,
    };
    let (site, began) = (serve()?, Instant::now());
    start(&cache)?;
    let fetched = thread::scope(|scope| {
        let crawlers: Vec<_> = (0..4).map(|_| scope.spawn(|| crawl(&cache, site))).collect();
        crawlers
            .into_iter()
            .map(|crawler| crawler.join().map_err(|_| "a crawler panicked")?.map_err(Box::from))
            .sum::<Result<u32, Box<dyn Error>>>()
    })?;
    let pages = cache.measure(Selection::tag("page"), false)?.count;
    println!("fetched {fetched} pages in {:.1?}; {pages} are there", began.elapsed());
    assert_eq!(pages, u64::from(PAGES));
    Ok(())
}

/// Puts into the queue where to begin, and whatever a crawler that was killed had in its hands.
fn start(cache: &Cache) -> larder::Result<()> {
    discover(cache, "/page/0")?;
    let seen = Scan { selection: Selection::prefix("seen:"), ..Scan::default() };
    for key in cache.keys(&seen)? {
        let Key::Text(key) = key? else { continue };
        let path = key.trim_start_matches("seen:");
        if !cache.contains(format!("page:{path}"))? {
            // Perhaps it is in the queue already. That costs no second fetch.
            cache.push("paths", path, Side::Back, &SetOptions::new())?;
        }
    }
    Ok(())
}

/// Puts a page into the queue, unless somebody has done that before.
fn discover(cache: &Cache, path: &str) -> larder::Result<()> {
    // Both or neither, whenever a process dies.
    cache.transaction(|transaction| {
        if transaction.add(format!("seen:{path}"), 1, &SetOptions::new())?.is_some() {
            transaction.push("paths", path, Side::Back, &SetOptions::new())?;
        }
        Ok(())
    })
}

/// Fetches until nothing is left, nor can be found by another. Returns how often it has fetched.
fn crawl(cache: &Cache, site: SocketAddr) -> larder::Result<u32> {
    let politeness = cache.window_limit("fetches", FETCHES.0, FETCHES.1);
    // Held together by all who are at work; a crawler that dies holds it no longer than its lease.
    let working = cache.read_lock("working").lease(Duration::from_secs(2));
    let options = MemoOptions::new().tag("page");
    let mut fetched = 0;
    loop {
        let at_work = working.acquire()?;
        let Some(next) = cache.pull("paths", Side::Front)? else {
            drop(at_work);
            if working.holders()?.holders.is_empty() {
                return Ok(fetched);
            }
            // Somebody who works may find more.
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let path = next.entry.value.as_text().unwrap_or_default().to_owned();
        // Once, even if it came into the queue twice and two are at it.
        let page: Result<String, _> = cache.try_memoize(format!("page:{path}"), &options, || {
            politeness.take(1)?;
            fetched += 1;
            fetch(site, &path).map_err(|error| larder::Error::Io(error.to_string()))
        });
        for link in links(&page.map_err(|error| larder::Error::Failed(error.to_string()))?) {
            discover(cache, link)?;
        }
    }
}

fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// What stands under a path.
fn fetch(site: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(site)?;
    write!(connection, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    Ok(response.split_once("\r\n\r\n").map(|(_, page)| page.to_owned()).unwrap_or_default())
}

/// Offers the site on a port of this machine, as long as the program runs.
fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A visitor that has gone away is no concern of the site.
            let _ = answer(connection);
        }
    });
    Ok(address)
}

/// A page with links to others.
fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    let mut request = String::new();
    BufReader::new(&connection).read_line(&mut request)?;
    let number: u32 =
        request.split(' ').nth(1).and_then(|path| path.rsplit('/').next()?.parse().ok()).unwrap_or_default();
    let links = [number * 2 + 1, number * 2 + 2, number * 7 % PAGES];
    let links = links.iter().filter(|link| **link < PAGES);
    let page: Vec<String> = links.map(|link| format!("<a href=\"/page/{link}\">on</a>")).collect();
    write!(connection, "HTTP/1.0 200 OK\r\n\r\n{}", page.concat())
}
