//! Files and directories that are sound, but not where they belong: linked, exchanged, put back, gone.

use std::fmt;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::template::{Template, copy_tree};

/// What is done to a directory. Paths lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// A link in place of the first, to the second.
    Link(PathBuf, PathBuf),
    /// The second under the name of the first, too.
    SecondName(PathBuf, PathBuf),
    /// Each under the name of the other.
    Exchanged(PathBuf, PathBuf),
    /// This content in place of a file.
    Replaced(PathBuf, Vec<u8>, &'static str),
    /// A file in place of a directory.
    FileForDirectory(PathBuf),
    /// A link in place of a directory, to a copy of it elsewhere.
    LinkOut(PathBuf),
    /// A directory removed with all that is in it.
    Removed(PathBuf),
    /// A directory that may neither be read nor written.
    NoRights(PathBuf),
}

impl fmt::Display for Arrangement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(at, to) => write!(formatter, "{}: a link to {}", at.display(), to.display()),
            Self::SecondName(at, to) => write!(formatter, "{}: a hard link to {}", at.display(), to.display()),
            Self::Exchanged(one, other) => write!(formatter, "{}: exchanged with {}", one.display(), other.display()),
            Self::Replaced(at, _, by) => write!(formatter, "{}: replaced by {by}", at.display()),
            Self::FileForDirectory(at) => write!(formatter, "{}: replaced by a file", at.display()),
            Self::LinkOut(at) => write!(formatter, "{}: replaced by a link that leads out", at.display()),
            Self::Removed(at) => write!(formatter, "{}: removed", at.display()),
            Self::NoRights(at) => write!(formatter, "{}: without rights", at.display()),
        }
    }
}

/// All that can be done to a template of two shards or more.
pub(crate) fn all(template: &Template) -> Vec<Arrangement> {
    let mut all: Vec<Arrangement> = template.directories().into_iter().flat_map(with_directory).collect();
    let files = template.files();
    all.extend(files.iter().map(|file| Arrangement::Link(file.clone(), file.clone())));
    // Of one kind in each shard, and two values of one shard.
    for name in ["cache.db", "cache.db-wal", "cache.db-shm", "reserve"] {
        let twins: Vec<&PathBuf> = files.iter().filter(|file| file.ends_with(name)).collect();
        all.extend(twins.iter().zip(twins.iter().skip(1)).flat_map(|(one, other)| with_twins(one, other, template)));
    }
    let values = template.value_files();
    all.extend(values.iter().zip(values.iter().skip(1)).flat_map(|(one, other)| with_twins(one, other, template)));
    let shards: Vec<PathBuf> = template.directories().into_iter().filter(|path| is_shard(path)).collect();
    for (one, other) in shards.iter().zip(shards.iter().skip(1)) {
        all.push(Arrangement::Exchanged(one.clone(), other.clone()));
        all.push(Arrangement::Link(one.clone(), other.clone()));
        all.push(Arrangement::Exchanged(one.join("values"), other.join("values")));
        all.push(Arrangement::Link(one.join("values"), other.join("values")));
    }
    for (log, content) in template.old_logs() {
        all.push(Arrangement::Replaced(log.clone(), content.clone(), "an older log"));
    }
    all
}

fn is_shard(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("shard-"))
        && !path.starts_with("draft-00000077")
}

fn with_directory(at: PathBuf) -> [Arrangement; 4] {
    [
        Arrangement::FileForDirectory(at.clone()),
        Arrangement::LinkOut(at.clone()),
        Arrangement::Removed(at.clone()),
        Arrangement::NoRights(at),
    ]
}

fn with_twins(one: &Path, other: &Path, template: &Template) -> Vec<Arrangement> {
    let (one, other) = (one.to_owned(), other.to_owned());
    vec![
        Arrangement::Link(one.clone(), other.clone()),
        Arrangement::SecondName(one.clone(), other.clone()),
        Arrangement::Replaced(one.clone(), template.content(&other), "another of its kind"),
        Arrangement::Exchanged(one, other),
    ]
}

impl Arrangement {
    /// Does it below `root`, as far as it is there. `outside` is where a link may lead to.
    pub(crate) fn inflict(&self, root: &Path, outside: &Path) {
        match self {
            Self::Link(at, to) => {
                remove(&root.join(at));
                // A relative one: an absolute one would lead out of what a component sees.
                let up: PathBuf = at.parent().into_iter().flat_map(Path::components).map(|_| "..").collect();
                let _ = symlink(up.join(to), root.join(at));
            }
            Self::SecondName(at, to) => {
                remove(&root.join(at));
                let _ = fs::hard_link(root.join(to), root.join(at));
            }
            Self::Exchanged(one, other) => {
                let aside = root.with_extension("aside");
                let _ = fs::rename(root.join(one), &aside);
                let _ = fs::rename(root.join(other), root.join(one));
                let _ = fs::rename(&aside, root.join(other));
            }
            Self::Replaced(at, content, _) => {
                let _ = fs::write(root.join(at), content);
            }
            Self::FileForDirectory(at) => {
                remove(&root.join(at));
                let _ = fs::write(root.join(at), "not a directory");
            }
            Self::LinkOut(at) => {
                copy_tree(&root.join(at), outside);
                remove(&root.join(at));
                let _ = symlink(outside, root.join(at));
            }
            Self::Removed(at) => remove(&root.join(at)),
            Self::NoRights(at) => {
                let _ = fs::set_permissions(root.join(at), Permissions::from_mode(0o000));
            }
        }
    }

    /// Lets a copy be removed again.
    pub(crate) fn relent(&self, root: &Path) {
        if let Self::NoRights(at) = self {
            let _ = fs::set_permissions(root.join(at), Permissions::from_mode(0o700));
        }
    }

    /// Whether it harms nobody who may do everything, as `root` may.
    pub(crate) fn is_vain(&self) -> bool {
        matches!(self, Self::NoRights(_)) && rustix::process::geteuid().is_root()
    }
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
}
