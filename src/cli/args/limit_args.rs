//! What init can use up.

use std::time::Duration;

use clap::Args;

use crate::cli::parse::{byte_count, fuel_amount, time_span};

/// Bounds on a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Take a module that nobody trusts: tight limits, and nothing that is not needed
    ///
    /// The time limit is 10 seconds (1 minute for `verify`), the memory 512 MiB, and that of the process 3 GiB (6 GiB where
    /// something is verified), unless they are given. A module of proposals
    /// that the engine has off by default, such as stack switching, is refused; so are --dir-rw and whatever would be a
    /// warning. SECURITY.md says what else to do.
    #[arg(long, conflicts_with = "writable_dirs")]
    pub untrusted: bool,

    /// Time for each step of the work: `500ms`, `3s`, `2m`, `none`
    ///
    /// The steps are reading the input, running init, verifying, and writing the output. The process ends when one of them
    /// takes longer, whatever it waits for. Compiling has ten times as long, a verification by --verify five times.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_span::limit)]
    pub timeout: Limit,

    /// Size of all memories and tables together: `512MiB`, `4GiB`
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = byte_count::parse)]
    pub max_memory: u64,

    /// Memory of the whole process, with all copies and what compiling takes: `3GiB`
    ///
    /// The process ends when it takes more. By default 20 times --max-memory and 2 GiB.
    #[arg(long, value_name = "SIZE", value_parser = byte_count::parse)]
    pub max_process_memory: Option<u64>,

    /// Number of instructions, more or less; not counted by default
    #[arg(long, value_name = "N", value_parser = fuel_amount::parse)]
    pub fuel: Option<u64>,
}

/// A time limit; `None` is no limit. A name of its own, because clap reads `Option` as "may be left out".
pub type Limit = Option<Duration>;
