//! Journals that are damaged, and what the database says of them.

use std::fs;
use std::path::Path;

use larder_engine::{Cache, Error, OpenOptions, Side, Value};

use super::{QUEUE, drain, journals, pull, push, two};
use crate::support::{Shared, existing, plain, tamper};

/// What is done to a journal.
type Harm = fn(&Path);

#[test]
fn a_journal_ends_where_it_is_damaged() {
    let harms: [(&str, Harm, &[i64]); 5] = [
        ("cut", |path| fs::File::options().write(true).open(path).unwrap().set_len(70).unwrap(), &[1, 2]),
        (
            "altered",
            |path| {
                let mut bytes = fs::read(path).unwrap();
                bytes[100] ^= 4;
                fs::write(path, bytes).unwrap();
            },
            &[1, 2],
        ),
        ("emptied", |path| fs::write(path, b"").unwrap(), &[1]),
        ("gone", |path| fs::remove_file(path).unwrap(), &[1]),
        (
            "a directory",
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            &[1],
        ),
    ];
    for (name, harm, expected) in harms {
        let (shared, _, mut first, mut second) = two(4);
        harm(&journals(shared.directory.path())[0]);
        assert_eq!(drain(&mut second), expected, "{name}");
        // Whoever has written it goes on as everybody else.
        push(&mut first, 9);
        assert_eq!((pull(&mut second), pull(&mut first)), (Some(9), None), "{name}");
        for cache in [&mut first, &mut second] {
            assert_eq!(cache.check().unwrap(), [], "{name}");
        }
    }
}

#[test]
fn the_handle_that_has_written_a_journal_needs_it_not() {
    let (shared, _, mut first, mut second) = two(4);
    fs::remove_file(&journals(shared.directory.path())[0]).unwrap();
    first.close().unwrap();
    assert_eq!(drain(&mut second), [1, 2, 3, 4]);
}

#[test]
fn a_journal_that_can_not_be_made_is_done_without() {
    let shared = Shared::new();
    let (_platform, mut first) = shared.biasing(1, &OpenOptions::default());
    push(&mut first, 1);
    // Its name is known only once there is one.
    let path = journals(shared.directory.path()).remove(0);
    assert_eq!(first.queue_length(QUEUE).unwrap(), 1);
    fs::create_dir(path).unwrap();
    for value in 2..20 {
        push(&mut first, value);
    }
    assert_eq!(drain(&mut first), (1..20).collect::<Vec<_>>());
}

/// That a wrong number of biased queues is found and put right.
fn assure_recounted(cache: &mut Cache) {
    let findings = cache.check().unwrap();
    assert!(findings.len() == 1 && format!("{findings:?}").contains("number of biased queues"), "{findings:?}");
    assert_eq!(cache.repair().unwrap().len(), 1);
    assert_eq!(cache.check().unwrap(), []);
}

#[test]
fn a_wrong_number_of_biased_queues_is_found_and_repaired() {
    for wrong in [5, -1] {
        let (shared, _, mut first, mut second) = two(4);
        tamper(shared.directory.path(), &format!("UPDATE totals SET biased = {wrong}"));
        assure_recounted(&mut second);
        push(&mut first, 5);
        assert_eq!(drain(&mut second), [1, 2, 3, 4, 5]);
        assert_eq!(second.check().unwrap(), []);
    }
}

#[test]
fn wild_rows_about_journals_do_no_harm() {
    for row in [
        "(-1, -1, 'q', -1, 7, NULL)",
        "(9223372036854775807, 4294967296, '', 9223372036854775807, 0, NULL)",
        "(1, 0, 'q', 3, 1, -5)",
        "(0, 99, 'q', 0, -1, 9223372036854775807)",
    ] {
        let (shared, _, mut first, mut second) = two(4);
        let statements = format!("INSERT OR REPLACE INTO journal VALUES {row}; UPDATE totals SET biased = biased + 1");
        tamper(shared.directory.path(), &statements);
        let looked = second.queue_length(QUEUE);
        assert!(matches!(looked, Ok(0..=4) | Err(Error::Corrupt(_))), "{row}: {looked:?}");
        let pushed = first.push(QUEUE, &Value::Integer(5), Side::Back, &plain());
        assert!(matches!(pushed, Ok(_) | Err(Error::Corrupt(_))), "{row}: {pushed:?}");
        second.check().unwrap();
        let closed = [first.close(), second.close()];
        assert!(closed.iter().all(|closed| matches!(closed, Ok(()) | Err(Error::Corrupt(_)))), "{row}: {closed:?}");
        let mut third = shared.open(3, &existing());
        third.repair().unwrap();
        assert_eq!(third.check().unwrap(), [], "{row}");
        assert_eq!(drain(&mut third).first(), Some(&1), "{row}");
    }
}
