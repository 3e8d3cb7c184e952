//! The shapes a cache comes in.

use std::fmt;

use crate::component::World;

/// How a cache is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The logic, natively.
    Native,
    /// A component.
    Component(World),
}

/// A shape of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How it is run.
    pub through: Through,
    /// Over how many shards.
    pub shards: u32,
}

impl Shape {
    /// All that are tested.
    pub fn all() -> impl Iterator<Item = Self> {
        let ways = [Through::Native, Through::Component(World::Shared), Through::Component(World::Standalone)];
        ways.into_iter().flat_map(|through| [1, 4].map(|shards| Self { through, shards }))
    }

    /// Whether several can use a directory at once.
    pub fn is_shared(self) -> bool {
        self.through != Through::Component(World::Standalone)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let through = match self.through {
            Through::Native => "native",
            Through::Component(World::Shared) => "shared",
            Through::Component(World::Standalone) => "standalone",
        };
        let shards = if self.shards == 1 { "one shard" } else { "sharded" };
        write!(formatter, "{through}, {shards}")
    }
}
