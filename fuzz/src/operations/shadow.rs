//! What is known of the entries of a cache, so that nothing wrong is taken for an answer.

use std::collections::BTreeMap;

use larder_engine::testing::same;
use larder_engine::{Expiry, Key, Value};

/// What is known. An entry that is not in it is not there.
///
/// What expires or may be evicted is there or not, but never with another value than the last. Anything that
/// may have changed entries in ways not followed here is [`Shadow::doubt`].
#[derive(Clone, Default)]
pub(super) struct Shadow {
    entries: BTreeMap<Key, Known>,
    /// Whether entries go by themselves: there is a limit, or a time to live for all.
    wanes: bool,
    /// Whether it is not known any more what is there.
    is_lost: bool,
}

#[derive(Clone)]
struct Known {
    value: Value,
    /// Whether it can not have gone.
    certain: bool,
}

impl Shadow {
    /// From now on entries may go by themselves.
    pub(super) fn wane(&mut self) {
        self.wanes = true;
        self.doubt();
    }

    /// Whether they do.
    pub(super) fn is_waning(&self) -> bool {
        self.wanes
    }

    /// Any entry may have gone.
    pub(super) fn doubt(&mut self) {
        self.entries.values_mut().for_each(|known| known.certain = false);
    }

    /// A key may have gone.
    pub(super) fn doubt_one(&mut self, key: &Key) {
        self.entries.entry(key.clone()).and_modify(|known| known.certain = false);
    }

    /// Nothing is known any more.
    pub(super) fn lose(&mut self) {
        *self = Self { is_lost: true, ..Self::default() };
    }

    /// A value was stored.
    pub(super) fn stored(&mut self, key: &Key, value: &Value, expiry: Expiry) {
        let certain = !self.wanes && !matches!(expiry, Expiry::After(_));
        if self.wanes {
            self.doubt();
        }
        self.entries.remove(key);
        self.entries.insert(key.clone(), Known { value: value.clone(), certain });
    }

    /// A key was removed.
    pub(super) fn removed(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    /// Everything was removed.
    pub(super) fn cleared(&mut self) {
        self.entries.clear();
    }

    /// Judges what was found under a key.
    pub(super) fn check(&self, key: &Key, found: Option<&Value>) {
        let known = self.entries.get(key);
        match (found, known) {
            _ if self.is_lost => {}
            (Some(found), Some(known)) => {
                assert!(same(found, &known.value), "{key} holds {found:?}, but {:?} was stored", known.value);
            }
            (Some(found), None) => panic!("{key} holds {found:?}, which is not to be there"),
            (None, Some(known)) => assert!(!known.certain, "{key} has gone, which held {:?}", known.value),
            (None, None) => {}
        }
    }

    /// Judges whether something is under a key.
    pub(super) fn check_presence(&self, key: &Key, is_there: bool) {
        let known = self.entries.get(key);
        let is_possible = if is_there { known.is_some() } else { known.is_none_or(|known| !known.certain) };
        assert!(self.is_lost || is_possible, "{key} is there: {is_there}");
    }

    /// Where something was stored.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.entries.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn key() -> Key {
        Key::Text("a".into())
    }

    fn refuses(shadow: &Shadow, found: Option<&Value>) -> bool {
        catch_unwind(AssertUnwindSafe(|| shadow.check(&key(), found))).is_err()
    }

    #[test]
    fn a_wrong_value_a_lost_entry_and_one_from_nowhere_are_refused() {
        let mut shadow = Shadow::default();
        assert!(refuses(&shadow, Some(&Value::Integer(1))));
        assert!(!refuses(&shadow, None));
        shadow.stored(&key(), &Value::Integer(1), Expiry::Never);
        assert!(!refuses(&shadow, Some(&Value::Integer(1))));
        assert!(refuses(&shadow, Some(&Value::Integer(2))));
        assert!(refuses(&shadow, Some(&Value::Real(1.0))));
        assert!(refuses(&shadow, None));
        assert!(catch_unwind(AssertUnwindSafe(|| shadow.check_presence(&key(), false))).is_err());
        shadow.removed(&key());
        assert!(refuses(&shadow, Some(&Value::Integer(1))));
    }

    #[test]
    fn what_may_have_gone_is_missed_by_nobody_but_never_has_another_value() {
        let mut shadow = Shadow::default();
        shadow.stored(&key(), &Value::Integer(1), Expiry::After(5));
        assert!(!refuses(&shadow, None));
        assert!(refuses(&shadow, Some(&Value::Integer(2))));
        shadow.stored(&key(), &Value::Integer(1), Expiry::Never);
        shadow.wane();
        assert!(!refuses(&shadow, None));
        shadow.lose();
        assert!(!refuses(&shadow, Some(&Value::Integer(2))));
    }
}
