//! Directories as they were made, and what an input does to the files in them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::Value as Column;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::draw::Draw;

/// Bytes of a page of a database.
const PAGE: usize = 4096;

/// A directory that is kept in memory and made again for each input.
pub(crate) struct Template {
    /// Path in the directory and content, in order.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Template {
    /// What is in a directory.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut files = Vec::new();
        let mut pending = vec![directory.to_owned()];
        while let Some(next) = pending.pop() {
            for child in fs::read_dir(next).unwrap() {
                let path = child.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    files.push((path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        Self { files }
    }

    /// Makes it again below a temporary directory, in which there is nothing else.
    pub(crate) fn make(&self) -> (TempDir, PathBuf) {
        let outside = crate::temporary();
        let directory = outside.path().join("inside");
        self.make_at(&directory);
        (outside, directory)
    }

    /// Makes it again in this place.
    pub(crate) fn make_at(&self, directory: &Path) {
        for (path, content) in &self.files {
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// The path of one of the files.
    pub(crate) fn pick(&self, draw: &mut Draw<'_>) -> &Path {
        &self.files.get(draw.below(self.files.len())).expect("a directory has files").0
    }

    /// The path of the first file with this ending.
    pub(crate) fn find(&self, ending: &str) -> &Path {
        let found = self.files.iter().find(|(path, _)| path.to_string_lossy().ends_with(ending));
        &found.expect("it is in every such directory").0
    }
}

/// Changes the content of a file, or puts something else in its place.
pub(crate) fn damage(path: &Path, draw: &mut Draw<'_>) {
    let Ok(mut content) = fs::read(path) else { return };
    let place = place(draw, content.len());
    match draw.byte() % 16 {
        0..=3 => overwrite(&mut content, place, &[draw.byte()]),
        4 | 5 => disorder(&mut content, place, draw),
        6..=8 => {
            let length = 1 + draw.below(16);
            overwrite(&mut content, place, draw.bytes(length));
        }
        9 => overwrite(&mut content, place, &draw.natural().to_be_bytes()),
        10 => overwrite(&mut content, place, &draw.natural().to_le_bytes()),
        11 => content.truncate(place),
        12 => content.extend_from_slice(draw.bytes(64)),
        13 => {
            // A page in place of another.
            let (from, to) = (place / PAGE * PAGE, draw.below(16) * PAGE);
            let page = content.get(from..(from + PAGE).min(content.len())).unwrap_or_default().to_vec();
            overwrite(&mut content, to, &page);
        }
        14 => return drop(fs::remove_file(path)),
        _ => {
            fs::remove_file(path).unwrap();
            return fs::create_dir(path).unwrap();
        }
    }
    fs::write(path, content).unwrap();
}

/// A place in a file: half of them where a change tells most, at its beginning.
fn place(draw: &mut Draw<'_>, length: usize) -> usize {
    if draw.flag() { draw.below(256) } else { draw.below(length.max(257)) }.min(length)
}

/// Lists the rows of a page in another order.
fn disorder(content: &mut [u8], place: usize, draw: &mut Draw<'_>) {
    let page = place / PAGE * PAGE;
    // Behind its header, which in the first page comes after that of the file, are two bytes for each row.
    let pointers = page + if page == 0 { 108 } else { 8 };
    let (one, another) = (pointers + 2 * draw.below(16), pointers + 2 * draw.below(16));
    if one.max(another) + 2 <= content.len() {
        content.swap(one, another);
        content.swap(one + 1, another + 1);
    }
}

fn overwrite(content: &mut [u8], place: usize, bytes: &[u8]) {
    content.iter_mut().skip(place).zip(bytes).for_each(|(old, new)| *old = *new);
}

/// Puts a wild value into a column of a row, as nobody does who keeps to the format.
pub(crate) fn tamper(database: &Path, draw: &mut Draw<'_>) {
    let Ok(connection) = Connection::open(database) else { return };
    let Ok(columns) = columns(&connection) else { return };
    let Some((table, column)) = columns.get(draw.below(columns.len())) else { return };
    let value = column_value(draw);
    let row = draw.byte() % 8;
    // Where the table does not let it, nothing is changed.
    let _ = connection.execute(
        &format!("UPDATE \"{table}\" SET \"{column}\" = ?1 WHERE \"{column}\" IS (SELECT \"{column}\" FROM \"{table}\" LIMIT 1 OFFSET ?2)"),
        params![value, row],
    );
}

/// All columns of all tables, with their tables.
fn columns(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT t.name, c.name FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY 1, 2",
    )?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// A value of any type.
pub(crate) fn column_value(draw: &mut Draw<'_>) -> Column {
    match draw.byte() % 8 {
        0 => Column::Null,
        1 => Column::Real(draw.real()),
        2 => Column::Text(draw.text()),
        3 => Column::Blob(draw.blob()),
        4 => Column::Text(draw.name()),
        _ => Column::Integer(draw.integer()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_made_again_as_it_was_and_damage_shows() {
        let original = crate::temporary();
        fs::create_dir(original.path().join("below")).unwrap();
        fs::write(original.path().join("below/file"), vec![7; 10_000]).unwrap();
        let template = Template::of(original.path());
        let (mut changed, rounds) = (0, 64);
        for round in 0..rounds {
            let (_outside, directory) = template.make();
            let path = directory.join(template.find("file"));
            assert_eq!(fs::read(&path).unwrap(), vec![7; 10_000]);
            damage(&path, &mut Draw::new(&[round, round, round, round, 0xff, 0xff, round, 1, 2, 3]));
            changed += u32::from(fs::read(&path).ok() != Some(vec![7; 10_000]));
        }
        assert!(changed > u32::from(rounds) / 2, "{changed}");
    }
}
