//! What `--json` prints.
//!
//! A key or value is a JSON string for text and a JSON number for an integer or a real, which has
//! a point or an exponent. Bytes are `{"bytes": "…"}` in base64, and the reals that JSON has no
//! numbers for `{"real": "NaN"}`, `"inf"` or `"-inf"`. Times are milliseconds since the Unix epoch.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use larder::{Compression, Durability, Entry, Information, Key, Number, Policy, Value};
use serde::Serialize;

/// A key or value.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Scalar<'a> {
    Integer(i64),
    Finite(f64),
    Other { real: String },
    Text(&'a str),
    Bytes { bytes: String },
}

impl Scalar<'_> {
    fn real(real: f64) -> Self {
        if real.is_finite() { Self::Finite(real) } else { Self::Other { real: real.to_string() } }
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes { bytes: STANDARD.encode(bytes) }
    }
}

impl<'a> From<&'a Key<'_>> for Scalar<'a> {
    fn from(key: &'a Key<'_>) -> Self {
        match key {
            Key::Integer(integer) => Self::Integer(*integer),
            Key::Real(real) => Self::real(*real),
            Key::Text(text) => Self::Text(text),
            Key::Bytes(bytes) => Self::bytes(bytes),
        }
    }
}

impl<'a> From<&'a Value<'_>> for Scalar<'a> {
    fn from(value: &'a Value<'_>) -> Self {
        match value {
            Value::Integer(integer) => Self::Integer(*integer),
            Value::Real(real) => Self::real(*real),
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::bytes(bytes),
        }
    }
}

impl From<Number> for Scalar<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => Self::Integer(integer),
            Number::Real(real) => Self::real(real),
        }
    }
}

/// What `get` prints.
#[derive(Serialize)]
pub(crate) struct Found<'a> {
    key: Scalar<'a>,
    value: Scalar<'a>,
    r#type: &'static str,
    stored_ms: u64,
    expires_ms: Option<u64>,
    sliding: bool,
    accessed_ms: u64,
    hits: u64,
    size: u64,
    tags: &'a [String],
    version: u64,
}

impl<'a> Found<'a> {
    pub(crate) fn new(key: &'a Key<'_>, entry: &'a Entry) -> Self {
        let metadata = &entry.metadata;
        Self {
            key: key.into(),
            value: (&entry.value).into(),
            r#type: type_name(&entry.value),
            stored_ms: milliseconds(metadata.stored),
            expires_ms: metadata.expires.map(milliseconds),
            sliding: metadata.sliding,
            accessed_ms: milliseconds(metadata.accessed),
            hits: metadata.hits,
            size: metadata.size,
            tags: &metadata.tags,
            version: metadata.version,
        }
    }
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Integer(_) => "integer",
        Value::Real(_) => "real",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// What `set` and `add` print; `add` without a version if the key was taken.
#[derive(Serialize)]
pub(crate) struct Stored {
    pub(crate) version: Option<u64>,
}

/// What `incr` prints; no value if the key was absent and was to stay so.
#[derive(Serialize)]
pub(crate) struct Sum<'a> {
    pub(crate) value: Option<Scalar<'a>>,
}

/// What `touch` prints.
#[derive(Serialize)]
pub(crate) struct Touched {
    pub(crate) touched: bool,
}

/// What `delete`, `evict`, `expire`, `cull` and `clear` print.
#[derive(Serialize)]
pub(crate) struct Removed {
    pub(crate) removed: u64,
}

/// What `count` prints.
#[derive(Serialize)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) size: u64,
}

/// What `compact` prints.
#[derive(Serialize)]
pub(crate) struct Freed {
    pub(crate) freed: u64,
}

/// What `reshard` prints.
#[derive(Serialize)]
pub(crate) struct Resharded {
    /// How many shards there were.
    pub(crate) before: u32,
    /// How many there are.
    pub(crate) shards: u32,
    /// What was carried over: entries, and locks, limits and the like.
    pub(crate) carried: u64,
}

/// What work prints that Ctrl-C can end: what it has done, and whether that is all.
#[derive(Serialize)]
pub(crate) struct Ended<T> {
    #[serde(flatten)]
    pub(crate) done: T,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) interrupted: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What `queue push` prints.
#[derive(Serialize)]
pub(crate) struct Pushed {
    pub(crate) position: i64,
}

/// What `deque copy` prints.
#[derive(Serialize)]
pub(crate) struct Copied {
    pub(crate) copied: u64,
}

/// What `deque bound` prints.
#[derive(Serialize)]
pub(crate) struct Bound {
    pub(crate) bound: Option<u64>,
}

/// What `index set` prints.
#[derive(Serialize)]
pub(crate) struct Replaced {
    pub(crate) replaced: bool,
}

/// What `index items` prints, a line each.
#[derive(Serialize)]
pub(crate) struct IndexItem<'a> {
    pub(crate) key: Scalar<'a>,
    pub(crate) value: Scalar<'a>,
}

/// What `queue len`, `deque len`, `deque push`, `deque insert` and `index len` print.
#[derive(Serialize)]
pub(crate) struct Length {
    pub(crate) length: u64,
}

/// What `check` and `repair` print.
#[derive(Serialize)]
pub(crate) struct Checked {
    pub(crate) problems: Vec<Problem>,
}

/// Something that was found.
#[derive(Serialize)]
pub(crate) struct Problem {
    pub(crate) subject: String,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

impl From<larder::Problem> for Problem {
    fn from(problem: larder::Problem) -> Self {
        Self { subject: problem.subject, description: problem.description, remedy: problem.remedy }
    }
}

/// What `dump` prints if it writes to a file.
#[derive(Serialize)]
pub(crate) struct Dumped {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// What `load` prints.
#[derive(Serialize, Default, Clone, Copy)]
pub(crate) struct Loaded {
    pub(crate) loaded: u64,
    pub(crate) expired: u64,
}

/// What `import` prints.
#[derive(Serialize)]
pub(crate) struct ImportReport<'a> {
    #[serde(flatten)]
    pub(crate) report: &'a larder::ImportReport,
    pub(crate) nested: &'a [String],
}

/// What `info` and `init` print.
#[derive(Serialize)]
pub(crate) struct Settings {
    directory: String,
    format: u32,
    shards: u32,
    shared: bool,
    size_limit: Option<u64>,
    item_limit: Option<u64>,
    policy: &'static str,
    default_ttl_ms: Option<u64>,
    inline_threshold: u32,
    durability: &'static str,
    compression: &'static str,
    statistics: bool,
    count: u64,
    volume: u64,
}

impl Settings {
    pub(crate) fn new(directory: String, information: &Information) -> Self {
        Self {
            directory,
            format: information.format,
            shards: information.shards,
            shared: information.shared,
            size_limit: information.size_limit,
            item_limit: information.item_limit,
            policy: policy_name(information.policy),
            default_ttl_ms: information.default_ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
            inline_threshold: information.inline_threshold,
            durability: match information.durability {
                Durability::Relaxed => "relaxed",
                Durability::Full => "full",
            },
            compression: compression_name(information.compression),
            statistics: information.statistics,
            count: information.count,
            volume: information.volume,
        }
    }
}

/// The name of a compression, as `--compression` takes it.
pub(crate) fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    }
}

fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::None => "none",
        Policy::LeastRecentlyStored => "least-recently-stored",
        Policy::LeastRecentlyUsed => "least-recently-used",
        Policy::LeastFrequentlyUsed => "least-frequently-used",
    }
}

/// What `stats` prints.
#[derive(Serialize)]
pub(crate) struct Usage {
    pub(crate) count: u64,
    pub(crate) volume: u64,
    pub(crate) mean_size: Option<u64>,
    pub(crate) size_limit: Option<u64>,
    pub(crate) item_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recorded: Option<larder::Statistics>,
}

/// An error.
#[derive(Serialize)]
pub(crate) struct Failure {
    pub(crate) error: &'static str,
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value<'_>) -> String {
        serde_json::to_string(&Scalar::from(value)).unwrap()
    }

    #[test]
    fn every_value_has_json_that_tells_its_type() {
        for (value, json) in [
            (Value::from("a\"b\u{0}"), r#""a\"b\u0000""#),
            (Value::from(-7), "-7"),
            (Value::from(1.0), "1.0"),
            (Value::from(f64::NAN), r#"{"real":"NaN"}"#),
            (Value::from(f64::NEG_INFINITY), r#"{"real":"-inf"}"#),
            (Value::from(b"\x00\xff"), r#"{"bytes":"AP8="}"#),
        ] {
            assert_eq!(text(&value), json);
        }
    }
}
