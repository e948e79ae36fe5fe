//! Compiling for the next run, which no person types.

use std::path::PathBuf;

use clap::Args;

/// What is compiled, and for whom.
#[derive(Debug, Args)]
pub struct CompileAheadArgs {
    /// Bytes of the module on standard input
    #[arg(long)]
    pub length: usize,
    /// The cache
    #[arg(long)]
    pub cache_dir: PathBuf,
}
