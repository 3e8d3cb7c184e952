use std::io::{BufReader, Read, Write};
use std::sync::Mutex;
use std::thread;

use super::*;
use crate::testing::{Place, await_word, second_process, spawn_second_process};
use LockMode::{Exclusive, Shared};

const NOW: Duration = Duration::ZERO;
const BRIEFLY: Duration = Duration::from_millis(5);
/// Only reached if something is wrong.
const LONG: Duration = Duration::from_mins(1);

fn await_waiters(file: &SharedFile, count: usize) {
    while file.waiting() < count {
        thread::yield_now();
    }
}

#[test]
fn shared_locks_go_together_and_exclusive_ones_alone() {
    let place = Place::new();
    let (mut a, mut b) = (place.file(), place.file());
    assert_eq!(a.lock(0, 10, Shared, NOW), Ok(true));
    assert_eq!(b.lock(0, 10, Shared, NOW), Ok(true));
    assert_eq!(b.lock(0, 10, Exclusive, NOW), Ok(false));
    a.unlock(0, 10).unwrap();
    assert_eq!(b.lock(0, 10, Exclusive, NOW), Ok(true));
    assert_eq!(a.lock(9, 1, Shared, NOW), Ok(false));
    assert_eq!(a.lock(10, 1, Exclusive, NOW), Ok(true));
    // Back to shared, which lets the other in.
    assert_eq!(b.lock(0, 10, Shared, NOW), Ok(true));
    assert_eq!(a.lock(9, 1, Shared, NOW), Ok(true));
}

#[test]
fn is_locked_tells_of_others_only() {
    let place = Place::new();
    let (mut a, b) = (place.file(), place.file());
    let reader = SharedFile::open_beneath(&place.directory, "file", OpenMode::ReadOnly).unwrap();
    a.lock(5, 1, Shared, NOW).unwrap();
    assert_eq!(a.is_locked(0, 10), Ok(false));
    assert_eq!(b.is_locked(0, 10), Ok(true));
    assert_eq!(reader.is_locked(0, 10), Ok(true));
    assert_eq!(b.is_locked(0, 5), Ok(false));
}

#[test]
fn a_dropped_handle_releases_its_locks() {
    let place = Place::new();
    let (mut a, mut b) = (place.file(), place.file());
    a.lock(0, 1, Exclusive, NOW).unwrap();
    drop(a);
    assert_eq!(b.lock(0, 1, Exclusive, NOW), Ok(true));
}

#[test]
fn arguments_that_can_not_be_are_invalid() {
    let place = Place::new();
    let mut file = place.file();
    for (start, length) in [(0, 0), (u64::MAX, 2), (i64::MAX as u64, 1)] {
        assert!(matches!(file.lock(start, length, Shared, NOW), Err(Fault::Invalid(_))));
        assert!(matches!(file.unlock(start, length), Err(Fault::Invalid(_))));
        assert!(matches!(file.is_locked(start, length), Err(Fault::Invalid(_))));
    }
    assert!(matches!(file.resize(u64::MAX), Err(Fault::Invalid(_))));
    assert!(matches!(file.resize(i64::MAX as u64), Err(Fault::Exhausted(_))));
}

#[test]
fn a_read_only_file_can_not_be_changed_or_locked_exclusively() {
    let place = Place::new();
    let _file = place.sized(10);
    let mut reader = SharedFile::open_beneath(&place.directory, "file", OpenMode::ReadOnly).unwrap();
    assert_eq!(reader.lock(0, 1, Exclusive, NOW), Err(Fault::Denied));
    assert_eq!(reader.resize(0), Err(Fault::Denied));
    assert_eq!(reader.lock(0, 1, Shared, NOW), Ok(true));
    assert_eq!(reader.size(), Ok(10));
}

#[test]
fn resizing_cuts_and_extends() {
    let place = Place::new();
    let file = place.file();
    for size in [10_000, 3, 3, 0, 70_000] {
        file.resize(size).unwrap();
        assert_eq!(file.size(), Ok(size));
    }
}

#[test]
fn a_size_the_disk_has_no_room_for_is_refused_and_takes_nothing_of_it() {
    let place = Place::new();
    let file = place.sized(10);
    let path = place.temporary.path().join("file");
    let status = rustix::fs::statvfs(&path).unwrap();
    let beyond = (status.f_bavail + status.f_bavail / 2) * status.f_frsize;
    assert!(matches!(file.resize(beyond), Err(Fault::Exhausted(_))));
    assert_eq!(file.size(), Ok(10));
    assert!(std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&path).unwrap()) < 100);
}

#[test]
fn a_deleted_file_can_not_be_locked_exclusively_but_unlocked() {
    let place = Place::new();
    let mut file = place.file();
    file.lock(0, 1, Exclusive, NOW).unwrap();
    std::fs::remove_file(place.temporary.path().join("file")).unwrap();
    assert_eq!(file.lock(1, 1, Exclusive, NOW), Err(Fault::Damaged));
    assert_eq!(file.unlock(0, 1), Ok(()));
}

#[test]
fn a_file_deleted_by_the_holder_that_was_waited_for_is_damaged() {
    let place = Place::new();
    let (mut holder, mut waiter) = (place.file(), place.file());
    holder.lock(0, 1, Exclusive, NOW).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| waiter.lock(0, 1, Exclusive, LONG));
        await_waiters(&holder, 1);
        std::fs::remove_file(place.temporary.path().join("file")).unwrap();
        holder.unlock(0, 1).unwrap();
        assert_eq!(waiting.join().unwrap(), Err(Fault::Damaged));
    });
    assert_eq!(holder.is_locked(0, 1), Ok(false));
}

#[test]
fn a_wait_ends_with_its_time() {
    let place = Place::new();
    let (mut a, mut b) = (place.file(), place.file());
    a.lock(0, 1, Exclusive, NOW).unwrap();
    let begin = Instant::now();
    assert_eq!(b.lock(0, 1, Shared, BRIEFLY), Ok(false));
    assert!(begin.elapsed() >= BRIEFLY);
    assert_eq!(b.waiting(), 0);
}

#[test]
fn a_wait_ends_with_a_release_or_a_drop() {
    let place = Place::new();
    let mut holder = place.file();
    holder.lock(0, 2, Exclusive, NOW).unwrap();
    let (mut first, mut second) = (place.file(), place.file());
    thread::scope(|scope| {
        let by_release = scope.spawn(|| first.lock(0, 1, Exclusive, LONG));
        let by_drop = scope.spawn(|| second.lock(1, 1, Exclusive, LONG));
        await_waiters(&holder, 2);
        holder.unlock(0, 1).unwrap();
        assert_eq!(by_release.join().unwrap(), Ok(true));
        drop(holder);
        assert_eq!(by_drop.join().unwrap(), Ok(true));
    });
}

#[test]
fn those_who_wait_are_served_in_order_of_arrival() {
    const WAITERS: usize = 8;
    let place = Place::new();
    let mut holder = place.file();
    holder.lock(0, 1, Exclusive, NOW).unwrap();
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..WAITERS {
            let mut file = place.file();
            let served = &served;
            scope.spawn(move || {
                assert_eq!(file.lock(0, 1, Exclusive, LONG), Ok(true));
                served.lock().unwrap().push(number);
            });
            await_waiters(&holder, number + 1);
        }
        holder.unlock(0, 1).unwrap();
    });
    assert_eq!(*served.lock().unwrap(), (0..WAITERS).collect::<Vec<_>>());
}

#[test]
fn newcomers_do_not_overtake_those_who_wait() {
    let place = Place::new();
    let (mut reader, mut writer, mut newcomer) = (place.file(), place.file(), place.file());
    reader.lock(0, 1, Shared, NOW).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| writer.lock(0, 1, Exclusive, LONG));
        await_waiters(&reader, 1);
        // It would get the lock from the kernel, and keep the writer waiting.
        assert_eq!(newcomer.lock(0, 1, Shared, BRIEFLY), Ok(false));
        // Who only probes is not refused what is free, and who holds some may go on.
        assert_eq!(newcomer.lock(0, 1, Shared, NOW), Ok(true));
        assert_eq!(newcomer.lock(0, 1, Shared, BRIEFLY), Ok(true));
        newcomer.unlock(0, 1).unwrap();
        reader.unlock(0, 1).unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(true));
    });
}

#[test]
fn an_upgrade_goes_ahead_of_those_who_wait_for_it() {
    let place = Place::new();
    let (mut reader, mut other, mut writer) = (place.file(), place.file(), place.file());
    reader.lock(0, 1, Shared, NOW).unwrap();
    other.lock(0, 1, Shared, NOW).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| writer.lock(0, 1, Exclusive, LONG));
        await_waiters(&other, 1);
        let upgrade = scope.spawn(move || {
            let upgraded = reader.lock(0, 1, Exclusive, LONG);
            (reader, upgraded)
        });
        await_waiters(&other, 2);
        other.unlock(0, 1).unwrap();
        let (reader, upgraded) = upgrade.join().unwrap();
        assert_eq!(upgraded, Ok(true));
        drop(reader);
        assert_eq!(waiting.join().unwrap(), Ok(true));
    });
}

#[test]
fn many_threads_never_hold_a_lock_together() {
    const ROUNDS: usize = 200;
    let place = Place::new();
    let path = place.temporary.path().join("count");
    std::fs::write(&path, "0").unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut file = place.file();
            let path = &path;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    assert_eq!(file.lock(0, 1, Exclusive, LONG), Ok(true));
                    let count: usize = std::fs::read_to_string(path).unwrap().parse().unwrap();
                    std::fs::write(path, (count + 1).to_string()).unwrap();
                    file.unlock(0, 1).unwrap();
                }
            });
        }
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), (4 * ROUNDS).to_string());
}

#[test]
fn locks_hold_between_processes_and_end_with_a_killed_one() {
    if let Some(directory) = second_process() {
        let mut file = SharedFile::open_beneath(&directory, "file", OpenMode::ReadWrite).unwrap();
        assert_eq!(file.lock(0, 1, Exclusive, NOW), Ok(false));
        assert_eq!(file.lock(1, 1, Exclusive, NOW), Ok(true));
        println!("locked");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        unreachable!("killed before its input ends");
    }
    let place = Place::new();
    let mut file = place.file();
    file.lock(0, 1, Exclusive, NOW).unwrap();
    let mut child = spawn_second_process(&place, "file::tests::locks_hold_between_processes_and_end_with_a_killed_one");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    await_word(&mut output, "locked");
    assert_eq!(file.lock(1, 1, Exclusive, BRIEFLY), Ok(false));
    assert_eq!(file.is_locked(1, 1), Ok(true));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(file.lock(1, 1, Exclusive, LONG), Ok(true));
}

#[test]
fn a_wait_ends_when_another_process_releases() {
    if let Some(directory) = second_process() {
        let mut file = SharedFile::open_beneath(&directory, "file", OpenMode::ReadWrite).unwrap();
        assert_eq!(file.lock(0, 1, Exclusive, NOW), Ok(true));
        println!("locked");
        std::io::stdin().read_exact(&mut [0]).unwrap();
        file.unlock(0, 1).unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let place = Place::new();
    let mut file = place.file();
    let mut child = spawn_second_process(&place, "file::tests::a_wait_ends_when_another_process_releases");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    await_word(&mut output, "locked");
    let other = place.file();
    let mut input = child.stdin.take().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| file.lock(0, 1, Exclusive, LONG));
        await_waiters(&other, 1);
        input.write_all(b"!").unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(true));
    });
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn paths_can_not_leave_the_directory() {
    let place = Place::new();
    let outside = Place::new();
    let secret = outside.temporary.path().join("secret");
    std::fs::write(&secret, "").unwrap();
    let inside = place.temporary.path();
    std::os::unix::fs::symlink(&secret, inside.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.temporary.path(), inside.join("linked")).unwrap();
    std::os::unix::fs::symlink("file", inside.join("near")).unwrap();
    place.file();
    for path in ["link", "linked/secret", "near", "../secret", "a/../../secret"] {
        for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite, OpenMode::Create] {
            let opened = SharedFile::open_beneath(&place.directory, path, mode);
            assert_eq!(opened.unwrap_err(), Fault::Denied, "{path}");
        }
    }
    // A leading "/" means the directory itself, as it does in WASI libraries.
    let absolute = secret.to_str().unwrap();
    let opened = SharedFile::open_beneath(&place.directory, absolute, OpenMode::ReadOnly);
    assert_eq!(opened.unwrap_err(), Fault::NotFound);
}

#[test]
fn only_regular_files_that_are_there_can_be_opened() {
    let place = Place::new();
    std::fs::create_dir(place.temporary.path().join("directory")).unwrap();
    place.file();
    let open = |path: &str, mode| SharedFile::open_beneath(&place.directory, path, mode);
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite, OpenMode::Create] {
        for path in ["directory", "", "."] {
            assert!(matches!(open(path, mode), Err(Fault::Invalid(_))), "{path}");
        }
        assert_eq!(open("file/file", mode).unwrap_err(), Fault::NotFound);
        assert!(matches!(open(&"a".repeat(300), mode), Err(Fault::Invalid(_))));
    }
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        assert_eq!(open("nothing", mode).unwrap_err(), Fault::NotFound);
    }
    assert!(open("directory/new", OpenMode::Create).is_ok());
    assert!(open("./directory//new", OpenMode::ReadOnly).is_ok());
}
