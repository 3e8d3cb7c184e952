//! A process is killed while it stores, and what it had stored is there.

use anyhow::Result;
use larder::{Cache, Scan, Selection, Value};

use crate::demo::Demo;
use crate::tree::SourceTree;
use crate::worker::{ENDLESS_PREFIX, Worker, endless_file, endless_key};

/// What the process reported as stored, looked for afterwards.
struct Aftermath {
    whole: u64,
    lost: Vec<String>,
    torn: Vec<String>,
    /// Keys that the process has left.
    keys: u64,
}

pub(crate) fn run(demo: &mut Demo) -> Result<()> {
    // Another user has the cache open all the time.
    let witness = demo.join()?;
    let mut worker = Worker::start(&demo.cache, &demo.tree.root, &demo.tree.files, true)?;
    let enough = (demo.tree.files.len() / 4).clamp(1, 5000);
    let mut stored = 0;
    while stored < enough && worker.next_stored()?.is_some() {
        stored += 1;
    }
    worker.kill()?;
    // What it had reported, but nobody had read yet.
    while worker.next_stored()?.is_some() {
        stored += 1;
    }

    let seen = [inspect(&witness, &demo.tree, stored)?, inspect(&demo.join()?, &demo.tree, stored)?];
    let held = seen.iter().all(|aftermath| aftermath.is_sound(stored as u64));
    let [by_witness, by_other] = seen.each_ref().map(Aftermath::describe);
    let text = format!("{stored} values were stored; a witness finds {by_witness}; who comes later {by_other}");
    demo.checks.note("nothing that a killed process had stored is lost", held, &text);

    let removed = witness.evict(Selection::prefix(ENDLESS_PREFIX))?;
    let [first, ..] = &seen;
    demo.checks.note("others go on after the kill", removed == first.keys, &format!("{removed} of its keys removed"));
    Ok(())
}

impl Aftermath {
    /// Whether all that was reported is there, and besides at most the one value that could not be
    /// reported any more.
    fn is_sound(&self, stored: u64) -> bool {
        self.whole == stored && (stored..=stored + 1).contains(&self.keys)
    }

    fn describe(&self) -> String {
        let Self { whole, lost, torn, keys } = self;
        let mut text = format!("{keys} keys, {whole} values whole, {} lost, {} torn", lost.len(), torn.len());
        if let Some(first) = lost.first().or(torn.first()) {
            text = format!("{text} (the first {first})");
        }
        text
    }
}

fn inspect(cache: &Cache, tree: &SourceTree, stored: usize) -> Result<Aftermath> {
    let scan = Scan { selection: Selection::prefix(ENDLESS_PREFIX), ..Scan::default() };
    let mut aftermath = Aftermath { whole: 0, lost: Vec::new(), torn: Vec::new(), keys: 0 };
    for key in cache.keys(&scan)? {
        key?;
        aftermath.keys += 1;
    }
    for index in 0..stored {
        let key = endless_key(&tree.files, index)?;
        let content = endless_file(&tree.files, index)?.read(&tree.root)?;
        match cache.get(&key)? {
            None => aftermath.lost.push(key),
            Some(Value::Bytes(bytes)) if bytes == content => aftermath.whole += 1,
            Some(_) => aftermath.torn.push(key),
        }
    }
    Ok(aftermath)
}
