//! A process that does one job on a cache directory: `larder-worker JOB DIRECTORY ARGUMENT…`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a process of the tests, which is to stop where something is wrong"
)]

mod collections;
mod full_disk;
mod history;
mod parties;
mod recipes;
mod reshard;
mod unwritable;

use std::io::{BufRead, Write};
use std::path::Path;
use std::thread;

use larder::{Cache, Error, SetOptions};
use larder_tests::component::{self, Host, World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (job, directory, rest) = (arguments[0], Path::new(arguments[1]), &arguments[2..]);
    match job {
        "open" => drop(Cache::open(directory).unwrap()),
        "increment" => increment(directory, number(rest[0]), number(rest[1])),
        "write" => write(directory, rest[0]),
        "hold" => hold(directory),
        "native-update" => native_update(directory, number(rest[0])),
        "full" => full(directory),
        "full-disk" => full_disk::run(directory),
        "denied" => denied(directory),
        "unwritable" => unwritable::read(directory, rest[0]),
        "export-full" => export_full(directory),
        "export-hold" => export_hold(directory),
        "export-denied" => export_denied(directory),
        "standalone-write" => standalone_write(directory, number(rest[0])),
        "standalone-pause" => standalone_pause(directory, number(rest[0])),
        "party" => parties::component(directory, number(rest[0]), number(rest[1]), rest[2] == "half"),
        "scripted-party" => parties::scripted(directory, rest[0], number(rest[1]), number(rest[2])),
        "native-party" => parties::native(directory, number(rest[0]), number(rest[1]), rest[2] == "half"),
        "reshard" => reshard::without_end(directory),
        "standalone-reshard" => reshard::without_end_alone(directory, number(rest[0])),
        "history" => history::run(directory, rest[0], rest[1], number(rest[2])),
        "reshard-full" => reshard::full(directory),
        other => collections::run(other, directory, rest),
    }
}

fn number(argument: &str) -> u32 {
    argument.parse().unwrap()
}

/// Prints a line at once.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").unwrap();
    output.flush().unwrap();
}

/// Waits for a line.
fn wait_for_go() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

/// Adds to one counter from several threads.
fn increment(directory: &Path, threads: u32, times: u32) {
    let cache = Cache::builder().instances(threads as usize).open(directory).unwrap();
    say("ready");
    wait_for_go();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..times).for_each(|_| assert!(cache.increment("counter", 1).unwrap() > 0)));
        }
    });
}

/// Stores small and large values for ever, printing each key once it is stored; overwrites a
/// rolling set of large ones and deletes some, so that value files come and go.
fn write(directory: &Path, prefix: &str) {
    let cache = Cache::open(directory).unwrap();
    for round in 0_u32.. {
        let key = format!("{prefix}:{round}");
        let size = if round % 3 == 0 { 50_000 } else { 100 };
        cache.set_with(&key, larder_worker_value(&key, size), &SetOptions::new().tag(prefix)).unwrap();
        say(&format!("{key} {size}"));
        let rolling = format!("rolling:{prefix}:{}", round % 4);
        cache.set(&rolling, larder_worker_value(&rolling, 40_000 + round as usize % 7)).unwrap();
        if round % 5 == 0 {
            cache.delete(&rolling).unwrap();
        }
    }
}

/// A value that shows by itself whether it is whole and under its key.
fn larder_worker_value(key: &str, size: usize) -> Vec<u8> {
    key.bytes().cycle().take(size).collect()
}

/// Keeps a cache open until told to go.
fn hold(directory: &Path) {
    let cache = Cache::builder().exclusive(true).open(directory).unwrap();
    say("ready");
    wait_for_go();
    cache.close().unwrap();
}

/// Writes to the live database with SQLite's own file layer.
fn native_update(database: &Path, times: u32) {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(std::time::Duration::from_mins(1)).unwrap();
    say("ready");
    wait_for_go();
    for _ in 0..times {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection.execute("UPDATE entry SET hits = hits + 1 WHERE key = 'native'", []).unwrap();
        connection.execute_batch("COMMIT").unwrap();
    }
}

/// Runs into a disk that is full, played by a limit on the size of files, and goes on after it.
fn full(directory: &Path) {
    let cache = Cache::open(directory).unwrap();
    cache.set("before", "kept").unwrap();
    limit_file_size(300_000);
    let large = cache.set("large", vec![1; 2_000_000]);
    assert!(matches!(large, Err(Error::Full(_))), "{large:?}");
    let filling = (0..10_000).map(|index| cache.set(format!("fill:{index}"), vec![2; 10_000])).find(Result::is_err);
    assert!(matches!(filling, Some(Err(Error::Full(_)))), "{filling:?}");
    assert_eq!(cache.get("before").unwrap(), Some("kept".into()));
    assert_eq!(cache.get("large").unwrap(), None);
    limit_file_size(libc::RLIM_INFINITY);
    cache.set("after", "stored").unwrap();
    assert_eq!(cache.check().unwrap(), []);
    say("done");
}

/// Exports to a disk that is full, as [`full`] plays it, and once more when there is room.
fn export_full(directory: &Path) {
    let target = directory.join("export");
    let cache = Cache::builder().allow_writing(&target).open(directory.join("cache")).unwrap();
    let export = || {
        let mut export = cache.export_diskcache(&target)?;
        while !export.step()?.finished {}
        export.report().map(|report| report.exported)
    };
    // A value that has no room, then rows that have none.
    for (entries, size) in [(1, 2_000_000), (200, 10_000)] {
        cache.clear().unwrap();
        for entry in 0..entries {
            cache.set(entry, vec![1; size]).unwrap();
        }
        limit_file_size(1_000_000);
        let refused = export();
        assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0, "something was left");
        limit_file_size(libc::RLIM_INFINITY);
        assert_eq!(cache.check().unwrap(), []);
    }
    assert_eq!(export().unwrap(), 200);
    say("done");
}

#[allow(unsafe_code, reason = "two system calls that no safe crate in use here offers")]
fn limit_file_size(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: ignoring a signal touches no memory of this program.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // SAFETY: the limit outlives the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
    assert_eq!(result, 0);
}

/// For root nothing is denied, so becomes nobody first.
#[allow(unsafe_code, reason = "one system call that no safe crate in use here offers")]
fn give_up_rights() {
    if rustix::process::geteuid().is_root() {
        // SAFETY: the only thread of this process gives up its rights.
        assert_eq!(unsafe { libc::setuid(65_534) }, 0);
    }
}

/// Stops in the middle of an export.
fn export_hold(directory: &Path) {
    let target = directory.join("export");
    let cache = Cache::builder().allow_writing(&target).open(directory.join("cache")).unwrap();
    for entry in 0..2_000 {
        cache.set(entry, vec![1; 100]).unwrap();
    }
    let mut export = cache.export_diskcache(&target).unwrap();
    assert!(!export.step().unwrap().finished);
    say("ready");
    wait_for_go();
}

/// Exports to a directory that this user may not write to.
fn export_denied(directory: &Path) {
    give_up_rights();
    for target in [directory.to_owned(), directory.join("new")] {
        let exported = Cache::builder()
            .allow_writing(&target)
            .open_temporary()
            .and_then(|cache| cache.export_diskcache(&target).map(drop));
        assert!(matches!(exported, Err(Error::PermissionDenied(_))), "{exported:?}");
    }
    say("done");
}

/// Opens a directory that this user may not write to.
fn denied(directory: &Path) {
    give_up_rights();
    let opened = Cache::open(directory.join("cache"));
    assert!(matches!(opened, Err(Error::PermissionDenied(_))), "{opened:?}");
    let opened = Cache::open(directory);
    assert!(matches!(opened, Err(Error::PermissionDenied(_))), "{opened:?}");
    say("done");
}

/// Owns a directory alone and writes for ever.
fn standalone_write(directory: &Path, lease_ms: u32) {
    let options = component::wit::OpenOptions { lease_ms: Some(lease_ms), ..component::options() };
    let mut cache = Host::of(World::Standalone).open(directory, options).unwrap();
    for round in 0_u32.. {
        let key = format!("key:{round}");
        let value =
            component::types::Value::Bytes(larder_worker_value(&key, if round % 3 == 0 { 50_000 } else { 100 }));
        cache.set(&component::text_key(&key), &value, &component::plain()).unwrap();
        say(&key);
    }
}

/// Owns a directory alone, is paused by the test, and then tries to write.
fn standalone_pause(directory: &Path, lease_ms: u32) {
    let options = component::wit::OpenOptions {
        lease_ms: Some(lease_ms),
        // What it does after it lost the directory must not wait for long.
        wait_ms: Some(100),
        ..component::options()
    };
    let mut cache = Host::of(World::Standalone).open(directory, options).unwrap();
    let (key, large) = (component::text_key("first"), component::types::Value::Bytes(vec![1; 50_000]));
    cache.set(&key, &large, &component::plain()).unwrap();
    say("stored");
    wait_for_go();
    for attempt in 0..2 {
        let late = cache.set(&key, &component::text("too late"), &component::plain());
        assert!(matches!(late, Err(component::types::Error::Locked(_))), "attempt {attempt}: {late:?}");
    }
    say("refused");
    wait_for_go();
    // The other owner has closed the directory: the same handle gets it back.
    assert_eq!(cache.get(&component::text_key("second")).unwrap(), Some(component::text("of the second")));
    say("back");
}
