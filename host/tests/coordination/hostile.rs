//! A component that means harm: whatever it passes, its host goes on, and nothing outside of its directory
//! is read or changed.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use larder::coordination::{CoordinationCtxBuilder, Fault, LockMode};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use wasmtime::component::Component;

use crate::guest::{BLOCK, Guest, SIZE, compile, engine, grants, is_invalid};

/// What the files of neighbours hold, and must go on holding.
const SECRET: &str = "nobody else's business";

/// A directory for the hostile component beside one of a neighbour's, with ways from one to the other.
struct Place {
    parent: tempfile::TempDir,
    _socket: UnixListener,
}

impl Place {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let (inside, outside) = (parent.path().join("inside"), parent.path().join("outside"));
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), SECRET).unwrap();
        symlink("../outside", inside.join("linked")).unwrap();
        symlink("../outside/file", inside.join("link")).unwrap();
        symlink("/dev/zero", inside.join("device")).unwrap();
        symlink("circle", inside.join("circle")).unwrap();
        symlink("/proc/self/fd", inside.join("descriptors")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, inside.join("fifo"), fifo, mode, 0).unwrap();
        let socket = UnixListener::bind(inside.join("socket")).unwrap();
        Self { parent, _socket: socket }
    }

    fn inside(&self) -> PathBuf {
        self.parent.path().join("inside")
    }

    /// What a hostile component is granted in the tests: little, so that it meets the limits.
    fn grants(&self) -> CoordinationCtxBuilder {
        let mut grants = grants(&self.inside());
        let wait = std::time::Duration::from_millis(1);
        grants.max_handles(8).max_regions(6).max_mapped(8 * BLOCK as usize).max_growth(8 * SIZE).max_wait(wait);
        grants
    }

    fn assert_neighbour_unharmed(&self) {
        let outside = self.parent.path().join("outside");
        assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), SECRET);
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(self.parent.path()).unwrap().count(), 2);
    }
}

#[test]
fn harm_to_the_neighbour_is_noticed() {
    let harms: [fn(&Path); 3] = [
        |parent| std::fs::write(parent.join("outside/file"), "altered").unwrap(),
        |parent| std::fs::write(parent.join("outside/new"), "").unwrap(),
        |parent| std::fs::write(parent.join("new"), "").unwrap(),
    ];
    for harm in harms {
        let place = Place::new();
        place.assert_neighbour_unharmed();
        harm(place.parent.path());
        std::panic::catch_unwind(|| place.assert_neighbour_unharmed()).unwrap_err();
    }
}

/// Names a component might try, besides those of its own files.
const WILD_NAMES: [&str; 24] = [
    "",
    "/",
    ".",
    "..",
    "/cache",
    "/cache/",
    "/cache/..",
    "/cache/../outside/file",
    "/cache/sub/../../outside/file",
    "../outside/file",
    "/etc/passwd",
    "/proc/self/mem",
    "/dev/null",
    "/cache/link",
    "/cache/linked/file",
    "/cache/linked/new",
    "/cache/device",
    "/cache/circle",
    "/cache/circle/file",
    "/cache/descriptors/0",
    "/cache/fifo",
    "/cache/socket",
    "/cache/sub",
    "/cache/a\0b",
];

#[test]
fn no_wild_name_opens_anything_or_waits() {
    let place = Place::new();
    let mut guest = Guest::new(&engine(|_| {}), &place.grants());
    let long =
        [format!("/cache/{}", "n".repeat(256)), format!("/cache/{}x", "a/".repeat(3_000)), "\u{1f4a9}/..".into()];
    for name in WILD_NAMES.into_iter().chain(long.iter().map(String::as_str)) {
        for (create, read_only) in [(false, true), (false, false), (true, false), (true, true)] {
            let opened = guest.try_open(name, create, read_only);
            let refused = matches!(opened, Err(Fault::Denied | Fault::Invalid(_) | Fault::NotFound));
            assert!(refused, "{name:?}: {opened:?}");
        }
    }
    place.assert_neighbour_unharmed();
    assert!(guest.try_open("/cache/sub/new", true, false).is_ok());
}

#[test]
fn a_name_in_memory_that_another_guest_changes_meanwhile_is_a_name_or_refused() {
    let place = Place::new();
    let component = compile(&engine(|_| {}));
    let mut victim = Guest::start(&component, &place.grants());
    let mut changer = Guest::start(&component, &place.grants());
    let (file, same) = (victim.open_sized(1), changer.open());
    victim.map(file, 0, BLOCK, BLOCK).unwrap();
    changer.map(same, 0, BLOCK, BLOCK).unwrap();
    for (address, byte) in (BLOCK..).zip(*b"/cache/file") {
        victim.store(address, u32::from(byte));
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for byte in [0xff, 0, u32::from(b'/'), u32::from(b'f')] {
                    changer.store(BLOCK + 7, byte);
                }
            }
        });
        let mut opened = 0;
        for _ in 0..2_000 {
            match victim.try_call::<_, Result<u32, Fault>>("open-at", (BLOCK, 11_u32, false, true)) {
                Ok(Ok(handle)) => {
                    victim.run("close", (handle,));
                    opened += 1;
                }
                Ok(Err(Fault::Invalid(_) | Fault::NotFound | Fault::Denied)) => {}
                Ok(Err(fault)) => panic!("{fault}"),
                // Found not to be UTF-8 at once: a trap, after which a guest is of no use.
                Err(_) => {
                    victim = Guest::start(&component, &place.grants());
                    let file = victim.open();
                    victim.map(file, 0, BLOCK, BLOCK).unwrap();
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        println!("opened {opened} times");
    });
    place.assert_neighbour_unharmed();
}

#[test]
fn memory_beyond_its_end_traps_the_guest_alone() {
    let place = Place::new();
    let component = compile(&engine(|_| {}));
    let end = 16 * BLOCK;
    for (address, length) in
        [(end, BLOCK), (end - BLOCK, 2 * BLOCK), (0, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX)]
    {
        for function in ["map", "unmap", "barrier", "open-at"] {
            let mut guest = Guest::start(&component, &place.grants());
            let file = guest.open_sized(2);
            let outcome = match function {
                "map" => guest.try_call::<_, Result<(), Fault>>("map", (file, 0_u64, address, length)),
                "unmap" => guest.try_call("unmap", (file, address, length)),
                "barrier" => guest.try_call("barrier", (address, length)),
                _ => guest
                    .try_call::<_, Result<u32, Fault>>("open-at", (address, length, true, false))
                    .map(|opened| opened.map(drop)),
            };
            assert!(outcome.is_err(), "{function} {address:#x} {length:#x}: {outcome:?}");
        }
    }
    assert!(Guest::start(&component, &place.grants()).try_open("/cache/file", true, false).is_ok());
}

#[test]
fn a_handle_that_was_dropped_or_never_was_traps_the_guest_alone() {
    let place = Place::new();
    let component = compile(&engine(|_| {}));
    let wild: [fn(u32) -> u32; 4] = [|file| file, |file| file + 1, |_| 0, |_| u32::MAX];
    for wild in wild {
        let mut guest = Guest::start(&component, &place.grants());
        let file = guest.open();
        guest.run("close", (file,));
        assert!(guest.try_run("close", (wild(file),)).is_err());
        for function in ["size", "lock"] {
            let mut guest = Guest::start(&component, &place.grants());
            let file = guest.open();
            guest.run("close", (file,));
            let file = wild(file);
            let trapped = if function == "size" {
                guest.try_call::<_, Result<u64, Fault>>("size", (file,)).is_err()
            } else {
                let arguments = (file, 0_u64, 1_u64, LockMode::Exclusive, u32::MAX);
                guest.try_call::<_, Result<bool, Fault>>("lock", arguments).is_err()
            };
            assert!(trapped, "{function} {file}");
        }
    }
}

#[test]
fn the_memory_of_arguments_and_results_can_be_mapped_like_any_other() {
    let place = Place::new();
    let mut guest = Guest::new(&engine(|_| {}), &place.grants());
    let file = guest.open_sized(1);
    // Where this component has all its arguments and results.
    assert_eq!(guest.map(file, 0, 0, BLOCK), Ok(()));
    assert!(is_invalid(&guest.map(file, 0, 0, BLOCK)));
    assert_eq!(guest.call::<_, Result<u64, Fault>>("size", (file,)), Ok(SIZE));
    // Cut under the host's own hands.
    assert_eq!(guest.resize(file, 0), Ok(()));
    assert_eq!(guest.call::<_, Result<u64, Fault>>("size", (file,)), Err(Fault::Damaged));
    assert_eq!(guest.unmap(file, 0, BLOCK), Ok(()));
    assert_eq!(guest.call::<_, Result<u64, Fault>>("size", (file,)), Ok(0));
}

#[test]
fn memory_that_grows_between_mapping_and_unmapping_stays_where_it_is() {
    let place = Place::new();
    let mut guest = Guest::new(&engine(|_| {}), &place.grants());
    let file = guest.open_sized(1);
    guest.map(file, 0, 15 * BLOCK, BLOCK).unwrap();
    guest.store(15 * BLOCK, 9);
    for _ in 0..200 {
        assert!(guest.call::<_, i32>("grow", (100_u32,)) > 0);
    }
    assert_eq!((guest.barrier(15 * BLOCK), guest.load(15 * BLOCK)), (Ok(()), 9));
    assert_eq!(guest.call::<_, u32>("first-set", (15 * BLOCK + 1,)), (16 + 20_000) * BLOCK);
    guest.unmap(file, 15 * BLOCK, BLOCK).unwrap();
    assert_eq!(guest.load(15 * BLOCK), 0);
}

/// One call of a hostile component.
#[derive(Debug, Clone)]
enum Step {
    Open { name: &'static str, create: bool, read_only: bool },
    OpenAt { address: u32, length: u32 },
    Close { file: Pick },
    Lock { file: Pick, start: u64, length: u64, shared: bool, wait: u32 },
    Unlock { file: Pick, start: u64, length: u64 },
    IsLocked { file: Pick, start: u64, length: u64 },
    Size { file: Pick },
    Resize { file: Pick, size: u64 },
    Map { file: Pick, offset: u64, address: u32, length: u32 },
    Unmap { file: Pick, address: u32, length: u32 },
    Barrier { address: u32, length: u32 },
    Touch { address: u32 },
    Grow { pages: u32 },
}

/// A handle: usually one of those that are open, else any number.
#[derive(Debug, Clone, Copy)]
enum Pick {
    Open(usize),
    Any(u32),
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![30 => (0..8_usize).prop_map(Pick::Open), 1 => any::<u32>().prop_map(Pick::Any)]
}

fn offsets() -> impl Strategy<Value = u64> {
    const ODD: [u64; 14] =
        [0, 1, 7, 120, 128, 4095, 4096, SIZE - 1, SIZE + 1, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
    prop_oneof![3 => select(&ODD[..]), 3 => (0..10_u64).prop_map(|block| block * SIZE), 1 => any::<u64>()]
}

fn addresses() -> impl Strategy<Value = u32> {
    const ODD: [u32; 8] = [1, 16, 4095, 4096, BLOCK + 1, 16 * BLOCK, u32::MAX - 1, u32::MAX];
    prop_oneof![1 => select(&ODD[..]), 20 => (0..16_u32).prop_map(|block| block * BLOCK)]
}

fn lengths() -> impl Strategy<Value = u32> {
    const ODD: [u32; 6] = [0, 1, 4095, BLOCK + 1, 1 << 31, u32::MAX];
    prop_oneof![1 => select(&ODD[..]), 20 => (0..5_u32).prop_map(|block| block * BLOCK)]
}

fn step() -> impl Strategy<Value = Step> {
    let own = select(&["/cache/file", "/cache/other", "/cache/sub/new"][..]);
    let names = prop_oneof![3 => own, 1 => select(&WILD_NAMES[..])];
    prop_oneof![
        4 => (names, any::<bool>(), any::<bool>())
            .prop_map(|(name, create, read_only)| Step::Open { name, create, read_only }),
        1 => (addresses(), lengths()).prop_map(|(address, length)| Step::OpenAt { address, length }),
        1 => pick().prop_map(|file| Step::Close { file }),
        3 => (pick(), offsets(), offsets(), any::<bool>(), select(&[0, 1, u32::MAX][..]))
            .prop_map(|(file, start, length, shared, wait)| Step::Lock { file, start, length, shared, wait }),
        2 => (pick(), offsets(), offsets()).prop_map(|(file, start, length)| Step::Unlock { file, start, length }),
        1 => (pick(), offsets(), offsets()).prop_map(|(file, start, length)| Step::IsLocked { file, start, length }),
        1 => pick().prop_map(|file| Step::Size { file }),
        4 => (pick(), offsets()).prop_map(|(file, size)| Step::Resize { file, size }),
        6 => (pick(), offsets(), addresses(), lengths())
            .prop_map(|(file, offset, address, length)| Step::Map { file, offset, address, length }),
        3 => (pick(), addresses(), lengths()).prop_map(|(file, address, length)| Step::Unmap { file, address, length }),
        1 => (addresses(), lengths()).prop_map(|(address, length)| Step::Barrier { address, length }),
        6 => (0..16 * BLOCK).prop_map(|address| Step::Touch { address }),
        1 => (0..100_u32).prop_map(|pages| Step::Grow { pages }),
    ]
}

/// A hostile component at work; after a trap, the next one of its kind.
struct Attacker<'a> {
    component: &'a Component,
    grants: CoordinationCtxBuilder,
    guest: Guest,
    open: Vec<u32>,
    /// How many there have been.
    lives: u64,
}

impl<'a> Attacker<'a> {
    fn new(component: &'a Component, grants: CoordinationCtxBuilder) -> Self {
        let guest = Guest::start(component, &grants);
        Self { component, grants, guest, open: Vec::new(), lives: 1 }
    }

    fn play(&mut self, step: &Step) {
        if self.try_play(step).is_err() {
            self.guest = Guest::start(self.component, &self.grants);
            self.open.clear();
            self.lives += 1;
        }
    }

    fn handle(&self, pick: Pick) -> u32 {
        match pick {
            Pick::Open(index) => self.open.iter().cycle().nth(index).copied().unwrap_or_default(),
            Pick::Any(number) => number,
        }
    }

    fn try_play(&mut self, step: &Step) -> wasmtime::Result<()> {
        type Outcome = Result<(), Fault>;
        match *step {
            Step::Open { name, create, read_only } => {
                let opened: Result<u32, Fault> = self.guest.try_call("open", (name, create, read_only))?;
                self.open.extend(opened);
            }
            Step::OpenAt { address, length } => {
                let opened: Result<u32, Fault> = self.guest.try_call("open-at", (address, length, true, false))?;
                self.open.extend(opened);
            }
            Step::Close { file } => {
                let file = self.handle(file);
                self.guest.try_run("close", (file,))?;
                self.open.retain(|open| *open != file);
            }
            Step::Lock { file, start, length, shared, wait } => {
                let mode = if shared { LockMode::Shared } else { LockMode::Exclusive };
                let arguments = (self.handle(file), start, length, mode, wait);
                self.guest.try_call::<_, Result<bool, Fault>>("lock", arguments).map(drop)?;
            }
            Step::Unlock { file, start, length } => {
                self.guest.try_call::<_, Outcome>("unlock", (self.handle(file), start, length)).map(drop)?;
            }
            Step::IsLocked { file, start, length } => {
                let arguments = (self.handle(file), start, length);
                self.guest.try_call::<_, Result<bool, Fault>>("is-locked", arguments).map(drop)?;
            }
            Step::Size { file } => {
                self.guest.try_call::<_, Result<u64, Fault>>("size", (self.handle(file),)).map(drop)?;
            }
            Step::Resize { file, size } => {
                self.guest.try_call::<_, Outcome>("resize", (self.handle(file), size)).map(drop)?;
            }
            Step::Map { file, offset, address, length } => {
                let arguments = (self.handle(file), offset, address, length);
                self.guest.try_call::<_, Outcome>("map", arguments).map(drop)?;
            }
            Step::Unmap { file, address, length } => {
                self.guest.try_call::<_, Outcome>("unmap", (self.handle(file), address, length)).map(drop)?;
            }
            Step::Barrier { address, length } => {
                self.guest.try_call::<_, Outcome>("barrier", (address, length)).map(drop)?;
            }
            Step::Touch { address } => {
                let read: u32 = self.guest.try_call("load", (address,))?;
                self.guest.try_run("store", (address, read.wrapping_add(1)))?;
            }
            Step::Grow { pages } => self.guest.try_call::<_, i32>("grow", (pages,)).map(drop)?,
        }
        Ok(())
    }
}

/// How two hostile components play their calls.
#[derive(Debug, Clone, Copy)]
enum Manner {
    InTurns,
    AtOnce,
}

/// Plays calls of two hostile components; how many traps they have met.
fn attack(component: &Component, steps: &[(bool, Step)], manner: Manner) -> u64 {
    let place = Place::new();
    let outside = grants(&place.parent.path().join("outside"));
    let mut neighbour = Guest::start(component, &outside);
    let file = neighbour.try_open("/cache/file", false, false).unwrap();
    assert_eq!(neighbour.lock(file, 0, 1), Ok(true));

    let [mut one, mut other] = [(); 2].map(|()| Attacker::new(component, place.grants()));
    match manner {
        Manner::InTurns => {
            for (second, step) in steps {
                if *second { &mut other } else { &mut one }.play(step);
            }
        }
        Manner::AtOnce => thread::scope(|scope| {
            for (attacker, second) in [(&mut one, false), (&mut other, true)] {
                let own = steps.iter().filter(move |(whose, _)| *whose == second);
                scope.spawn(move || own.for_each(|(_, step)| attacker.play(step)));
            }
        }),
    }
    let lives = one.lives + other.lives;
    assert!(bytes_below(&place.inside()) <= lives * 8 * SIZE, "beyond what they may have");
    drop((one, other));

    place.assert_neighbour_unharmed();
    let mut witness = Guest::start(component, &outside);
    let same = witness.try_open("/cache/file", false, false).unwrap();
    assert_eq!(witness.lock(same, 0, 1), Ok(false), "the neighbour's lock is gone");
    assert_eq!(neighbour.call::<_, u32>("first-set", (BLOCK,)), 16 * BLOCK, "in the neighbour's memory");
    lives - 2
}

fn bytes_below(directory: &Path) -> u64 {
    let names = ["file", "other", "sub/new"];
    names.iter().filter_map(|name| std::fs::metadata(directory.join(name)).ok()).map(|metadata| metadata.len()).sum()
}

/// `PROPTEST_CASES` sets how many sequences are played; one that fails is printed in full, as short as it
/// can be made, and `PROPTEST_RNG_SEED` makes them all again.
fn attack_again_and_again(manner: Manner) {
    let component = compile(&engine(|_| {}));
    let config = Config { failure_persistence: None, ..Config::default() };
    let traps = std::cell::Cell::new(0);
    let sequences = proptest::collection::vec((any::<bool>(), step()), 1..200);
    let outcome = TestRunner::new(config).run(&sequences, |steps| {
        traps.set(traps.get() + attack(&component, &steps, manner));
        Ok(())
    });
    outcome.unwrap();
    println!("{} traps", traps.get());
}

#[test]
fn no_sequence_of_wild_calls_harms_host_or_neighbour() {
    attack_again_and_again(Manner::InTurns);
}

#[test]
fn no_wild_calls_at_the_same_moment_harm_host_or_neighbour() {
    attack_again_and_again(Manner::AtOnce);
}
