//! `larder incr`.

use clap::Args;
use larder::Number;

use crate::cli::failure::Failure;
use crate::cli::json::Sum;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::value::EntryArguments;
use crate::cli::{Outcome, output};

/// Add to a number and print the sum
///
/// An absent number counts as 0. No two that do this at the same time get in each other's way.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder incr visits\n  larder incr stock -- -5\n  larder incr tickets --existing")]
pub(crate) struct Increment {
    #[command(flatten)]
    key: KeyArgument,

    /// What to add: an integer or a real
    #[arg(default_value = "1", allow_negative_numbers = true, value_parser = number)]
    delta: Number,

    /// What an absent number counts as
    #[arg(long, value_name = "NUMBER", default_value = "0", allow_negative_numbers = true, value_parser = number)]
    initial: Number,

    /// Leave an absent number absent, and exit with 1
    #[arg(long, conflicts_with = "initial")]
    existing: bool,

    #[command(flatten)]
    entry: EntryArguments,
}

impl Increment {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let (cache, initial) =
            if self.existing { (session.open()?, None) } else { (session.open_or_create()?, Some(self.initial)) };
        let sum = cache.increment_with(key, self.delta, initial, &self.entry.options())?;
        match sum {
            _ if session.json() => output::json(&Sum { value: sum.map(Into::into) })?,
            Some(Number::Integer(sum)) => output::line(&sum.to_string())?,
            Some(Number::Real(sum)) => output::line(&format!("{sum:?}"))?,
            None => {}
        }
        Ok(Outcome::done(sum.is_some()))
    }
}

fn number(text: &str) -> Result<Number, String> {
    if let Ok(integer) = text.parse() {
        return Ok(Number::Integer(integer));
    }
    // What looks like an integer but is beyond 64 bits must not silently lose digits.
    let digits = text.trim_start_matches(['-', '+']);
    match text.parse() {
        Ok(real) if !digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Number::Real(real)),
        _ => Err("neither a 64-bit integer nor a real".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_told_from_reals() {
        assert_eq!(number("-5"), Ok(Number::Integer(-5)));
        assert_eq!(number("5.0"), Ok(Number::Real(5.0)));
        assert_eq!(number("1e3"), Ok(Number::Real(1000.0)));
    }

    #[test]
    fn integers_beyond_64_bits_are_not_rounded() {
        assert!(number("9223372036854775808").is_err());
        assert!(number("-9223372036854775809").is_err());
        assert!(number("five").is_err());
    }
}
