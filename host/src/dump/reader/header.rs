//! Reading the header.

use std::collections::BTreeMap;
use std::io::Read;

use super::fields::{Fields, fill, repeated};
use super::head::Head;
use super::input::Input;
use crate::dump::entry::{Header, Setting};
use crate::dump::error::{Error, Result};
use crate::dump::{SETTING_LIMIT, SETTINGS_LIMIT, VERSION};

/// Reads the header. Anything that does not begin like a dump is said to be none.
pub(super) fn read<R: Read>(input: &mut Input<R>) -> Result<Header> {
    let mut fields = beginning(input)?;
    let found = input.unsigned("the version of the dump")?;
    if found != VERSION {
        return Err(Error::Version { found, known: VERSION });
    }
    let (mut created, mut shards, mut settings) = (None, None, None);
    while let Some((offset, name)) = fields.next(input)? {
        match name.as_str() {
            "larder-dump" => return Err(repeated(offset)),
            "created" => fill(&mut created, offset, input.unsigned("a time in milliseconds")?)?,
            "shards" => fill(&mut shards, offset, shard_count(input)?)?,
            "settings" => fill(&mut settings, offset, read_settings(input)?)?,
            _ => input.skip()?,
        }
    }
    let created_ms = required(created, input, "the field `created`")?;
    Ok(Header { created_ms, shards, settings: settings.unwrap_or_default() })
}

/// Enters the first map and reads its first name.
fn beginning<R: Read>(input: &mut Input<R>) -> Result<Fields> {
    let foreign = |error| match error {
        Error::Unexpected { found, .. } => Error::NotADump { found },
        Error::TooLarge { size, .. } => Error::NotADump { found: format!("a name of {size} bytes") },
        other => other,
    };
    let mut fields = Fields::enter(input, "the header of a dump").map_err(foreign)?;
    match fields.next(input).map_err(foreign)? {
        Some((_, name)) if name == "larder-dump" => Ok(fields),
        Some((_, name)) => Err(Error::NotADump { found: format!("a map with {name:?} in it") }),
        None => Err(Error::NotADump { found: "an empty map".to_owned() }),
    }
}

fn shard_count<R: Read>(input: &mut Input<R>) -> Result<u32> {
    const EXPECTED: &str = "a number of shards";
    let offset = input.offset();
    let count = input.unsigned(EXPECTED)?;
    u32::try_from(count).map_err(|_| Error::unexpected(offset, EXPECTED, format!("the integer {count}")))
}

fn read_settings<R: Read>(input: &mut Input<R>) -> Result<BTreeMap<String, Setting>> {
    let offset = input.offset();
    let mut fields = Fields::enter(input, "a map of settings")?;
    if fields.left > SETTINGS_LIMIT as u64 {
        let (what, limit) = ("the number of settings", SETTINGS_LIMIT as u64);
        return Err(Error::TooLarge { offset, what, size: fields.left, limit });
    }
    let mut settings = BTreeMap::new();
    while fields.left > 0 {
        fields.left -= 1;
        let offset = input.offset();
        let name = input.text("the name of a setting", SETTING_LIMIT)?;
        if settings.insert(name, read_setting(input)?).is_some() {
            return Err(repeated(offset));
        }
    }
    Ok(settings)
}

fn read_setting<R: Read>(input: &mut Input<R>) -> Result<Setting> {
    const EXPECTED: &str = "a setting: a boolean, a number or a text";
    match input.head(EXPECTED)? {
        (_, Head::Flag(flag)) => Ok(Setting::Flag(flag)),
        (_, Head::Unsigned(number)) => Ok(Setting::Number(number)),
        (offset, Head::Text(Some(size))) => {
            input.text_content(offset, size, "a setting", SETTING_LIMIT).map(Setting::Text)
        }
        (offset, other) => Err(Error::unexpected(offset, EXPECTED, other.describe())),
    }
}

fn required<T, R: Read>(field: Option<T>, input: &Input<R>, expected: &'static str) -> Result<T> {
    field.ok_or_else(|| Error::unexpected(input.offset(), expected, "the end of the map"))
}
