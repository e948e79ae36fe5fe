//! The command line: argv in, exit code out.

mod advice;
mod args;
mod audit_command;
mod caches;
mod exit;
mod generate;
mod host_conversion;
mod input;
mod interruption;
mod output;
mod parse;
mod progress;
mod result_cache;
mod side_outputs;
mod snapshot_command;
mod snapshot_request;
mod state_command;
mod summary;
mod terminal;
mod verify_command;
mod watchdog;

use std::ffi::OsString;

use args::Command;

pub use exit::{Exit, fail};

/// Does what the words ask for.
pub fn run(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Exit> {
    let cli = args::parse(words)?;
    interruption::clean_up();
    match cli.command {
        None => snapshot_command::run(cli.snapshot)?,
        Some(Command::Verify(args)) => return verify_command::run(&args),
        Some(Command::Audit(args)) => return audit_command::run(&args),
        Some(Command::Probe(args)) => state_command::probe(&args)?,
        Some(Command::Encode(args)) => state_command::encode(*args)?,
        Some(Command::Completions { shell }) => generate::completions(shell)?,
        Some(Command::Man) => generate::man()?,
    }
    Ok(Exit::Done)
}
