//! What is kept between runs.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// Caches.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Caches")]
pub struct CacheArgs {
    /// Do not keep compiled code between runs, and take none from earlier ones
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub no_cache: bool,

    /// Where caches are: a directory of their own, which only this user can change
    ///
    /// An existing directory must be empty, or a cache that preinit has made.
    ///
    /// [default: the platform's, such as ~/.cache/preinit]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Run init in the code that `preinit prepare` has compiled
    ///
    /// Nothing is compiled, and the cache is not used. A file for another module, version or kind of processor is refused.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_optimize", "fuel", "at", "ledger", "reset_libc"])]
    pub prepared: Option<PathBuf>,

    /// Keep snapshots, too: the same input, options and visible files give the same output without running init
    ///
    /// Files are visible if they are below a directory that init is given; they are the same if their names, sizes, and
    /// times of change are, and what init read of them. Nothing is kept of a run that read standard input, printed, wrote files, or used the real
    /// clock or the operating system's random numbers.
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub result_cache: bool,
}
