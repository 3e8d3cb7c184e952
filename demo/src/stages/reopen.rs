//! Everybody has closed the cache; it is opened again.

use std::time::Instant;

use anyhow::Result;

use crate::demo::Demo;

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    let start = Instant::now();
    let cache = demo.join()?;
    let opened = start.elapsed();
    let count = cache.count()?;
    let expected = demo.entries;
    let seen = format!("{count} of {expected} entries, opened in {:.1} ms", opened.as_secs_f64() * 1e3);
    demo.checks.note("a cache that is opened again has the same entries", count == expected, &seen);

    let problems = cache.check()?;
    let seen = match problems.first() {
        None => "no problem in databases, totals and value files".to_owned(),
        Some(first) => format!("{} problems, the first: {}: {}", problems.len(), first.subject, first.description),
    };
    demo.checks.note("the cache finds no damage in itself", problems.is_empty(), &seen);
    Ok(())
}
