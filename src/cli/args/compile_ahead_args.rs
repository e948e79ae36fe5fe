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
