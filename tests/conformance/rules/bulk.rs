//! Many keys at once.

use larder_tests::component::types::{Draft, Error, Expiry, Key};
use larder_tests::component::{plain, tagged, text_key};
use larder_tests::value_files;

use crate::rule::{Topic, different, equal, holds, refused};
use crate::words::{LARGE, bytes, fill, got, integer, labelled, numbers, put};

pub(crate) const TOPIC: Topic = Topic {
    title: "Many keys at once",
    rules: &[
        different(
            "many.get",
            "There is no `get_many`; a loop over `get` may see half of what another writes.",
            "`get-many` answers for each key, in the order asked, absent and repeated ones included.",
            |cache| {
                fill(cache, 300, &plain())?;
                let found = cache.get_many(&numbers([299, 1_000, 0, 299]))?;
                equal(found, [Some(integer(299)), None, Some(integer(0)), Some(integer(299))])
            },
        ),
        different(
            "many.set",
            "There is no `set_many`; a loop over `set` may end half way.",
            "`set-many` stores all or, on an error, none; of a repeated key the last one stays.",
            |cache| {
                let draft = |key: &str, value| Draft { key: text_key(key), value, options: plain() };
                cache.set_many(&[draft("a", integer(1)), draft("b", bytes(LARGE)), draft("a", integer(2))])?;
                equal((got(cache, "a")?, cache.count()?), (Some(2), 2))?;
                let refused = [
                    draft("a", bytes(LARGE)),
                    draft("c", integer(3)),
                    Draft { options: tagged(&[""]), ..draft("d", integer(4)) },
                ];
                refused!(cache.set_many(&refused), Error::InvalidArgument(_))?;
                equal((got(cache, "a")?, cache.count()?, value_files(cache.path()).len()), (Some(2), 2, 1))
            },
        ),
        different(
            "many.delete",
            "There is no `delete_many`.",
            "`delete-many` says of each key whether there was a live entry.",
            |cache| {
                fill(cache, 3, &plain())?;
                cache.set(&Key::Integer(3), &integer(1), &labelled(0, &[]))?;
                equal(cache.delete_many(&numbers([2, 9, 3, 0, 2]))?, [true, false, false, true, false])?;
                equal(cache.count()?, 1)
            },
        ),
        different(
            "many.touch",
            "There is no `touch_many`.",
            "`touch-many` says of each key whether there was a live entry.",
            |cache| {
                fill(cache, 3, &plain())?;
                equal(cache.touch_many(&numbers([2, 9]), Expiry::After(10))?, [true, false])?;
                cache.advance(10);
                equal(cache.get_many(&numbers(0..3))?, [Some(integer(0)), Some(integer(1)), None])
            },
        ),
        different(
            "many.none",
            "There are no operations on many keys, so none on no keys either.",
            "Of no keys at all every one of them does nothing.",
            |cache| {
                equal((cache.get_many(&[])?, cache.set_many(&[])?), (Vec::new(), Vec::new()))?;
                equal((cache.delete_many(&[])?, cache.touch_many(&[], Expiry::Never)?), (Vec::new(), Vec::new()))
            },
        ),
        different(
            "many.in-transactions",
            "Many `set`s in one `transact` are 2 to 5 times as fast as single ones.",
            "In a transaction each operation on many keys is all or nothing by itself, and the transaction can go on after an error.",
            |cache| {
                cache.begin()?;
                fill(cache, 5, &plain())?;
                let refused = [Draft { key: Key::Integer(0), value: bytes(LARGE), options: tagged(&[""]) }];
                refused!(cache.set_many(&refused), Error::InvalidArgument(_))?;
                put(cache, "key", 1)?;
                cache.end(true)?;
                equal(cache.count()?, 6)?;
                holds(cache.get(&Key::Integer(0))? == Some(integer(0)), "the first is as it was")
            },
        ),
    ],
};
