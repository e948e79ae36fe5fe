//! Files that go into the module.

use clap::Args;

use crate::cli::parse::name_pair::{self, Mapping};

/// Files in the module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files in the module")]
pub struct EmbedArgs {
    /// Put the directory or file HOST into the module, where the program finds it as GUEST
    ///
    /// The program finds it wherever it runs, and during init, as if the directory had been given to it; it can read it, but
    /// not change it. What is open when the snapshot is made stays open. May be repeated. `verify` and `audit` need the
    /// same ones.
    #[arg(long = "embed", value_name = "GUEST::HOST", value_parser = name_pair::mapping)]
    pub embed: Vec<Mapping>,
}
