//! `larder keys`.

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};
use larder::{Key, Scan, Selection};

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::json::Scalar;
use crate::cli::key::{self, KeyType};
use crate::cli::selection::SelectionArguments;
use crate::cli::session::Session;

/// List keys
///
/// Prints text keys as they are, numbers in decimal, and bytes in hexadecimal, one on each line;
/// with --json as a JSON value on each line. Keys that may contain newlines are best told apart
/// with -0 or --json.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder keys --prefix page:
  larder keys --tag pages -0 | xargs -0 -n 1 larder get --
  larder keys --from 2024-01 --to 2024-02 --order key")]
pub(crate) struct Keys {
    #[command(flatten)]
    scan: ScanArguments,

    /// End each key with a NUL instead of a newline
    #[arg(long, short = '0', conflicts_with = "json")]
    null: bool,
}

/// Which entries, in which order.
#[derive(Args)]
pub(super) struct ScanArguments {
    #[command(flatten)]
    selection: SelectionArguments,

    /// Those of a queue; their keys are their positions
    #[arg(long, value_name = "QUEUE", conflicts_with_all = ["tag", "prefix", "from", "to"])]
    queue: Option<String>,

    /// The order: by when keys came in, or by key
    #[arg(long, value_enum, default_value_t)]
    order: Order,

    /// Begin at the end
    #[arg(long)]
    reverse: bool,

    /// Also list entries that have expired but are not removed yet
    #[arg(long)]
    expired: bool,

    /// List at most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,

    /// List only keys of this type; also how --prefix, --from and --to are written
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,
}

impl ScanArguments {
    /// What to enumerate.
    pub(super) fn scan(&self) -> Result<Scan, Failure> {
        let selection = match &self.queue {
            Some(queue) => Selection::queue(queue),
            None => self.selection.selection(self.key_type.unwrap_or_default())?,
        };
        Ok(Scan { selection, order: self.order.into(), reverse: self.reverse, expired: self.expired })
    }

    /// How many at most.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Whether a key is of the type asked for.
    pub(super) fn admits(&self, key: &Key<'_>) -> bool {
        self.key_type.is_none_or(|key_type| key_type == KeyType::of(key))
    }
}

/// The orders of [`larder::Order`].
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum Order {
    /// By when the key came in; storing again keeps the place
    #[default]
    Insertion,
    /// By key: numbers, text, bytes
    Key,
}

impl From<Order> for larder::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Insertion => Self::Insertion,
            Order::Key => Self::Key,
        }
    }
}

impl Keys {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let scan = self.scan.scan()?;
        let cache = session.open_to_read()?;
        let mut output = BufWriter::new(io::stdout().lock());
        let mut left = self.scan.limit();
        for key in cache.keys(&scan)? {
            if left == 0 {
                break;
            }
            let key = key?;
            if self.scan.admits(&key) {
                self.write(&mut output, &key, session.json()).map_err(Failure::Output)?;
                left -= 1;
            }
        }
        output.flush().map_err(Failure::Output)?;
        Ok(Outcome::Done)
    }

    fn write(&self, output: &mut impl Write, key: &Key<'_>, json: bool) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *output, &Scalar::from(key))?;
        } else {
            output.write_all(key::show(key).as_bytes())?;
        }
        output.write_all(if self.null { b"\0" } else { b"\n" })
    }
}
