//! Compiling for the next run, which no person types.

use std::path::PathBuf;

use clap::Args;

use super::limit_args::Limit;
use crate::cli::parse::time_span;

/// What is compiled, and for whom.
#[derive(Debug, Args)]
pub struct CompileAheadArgs {
    /// Bytes of the module on standard input
    #[arg(long)]
    pub length: usize,
    /// The cache
    #[arg(long)]
    pub cache_dir: PathBuf,
    /// Time for all of it
    #[arg(long, default_value = "none", value_parser = time_span::limit)]
    pub timeout: Limit,
    /// Bytes that the process may have in memory
    #[arg(long, default_value_t = u64::MAX)]
    pub max_process_memory: u64,
    /// Whether it is a component
    #[arg(long)]
    pub component: bool,
    /// Whether the component can have tasks beside each other
    #[arg(long)]
    pub concurrent: bool,
    /// Whether the component's code looks at the time
    #[arg(long)]
    pub interruptible: bool,
}
