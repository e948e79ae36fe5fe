//! The command line: argv in, exit code out.

mod advice;
mod args;
mod audit_command;
mod batch_command;
mod caches;
mod called_as;
mod compile_ahead;
mod embedding;
mod exit;
mod extracted_links;
mod extracted_tree;
mod fault;
mod files_command;
mod generate;
mod host_conversion;
mod import_names;
mod input;
mod inspect_command;
mod interruption;
mod jobs;
mod messages;
mod output;
mod parse;
mod prepare_command;
mod process_memory;
mod progress;
mod result_cache;
mod side_outputs;
mod snapshot_command;
mod snapshot_request;
mod state_command;
mod summary;
mod supervised_audit;
mod supervised_run;
mod terminal;
mod verify_command;
mod watchdog;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use preinit::stages::temporary;

use args::Command;
use called_as::CalledAs;
use exit::Exit;

/// Does what the words ask for, the program's name first.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (called_as, words) = CalledAs::of(words);
    let exit = match fault::caught(|| run(called_as, words)) {
        Some(result) => result.unwrap_or_else(|error| exit::fail(&error, called_as)),
        None => Exit::CouldNot,
    };
    let exit = exit.code(called_as);
    // A run that was abandoned may still have some.
    temporary::remove_all(Duration::from_secs(1));
    exit
}

fn run(called_as: CalledAs, words: Vec<OsString>) -> anyhow::Result<Exit> {
    let cli = args::parse(words, called_as)?;
    interruption::clean_up();
    match cli.command {
        None => snapshot_command::run(cli.snapshot, called_as)?,
        Some(Command::Verify(args)) => return verify_command::run(&args),
        Some(Command::Audit(args)) => return audit_command::run(&args),
        Some(Command::Probe(args)) => state_command::probe(&args)?,
        Some(Command::Encode(args)) => state_command::encode(*args)?,
        Some(Command::Inspect(args)) => return inspect_command::run(&args),
        Some(Command::List(args)) => return files_command::list(&args),
        Some(Command::Extract(args)) => return files_command::extract(&args),
        Some(Command::Completions { shell }) => generate::completions(shell)?,
        Some(Command::Prepare(args)) => prepare_command::run(&args)?,
        Some(Command::Batch(args)) => return batch_command::run(&args),
        Some(Command::Man) => generate::man()?,
        Some(Command::CompileAhead(args)) => compile_ahead::run(&args)?,
    }
    Ok(Exit::Done)
}
