//! Every file of a directory damaged in every way, before opening and while in use: a named error or
//! right data, in time, and nothing read out of the directory.
//!
//! A normal run takes a part of the places where files are cut and flipped, chosen by a seed;
//! `LARDER_DAMAGE=all` takes all of them, `LARDER_SEED=n` another part.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![cfg(target_os = "linux")]

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

fn run(template: &Template, file: &Path, damage: Damage, moment: Moment) -> Result<Answers, Wrong> {
    let (copy, outside) = (template.copy(), tempfile::tempdir().unwrap());
    let (path, target) = (copy.path().join(file), outside.path().join("outside"));
    let mut answers = Answers::default();
    let watch = match moment {
        Moment::BeforeOpening => {
            damage.inflict(&path, &target);
            let watch = Watch::new(outside.path());
            use_damaged(template, copy.path(), &mut answers)?;
            watch
        }
        Moment::InUse => {
            let mut cache = template.open(copy.path()).map_err(|error| Wrong(format!("undamaged: {error:?}")))?;
            read(&mut cache, &mut answers)?;
            if answers.named + answers.missing > 0 {
                return Err(Wrong(format!("undamaged: {answers:?}")));
            }
            damage.inflict(&path, &target);
            let watch = Watch::new(outside.path());
            everything_with(&mut cache, &mut answers)?;
            drop(cache);
            use_damaged(template, copy.path(), &mut answers)?;
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
    let mut random = Random::new(seed);
    let template = Arc::new(template);
    let (mut cases, mut noticed, mut wrong) = (0, 0, Vec::new());
    for file in template.files() {
        for damage in kinds::all(&template.content(&file), thorough, &mut random) {
            let (of, at): (_, PathBuf) = (Arc::clone(&template), file.clone());
            let outcome = guard::ends(move || run(&of, &at, damage, moment).map_err(|Wrong(text)| text));
            cases += 1;
            match outcome.and_then(|outcome| outcome) {
                Ok(answers) => noticed += u32::from(answers.named + answers.missing > 0),
                Err(text) => {
                    println!("{}, {damage}: {text}", file.display());
                    wrong.push(format!("{}, {damage}: {text}", file.display()));
                }
            }
        }
    }
    let about = format!("{:?}, {} shards, {:?}, {moment:?}", template.world, template.shards, template.left);
    println!("{about}: seed {seed}, {cases} cases, {noticed} noticed");
    assert!(wrong.is_empty(), "{about}: {} of {cases} went wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(noticed > cases / 10, "damage is done to what nobody looks at");
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
