//! A tag is evicted, and exactly its entries are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Context, Result};
use larder::{Cache, Key, Scan, Selection};

use crate::demo::Demo;
use crate::latencies::Latencies;
use crate::table::Operation;
use crate::tree::SourceFile;

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    let tag = choose(&demo.tree.files).context("no files")?;
    let (gone, rest): (Vec<_>, Vec<_>) = demo.tree.files.iter().partition(|file| file.extension_tag() == tag);
    demo.entries = rest.len() as u64;

    let cache = demo.join()?;
    let (mut latencies, start) = (Latencies::default(), Instant::now());
    let evicted = latencies.measure(|| cache.evict(Selection::tag(&tag)))?;
    demo.measurements.operations.push(Operation { name: "evict tag", latencies, elapsed: start.elapsed() });

    let left = keys(&cache)?;
    let expected: BTreeSet<_> = rest.iter().map(|file| file.path.clone()).collect();
    let mut found = 0;
    for file in &gone {
        found += u64::from(cache.get(&file.path)?.is_some());
    }
    demo.measurements.count_reads(&cache.stats()?);
    demo.checks.note(
        &format!("evicting the tag \"{tag}\" removes its entries and no other"),
        evicted == gone.len() as u64 && found == 0 && left == expected,
        &format!(
            "{evicted} of {} removed, {found} still found, {} of {} others left",
            gone.len(),
            left.len(),
            expected.len()
        ),
    );
    Ok(())
}

/// The extension with the second-most files, so that there is much to remove and much to keep; the
/// only one, if there is only one.
fn choose(files: &[SourceFile]) -> Option<String> {
    let mut counts = BTreeMap::<_, usize>::new();
    for file in files {
        *counts.entry(file.extension_tag()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(tag, count)| (count, tag)).collect();
    counts.sort_unstable();
    counts.pop().map(|(_, first)| counts.pop().map_or(first, |(_, second)| second))
}

fn keys(cache: &Cache) -> Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for key in cache.keys(&Scan::default())? {
        if let Key::Text(text) = key? {
            keys.insert(text.into_owned());
        }
    }
    Ok(keys)
}
