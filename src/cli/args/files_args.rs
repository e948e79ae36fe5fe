//! Looking at modules, and at the files that are in them.

use std::path::PathBuf;

use clap::Args;

/// Lists them.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The module, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
}

/// Writes them to a directory.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// The module, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// The directory that is made; it must not be there, or be empty
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// Says what a module is.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The module or component, binary or text
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// Write JSON
    #[arg(long)]
    pub json: bool,
}
