//! The command line: argv in, exit code out.

mod advice;
mod args;
mod argv;
mod audit;
mod caches;
mod convert;
mod exit;
mod generate;
mod input;
mod interruption;
mod output;
mod progress;
mod result_cache;
mod snapshot;
mod stderr;
mod summary;
mod value;
mod verify;
mod watchdog;

use std::ffi::OsString;

use args::Command;

pub use exit::{Exit, fail};

/// Does what the words ask for.
pub fn run(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Exit> {
    let cli = args::parse(words)?;
    interruption::clean_up();
    match cli.command {
        None => snapshot::run(cli.snapshot)?,
        Some(Command::Verify(args)) => return verify::run(*args),
        Some(Command::Audit(args)) => return audit::run(*args),
        Some(Command::Completions { shell }) => generate::completions(shell)?,
        Some(Command::Man) => generate::man()?,
    }
    Ok(Exit::Done)
}
