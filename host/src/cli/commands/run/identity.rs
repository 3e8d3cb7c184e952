//! What makes a command the same command.

use std::ffi::{OsStr, OsString};
use std::{env, io};

use sha2::{Digest, Sha256};

use crate::cli::key::to_hex;

/// What the keys of recordings begin with.
const PREFIX: &str = "run:";

/// Names the encoding that is hashed. Changes with it.
const ENCODING: &[u8] = b"larder run 1";

/// What tells commands apart: the key their recordings are stored under.
pub(super) struct Identity {
    key: String,
}

impl Identity {
    /// The identity that a user has chosen.
    pub(super) fn named(name: &str) -> Self {
        Self { key: format!("{PREFIX}{name}") }
    }

    /// That of a command in the current directory and environment, of which the variables named
    /// count.
    pub(super) fn of(command: &[OsString], variables: &[String]) -> io::Result<Self> {
        let directory = env::current_dir()?;
        let mut names: Vec<_> = variables.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let environment: Vec<_> = names.into_iter().map(|name| (name, env::var_os(name))).collect();
        Ok(Self::of_parts(command, directory.as_os_str(), &environment))
    }

    /// Hashes every part with its length before it, and every list with its number of parts: so no
    /// two commands have the same encoding.
    fn of_parts(command: &[OsString], directory: &OsStr, environment: &[(&str, Option<OsString>)]) -> Self {
        let mut hash = Encoding(Sha256::new());
        hash.part(ENCODING);
        hash.number(command.len());
        for argument in command {
            hash.part(argument.as_encoded_bytes());
        }
        hash.part(directory.as_encoded_bytes());
        hash.number(environment.len());
        for (name, value) in environment {
            hash.part(name.as_bytes());
            hash.number(usize::from(value.is_some()));
            hash.part(value.as_deref().unwrap_or_default().as_encoded_bytes());
        }
        Self { key: format!("{PREFIX}{}", to_hex(&hash.0.finalize())) }
    }

    /// The key of the recording.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

struct Encoding(Sha256);

impl Encoding {
    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn part(&mut self, part: &[u8]) {
        self.number(part.len());
        self.0.update(part);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn key(command: &[&str], directory: &str, environment: &[(&str, Option<&str>)]) -> String {
        let command: Vec<_> = command.iter().map(OsString::from).collect();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.map(OsString::from))).collect();
        Identity::of_parts(&command, OsStr::new(directory), &environment).key
    }

    #[test]
    fn every_part_counts_and_so_does_where_it_ends() {
        let keys = [
            key(&["ls"], "/", &[]),
            key(&["ls", ""], "/", &[]),
            key(&["l", "s"], "/", &[]),
            key(&["ls", "/"], "/", &[]),
            key(&["ls"], "/x", &[]),
            key(&["ls"], "/", &[("A", None)]),
            key(&["ls"], "/", &[("A", Some(""))]),
            key(&["ls"], "/", &[("A", Some("b"))]),
            key(&["ls"], "/", &[("Ab", Some(""))]),
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn the_key_is_the_same_in_every_version() {
        // Another encoding needs another `ENCODING`.
        let expected = "run:9521108251a91cc470ee4e9bbf67adbec32a384938e433bf4c61f6305e2c6b8e";
        assert_eq!(key(&["ls", "-l"], "/tmp", &[("LANG", Some("C"))]), expected);
    }
}
