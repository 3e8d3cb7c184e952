//! Values in parts, cursors, and work in steps.

use super::{Running, Subject};
use crate::component::types::{Error, Key, Progress, SetOptions};
use crate::component::wit::{Content, Scan, Task};
use crate::{component, native};

/// A value being written or read in parts, an enumeration, or work in steps.
pub enum Part {
    /// Of the logic.
    Native(Box<native::Part>),
    /// Of a component.
    Component(component::Part),
}

/// Calls either kind with its kind of part.
macro_rules! either {
    ($subject:ident, $part:ident, |$cache:ident, $inner:ident| $call:expr) => {
        match (&mut $subject.cache, $part) {
            (Running::Native($cache), Part::Native($inner)) => $call,
            (Running::Component($cache), Part::Component($inner)) => $call,
            _ => panic!("a part of another cache"),
        }
    };
}

/// Begins a part of either kind.
macro_rules! begin {
    ($subject:ident, |$cache:ident| $call:expr) => {
        match &mut $subject.cache {
            Running::Native($cache) => Ok(Part::Native(Box::new($call?))),
            Running::Component($cache) => Ok(Part::Component($call?)),
            Running::Ended => Err(Error::Closed),
        }
    };
}

impl Subject {
    /// Begins to write a value in parts.
    pub fn write(&mut self, key: &Key, content: Content, options: &SetOptions) -> Result<Part, Error> {
        begin!(self, |cache| cache.write(key, content, options))
    }

    /// `value-writer.write`
    pub fn append(&mut self, part: &mut Part, bytes: &[u8]) -> Result<(), Error> {
        either!(self, part, |cache, part| cache.append(part, bytes))
    }

    /// `value-writer.finish`
    pub fn finish(&mut self, part: &mut Part) -> Result<u64, Error> {
        either!(self, part, |cache, part| cache.finish(part))
    }

    /// Begins to read a value in parts.
    pub fn read(&mut self, key: &Key) -> Result<Option<Part>, Error> {
        Ok(match &mut self.cache {
            Running::Native(cache) => cache.read(key)?.map(|part| Part::Native(Box::new(part))),
            Running::Component(cache) => cache.read(key)?.map(Part::Component),
            Running::Ended => return Err(Error::Closed),
        })
    }

    /// `value-reader.size` and `value-reader.is-text`
    pub fn about(&mut self, part: &mut Part) -> (u64, bool) {
        either!(self, part, |cache, part| cache.about(part))
    }

    /// `value-reader.seek`, then `value-reader.read`
    pub fn read_at(&mut self, part: &mut Part, place: u64, limit: u32) -> Result<Vec<u8>, Error> {
        either!(self, part, |cache, part| cache.read_at(part, place, limit))
    }

    /// Begins an enumeration of keys.
    pub fn enumerate(&mut self, scan: &Scan) -> Result<Part, Error> {
        begin!(self, |cache| cache.enumerate(scan))
    }

    /// `key-cursor.next`
    pub fn next_keys(&mut self, part: &mut Part, limit: u32) -> Result<Vec<Key>, Error> {
        either!(self, part, |cache, part| cache.next_keys(part, limit))
    }

    /// Begins work in steps.
    pub fn maintain(&mut self, task: &Task) -> Result<Part, Error> {
        begin!(self, |cache| cache.maintain(task))
    }

    /// `maintenance.step`
    pub fn step(&mut self, part: &mut Part) -> Result<Progress, Error> {
        either!(self, part, |cache, part| cache.step(part))
    }

    /// Gives up what was being written, and lets go of everything else.
    pub fn drop_part(&mut self, part: Part) {
        match (&mut self.cache, part) {
            (Running::Native(cache), Part::Native(part)) => cache.drop_part(*part),
            (Running::Component(cache), Part::Component(part)) => cache.drop_part(&part),
            _ => panic!("a part of another cache"),
        }
    }
}
