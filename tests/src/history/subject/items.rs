//! Entries, one by one and many at a time.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use larder::{Cache, Draft, Entry, Error, Number, Order, Scan, Selection, SetOptions, ValueReader};

use super::{expiry, seen};
use crate::history::content::{decode, decode_part, encode, is_text};
use crate::history::event::Outcome;
use crate::history::operation::{Content, ItemAction, Life};
use crate::history::plan::{ITEM_PREFIX, Plan, item_key, tag_name, tag_of};

/// Bytes that are read or written at a time.
const PART: usize = 16 * 1024;

/// How an entry is stored.
fn options(item: u32, life: Life) -> SetOptions {
    let options = SetOptions::new().tag(tag_name(tag_of(item))).ttl(expiry(life.ttl_ms));
    if life.slides { options.sliding() } else { options }
}

fn found(entry: Option<Entry>) -> Outcome {
    Outcome::Entry(entry.map(|entry| (decode(&entry.value), entry.metadata.version)))
}

pub(super) fn perform(cache: &Cache, item: u32, action: ItemAction) -> Result<Outcome, Error> {
    let key = item_key(item);
    Ok(match action {
        ItemAction::Get => Outcome::Value(seen(cache.get(&key)?)),
        ItemAction::GetEntry | ItemAction::Observe => found(cache.get_entry(&key)?),
        ItemAction::GetRecent { max_age_ms } => {
            found(cache.get_recent(&key, Duration::from_millis(max_age_ms.into()))?)
        }
        ItemAction::Contains => Outcome::Flag(cache.contains(&key)?),
        ItemAction::Set { content, life } => {
            Outcome::Version(Some(cache.set_with(&key, encode(content), &options(item, life))?))
        }
        ItemAction::Add { content, life } => {
            Outcome::Version(cache.add(&key, encode(content), &options(item, life))?)
        }
        ItemAction::CompareAndSet { expected, content, life } => {
            Outcome::Version(cache.compare_and_set(&key, expected, encode(content), &options(item, life))?)
        }
        ItemAction::CompareAndDelete { expected } => Outcome::Flag(cache.compare_and_delete(&key, expected)?),
        ItemAction::Delete => Outcome::Flag(cache.delete(&key)?),
        ItemAction::Pop => found(cache.pop(&key)?),
        ItemAction::Touch { ttl_ms } => Outcome::Flag(cache.touch(&key, expiry(ttl_ms))?),
        ItemAction::Increment { delta } => {
            match cache.increment_with(&key, delta, Some(0.into()), &options(item, Life::LONG))? {
                Some(Number::Integer(sum)) => Outcome::Sum(sum),
                other => Outcome::Failed(format!("the sum is {other:?}")),
            }
        }
        ItemAction::Write { content, life } => Outcome::Version(write(cache, item, content, life, true)?),
        ItemAction::GiveUp { content } => {
            write(cache, item, content, Life::LONG, false)?;
            Outcome::Done
        }
        ItemAction::Read => read(cache, &key, whole)?,
        ItemAction::ReadRanges { at } => read(cache, &key, |reader| ranges(reader, at))?,
        ItemAction::Evict => evict(cache, tag_of(item))?,
    })
}

/// Stores a value in parts, and gives it up after half of them, or finishes it. Numbers have no parts.
fn write(cache: &Cache, item: u32, content: Content, life: Life, finishes: bool) -> Result<Option<u64>, Error> {
    let value = encode(content);
    let kind = match content {
        Content::Body { stamp, .. } if is_text(stamp) => larder::Content::Text,
        _ => larder::Content::Bytes,
    };
    let bytes = value.as_bytes().unwrap_or_default();
    let mut writer = cache.write(item_key(item), kind, &options(item, life))?;
    let given = if finishes { bytes } else { &bytes[..bytes.len() / 2] };
    for part in given.chunks(PART.max(bytes.len() / 8)) {
        writer.write_all(part)?;
    }
    if finishes { writer.finish().map(Some) } else { Ok(None) }
}

fn read(
    cache: &Cache,
    key: &str,
    look: impl FnOnce(&mut ValueReader) -> Result<Content, Error>,
) -> Result<Outcome, Error> {
    let reader = cache.read(key)?;
    let content = reader.map(|mut reader| look(&mut reader)).transpose()?;
    Ok(Outcome::Value(content))
}

fn whole(reader: &mut ValueReader) -> Result<Content, Error> {
    let size = size_of(reader);
    part(reader, 0, size)
}

/// Three ranges, which are all of one value.
fn ranges(reader: &mut ValueReader, at: u32) -> Result<Content, Error> {
    let (size, least) = (size_of(reader), Content::LEAST as usize);
    let end = size.saturating_sub(least);
    let middle = end.min(size / 1_000 * at as usize);
    let first = part(reader, middle, least.min(size))?;
    for (from, length) in [(0, least.max(size / 3)), (end, least)] {
        // Others may do something in between.
        std::thread::yield_now();
        if part(reader, from, length.min(size))? != first {
            return Ok(Content::Torn);
        }
    }
    Ok(first)
}

fn part(reader: &mut ValueReader, from: usize, length: usize) -> Result<Content, Error> {
    reader.seek(SeekFrom::Start(from as u64))?;
    let mut bytes = Vec::with_capacity(length);
    reader.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    let size = size_of(reader);
    Ok(if bytes.len() == length { decode_part(&bytes, from, size, reader.is_text()) } else { Content::Torn })
}

fn size_of(reader: &ValueReader) -> usize {
    usize::try_from(reader.size()).unwrap()
}

pub(super) fn evict(cache: &Cache, tag: u32) -> Result<Outcome, Error> {
    cache.evict(Selection::tag(tag_name(tag))).map(Outcome::Count)
}

pub(super) fn touch_many(cache: &Cache, plan: &Plan, tag: u32, ttl_ms: Option<u32>) -> Result<Outcome, Error> {
    cache.touch_many(plan.tagged(tag).map(item_key), expiry(ttl_ms)).map(Outcome::Flags)
}

pub(super) fn crowd(cache: &Cache, plan: &Plan, tag: u32) -> Result<Outcome, Error> {
    let drafts = (0..plan.crowd())
        .map(|number| Draft::new(format!("crowd:{tag}:{number}"), number).with(SetOptions::new().tag(tag_name(tag))));
    cache.set_many(drafts)?;
    Ok(Outcome::Done)
}

pub(super) fn scan(cache: &Cache, by_key: bool, reverse: bool) -> Result<Outcome, Error> {
    let order = if by_key { Order::Key } else { Order::Insertion };
    let selection = Selection::prefix(ITEM_PREFIX);
    let mut seen = Vec::new();
    for item in cache.items(&Scan { selection, order, reverse, ..Scan::default() })? {
        let item = item?;
        let number = item.key.as_text().and_then(|key| key.strip_prefix(ITEM_PREFIX)?.parse().ok());
        match number {
            Some(number) => seen.push((number, decode(&item.entry.value), item.entry.metadata.version)),
            None => return Ok(Outcome::Failed(format!("nobody has stored {:?}", item.key))),
        }
    }
    Ok(Outcome::Items(seen))
}
