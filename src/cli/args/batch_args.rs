//! Many snapshots of one module.

use std::path::PathBuf;

use clap::Args;

/// What is made of which module.
#[derive(Debug, Args)]
#[command(after_long_help = NOTES)]
pub struct BatchArgs {
    /// The jobs, as JSON; with --each, the module
    #[arg(value_name = "JOBS")]
    pub input: PathBuf,

    /// Make a snapshot for every file in DIR, which is its init's standard input
    #[arg(long, value_name = "DIR", requires = "into")]
    pub each: Option<PathBuf>,

    /// With --each, the folder for the snapshots; each is named after its file, and ends in `.wasm`
    #[arg(long, value_name = "DIR", requires = "each")]
    pub into: Option<PathBuf>,

    /// How many run at once
    ///
    /// [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub parallel: Option<std::num::NonZeroUsize>,

    /// Write what became of each job as JSON; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Options for all snapshots, after `--`
    #[arg(last = true, value_name = "OPTIONS")]
    pub options: Vec<String>,
}

const NOTES: &str = "\
The file of jobs:
  {
    \"module\": \"engine.wasm\",
    \"options\": [\"--allow-wasi\", \"-f\", \"eval\"],
    \"jobs\": [
      { \"output\": \"a.wasm\", \"stdin\": \"a.js\" },
      { \"output\": \"b.wasm\", \"options\": [\"--env\", \"MODE=test\"] }
    ]
  }

The options are those of `preinit`. The module is read and compiled once. A job that fails does not end the others.

Exit codes: 0 all snapshots were made, 1 some were refused, 2 some could not be made.";
