//! Compiling once for many machines.

use std::path::PathBuf;

use clap::Args;

use super::limit_args::Limit;
use crate::cli::parse::time_span;

/// What is compiled, and where it goes.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// The module, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// The file for the code; `-` for standard output
    #[arg(short, long, value_name = "OUTPUT", required = true)]
    pub output: PathBuf,

    /// Time for each step of the work; compiling has ten times as long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_span::limit)]
    pub timeout: Limit,
}
