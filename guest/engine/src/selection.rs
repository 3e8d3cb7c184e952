//! Which entries a scan or an eviction is about, as conditions in SQL.

use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::{check_queue, check_tag};

/// One end of a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Bound {
    /// No end.
    #[default]
    Unbounded,
    /// Up to this key and with it.
    Included(Key),
    /// Up to this key and without it.
    Excluded(Key),
}

/// Some of the entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// Those that bear a tag.
    Tag(String),
    /// Those whose text or bytes key begins like this one.
    Prefix(Key),
    /// Those between two keys.
    Range(Bound, Bound),
    /// Those of a queue.
    Queue(String),
}

/// A selection in the terms of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span {
    /// Entries with this tag.
    Tag(String),
    /// Entries between two keys.
    Keys(Bound, Bound),
    /// Entries of this queue.
    Queue(String),
}

impl Selection {
    /// The span of the selection; refuses what can not be.
    pub(crate) fn span(&self) -> Result<Span> {
        Ok(match self {
            Self::All => Span::Keys(Bound::Unbounded, Bound::Unbounded),
            Self::Tag(tag) => {
                check_tag(tag)?;
                Span::Tag(tag.clone())
            }
            Self::Queue(queue) => {
                check_queue(queue)?;
                Span::Queue(queue.clone())
            }
            Self::Prefix(prefix) => {
                prefix.validate()?;
                Span::Keys(Bound::Included(prefix.clone()), end_of_prefix(prefix)?)
            }
            Self::Range(start, end) => {
                for bound in [start, end] {
                    if let Bound::Included(key) | Bound::Excluded(key) = bound {
                        key.validate()?;
                    }
                }
                Span::Keys(start.clone(), end.clone())
            }
        })
    }
}

/// The least key behind all that begin with `prefix`.
fn end_of_prefix(prefix: &Key) -> Result<Bound> {
    Ok(match prefix {
        // Behind the last text comes the empty bytes key.
        Key::Text(text) => Bound::Excluded(next_text(text).map_or(Key::Bytes(Vec::new()), Key::Text)),
        Key::Bytes(bytes) => next_bytes(bytes).map_or(Bound::Unbounded, |next| Bound::Excluded(Key::Bytes(next))),
        Key::Integer(_) | Key::Real(_) => {
            return Err(Error::InvalidArgument(format!("a prefix must be text or bytes, not {prefix}")));
        }
    })
}

/// The least text greater than all that begin with `text`. The order of UTF-8 is that of the
/// characters.
fn next_text(text: &str) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    while let Some(last) = characters.pop() {
        // A range of characters steps over the surrogates by itself.
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

fn next_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(bytes);
        }
    }
    None
}

impl Bound {
    /// SQL that compares `key` with this end, with the parameter `name`; empty if unbounded.
    pub(crate) fn condition(&self, is_start: bool, name: &str) -> String {
        match (self, is_start) {
            (Self::Unbounded, _) => String::new(),
            (Self::Included(_), true) => format!(" AND key >= {name}"),
            (Self::Excluded(_), true) => format!(" AND key > {name}"),
            (Self::Included(_), false) => format!(" AND key <= {name}"),
            (Self::Excluded(_), false) => format!(" AND key < {name}"),
        }
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Self::Unbounded => None,
            Self::Included(key) | Self::Excluded(key) => Some(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contains(selection: &Selection, key: &Key) -> bool {
        let Span::Keys(start, end) = selection.span().unwrap() else { return false };
        let after = match &start {
            Bound::Unbounded => true,
            Bound::Included(start) => key >= start,
            Bound::Excluded(start) => key > start,
        };
        let before = match &end {
            Bound::Unbounded => true,
            Bound::Included(end) => key <= end,
            Bound::Excluded(end) => key < end,
        };
        after && before
    }

    proptest! {
        #[test]
        fn a_text_prefix_selects_exactly_what_begins_with_it(prefix in "[a-c\u{d7ff}\u{10ffff}]{0,3}", text in "[a-c\u{d7ff}\u{e000}\u{10ffff}]{0,4}") {
            let selection = Selection::Prefix(Key::Text(prefix.clone()));
            prop_assert_eq!(contains(&selection, &Key::Text(text.clone())), text.starts_with(&prefix));
            prop_assert!(!contains(&selection, &Key::Bytes(text.into_bytes())));
            prop_assert!(!contains(&selection, &Key::Integer(0)));
        }

        #[test]
        fn a_bytes_prefix_selects_exactly_what_begins_with_it(
            prefix in prop::collection::vec(253_u8.., 0..3), bytes in prop::collection::vec(252_u8.., 0..4)
        ) {
            let selection = Selection::Prefix(Key::Bytes(prefix.clone()));
            prop_assert_eq!(contains(&selection, &Key::Bytes(bytes.clone())), bytes.starts_with(&prefix));
            prop_assert!(!contains(&selection, &Key::Text(String::new())));
        }
    }

    #[test]
    fn a_number_is_no_prefix() {
        assert!(matches!(Selection::Prefix(Key::Integer(1)).span(), Err(Error::InvalidArgument(_))));
    }
}
