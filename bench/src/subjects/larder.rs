//! Larder through its host crate.

use std::path::Path;

use anyhow::Result;
use larder::{Cache, Value};

use super::Store;

/// An open cache.
pub(super) struct Larder(Cache);

impl Larder {
    /// Opens a cache, alone or for all.
    pub(super) fn open(directory: &Path, exclusive: bool) -> Result<Self> {
        Ok(Self(Cache::builder().exclusive(exclusive).open(directory)?))
    }
}

impl Store for Larder {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(match self.0.get(key)? {
            Some(Value::Bytes(bytes)) => Some(bytes.into_owned()),
            _ => None,
        })
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.set(key, value)?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        Ok(self.0.delete(key)?)
    }
}
