//! Labels.

use larder_tests::component::types::Error;
use larder_tests::component::wit::Selection;
use larder_tests::component::{everything, plain, tagged, text_key};

use crate::rule::{Topic, different, equal, holds, matched, refused};
use crate::words::{LARGE, bytes, fill, integer, labelled, names, of, put};
use larder_tests::value_files;

/// The entries with a tag.
fn with(tag: &str) -> Selection {
    Selection::Tag(tag.to_owned())
}

pub(crate) const TOPIC: Topic = Topic {
    title: "Tags",
    rules: &[
        matched("tag.stored", "`set` and `add` give an entry a tag, which is returned with it.", |cache| {
            cache.set(&text_key("a"), &integer(1), &tagged(&["t"]))?;
            cache.add(&text_key("b"), &integer(1), &tagged(&["t"]))?;
            for name in ["a", "b"] {
                equal(cache.get_entry(&text_key(name))?.map(|entry| entry.metadata.tags), Some(vec!["t".to_owned()]))?;
            }
            Ok(())
        }),
        different(
            "tag.many",
            "An entry has one tag at most.",
            "It has up to 64, and each finds it; order and repetition do not matter.",
            |cache| {
                cache.set(&text_key("a"), &integer(1), &tagged(&["y", "x", "y"]))?;
                cache.set(&text_key("b"), &integer(1), &tagged(&["y"]))?;
                equal(
                    cache.get_entry(&text_key("a"))?.map(|entry| entry.metadata.tags.join(" ")),
                    Some("x y".to_owned()),
                )?;
                equal((cache.evict(&with("x"))?, cache.evict(&with("y"))?), (1, 1))?;
                let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
                let many: Vec<&str> = many.iter().map(String::as_str).collect();
                cache.set(&text_key("c"), &integer(1), &tagged(&many[..64]))?;
                refused!(cache.set(&text_key("c"), &integer(1), &tagged(&many)), Error::InvalidArgument(_))
            },
        ),
        different(
            "tag.types",
            "A tag is text, bytes, a number or `None`; any other is an error after the value file was made.",
            "A tag is text, not empty, without NUL, of at most 1 KiB; any other is refused before anything is done.",
            |cache| {
                for wrong in ["", "a\0b"] {
                    refused!(cache.set(&text_key("key"), &integer(1), &tagged(&[wrong])), Error::InvalidArgument(_))?;
                }
                let longest = "x".repeat(1_024);
                cache.set(&text_key("key"), &integer(1), &tagged(&[&longest]))?;
                refused!(
                    cache.set(&text_key("key"), &integer(1), &tagged(&[&format!("{longest}x")])),
                    Error::TooLarge(_)
                )
            },
        ),
        matched("tag.replaced", "Storing again without a tag takes the tag away.", |cache| {
            cache.set(&text_key("key"), &integer(1), &tagged(&["t"]))?;
            put(cache, "key", 2)?;
            equal((cache.evict(&with("t"))?, cache.count()?), (0, 1))
        }),
        matched(
            "evict.exact",
            "`evict` removes all entries with a tag, expired ones too, and returns how many.",
            |cache| {
                fill(cache, 250, &tagged(&["t"]))?;
                cache.set(&text_key("expired"), &integer(1), &labelled(0, &["t"]))?;
                cache.set(&text_key("other"), &integer(1), &tagged(&["tt"]))?;
                put(cache, "none", 1)?;
                equal((cache.evict(&with("t"))?, cache.evict(&with("t"))?), (251, 0))?;
                equal(cache.keys(&everything(), 10)?, names(&["other", "none"]))
            },
        ),
        matched("evict.files", "`evict` removes value files, too.", |cache| {
            for name in ["a", "b"] {
                cache.set(&text_key(name), &bytes(LARGE), &tagged(&["t"]))?;
            }
            equal((cache.evict(&with("t"))?, value_files(cache.path()).len()), (2, 0))
        }),
        different(
            "evict.none",
            "`evict(None)` removes nothing.",
            "No entry has the empty tag, and to ask for it is the error `invalid-argument`.",
            |cache| {
                put(cache, "key", 1)?;
                refused!(cache.evict(&with("")), Error::InvalidArgument(_))?;
                equal(cache.count()?, 1)
            },
        ),
        different(
            "evict.selections",
            "Only a tag selects what `evict` removes.",
            "So does a prefix, a range of keys, or a queue.",
            |cache| {
                fill(cache, 10, &plain())?;
                put(cache, "a:1", 1)?;
                put(cache, "a:2", 1)?;
                equal(cache.evict(&Selection::Prefix(text_key("a:")))?, 2)?;
                equal((cache.evict(&Selection::All)?, cache.count()?), (10, 0))
            },
        ),
        different(
            "tag.listed",
            "Entries can not be listed or counted by tag.",
            "They can, in both orders, in time that goes with their number.",
            |cache| {
                for (name, tags) in [("c", &["t"][..]), ("a", &["t", "u"]), ("b", &["u"])] {
                    cache.set(&text_key(name), &integer(1), &tagged(tags))?;
                }
                equal(cache.keys(&of(with("t")), 1)?, names(&["a", "c"]))?;
                let scan = larder_tests::component::wit::Scan { selection: with("t"), ..everything() };
                equal(cache.keys(&scan, 1)?, names(&["c", "a"]))?;
                equal(cache.measure(&with("u"), false)?.count, 2)
            },
        ),
        different(
            "tag.index",
            "Tags have no index unless `create_tag_index` made one; without, `evict` reads the whole table.",
            "They always have one: what it takes to remove one of many is one step.",
            |cache| {
                fill(cache, 2_000, &plain())?;
                cache.set(&text_key("key"), &integer(1), &tagged(&["t"]))?;
                let mut work = cache.maintain(&larder_tests::component::wit::Task::Evict(with("t")))?;
                let mut steps = 0;
                let progress = loop {
                    let progress = cache.step(&mut work)?;
                    steps += 1;
                    if progress.finished {
                        break progress;
                    }
                };
                cache.drop_part(work);
                equal((progress.done, progress.total), (1, 1))?;
                holds(steps <= 2, "no step went through entries without the tag")
            },
        ),
    ],
};
