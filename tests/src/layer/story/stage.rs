//! Where a story takes place: a directory, a clock, a layer, and the handle that is open.

use std::path::{Path, PathBuf};

use super::{Fences, Places};
use crate::clock::Clock;
use crate::component::types::Error;
use crate::component::wit::{Changes, OpenOptions};
use crate::component::{Grant, Host, Instance, World, changes, options};
use crate::layer::Layer;

/// How long whoever opens waits for a lease that was left behind, in milliseconds.
const PATIENCE_MS: u32 = 5_000;
/// How long a lease and a wait last else.
const MOMENT_MS: u32 = 200;

/// A cache in a directory, as a story needs it.
pub struct Stage {
    world: World,
    directory: PathBuf,
    changes: Changes,
    /// What all operations go by.
    pub clock: Clock,
    /// What stands between, if anything does.
    pub layer: Option<Layer>,
    /// The last numbers of the locks.
    pub fences: Fences,
    /// What those who meet know of themselves.
    pub places: Places,
    cache: Option<Instance>,
}

impl Stage {
    /// Nothing is open at first.
    #[must_use]
    pub fn new(world: World, directory: &Path) -> Self {
        Self {
            world,
            directory: directory.to_owned(),
            changes: changes(),
            clock: Clock::default(),
            layer: None,
            fences: Fences::default(),
            places: Places::default(),
            cache: None,
        }
    }

    /// The same with a layer between.
    #[must_use]
    pub fn over(self, layer: &Layer) -> Self {
        Self { layer: Some(layer.clone()), ..self }
    }

    /// The same with settings that every opening asks for.
    #[must_use]
    pub fn asking_for(self, changes: Changes) -> Self {
        Self { changes, ..self }
    }

    /// What is used.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens the cache, and makes it of so many shards if there is none.
    ///
    /// # Errors
    ///
    /// Those of the component.
    pub fn open(&mut self, shards: Option<u32>) -> Result<(), Error> {
        self.open_waiting(shards, MOMENT_MS)
    }

    /// The same, by somebody who waits for the lease of one who has failed.
    ///
    /// # Errors
    ///
    /// Those of the component.
    pub fn open_patiently(&mut self, shards: Option<u32>) -> Result<(), Error> {
        self.open_waiting(shards, PATIENCE_MS)
    }

    /// Opens another handle beside the one of the story.
    ///
    /// # Errors
    ///
    /// Those of the component.
    pub fn open_beside(&self) -> Result<Instance, Error> {
        self.instance(None, MOMENT_MS)
    }

    fn open_waiting(&mut self, shards: Option<u32>, wait_ms: u32) -> Result<(), Error> {
        self.cache = None;
        self.cache = Some(self.instance(shards, wait_ms)?);
        Ok(())
    }

    fn instance(&self, shards: Option<u32>, wait_ms: u32) -> Result<Instance, Error> {
        let options = OpenOptions {
            shards,
            changes: self.changes,
            wait_ms: Some(wait_ms),
            lease_ms: Some(MOMENT_MS),
            ..options()
        };
        self.host().open_granting(self.grant(), "/cache", options)
    }

    fn host(&self) -> &'static Host {
        if self.layer.is_some() { Host::with_layer(self.world) } else { Host::of(self.world) }
    }

    fn grant(&self) -> Grant<'_> {
        Grant { clock: Some(self.clock.clone()), layer: self.layer.as_ref(), ..Grant::of(&self.directory) }
    }

    /// Whether the cache is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.cache.is_some()
    }

    /// The open cache.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn cache(&mut self) -> &mut Instance {
        self.cache.as_mut().expect("the cache is open")
    }

    /// Closes it and ends its instance.
    ///
    /// # Errors
    ///
    /// Those of the component.
    pub fn close(&mut self) -> Result<(), Error> {
        self.cache.take().map_or(Ok(()), |mut cache| cache.close())
    }

    /// Gives it another number of shards, and opens it again.
    ///
    /// # Errors
    ///
    /// Those of the component; then it may not be open.
    pub fn reshard(&mut self, shards: u32) -> Result<(), Error> {
        self.close()?;
        self.host().reshard_granting(self.grant(), shards, Some(MOMENT_MS), Some(MOMENT_MS))?;
        self.open(None)
    }
}
