//! What to tell about a run.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use preinit::host::LedgerHash;

use crate::cli::parse::ledger_hash;

/// Standard error and side files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub struct MessageArgs {
    /// Print what was done, with the compiler and the time of each stage
    ///
    /// Where standard error is a terminal, a summary is printed in any case.
    #[arg(short, long)]
    pub verbose: bool,

    /// Print no summary; twice, no warnings either
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,

    /// Write a report as JSON, or as a page of HTML if FILE ends in `.html`; `-` for standard output
    ///
    /// The page needs nothing else: a picture of the memories, the host calls in order, sizes and times.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Write what init prints to standard output into a file
    #[arg(long, value_name = "FILE")]
    pub capture_stdout: Option<PathBuf>,

    /// Write what init prints to standard error into a file
    #[arg(long, value_name = "FILE")]
    pub capture_stderr: Option<PathBuf>,

    /// Write every host call as JSON lines; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,

    /// How bytes appear in the ledger: `salted` hashes say nothing about them, `plain` ones can be compared between runs
    ///
    /// A short secret can be guessed from its plain hash.
    #[arg(long, value_name = "HASH", value_parser = ledger_hash::parse, default_value = "salted")]
    pub ledger_hash: LedgerHash,
}

impl MessageArgs {
    /// Files that are written besides the snapshot.
    pub fn outputs(&self) -> impl Iterator<Item = &Path> {
        [&self.report, &self.ledger, &self.capture_stdout, &self.capture_stderr]
            .into_iter()
            .filter_map(|path| path.as_deref())
    }
}
