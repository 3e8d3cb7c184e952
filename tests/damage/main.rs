//! Every file of a directory damaged in every way, before opening and while in use: a named error or
//! right data, in time, and nothing read out of the directory.
//!
//! A normal run takes a part of the places where files are cut and flipped, chosen by a seed;
//! `LARDER_DAMAGE=all` takes all of them, `LARDER_SEED=n` another part.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![cfg(target_os = "linux")]

mod arrange;
mod exercise;
mod guard;
mod kinds;
mod template;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use larder_tests::Random;
use larder_tests::component::World;
use larder_tests::component::types::{Error, Value};

use arrange::Arrangement;
use exercise::{Answers, Wrong, everything_with, is_named, read};
use guard::Watch;
use kinds::Damage;
use template::{Left, Template, value};

/// When the damage is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    BeforeOpening,
    InUse,
}

/// Works with what may be damaged, as long as it can be opened.
fn use_damaged(template: &Template, directory: &Path, answers: &mut Answers) -> Result<(), Wrong> {
    match template.open(directory) {
        Ok(mut cache) => everything_with(&mut cache, answers),
        Err(error) if is_named(&error) => {
            answers.named += 1;
            Ok(())
        }
        Err(error) => Err(Wrong(format!("open: {error:?}"))),
    }
}

/// Something done to a directory, with a place outside that links may lead to.
type Inflict = Box<dyn Fn(&Path, &Path) + Send>;

/// Something that is done to a copy of a template: what it is called, and how it is done to a directory, with
/// a place outside that links may lead to.
struct Case {
    name: String,
    inflict: Inflict,
    /// Lets the copy be removed again.
    relent: Box<dyn Fn(&Path) + Send>,
}

impl Case {
    fn of(file: PathBuf, damage: Damage) -> Self {
        Self {
            name: format!("{}, {damage}", file.display()),
            inflict: Box::new(move |root, outside| damage.inflict(&root.join(&file), outside)),
            relent: Box::new(|_| {}),
        }
    }

    fn arranging(arrangement: Arrangement) -> Self {
        let relenting = arrangement.clone();
        Self {
            name: arrangement.to_string(),
            inflict: Box::new(move |root, outside| arrangement.inflict(root, outside)),
            relent: Box::new(move |root| relenting.relent(root)),
        }
    }
}

fn run(template: &Template, case: &Case, moment: Moment) -> Result<Answers, Wrong> {
    let (copy, outside) = (template.copy(), tempfile::tempdir().unwrap());
    let outcome = try_in(copy.path(), outside.path(), template, case, moment);
    (case.relent)(copy.path());
    outcome
}

fn try_in(root: &Path, outside: &Path, template: &Template, case: &Case, moment: Moment) -> Result<Answers, Wrong> {
    let target = outside.join("outside");
    let mut answers = Answers::default();
    let watch = match moment {
        Moment::BeforeOpening => {
            (case.inflict)(root, &target);
            let watch = Watch::new(outside);
            use_damaged(template, root, &mut answers)?;
            watch
        }
        Moment::InUse => {
            let mut cache = template.open(root).map_err(|error| Wrong(format!("undamaged: {error:?}")))?;
            read(&mut cache, &mut answers)?;
            if answers.named + answers.missing > 0 {
                return Err(Wrong(format!("undamaged: {answers:?}")));
            }
            (case.inflict)(root, &target);
            let watch = Watch::new(outside);
            everything_with(&mut cache, &mut answers)?;
            drop(cache);
            use_damaged(template, root, &mut answers)?;
            watch
        }
    };
    match watch.noticed() {
        Some(what) => Err(Wrong(format!("reached out of the directory: {what}"))),
        None => Ok(answers),
    }
}

/// Damages every file of a template in every way, and tells all that went wrong.
fn damage_everything(template: Template, moment: Moment) {
    let thorough = std::env::var("LARDER_DAMAGE").is_ok_and(|scope| scope == "all");
    let seed = std::env::var("LARDER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let damages = template.files().into_iter().flat_map(|file| {
        let damages = kinds::all(&template.content(&file), thorough, &mut random);
        damages.into_iter().map(move |damage| Case::of(file.clone(), damage))
    });
    let cases = damages.collect();
    try_all(template, cases, moment);
}

/// Puts the files and directories of a template where they do not belong, in every way.
fn rearrange_everything(template: Template, moment: Moment) {
    let arrangements = arrange::all(&template).into_iter().filter(|arrangement| !arrangement.is_vain());
    let cases = arrangements.map(Case::arranging).collect();
    try_all(template, cases, moment);
}

fn try_all(template: Template, cases: Vec<Case>, moment: Moment) {
    let (template, count) = (Arc::new(template), cases.len());
    let (mut noticed, mut wrong) = (0, Vec::new());
    for case in cases {
        let (of, name) = (Arc::clone(&template), case.name.clone());
        let outcome = guard::ends(move || run(&of, &case, moment).map_err(|Wrong(text)| text));
        match outcome.and_then(|outcome| outcome) {
            Ok(answers) => noticed += usize::from(answers.named + answers.missing > 0),
            Err(text) => {
                println!("{name}: {text}");
                wrong.push(format!("{name}: {text}"));
            }
        }
    }
    let about = format!("{:?}, {} shards, {:?}, {moment:?}", template.world, template.shards, template.left);
    println!("{about}: {count} cases, {noticed} noticed");
    assert!(wrong.is_empty(), "{about}: {} of {count} went wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(noticed > count / 10, "damage is done to what nobody looks at");
}

#[test]
fn damage_to_a_closed_directory_of_many_users_is_named() {
    damage_everything(Template::new(World::Shared, 1, Left::Closed), Moment::BeforeOpening);
}

#[test]
fn damage_to_what_killed_users_have_left_is_named() {
    damage_everything(Template::new(World::Shared, 1, Left::Killed), Moment::BeforeOpening);
}

#[test]
fn damage_to_several_shards_is_named() {
    damage_everything(Template::new(World::Shared, 3, Left::Killed), Moment::BeforeOpening);
}

#[test]
fn damage_under_users_at_work_is_named() {
    damage_everything(Template::new(World::Shared, 1, Left::Killed), Moment::InUse);
}

#[test]
fn damage_to_a_closed_directory_of_a_sole_owner_is_named() {
    damage_everything(Template::new(World::Standalone, 1, Left::Closed), Moment::BeforeOpening);
}

#[test]
fn damage_to_what_a_killed_owner_has_left_is_named() {
    damage_everything(Template::new(World::Standalone, 1, Left::Killed), Moment::BeforeOpening);
}

#[test]
fn damage_under_a_sole_owner_at_work_is_named() {
    damage_everything(Template::new(World::Standalone, 3, Left::Closed), Moment::InUse);
}

#[test]
fn what_is_not_where_it_belongs_in_a_closed_directory_is_named() {
    rearrange_everything(Template::new(World::Shared, 2, Left::Closed), Moment::BeforeOpening);
}

#[test]
fn what_is_not_where_it_belongs_after_users_were_killed_is_named() {
    rearrange_everything(Template::new(World::Shared, 2, Left::Killed), Moment::BeforeOpening);
}

#[test]
fn what_is_moved_under_users_at_work_is_named() {
    rearrange_everything(Template::new(World::Shared, 2, Left::Killed), Moment::InUse);
}

#[test]
fn what_is_not_where_it_belongs_after_an_owner_was_killed_is_named() {
    rearrange_everything(Template::new(World::Standalone, 2, Left::Killed), Moment::BeforeOpening);
}

#[test]
fn what_is_moved_under_a_sole_owner_at_work_is_named() {
    rearrange_everything(Template::new(World::Standalone, 2, Left::Closed), Moment::InUse);
}

#[test]
fn the_checks_of_damage_notice_what_they_are_to_notice() {
    let mut answers = Answers::default();
    assert!(answers.value(1, Ok(Some(value(2)))).is_err(), "another's value");
    assert!(answers.value(0, Ok(Some(Value::Bytes(vec![])))).is_err(), "an altered value");
    assert!(answers.value(1, Err(Error::Closed)).is_err(), "an error that names no damage");
    assert!(answers.value(1, Ok(Some(value(1)))).is_ok());
    let endless = guard::within(Duration::from_millis(20), std::thread::park);
    assert!(endless.unwrap_err().contains("no end"));
    let panic = guard::ends(|| assert_eq!(std::hint::black_box(1), 2, "planted"));
    assert!(panic.unwrap_err().contains("planted"));
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    let watch = Watch::new(outside.path());
    assert_eq!(watch.noticed(), None);
    std::fs::read(outside.path().join("secret")).unwrap();
    assert!(watch.noticed().is_some_and(|name| name.contains("secret")));
}
