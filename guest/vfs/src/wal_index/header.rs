//! What is read of the WAL-index, to notice that its file was emptied or cut underneath.
//!
//! Layout in 32-bit words of the first region ("WAL-mode File Format", section 2): 2 is the
//! counter of changes, 3 begins with the flag that all is initialised, 4 the number of frames.
//! 34 words come before the page numbers of the first 4062 frames; every further region begins
//! with the page numbers of the next 4096. A page number is never 0.

use super::region::Region;

const CHANGES: usize = 2;
const FLAGS: usize = 3;
const FRAMES: usize = 4;
const HEADER_WORDS: usize = 34;
const FIRST_REGION_FRAMES: u32 = 4062;
const REGION_FRAMES: u32 = 4096;

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

/// Reads how far the index has come; none if it is not initialised.
pub(super) fn progress(first: &Region) -> Option<Progress> {
    let initialised = first.word(FLAGS).to_ne_bytes()[0] == 1;
    initialised.then(|| Progress { changes: first.word(CHANGES), frames: first.word(FRAMES) })
}

/// Says what is wrong with the index, if anything, given how far it had come before.
///
/// A reader relies on the page numbers of the frames there were when it began. They stay until it
/// ends, and the counter only grows, unless the index was lost and perhaps rebuilt meanwhile.
pub(super) fn damage_since(before: Progress, regions: &[Region]) -> Option<&'static str> {
    let first = regions.first()?;
    let Some(now) = progress(first) else {
        return Some("the WAL-index was erased while in use");
    };
    if now.changes.wrapping_sub(before.changes).cast_signed() < 0 {
        return Some("the WAL-index was reset while in use");
    }
    let mut frames_before = 0;
    for (index, region) in regions.iter().enumerate() {
        if frames_before >= before.frames {
            break;
        }
        let first_page_number = region.word(if index == 0 { HEADER_WORDS } else { 0 });
        if first_page_number == 0 {
            return Some("part of the WAL-index was erased while in use");
        }
        frames_before += if index == 0 { FIRST_REGION_FRAMES } else { REGION_FRAMES };
    }
    None
}
