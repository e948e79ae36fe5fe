//! The command line: argv in, exit code out.

mod args;
mod argv;
mod convert;
mod exit;
mod generate;
mod input;
mod output;
mod progress;
mod snapshot;
mod stderr;
mod summary;
mod value;
mod watchdog;

use std::ffi::OsString;

use clap::Parser;

use args::{Cli, Command};

pub use exit::{Exit, fail};

/// Does what the words ask for.
pub fn run(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let words = argv::join_switch_values(args::definition(), words);
    let cli = Cli::try_parse_from(words).map_err(args::clarified)?;
    match cli.command {
        None => snapshot::run(cli.snapshot),
        Some(Command::Completions { shell }) => generate::completions(shell),
        Some(Command::Man) => generate::man(),
    }
}
