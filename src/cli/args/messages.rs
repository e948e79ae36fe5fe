//! What to tell about a run.

use std::path::PathBuf;

use clap::Args;

/// Standard error and side files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub struct MessageArgs {
    /// Also print the compiler and the time of each stage
    #[arg(short, long)]
    pub verbose: bool,

    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Write a report as JSON; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Write every host call as JSON lines; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}
