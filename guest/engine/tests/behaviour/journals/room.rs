//! What journals take.

use larder_engine::{Changes, Limit, OpenOptions, Side, Value};

use super::{QUEUE, journals, push, two};
use crate::limits::on_disk;
use crate::support::{Shared, database, plain};

fn bytes(limit: u64) -> OpenOptions {
    let changes = Changes { size_limit: Limit::AtMost(limit), ..Changes::default() };
    OpenOptions { changes, ..OpenOptions::default() }
}

#[test]
fn journals_count_towards_the_volume() {
    let (shared, _, mut first, mut second) = two(30);
    let journal = std::fs::metadata(&journals(shared.directory.path())[0]).unwrap().len();
    assert!(journal > 0);
    let beside = on_disk(database(shared.directory.path(), 0).parent().unwrap());
    assert_eq!(second.volume().unwrap(), beside + journal);
    first.close().unwrap();
    let beside = on_disk(database(shared.directory.path(), 0).parent().unwrap());
    assert_eq!((second.volume().unwrap(), journals(shared.directory.path()).len()), (beside, 0));
}

#[test]
fn no_more_journals_are_made_than_the_size_limit_has_room_for() {
    for (limit, most) in [(512 << 10, 0), (1 << 20, 1), (2 << 20, 2), (4 << 20, 4)] {
        let shared = Shared::new();
        let (_first, mut cache) = shared.biasing(1, &bytes(limit));
        let (_second, mut other) = shared.biasing(2, &OpenOptions::default());
        for number in 0..90 {
            let cache = if number % 3 == 2 { &mut other } else { &mut cache };
            cache.push(&format!("queue {}", number % 6), &Value::Integer(number), Side::Back, &plain()).unwrap();
        }
        assert_eq!(journals(shared.directory.path()).len(), most, "of {limit}");
        assert_eq!(cache.check().unwrap(), []);
    }
}

#[test]
fn a_journal_for_which_there_is_no_room_is_not_tried_again_with_each_use() {
    let shared = Shared::new();
    let mut cache = shared.open(1, &bytes(512 << 10));
    let changed = || std::fs::metadata(shared.directory.path()).unwrap().modified().unwrap();
    let mut push_all = |values: std::ops::Range<i64>| {
        for value in values {
            assert_eq!(push(&mut cache, value), value);
        }
    };
    let opened = changed();
    push_all(0..9);
    let tried = changed();
    assert!(tried > opened);
    push_all(9..16);
    assert_eq!(changed(), tried);
}

#[test]
fn a_size_limit_bounds_what_is_on_disk_with_journals_too() {
    let limit = 1 << 20;
    let shared = Shared::new();
    let (_platform, mut cache) = shared.biasing(1, &bytes(limit));
    let (value, mut journaled) = (Value::Bytes(vec![7; 900]), 0);
    for number in 0..3_000 {
        cache.push(QUEUE, &value, Side::Back, &plain()).unwrap();
        if number % 7 == 0 {
            let taken = on_disk(shared.directory.path());
            assert!(taken <= limit, "{taken} of {limit} after {number}");
            journaled += journals(shared.directory.path()).len();
        }
    }
    assert!(journaled > 100, "{journaled}");
    assert!(cache.count().unwrap() > 400, "well used: {:?}", cache.count());
}
