//! A command line: drawn from what the program says of its arguments, so that no command is forgotten.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::draw::Draw;

/// Words that hardly anything takes.
const WILD: [&str; 30] = [
    "",
    "-",
    "--",
    "-1",
    "0",
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "-0.0",
    "00ff",
    "0x",
    "é",
    "\u{202e}",
    "a\u{1b}[31mb",
    "line\nline",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "9223372036854775808",
    "99999999999999999999999",
    "16EiB",
    "18EB",
    "-1B",
    "584542046y",
    "1000000000y",
    "\t",
    "+1",
    "a=b",
    "none",
];
/// Names and numbers, most of which others have, too.
const NAMES: [&str; 12] = ["a", "b", "jobs", "jobs", "recent", "recent", "names", "names", "0", "1", "-1", "00ff"];
const NUMBERS: [&str; 8] = ["0", "1", "0", "-1", "2", "3", "7", "1.5"];
const DURATIONS: [&str; 8] = ["0s", "1ms", "10m", "7d", "2h 30m", "never", "none", "100ms"];
const SIZES: [&str; 8] = ["1", "100", "300KiB", "1GiB", "1.5K", "0B", "none", "1MiB"];
const RATES: [&str; 6] = ["1/h", "2/50ms", "0/s", "4294967295/1ns", "1/", "/1"];
/// Names of files and directories, all of them within the one for this input.
const PATHS: [&str; 13] = [
    "new",
    "new",
    "exported",
    "exported",
    "dump",
    "dump",
    "file",
    "here",
    "cache",
    "here/below",
    "gone/below",
    "",
    ".",
];
/// How long to wait for others, of whom there are none.
const WAITS: [&str; 6] = ["0s", "1ms", "5ms", "soon", "-1s", ""];
/// Commands that do no harm.
const HARMLESS: [&[&str]; 8] = [
    &["true"],
    &["false"],
    &["echo", "words"],
    &["cat"],
    &["sh", "-c", "exit 77"],
    &["sh", "-c", "echo out; echo err >&2"],
    &["sh", "-c", "kill $$"],
    &["no-such-program"],
];
/// Longest wait that is worth while, in milliseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// A command line, without the program's name, and what it finds on standard input.
pub(super) struct Line {
    pub(super) words: Vec<OsString>,
    pub(super) input: Vec<u8>,
}

impl Line {
    /// One as an input says.
    pub(super) fn draw(definition: &Command, draw: &mut Draw<'_>) -> Self {
        let mut words = Vec::new();
        if draw.one_in(4) {
            push_options(definition, draw, &mut words);
        }
        let all = commands(definition);
        let (names, command) = all.get(draw.below(all.len())).expect("there are commands");
        words.extend(names.split(' ').map(OsString::from));
        if !draw.one_in(4) {
            push_options(command, draw, &mut words);
        }
        push_positionals(command, draw, &mut words);
        if draw.one_in(8) {
            push_options(definition, draw, &mut words);
        }
        spoil(&mut words, draw);
        Self { words, input: input(draw) }
    }
}

/// All commands, with their names.
pub(super) fn commands(definition: &Command) -> Vec<(String, &Command)> {
    let below = definition.get_subcommands().flat_map(|command| {
        let name = command.get_name();
        let inner = commands(command).into_iter().map(move |(inner, command)| (format!("{name} {inner}"), command));
        if command.has_subcommands() { inner.collect() } else { vec![(name.to_owned(), command)] }
    });
    below.collect()
}

fn push_options(command: &Command, draw: &mut Draw<'_>, words: &mut Vec<OsString>) {
    let options: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_positional()).collect();
    let required = options.iter().filter(|option| option.is_required_set());
    let chosen: Vec<&&Arg> =
        required.chain((0..draw.below(4)).filter_map(|_| options.get(draw.below(options.len())))).collect();
    for option in chosen {
        let Some(name) = option.get_long() else { continue };
        let takes_value = matches!(option.get_action(), ArgAction::Set | ArgAction::Append);
        match (takes_value, draw.flag()) {
            (false, _) => words.push(format!("--{name}").into()),
            (true, true) => words.push(join(name, &word(option, draw))),
            (true, false) => words.extend([format!("--{name}").into(), word(option, draw)]),
        }
    }
}

fn join(name: &str, value: &OsString) -> OsString {
    let mut joined = OsString::from(format!("--{name}="));
    joined.push(value);
    joined
}

fn push_positionals(command: &Command, draw: &mut Draw<'_>, words: &mut Vec<OsString>) {
    for argument in command.get_positionals() {
        if argument.is_trailing_var_arg_set() {
            words.push("--".into());
            words.extend(draw.pick(HARMLESS).iter().map(OsString::from));
        } else if argument.is_required_set() || draw.flag() {
            words.push(word(argument, draw));
        }
    }
}

/// A word that an argument may take, or not.
fn word(argument: &Arg, draw: &mut Draw<'_>) -> OsString {
    if argument.get_id() == "wait" {
        return draw.pick(WAITS).into();
    }
    if is_path(argument.get_value_parser()) {
        return draw.pick(PATHS).into();
    }
    match draw.byte() % 24 {
        0 => free(draw),
        1 => draw.integer().to_string().into(),
        2 => draw.real().to_string().into(),
        3 => draw.pick(WILD).into(),
        _ => likely(argument, draw),
    }
}

/// A word that an argument is likely to take.
fn likely(argument: &Arg, draw: &mut Draw<'_>) -> OsString {
    let possible = argument.get_possible_values();
    if let Some(value) = possible.get(draw.below(possible.len())) {
        return value.get_name().into();
    }
    let name = argument.get_value_names().and_then(|names| names.first()).map(|name| name.to_lowercase());
    match name.as_deref() {
        Some("duration") => draw.pick(DURATIONS).into(),
        Some("size" | "count") => draw.pick(SIZES).into(),
        Some("count/period") => draw.pick(RATES).into(),
        Some("deque") => draw.pick(["recent", "recent", "recent", "a"]).into(),
        Some("index") => draw.pick(["names", "names", "names", "a"]).into(),
        Some("queue") => draw.pick(["jobs", "jobs", "jobs", "a"]).into(),
        _ if is_number(argument.get_value_parser()) => draw.pick(NUMBERS).into(),
        _ => draw.pick(NAMES).into(),
    }
}

fn is_number(parser: &ValueParser) -> bool {
    let types = [TypeId::of::<i64>(), TypeId::of::<u64>(), TypeId::of::<u32>(), TypeId::of::<larder::Number>()];
    types.iter().any(|number| parser.type_id() == *number)
}

fn is_path(parser: &ValueParser) -> bool {
    parser.type_id() == TypeId::of::<PathBuf>()
}

/// Any bytes that can be an argument and can be no path to elsewhere.
fn free(draw: &mut Draw<'_>) -> OsString {
    let harmless = |byte: &u8| if matches!(byte, 0 | b'/') { b'_' } else { *byte };
    let bytes: Vec<u8> = draw.blob().iter().map(harmless).take(2_000).collect();
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(not(unix))]
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Makes something of the words that nobody has foreseen.
fn spoil(words: &mut Vec<OsString>, draw: &mut Draw<'_>) {
    if words.is_empty() || !draw.one_in(6) {
        return;
    }
    let (one, other) = (draw.below(words.len()), draw.below(words.len()));
    match draw.byte() % 4 {
        0 => drop(words.remove(one)),
        1 => words.swap(one, other),
        2 => words.insert(one, words.get(other).cloned().unwrap_or_default()),
        _ => words.insert(one, free(draw)),
    }
}

/// What is on standard input.
fn input(draw: &mut Draw<'_>) -> Vec<u8> {
    match draw.byte() % 8 {
        0 => draw.blob(),
        1 => draw.text().into_bytes(),
        2 => b"a\nb\n\nab\na\n".to_vec(),
        3 => crate::dump::seed(draw.byte()),
        _ => Vec::new(),
    }
}

/// How a command line is to be run.
pub(super) struct Plan {
    /// What the command is called.
    pub(super) name: String,
    pub(super) words: Vec<OsString>,
}

/// How to run what can be read: not at all where that could do harm or take long, and with no longer wait than
/// need be.
pub(super) fn plan(definition: &Command, words: &[OsString]) -> Option<Plan> {
    let program = OsString::from("larder");
    let matches = definition.clone().try_get_matches_from(std::iter::once(&program).chain(words)).ok()?;
    let (mut leaf, mut names) = (&matches, Vec::new());
    while let Some((name, inner)) = leaf.subcommand() {
        names.push(name);
        leaf = inner;
    }
    let words = match leaf.try_get_one::<Duration>("wait").ok().flatten() {
        Some(wait) if *wait > PATIENCE => return None,
        Some(_) => words.to_vec(),
        None => [&["--wait".into(), "5ms".into()], words].concat(),
    };
    is_harmless(leaf).then(|| Plan { name: names.join(" "), words })
}

fn is_harmless(matches: &ArgMatches) -> bool {
    let Ok(Some(command)) = matches.try_get_raw("command") else { return true };
    let command: Vec<_> = command.collect();
    HARMLESS.iter().any(|harmless| harmless.iter().map(OsString::from).eq(command.iter().copied().map(OsString::from)))
}
