//! What is done to a cache and to the model of it.

use larder_engine::{Changes, Expiry, Key, Limit, Policy, Selection, SetOptions, Side, Value};

use crate::support::text;

/// Times to live are multiples of this, in milliseconds; the clock moves by less, so that expiry is met often
/// and exactly.
const TICK: u64 = 10;
/// How far the wall clock is set back and forth, in milliseconds: further than it may step back unnoticed.
pub(super) const JUMP: i64 = 5000;
/// Number of keys.
pub(super) const KEYS: u8 = 12;
/// Number of queues.
pub(super) const QUEUES: u8 = 3;
/// How key names begin.
const BEGINNINGS: [&str; 3] = ["a", "b", "ab"];

pub(super) const POLICIES: [Policy; 4] =
    [Policy::None, Policy::LeastRecentlyStored, Policy::LeastRecentlyUsed, Policy::LeastFrequentlyUsed];

#[derive(Debug, Clone)]
pub(super) enum Operation {
    Get(u8),
    GetEntry(u8),
    /// With the greatest age, in milliseconds.
    GetRecent(u8, u8),
    GetMany(Vec<u8>),
    /// In parts of so many bytes.
    Read(u8, u32),
    Contains(u8),
    Set(u8, Content),
    SetMany(Vec<(u8, Content)>),
    /// In parts of so many bytes.
    Write(u8, u32, Content),
    Add(u8, Content),
    /// Over the version that is there, or over another.
    CompareAndSet(u8, bool, Content),
    CompareAndDelete(u8, bool),
    /// By so much, with a beginning if there is none.
    Increment(u8, i64, bool, Content),
    Touch(u8, Lasting),
    TouchMany(Vec<u8>, Lasting),
    Delete(u8),
    DeleteMany(Vec<u8>),
    Pop(u8),
    Push(u8, bool, Content),
    Pull(u8, bool),
    Peek(u8, bool),
    QueueLength(u8),
    /// Operations of which all happen or none.
    Transaction(Vec<Operation>, bool),
    /// Operations through a handle that only reads.
    LookOn(Vec<Operation>),
    Keys {
        choice: Choice,
        by_key: bool,
        reverse: bool,
        expired: bool,
    },
    Measure(Choice, bool),
    Evict(Choice),
    Expire,
    Cull,
    Clear,
    Compact,
    Configure(Setting),
    /// Time passes, in milliseconds.
    Advance(u8),
    /// Somebody sets the wall clock, by so many [`JUMP`]s.
    SetClock(i8),
    Reopen,
}

/// What is stored, and how.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) value: Stored,
    pub(super) lasting: Lasting,
    pub(super) sliding: bool,
    pub(super) tags: Vec<u8>,
}

/// A number, or bytes or text of this length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stored {
    Integer(i64),
    Bytes(u32),
    Text(u32),
}

/// A time to live, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lasting {
    Default,
    Never,
    After(u8),
}

/// Some of the entries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    All,
    Tag(u8),
    Prefix(u8),
    Queue(u8),
}

/// A setting that changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Setting {
    Policy(Policy),
    ItemLimit(Option<u64>),
    SizeLimit(Option<u64>),
    /// In ticks.
    DefaultTtl(Option<u8>),
    InlineThreshold(u32),
}

pub(super) fn name(key: u8) -> String {
    format!("{}{key}", BEGINNINGS[usize::from(key % 3)])
}

pub(super) fn tag_name(tag: u8) -> String {
    "t".repeat(usize::from(tag) + 1)
}

pub(super) fn beginning(number: u8) -> &'static str {
    BEGINNINGS[usize::from(number % 3)]
}

pub(super) fn side(front: bool) -> Side {
    if front { Side::Front } else { Side::Back }
}

pub(super) fn ticks(number: u8) -> u64 {
    u64::from(number) * TICK
}

impl Stored {
    pub(super) fn value(self) -> Value {
        let repeated = |length: u32| vec![b'a' + (length % 26) as u8; length as usize];
        match self {
            Self::Integer(integer) => Value::Integer(integer),
            Self::Bytes(length) => Value::Bytes(repeated(length)),
            Self::Text(length) => Value::Text(String::from_utf8(repeated(length)).unwrap()),
        }
    }

    pub(super) fn size(self) -> u64 {
        match self {
            Self::Integer(_) => 8,
            Self::Bytes(length) | Self::Text(length) => length.into(),
        }
    }
}

impl Lasting {
    pub(super) fn expiry(self) -> Expiry {
        match self {
            Self::Default => Expiry::Default,
            Self::Never => Expiry::Never,
            Self::After(number) => Expiry::After(ticks(number)),
        }
    }
}

impl Content {
    pub(super) fn options(&self) -> SetOptions {
        SetOptions {
            ttl: self.lasting.expiry(),
            tags: self.tags.iter().map(|tag| tag_name(*tag)).collect(),
            sliding: self.sliding,
        }
    }
}

impl Choice {
    pub(super) fn selection(self) -> Selection {
        match self {
            Self::All => Selection::All,
            Self::Tag(tag) => Selection::Tag(tag_name(tag)),
            Self::Prefix(prefix) => Selection::Prefix(text(beginning(prefix))),
            Self::Queue(queue) => Selection::Queue(name(queue)),
        }
    }
}

impl Setting {
    pub(super) fn changes(self) -> Changes {
        let limit = |most: Option<u64>| most.map_or(Limit::Unlimited, Limit::AtMost);
        let same = Changes::default();
        match self {
            Self::Policy(policy) => Changes { policy: Some(policy), ..same },
            Self::ItemLimit(most) => Changes { item_limit: limit(most), ..same },
            Self::SizeLimit(most) => Changes { size_limit: limit(most), ..same },
            Self::DefaultTtl(ttl) => {
                Changes { default_ttl: ttl.map_or(Expiry::Never, |ttl| Expiry::After(ticks(ttl))), ..same }
            }
            Self::InlineThreshold(threshold) => Changes { inline_threshold: Some(threshold), ..same },
        }
    }
}

impl Operation {
    /// Whether a handle that only reads refuses it. What has nothing to do is not looked at so closely.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::SetMany(drafts) => !drafts.is_empty(),
            Self::DeleteMany(keys) | Self::TouchMany(keys, _) => !keys.is_empty(),
            Self::Get(_)
            | Self::GetEntry(_)
            | Self::GetRecent(..)
            | Self::GetMany(_)
            | Self::Read(..)
            | Self::Contains(_)
            | Self::Peek(..)
            | Self::QueueLength(_)
            | Self::Keys { .. }
            | Self::Measure(..)
            | Self::Advance(_)
            | Self::SetClock(_)
            | Self::Reopen
            | Self::LookOn(_) => false,
            _ => true,
        }
    }

    /// The policy that is to be in force from then on.
    pub(super) fn names_policy(&self) -> Option<Policy> {
        match self {
            Self::Configure(Setting::Policy(policy)) => Some(*policy),
            _ => None,
        }
    }

    /// How many operations it is, with those that are parts of it.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Transaction(parts, _) | Self::LookOn(parts) => 1 + parts.iter().map(Self::count).sum::<u64>(),
            _ => 1,
        }
    }
}

/// The key of an item as the model names it.
pub(super) fn key_of(key: u8) -> Key {
    text(&name(key))
}
