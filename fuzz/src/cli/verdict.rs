//! Whether a command ended as it may.

use std::ffi::OsString;

use super::shelf::Ran;

/// The statuses that are documented: done, absent, wrong command line, failure.
const STATUSES: [i32; 4] = [0, 1, 2, 3];
/// Commands that end as the command does that they run, with the statuses which those have that are run here.
const RUNNERS: [&str; 3] = ["run", "lock", "limit"];
const STATUSES_OF_OTHERS: [i32; 3] = [77, 127, 143];
/// Commands that print what is no data.
const PRINTERS: [&str; 3] = ["completions", "man", "dump"];

/// What is wrong with how a command ended, if anything is.
pub(super) fn of(words: &[OsString], ran: &Ran) -> Result<(), String> {
    let is_any = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word == name));
    let runs_another = is_any(&RUNNERS);
    let is_known = |code: &i32| STATUSES.contains(code) || (runs_another && STATUSES_OF_OTHERS.contains(code));
    let code = ran.code.ok_or("a signal has ended it")?;
    if !is_known(&code) {
        return Err(format!("no status that is documented: {code}"));
    }
    let error = String::from_utf8(ran.error.clone()).map_err(|_| "what it says is no text")?;
    if error.contains("panicked at") {
        return Err("it panicked".to_owned());
    }
    let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    if code >= 2 && !runs_another {
        return explained(&error, json);
    }
    if json && !runs_another && !is_any(&PRINTERS) {
        return data(&ran.output);
    }
    Ok(())
}

/// What is wrong with how `larder check` ended at the end.
pub(super) fn of_check(ran: &Ran) -> Result<(), String> {
    let is_sound = ran.code == Some(0) && ran.output.starts_with(b"no problem found");
    let is_absent = ran.code == Some(3) && String::from_utf8_lossy(&ran.error).contains("there is no cache");
    if is_sound || is_absent { Ok(()) } else { Err("the cache is not sound".to_owned()) }
}

/// Whether it says why it failed, in words that do nothing to a terminal, or as one object.
fn explained(error: &str, json: bool) -> Result<(), String> {
    if json {
        let last = error.lines().last().unwrap_or_default();
        let object: serde_json::Value = serde_json::from_str(last).map_err(|error| format!("no JSON: {error}"))?;
        let says = |name| object.get(name).and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty());
        return if says("error") && says("message") { Ok(()) } else { Err("JSON that says nothing".to_owned()) };
    }
    if !error.lines().any(|line| line.starts_with("larder: ") && line.len() > 9) {
        return Err("it does not say why".to_owned());
    }
    match error.chars().find(|letter| letter.is_control() && *letter != '\n') {
        Some(letter) => Err(format!("{letter:?} in what it says")),
        None => Ok(()),
    }
}

/// Whether each line is JSON.
fn data(output: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(output).map_err(|_| "the data are no text")?;
    text.lines().try_for_each(|line| {
        serde_json::from_str::<serde_json::Value>(line).map(drop).map_err(|error| format!("no JSON: {error}"))
    })
}
