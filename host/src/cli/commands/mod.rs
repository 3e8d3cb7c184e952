//! The commands, one module each.

mod add;
mod check;
mod clear;
mod compact;
mod completions;
mod config;
mod count;
mod cull;
mod delete;
mod deque;
mod dump;
mod evict;
mod expire;
mod export;
mod get;
mod import;
mod increment;
mod index;
mod info;
mod init;
mod items;
mod keys;
mod limit;
mod load;
mod lock;
mod man;
mod pop;
mod queue;
mod repair;
mod reshard;
mod run;
mod set;
mod stats;
mod touch;

use clap::Subcommand;

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Get(get::Get),
    Set(set::Set),
    Add(add::Add),
    Delete(delete::Delete),
    Pop(pop::Pop),
    Touch(touch::Touch),
    Incr(increment::Increment),
    Keys(keys::Keys),
    Items(items::Items),
    Count(count::Count),
    Queue(queue::Queue),
    Deque(deque::Deques),
    Index(index::Indexes),
    Run(run::Run),
    Lock(lock::Lock),
    Limit(limit::Limit),
    Init(init::Init),
    Config(config::Config),
    Info(info::Info),
    Stats(stats::Stats),
    Evict(evict::Evict),
    Expire(expire::Expire),
    Cull(cull::Cull),
    Clear(clear::Clear),
    Check(check::Check),
    Repair(repair::Repair),
    Compact(compact::Compact),
    Reshard(reshard::Reshard),
    Dump(dump::Dump),
    Load(load::Load),
    Import(import::Import),
    Export(export::Export),
    Completions(completions::Completions),
    Man(man::Manual),
}

impl Command {
    /// Does it.
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match self {
            Self::Get(command) => command.run(session),
            Self::Set(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Delete(command) => command.run(session),
            Self::Pop(command) => command.run(session),
            Self::Touch(command) => command.run(session),
            Self::Incr(command) => command.run(session),
            Self::Keys(command) => command.run(session),
            Self::Items(command) => command.run(session),
            Self::Count(command) => command.run(session),
            Self::Queue(command) => command.run(session),
            Self::Deque(command) => command.run(session),
            Self::Index(command) => command.run(session),
            Self::Run(command) => command.run(session),
            Self::Lock(command) => command.run(session),
            Self::Limit(command) => command.run(session),
            Self::Init(command) => command.run(session),
            Self::Config(command) => command.run(session),
            Self::Info(command) => command.run(session),
            Self::Stats(command) => command.run(session),
            Self::Evict(command) => command.run(session),
            Self::Expire(command) => command.run(session),
            Self::Cull(command) => command.run(session),
            Self::Clear(command) => command.run(session),
            Self::Check(command) => command.run(session),
            Self::Repair(command) => command.run(session),
            Self::Compact(command) => command.run(session),
            Self::Reshard(command) => command.run(session),
            Self::Dump(command) => command.run(session),
            Self::Load(command) => command.run(session),
            Self::Import(command) => command.run(session),
            Self::Export(command) => command.run(session),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}

/// "1 entry", "2 entries".
pub(crate) fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}
