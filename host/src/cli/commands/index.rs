//! `larder index`.

use clap::{Args, Subcommand};
use larder::{Cache, Index, IndexScan, Key, Plain, Value};

use super::deque::{length, names, show};
use super::keys::Order;
use crate::cli::failure::Failure;
use crate::cli::key::{KeyArgument, KeyType};
use crate::cli::selection::KeySelectionArguments;
use crate::cli::session::Session;
use crate::cli::value::ValueArgument;
use crate::cli::{Outcome, json, key, output};

/// Use indexes: mappings that are never evicted and keep the order in which keys came in
///
/// An index needs no making.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder index set ports web 8080
  larder index get ports web
  larder index items ports --order key")]
pub(crate) struct Indexes {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Subcommand)]
enum Action {
    /// Print the value under a key; exits with 1 if there is none
    #[command(after_help = "Example:\n  larder index get ports web")]
    Get(Keyed),
    /// Store a value, whatever was there; the key keeps its place
    #[command(after_help = "Example:\n  larder index set ports web 8080")]
    Set(Pair),
    /// Print the value under a key, after storing this one if there was none
    #[command(after_help = "Example:\n  larder index default ports web 8080")]
    Default(Pair),
    /// Remove a key; exits with 1 if it was not there
    #[command(after_help = "Example:\n  larder index delete ports web")]
    Delete(Keyed),
    /// Print the value under a key and remove it; exits with 1 if there is none
    #[command(after_help = "Example:\n  larder index pop ports web")]
    Pop(Keyed),
    /// List keys
    #[command(after_help = "Example:\n  larder index keys ports --prefix w --order key")]
    Keys(Scan),
    /// List keys with their values, a JSON object on each line
    #[command(after_help = "Example:\n  larder index items ports --reverse --limit 1")]
    Items(Scan),
    /// Print the number of keys; exits with 1 if there are none
    #[command(after_help = "Example:\n  larder index len ports")]
    Len(Named),
    /// Remove all keys
    #[command(after_help = "Example:\n  larder index clear ports")]
    Clear(Named),
    /// Print the names of all indexes that hold something
    #[command(after_help = "Example:\n  larder index list")]
    List,
}

/// Which index.
#[derive(Args)]
struct Named {
    /// Name of the index
    index: String,
}

/// Which key of which index.
#[derive(Args)]
struct Keyed {
    /// Name of the index
    index: String,
    #[command(flatten)]
    key: KeyArgument,
}

/// A key and a value.
#[derive(Args)]
struct Pair {
    #[command(flatten)]
    keyed: Keyed,
    #[command(flatten)]
    value: ValueArgument,
}

/// Which keys, in which order.
#[derive(Args)]
struct Scan {
    /// Name of the index
    index: String,

    #[command(flatten)]
    keys: KeySelectionArguments,

    /// How --prefix, --from and --to are written
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// The order: in which keys came in, or by key
    #[arg(long, value_enum, default_value_t)]
    order: Order,

    /// Begin at the end
    #[arg(long)]
    reverse: bool,

    /// List at most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

fn index(cache: &Cache, name: &str) -> Index<Key<'static>, Value<'static>, Plain> {
    cache.index_plain(name)
}

impl Indexes {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let open = |name: &str| Ok::<_, Failure>(index(&session.open()?, name));
        let read = |name: &str| Ok::<_, Failure>(index(&session.open_to_read()?, name));
        match &self.action {
            Action::Get(keyed) => show(session, read(&keyed.index)?.get(keyed.key.key()?)?),
            Action::Set(pair) => {
                let (key, value) = (pair.keyed.key.key()?, pair.value.read()?);
                let replaced = index(&session.open_or_create()?, &pair.keyed.index).set(key, &value)?;
                session.confirm_json(&json::Replaced { replaced })?;
                Ok(Outcome::Done)
            }
            Action::Default(pair) => {
                let (key, value) = (pair.keyed.key.key()?, pair.value.read()?);
                let value = index(&session.open_or_create()?, &pair.keyed.index).set_default(key, &value)?;
                show(session, Some(value))
            }
            Action::Delete(keyed) => {
                let removed = u64::from(open(&keyed.index)?.delete(keyed.key.key()?)?);
                session.confirm_json(&json::Removed { removed })?;
                Ok(Outcome::done(removed > 0))
            }
            Action::Pop(keyed) => show(session, open(&keyed.index)?.pop(keyed.key.key()?)?),
            Action::Keys(scan) => scan.keys(session),
            Action::Items(scan) => scan.items(session),
            Action::Len(named) => length(session, read(&named.index)?.len()?),
            Action::Clear(named) => {
                let removed = open(&named.index)?.clear()?;
                let keys = if removed == 1 { "key" } else { "keys" };
                session.confirm(&json::Removed { removed }, &format!("removed {removed} {keys}"))?;
                Ok(Outcome::done(removed > 0))
            }
            Action::List => names(session, &session.open_to_read()?.indexes()?),
        }
    }
}

impl Scan {
    fn scan(&self) -> Result<IndexScan, Failure> {
        let selection = self.keys.selection(self.key_type)?;
        Ok(IndexScan { selection, order: self.order.into(), reverse: self.reverse })
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    fn keys(&self, session: &Session) -> Result<Outcome, Failure> {
        let keys = index(&session.open_to_read()?, &self.index).keys_of(&self.scan()?)?;
        let mut lines = output::Lines::new();
        for found in keys.take(self.limit()) {
            let found = found?;
            if session.json() {
                lines.json(&json::Scalar::from(&found))?;
            } else {
                lines.bytes(key::show(&found).as_bytes())?;
            }
        }
        lines.end()
    }

    fn items(&self, session: &Session) -> Result<Outcome, Failure> {
        let items = index(&session.open_to_read()?, &self.index).items_of(&self.scan()?)?;
        let mut lines = output::Lines::new();
        for item in items.take(self.limit()) {
            let (key, value) = item?;
            lines.json(&json::IndexItem { key: (&key).into(), value: (&value).into() })?;
        }
        lines.end()
    }
}
