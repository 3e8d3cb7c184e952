//! Values in parts, cursors, and work in steps.

use larder_engine as engine;

use super::Native;
use super::convert::Answer;
use crate::component::types::{Error, Key, Progress, SetOptions};
use crate::component::wit::{Content, Scan, Task};

/// A value being written or read in parts, an enumeration, or work in steps.
pub enum Part {
    /// A value being written.
    Writer(engine::ValueWriter),
    /// A value being read.
    Reader(engine::ValueReader),
    /// An enumeration of keys.
    Cursor(engine::Cursor),
    /// Work in steps.
    Work(engine::Maintenance),
}

/// What a part must be for a call; anything else is a mistake of the test.
macro_rules! part {
    ($part:expr, $case:ident) => {
        match $part {
            Part::$case(part) => part,
            _ => panic!("this part is no {}", stringify!($case)),
        }
    };
}

impl Native {
    /// Begins to write a value in parts.
    pub fn write(&mut self, key: &Key, content: Content, options: &SetOptions) -> Result<Part, Error> {
        Ok(Part::Writer(self.cache.write(&key.into(), (&content).into(), &options.into())?))
    }

    /// `value-writer.write`
    pub fn append(&mut self, part: &mut Part, bytes: &[u8]) -> Result<(), Error> {
        Ok(part!(part, Writer).append(&mut self.cache, bytes)?)
    }

    /// `value-writer.finish`
    pub fn finish(&mut self, part: &mut Part) -> Result<u64, Error> {
        Ok(part!(part, Writer).finish(&mut self.cache)?)
    }

    /// Begins to read a value in parts.
    pub fn read(&mut self, key: &Key) -> Result<Option<Part>, Error> {
        Ok(self.cache.read(&key.into())?.map(Part::Reader))
    }

    /// `value-reader.size` and `value-reader.is-text`
    pub fn about(&mut self, part: &mut Part) -> (u64, bool) {
        let reader = part!(part, Reader);
        (reader.size(), reader.is_text())
    }

    /// `value-reader.seek`, then `value-reader.read`
    pub fn read_at(&mut self, part: &mut Part, place: u64, limit: u32) -> Result<Vec<u8>, Error> {
        let reader = part!(part, Reader);
        reader.seek(place)?;
        Ok(reader.read(limit)?.to_vec())
    }

    /// Begins an enumeration of keys.
    pub fn enumerate(&mut self, scan: &Scan) -> Result<Part, Error> {
        Ok(Part::Cursor(self.cache.scan(&scan.into())?))
    }

    /// `key-cursor.next`
    pub fn next_keys(&mut self, part: &mut Part, limit: u32) -> Result<Vec<Key>, Error> {
        Ok(part!(part, Cursor).next(&mut self.cache, limit)?.into_wit())
    }

    /// Begins work in steps.
    pub fn maintain(&mut self, task: &Task) -> Result<Part, Error> {
        Ok(Part::Work(self.cache.maintain(&task.into())?))
    }

    /// `maintenance.step`
    pub fn step(&mut self, part: &mut Part) -> Result<Progress, Error> {
        Ok(part!(part, Work).step(&mut self.cache)?.into_wit())
    }

    /// Gives up what was being written, and lets go of everything else.
    pub fn drop_part(&mut self, part: Part) {
        if let Part::Writer(mut writer) = part {
            writer.abandon(&mut self.cache);
        }
    }
}
