//! Parties of the multi-process test: they move amounts between accounts of one directory, through the
//! component or with native SQLite, and check what everybody does.
//!
//! The sum of all values is moved by the component, that of all `hits` by native SQLite; both look at
//! both.

mod script;

use std::path::Path;
use std::time::Duration;

use larder::Cache;
use larder_tests::Random;
use larder_tests::parties::{ACCOUNTS, account, assert_sums, ledger};

use super::{say, wait_for_go};

pub(crate) use script::scripted;

const WAIT: Duration = Duration::from_mins(1);

/// Two accounts that differ.
fn pair(random: &mut Random) -> (u64, u64) {
    let from = random.below(ACCOUNTS);
    (from, (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS)
}

/// Moves amounts through the component; `stop_half_way` stops in the middle of the last transaction.
pub(crate) fn component(directory: &Path, seed: u32, times: u32, stop_half_way: bool) {
    let cache = Cache::builder().wait(WAIT).open(directory).unwrap();
    let mut random = Random::new(seed.into());
    say("ready");
    wait_for_go();
    for round in 1..=times {
        let (from, to) = pair(&mut random);
        let moved = cache.transaction(|transaction| {
            transaction.increment(account(from), -1)?;
            if stop_half_way && round == times {
                say("half way");
                wait_for_go();
            }
            transaction.increment(account(to), 1)
        });
        moved.unwrap();
        if round.is_multiple_of(10) {
            let sum = cache.transaction(|transaction| {
                let mut sum = 0;
                for number in 0..ACCOUNTS {
                    sum += transaction.increment(account(number), 0)?;
                }
                Ok(sum)
            });
            assert_eq!(sum.unwrap(), 0, "the component sees half a transaction");
        }
    }
    say("done");
}

/// Moves amounts with SQLite's own file layer; `stop_half_way` as above.
pub(crate) fn native(database: &Path, seed: u32, times: u32, stop_half_way: bool) {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(WAIT).unwrap();
    let mut random = Random::new(seed.into());
    let shift = |number: u64, by: i64| {
        let statement = "UPDATE entry SET hits = hits + ?2 WHERE key = ?1";
        assert_eq!(connection.execute(statement, (ledger(number), by)).unwrap(), 1);
    };
    say("ready");
    wait_for_go();
    for round in 1..=times {
        let (from, to) = pair(&mut random);
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        shift(from, -1);
        if stop_half_way && round == times {
            say("half way");
            wait_for_go();
        }
        shift(to, 1);
        connection.execute_batch("COMMIT").unwrap();
        assert_sums(&connection);
    }
    say("done");
}
