//! What is read of the WAL-index, to notice that its file was emptied or cut underneath.
//!
//! Layout in 32-bit words ("WAL-mode File Format", section 2). The first region begins with two
//! copies of a header of 12 words: word 2 counts changes, 3 begins with the flag that all is
//! initialised, 4 is the number of frames in the log. From word 34 on come the page numbers of
//! the first 4062 frames; every further region begins with those of the next 4096. A page number
//! is never 0. Word 4096 of each region begins a table of 8192 slots of 16 bits, in which a page
//! is found by its hash: where the search for a page that is there begins, the slot is never 0.

use super::region::Region;
use crate::optimistic::Header;

const CHANGES: usize = 2;
const FLAGS: usize = 3;
const FRAMES: usize = 4;
/// The read marks of slots 4 to 7; that of slot 3 is always 0.
const READ_MARKS: std::ops::Range<usize> = 26..30;
/// How many frames a read mark may stand behind the log without being moved.
const MARK_LAG: u32 = 64;
const HEADER: usize = size_of::<Header>() / size_of::<u32>();
const BOTH_HEADERS: usize = 2 * HEADER;
const FIRST_PAGE_NUMBER: usize = 34;
const TABLE: usize = 4096;
const TABLE_SLOTS: u32 = 8192;
const HASH_FACTOR: u32 = 383;
/// How often the header may change while it is looked whether frames are lost.
const ATTEMPTS: u32 = 100;
/// How many words a page of memory has. What is erased, is erased in such pieces at least.
const PIECE: usize = 1024;

/// How far the WAL-index had come at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    changes: u32,
    frames: u32,
}

impl Progress {
    /// For a reader that ignores the log, whose frames may be replaced meanwhile.
    pub(super) fn without_frames(self) -> Self {
        Self { frames: 0, ..self }
    }
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// A few places in every piece: for every read transaction.
    Sample,
    /// Every page number: before the log is copied into the database by them.
    Whole,
}

/// Reads how far the index has come; none if it is not initialised.
pub(super) fn progress(first: &Region) -> Option<Progress> {
    let initialised = first.word(FLAGS).to_ne_bytes()[0] == 1;
    initialised.then(|| Progress { changes: first.word(CHANGES), frames: first.word(FRAMES) })
}

/// A whole header.
pub(super) type Snapshot = Header;

/// The whole header; none if it is not initialised. Every commit changes it, before anything that
/// an earlier reader needs is overwritten.
pub(super) fn snapshot(first: &Region) -> Option<Snapshot> {
    let words = std::array::from_fn(|index| first.word(index));
    progress(first).map(|_| words)
}

/// Whether some read mark is close enough behind the end of the log that a reader need not move
/// one.
///
/// A mark keeps checkpoints from copying frames beyond it while it is in use; where it stands makes
/// no difference to what the reader sees. Moving it at every commit, as SQLite would, is half of
/// all locking that a write takes; standing a little behind costs a checkpoint that meets a reader
/// a few frames, which the next one copies.
pub(super) fn has_recent_mark(first: &Region) -> bool {
    let frames = first.word(FRAMES);
    READ_MARKS.map(|word| first.word(word)).any(|mark| mark > 0 && mark <= frames && frames - mark < MARK_LAG)
}

/// Says what is wrong with the index, if anything, given how far it had come before.
///
/// A reader relies on the page numbers of the frames there were when it began. They stay until it
/// ends, and the counter only grows, unless the index was lost and perhaps rebuilt meanwhile.
pub(super) fn damage_since(before: Progress, regions: &[Region]) -> Option<&'static str> {
    let Some(now) = progress(regions.first()?) else {
        return Some("the WAL-index was erased while in use");
    };
    if now.changes.wrapping_sub(before.changes).cast_signed() < 0 {
        return Some("the WAL-index was reset while in use");
    }
    has_lost_frames(before.frames, regions, Search::Sample).then_some("part of the WAL-index was erased while in use")
}

/// Whether the index lost frames it should have now. One that is not initialised has lost none:
/// SQLite makes it anew.
pub(super) fn is_damaged_now(regions: &[Region]) -> bool {
    let now = || regions.first().and_then(progress);
    let mut before = now();
    for _ in 0..ATTEMPTS {
        let Some(progress) = before else { return false };
        let lost = has_lost_frames(progress.frames, regions, Search::Whole);
        let after = now();
        if !lost || after == before {
            return lost;
        }
        // A writer began the log anew meanwhile: its first frame clears the numbers of the old.
        before = after;
    }
    // No writer does that again and again within moments.
    true
}

/// Makes the index one that is not initialised, so that whoever comes next makes it anew.
pub(super) fn invalidate(first: &Region) {
    for index in 0..BOTH_HEADERS {
        first.clear_word(index);
    }
}

fn has_lost_frames(frames: u32, regions: &[Region], search: Search) -> bool {
    let mut left = usize::try_from(frames).unwrap_or(usize::MAX);
    for (index, region) in regions.iter().enumerate() {
        let start = if index == 0 { FIRST_PAGE_NUMBER } else { 0 };
        let used = left.min(TABLE - start);
        let lost = match search {
            Search::Whole => (start..start + used).any(|word| region.word(word) == 0),
            Search::Sample => samples(start, start + used).any(|word| !is_findable(region, region.word(word))),
        };
        if lost {
            return true;
        }
        left -= used;
    }
    false
}

/// The first and the last of a range of words, and the first of each piece in it.
fn samples(start: usize, end: usize) -> impl Iterator<Item = usize> {
    let pieces = (start..end).next().into_iter().chain((PIECE..end).step_by(PIECE));
    pieces.chain(end.checked_sub(1).filter(|&last| last >= start))
}

fn is_findable(region: &Region, page_number: u32) -> bool {
    let slot = page_number.wrapping_mul(HASH_FACTOR) % TABLE_SLOTS;
    let pair = region.word(TABLE + usize::try_from(slot / 2).unwrap_or(0)).to_ne_bytes();
    let [a, b, c, d] = pair;
    let entry = if slot.is_multiple_of(2) { [a, b] } else { [c, d] };
    page_number != 0 && entry != [0, 0]
}
