//! What init can use up.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use crate::cli::value::{bytes, duration};

/// Bounds on a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Wall time for the whole run: `500ms`, `3s`, `2m`; `none` for no limit
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::limit)]
    pub timeout: Limit,

    /// Bytes over all memories and tables: `512MiB`, `4GiB`
    #[arg(long, value_name = "SIZE", value_parser = bytes::parse)]
    pub max_memory: Option<u64>,

    /// Units of fuel, about one an instruction; by default not counted
    #[arg(long, value_name = "N")]
    pub fuel: Option<NonZeroU64>,
}

/// A time limit; `None` is no limit. A name of its own, because clap reads `Option` as "may be left out".
pub type Limit = Option<Duration>;
