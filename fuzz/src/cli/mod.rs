//! Command lines with wild arguments, and something on standard input.
//!
//! An input is a list of command lines for one directory. Reading one never panics; what can be read, and runs
//! no program but harmless ones, is run: it ends with a status that is documented, says in readable words why
//! it failed, makes no file that it was not asked for, and `larder check` finds nothing in the end.
//!
//! The program under test is the fuzzing program itself, started anew: [`serve`] makes it `larder`.

mod line;
mod shelf;
mod verdict;

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::draw::Draw;
use line::{Line, Plan};
use shelf::Shelf;

pub use shelf::Program;

/// Set, it makes this program `larder`.
const MARK: &str = "LARDER_FUZZ_CLI";
/// Most command lines of one input.
const LINES: usize = 32;

/// Ends this process as `larder` would if that is what it was started for; otherwise nothing.
pub fn serve() {
    if std::env::var_os(MARK).is_some() {
        std::process::exit(larder::cli::run().into());
    }
}

/// The program that calls this, which calls [`serve`] before all else.
pub fn this_program() -> Program {
    Program::new(std::env::current_exe().expect("this program is somewhere"), MARK)
}

/// The names of all commands.
pub fn commands() -> Vec<String> {
    line::commands(&larder::cli::definition()).into_iter().map(|(name, _)| name).collect()
}

/// What came of command lines.
#[derive(Debug, Default)]
pub struct Tally {
    /// Those that were refused as they were read.
    pub refused: u32,
    /// Those that could do harm, or take long.
    pub passed_over: u32,
    /// How those ended that were run, by the name of the command.
    pub statuses: BTreeMap<String, BTreeMap<i32, u32>>,
}

/// Reads the command lines of an input, and runs those that can be.
pub fn run(program: &Program, input: &[u8], tally: &mut Tally) {
    let mut draw = Draw::new(input);
    let definition = larder::cli::definition();
    let shelf = Shelf::new(program);
    if draw.flag() {
        shelf.fill();
    }
    let lines = (0..LINES).map_while(|_| (!draw.is_empty()).then(|| Line::draw(&definition, &mut draw)));
    let lines: Vec<Line> = lines.collect();
    for line in &lines {
        let Ok(()) = read(&line.words) else {
            tally.refused += 1;
            continue;
        };
        let Some(Plan { name, words }) = line::plan(&definition, &line.words) else {
            tally.passed_over += 1;
            continue;
        };
        let ran = shelf.run(&words, &line.input);
        if let Err(fault) = verdict::of(&words, &ran).and_then(|()| shelf.look(&words)) {
            panic!("{words:?}: {fault}: {ran:?}");
        }
        *tally.statuses.entry(name).or_default().entry(ran.code.unwrap_or(-1)).or_default() += 1;
    }
    let checked = shelf.run(&["check".into()], &[]);
    if let Err(fault) = verdict::of_check(&checked) {
        panic!("{:?}: {fault}: {checked:?}", lines.iter().map(|line| &line.words).collect::<Vec<_>>());
    }
}

/// Reads a command line. What is said of one that is refused has to be readable.
fn read(words: &[OsString]) -> Result<(), ()> {
    let program = OsString::from("larder");
    let all: Vec<OsString> = std::iter::once(&program).chain(words).cloned().collect();
    larder::cli::read(&all).map_err(|error| {
        assert!((0..=2).contains(&error.exit_code()), "{words:?}: {error:?}");
        assert!(!error.to_string().trim().is_empty(), "{words:?} is refused without a word");
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::smoke::random_inputs;

    /// Command lines that a program has to stand before it is taken to be sound.
    const ENOUGH: u32 = 20;

    /// What the target says of a program that is `larder` but for this.
    fn said_of(script: &str) -> Option<String> {
        let directory = crate::temporary();
        let path = directory.path().join("program");
        let sound = "case \"$*\" in check) echo no problem found;; *--json*) echo '{}';; esac";
        fs::write(&path, format!("#!/bin/sh\n{script}\n{sound}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let program = Program::new(path, MARK);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut tally = Tally::default();
            let ran = |tally: &Tally| tally.statuses.values().flat_map(BTreeMap::values).sum::<u32>();
            for input in random_inputs(5, 400).take(100) {
                // Nothing is stored before, which a program with a fault could not do.
                let input = [&[0], input.as_slice()].concat();
                run(&program, &input, &mut tally);
                if ran(&tally) > ENOUGH {
                    return;
                }
            }
            panic!("{} command lines were run, too few to tell: {tally:?}", ran(&tally));
        }));
        outcome.err().map(|panic| *panic.downcast::<String>().unwrap())
    }

    #[test]
    fn a_fault_of_the_program_is_noticed() {
        assert_eq!(said_of(""), None);
        for (script, fault) in [
            ("exit 9", "no status that is documented: 9"),
            ("kill -SEGV $$", "ended it|documented: 139"),
            ("echo \"thread 'main' panicked at src/main.rs\" >&2; exit 1", "it panicked"),
            ("exit 3", "it does not say why|no JSON"),
            ("printf 'larder: wrong: \\033[31m\\n' >&2; exit 3", "in what it says|no JSON"),
            ("printf '\\377' >&2", "no text"),
            ("echo made > beside", "beside was made"),
            ("echo made > ../beside", "beside was made"),
            ("echo changed >> ../secret", "secret was made, changed"),
            ("case \"$*\" in check) echo shard 0: one entry is lost; exit 1;; esac", "not sound"),
        ] {
            let said = said_of(script).unwrap_or_default();
            assert!(fault.split('|').any(|fault| said.contains(fault)), "{script}: {said:?}");
        }
    }
}
