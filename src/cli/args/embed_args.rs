//! Files that go into the module.

use clap::Args;

use crate::cli::parse::name_pair::{self, Mapping};

/// Files in the module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files in the module")]
pub struct EmbedArgs {
    /// Put the directory, file or archive HOST into the module, where the program finds it as GUEST
    ///
    /// An archive (.zip, .tar, .tar.gz, .tgz) is unpacked, unless GUEST is named like one. The program finds it wherever it runs, and during init, as if the directory had been given to it; it can read it, but
    /// not change it. What is open when the snapshot is made stays open. May be repeated. `verify` and `audit` need the
    /// same ones.
    #[arg(long = "embed", value_name = "GUEST::HOST", value_parser = name_pair::mapping)]
    pub embed: Vec<Mapping>,

    /// Leave out what is named like this: `*.pyc`, `__pycache__`, `test/data/**`
    ///
    /// With a slash it is a path below HOST, without one a name anywhere. May be repeated.
    #[arg(long = "embed-exclude", value_name = "GLOB", requires = "embed")]
    pub exclude: Vec<String>,
}
