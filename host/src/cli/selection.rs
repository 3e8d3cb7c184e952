//! Which entries `keys` and `evict` are about.

use std::ffi::OsString;
use std::ops::Bound;

use clap::Args;
use larder::{Key, Selection};

use crate::cli::failure::Failure;
use crate::cli::key::KeyType;

/// Some of the entries: by tag, by prefix or by range.
#[derive(Args)]
pub(crate) struct SelectionArguments {
    /// Entries with this tag
    #[arg(long, conflicts_with_all = ["prefix", "from", "to"])]
    tag: Option<String>,

    #[command(flatten)]
    keys: KeySelectionArguments,
}

/// Some of the keys: by prefix or by range.
#[derive(Args)]
pub(crate) struct KeySelectionArguments {
    /// Entries whose key begins so; of text keys, or with `--key-type hex` of bytes
    #[arg(long, conflicts_with_all = ["from", "to"])]
    prefix: Option<OsString>,

    /// Entries from this key on, in key order: numbers, text, bytes
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    from: Option<OsString>,

    /// Entries up to this key, and without it
    #[arg(long, value_name = "KEY", allow_negative_numbers = true)]
    to: Option<OsString>,
}

impl SelectionArguments {
    /// The selection; keys are written as `key_type` says.
    pub(crate) fn selection(&self, key_type: KeyType) -> Result<Selection, Failure> {
        if let Some(tag) = &self.tag {
            return Ok(Selection::tag(tag));
        }
        self.keys.selection(key_type)
    }
}

impl KeySelectionArguments {
    /// The selection; keys are written as `key_type` says.
    pub(crate) fn selection(&self, key_type: KeyType) -> Result<Selection, Failure> {
        if let Some(prefix) = &self.prefix {
            return match key_type.parse(prefix)? {
                prefix @ (Key::Text(_) | Key::Bytes(_)) => Ok(Selection::Prefix(prefix)),
                Key::Integer(_) | Key::Real(_) => {
                    Err(Failure::Usage("numbers have no prefix: use --from and --to".into()))
                }
            };
        }
        let key = |argument: &Option<OsString>| argument.as_deref().map(|text| key_type.parse(text)).transpose();
        let start = key(&self.from)?.map_or(Bound::Unbounded, Bound::Included);
        let end = key(&self.to)?.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(match (start, end) {
            (Bound::Unbounded, Bound::Unbounded) => Selection::All,
            (start, end) => Selection::Range(start, end),
        })
    }
}
