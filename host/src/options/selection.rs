//! Which entries, and in which order.

use std::ops::Bound;

use crate::runtime::bindings::cache as wit;
use crate::value::Key;

/// Some of the entries.
///
/// ```
/// use larder::Selection;
/// let pages = Selection::prefix("page:");
/// let tagged = Selection::tag("en");
/// let hundred = Selection::range(1..=100);
/// # let _ = (pages, tagged, hundred);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// Those that bear this tag.
    Tag(String),
    /// Those whose text, or bytes, key begins with this text, or these bytes.
    Prefix(Key<'static>),
    /// Those with a key in this range.
    Range(Bound<Key<'static>>, Bound<Key<'static>>),
    /// The entries of a queue; their keys are their positions, as integers.
    Queue(String),
}

impl Selection {
    /// The entries with a tag.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::Tag(tag.into())
    }

    /// The entries whose key begins so.
    pub fn prefix<'k>(prefix: impl Into<Key<'k>>) -> Self {
        Self::Prefix(prefix.into().into_owned())
    }

    /// The entries of a queue.
    pub fn queue(queue: impl Into<String>) -> Self {
        Self::Queue(queue.into())
    }

    /// The entries in a range of keys.
    pub fn range<'k, K: Into<Key<'k>> + Clone>(range: impl std::ops::RangeBounds<K>) -> Self {
        let owned = |bound: Bound<&K>| bound.map(|key| key.clone().into().into_owned());
        Self::Range(owned(range.start_bound()), owned(range.end_bound()))
    }

    pub(crate) fn as_param(&self) -> wit::Selection<'_> {
        match self {
            Self::All => wit::Selection::All,
            Self::Tag(tag) => wit::Selection::Tag(tag),
            Self::Queue(queue) => wit::Selection::Queue(queue),
            Self::Prefix(key) => wit::Selection::Prefix(key.as_param()),
            Self::Range(start, end) => wit::Selection::Range(wit::KeyRange { start: bound(start), end: bound(end) }),
        }
    }
}

fn bound<'a>(bound: &'a Bound<Key<'static>>) -> wit::Bound<'a> {
    match bound {
        Bound::Unbounded => wit::Bound::Unbounded,
        Bound::Included(key) => wit::Bound::Included(key.as_param()),
        Bound::Excluded(key) => wit::Bound::Excluded(key.as_param()),
    }
}

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By when the key came in; storing again keeps the place.
    #[default]
    Insertion,
    /// By key.
    Key,
}

impl From<Order> for wit::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Insertion => Self::Insertion,
            Order::Key => Self::Key,
        }
    }
}

/// What to enumerate: by default all live entries in the order they came in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// Which entries.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// From the end.
    pub reverse: bool,
    /// Also those that have expired and were not removed yet.
    pub expired: bool,
}

impl Scan {
    pub(crate) fn as_param(&self) -> wit::Scan<'_> {
        wit::Scan {
            selection: self.selection.as_param(),
            order: self.order.into(),
            reverse: self.reverse,
            expired: self.expired,
        }
    }
}
