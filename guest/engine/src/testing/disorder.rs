//! A damage that no checksum tells: rows that do not stand in the order of their numbers.

use std::ops::Range;
use std::path::Path;

/// Length of a page.
const PAGE: usize = 4096;
/// Length of the header of a leaf, behind which the places of its cells are.
const LEAF_HEADER: usize = 8;
/// What a leaf of a table with numbered rows begins with.
const LEAF: u8 = 13;

/// Gives a row of a table another number that takes as many bytes, and leaves it where it stands. For a
/// database nobody has open, and a number no row of another table has. Whether there was one.
pub fn disorder(database: &Path, from: i64, to: i64) -> bool {
    let Ok(mut bytes) = std::fs::read(database) else { return false };
    // The first page has no rows of ours.
    let found = bytes.chunks_mut(PAGE).skip(1).find_map(|page| Some((place_of(page, from.cast_unsigned())?, page)));
    let Some((place, page)) = found else { return false };
    for (index, byte) in page.get_mut(place).into_iter().flatten().rev().enumerate() {
        let seven = (to.cast_unsigned() >> (7 * index) & 0x7f).to_le_bytes()[0];
        *byte = if index == 0 { seven } else { seven | 0x80 };
    }
    std::fs::write(database, bytes).is_ok()
}

/// Where in a leaf the number of a row is.
fn place_of(page: &[u8], number: u64) -> Option<Range<usize>> {
    let two = |at: usize| Some(usize::from(u16::from_be_bytes(page.get(at..at + 2)?.try_into().ok()?)));
    let count = two(3).filter(|_| page.first() == Some(&LEAF))?;
    (0..count).find_map(|cell| {
        let cell = two(LEAF_HEADER + 2 * cell)?;
        // Behind the length of the row.
        let start = cell + varint(page.get(cell..)?)?.1;
        let (found, length) = varint(page.get(start..)?)?;
        (found == number).then_some(start..start + length)
    })
}

/// A number of up to 56 bits and how many bytes it takes,
/// <https://www.sqlite.org/fileformat2.html#varint>.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = bytes.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    let number = bytes.iter().take(length).fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((number, length))
}
